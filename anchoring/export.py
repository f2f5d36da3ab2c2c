"""Writes the published log as plain files, for any web server or archive: C2SP tlog-tiles, below one folder.

What a crash leaves behind, in order:

1. Tiles and bundles come first, each written elsewhere in the folder, on disk, and then given its name: it is whole or
   absent. What stands under a name never changes, so that it is never written again. What was not given its name yet
   is thrown away by the next run.
2. The checkpoint comes last: whatever it promises is there before it is. Killed in between, the folder still serves the
   older checkpoint, and the next run goes on from that one.
3. Partial tiles that their full tile has replaced go after a grace, for readers who hold an older checkpoint. They are
   listed in a file before they are written, so that no search of the whole folder is needed to find them.

One export at a time works on a folder (a lock on a file in it). A folder that has come further than the database, or
elsewhere, is left as it is: it may be all that is left of the log after a restore.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from anchoring.crashpoint import reach
from anchoring.errors import LogForkError, LogResourceNotFoundError, LogRollbackError
from anchoring.log_key import is_signed_by_us, log_origin
from anchoring.log_reader import CHECKPOINT_PATH, FolderLogReader, entries_path
from anchoring.models import LogEntry, Tile
from anchoring.publication import read_checkpoint
from anchoring.tiles import StoredTiles, border_tiles, tile_width
from protocol import checkpoint as signed_checkpoint
from protocol.checkpoint import Checkpoint
from protocol.entry_bundle import encode_entries
from protocol.errors import TileError
from protocol.merkle import HASH_SIZE, TILE_HEIGHT, TILE_WIDTH, root, tile_path

LOCK_NAME = ".lock"
STAGE_NAME = ".staged"
PARTIALS_NAME = ".partials"
GRACE_SECONDS = 3600.0
_BUNDLES = 64


@dataclass(frozen=True, slots=True)
class Export:
    """What one run did: the folder now serves *size* leaves."""

    size: int
    written: int
    removed: int


def export_log(*, folder: Path, grace_seconds: float = GRACE_SECONDS) -> Export:
    """Bring *folder* up to the newest checkpoint and return what was done; waits for another run on it to end.

    Raises LogResourceNotFoundError before the first checkpoint; LogRollbackError and LogForkError, having written
    nothing, for a folder that our tree does not extend.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        note = read_checkpoint()
        head = signed_checkpoint.parse(note).checkpoint
        exported = _exported(folder, head)
        names = _tiles(exported.size if exported else 0, head.size)
        written = sum(_write_new(folder, path, data) for path, data in names)
        reach("export.tiles_written")
        _write(folder, CHECKPOINT_PATH, note.encode())
        reach("export.checkpoint_written")
        return Export(head.size, written, _remove_replaced(folder, grace_seconds))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / STAGE_NAME).mkdir(exist_ok=True)
        for left_behind in (folder / STAGE_NAME).iterdir():
            left_behind.unlink()
        yield


def _exported(folder: Path, head: Checkpoint) -> Checkpoint | None:
    """Return what the folder promises already, once it is certain that *head* may follow it."""
    try:
        note = FolderLogReader(folder).checkpoint()
    except LogResourceNotFoundError:
        return None
    if not is_signed_by_us(note):
        raise LogForkError(f"{folder} holds a checkpoint of another log or key")
    exported = signed_checkpoint.parse(note).checkpoint
    if exported.size > head.size:
        raise LogRollbackError(f"{folder} holds {exported.size} leaves, the database publishes {head.size}")
    if root(StoredTiles(border_tiles(head.size)), exported.size) != exported.root:
        raise LogForkError(f"{folder} holds another root at {exported.size} leaves of {log_origin()}")
    return exported


def _tiles(start: int, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of all that a tree of *size* leaves has and one of *start* leaves has not."""
    level = 0
    while nodes := size >> (TILE_HEIGHT * level):
        first, last = (start >> (TILE_HEIGHT * level)) // TILE_WIDTH, (nodes - 1) // TILE_WIDTH
        rows = Tile.objects.filter(level=level, index__range=(first, last)).order_by("index")
        expected = first
        for index, hashes in rows.values_list("index", "hashes").iterator(chunk_size=_BUNDLES):
            width = tile_width(level, index, size)
            if index != expected or len(hashes) < width * HASH_SIZE:
                break
            yield tile_path(level, index, width), bytes(hashes[: width * HASH_SIZE])
            expected += 1
        if expected <= last:
            raise TileError(f"tile {level}/{expected} is missing or too short: run fsck")
        level += 1
    yield from _bundles(start // TILE_WIDTH, size)


def _bundles(first: int, size: int) -> Iterator[tuple[str, bytes]]:
    for index in range(first, -(-size // TILE_WIDTH), _BUNDLES):
        start, stop = index * TILE_WIDTH, min((index + _BUNDLES) * TILE_WIDTH, size)
        entries = LogEntry.objects.filter(leaf_index__range=(start, stop - 1)).order_by("leaf_index")
        leaves = [entry.data for entry in entries.only("leaf_index", "kind", "digest")]
        if len(leaves) != stop - start:
            raise TileError(f"leaves are missing between {start} and {stop}: run fsck")
        for at in range(0, len(leaves), TILE_WIDTH):
            bundle = leaves[at : at + TILE_WIDTH]
            yield entries_path(index + at // TILE_WIDTH, len(bundle)), encode_entries(bundle)


def _write_new(folder: Path, path: str, data: bytes) -> bool:
    """Write what is not there yet. Raises LogForkError for another content: of one name, there is one for ever."""
    if (folder / path).exists():
        if (folder / path).read_bytes() != data:
            raise LogForkError(f"{path} in {folder} is not what the log holds")
        return False
    if ".p/" in path:
        with (folder / PARTIALS_NAME).open("a", encoding="ascii") as partials:
            partials.write(f"{path}\n")
    _write(folder, path, data)
    return True


def _write(folder: Path, path: str, data: bytes) -> None:
    """Give *path* its content in one step, on disk when this returns."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=folder / STAGE_NAME, delete=False) as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
    reach("export.file_staged")
    Path(file.name).replace(target)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_replaced(folder: Path, grace_seconds: float) -> int:
    """Remove partial tiles that have been replaced by their full one for the grace; list the others again."""
    listed = folder / PARTIALS_NAME
    paths = listed.read_text(encoding="ascii").split() if listed.exists() else []
    old = time.time() - grace_seconds
    replaced = [path for path in dict.fromkeys(paths) if _is_replaced(folder, path, old)]
    for path in replaced:
        (folder / path).unlink(missing_ok=True)
        _remove_if_empty((folder / path).parent)
    gone = set(replaced)
    kept = dict.fromkeys(path for path in paths if path not in gone)
    if replaced:
        _write(folder, PARTIALS_NAME, "".join(f"{path}\n" for path in kept).encode())
    return len(replaced)


def _is_replaced(folder: Path, path: str, old: float) -> bool:
    full = folder / path.partition(".p/")[0]
    return full.exists() and full.stat().st_mtime <= old


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):
        folder.rmdir()
