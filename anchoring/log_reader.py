"""A published log, read by its C2SP addresses wherever it lies: on a web server, in a folder, in our own database.

What comes out is of the right form and length, and otherwise as untrusted as any answer: whoever reads judges it
against a signed checkpoint.
"""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from anchoring.errors import FetchError, LogResourceNotFoundError
from anchoring.fetch import exchange
from anchoring.models import Checkpoint, LogEntry
from anchoring.tiles import StoredTiles, tile_width
from protocol.entry_bundle import MAX_BUNDLE_BYTES, parse_entries
from protocol.errors import NoteFormatError, TileError
from protocol.merkle import HASH_SIZE, TILE_WIDTH, tile_path
from protocol.note import MAX_NOTE_BYTES

CHECKPOINT_PATH = "checkpoint"
_TILE_BYTES = TILE_WIDTH * HASH_SIZE
_GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
# Tiles kept during one reading: the right edge and the ancestors of where we are, of any tree.
_KEPT = 64


class LogReader(Protocol):
    """Raises LogResourceNotFoundError for what is not there, FetchError for what cannot be had, TileError for a form or
    length that is not a tile's.
    """

    def checkpoint(self) -> str:
        """Return the newest signed note, unverified. Raises NoteFormatError as well."""
        ...

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return exactly *width* hashes."""
        ...

    def entries(self, index: int, width: int) -> list[bytes]:
        """Return exactly *width* leaves of bundle *index*."""
        ...


class _Files:
    """A log of files, whatever holds them."""

    def checkpoint(self) -> str:
        try:
            return self._read(CHECKPOINT_PATH, MAX_NOTE_BYTES).decode()
        except UnicodeDecodeError:
            raise NoteFormatError("not UTF-8") from None

    def tile(self, level: int, index: int, width: int) -> bytes:
        hashes = self._read_widest(tile_path(level, index, width), tile_path(level, index), _TILE_BYTES)
        if len(hashes) < width * HASH_SIZE or len(hashes) % HASH_SIZE:
            raise TileError(f"tile {level}/{index} is not {width} hashes")
        return hashes[: width * HASH_SIZE]

    def entries(self, index: int, width: int) -> list[bytes]:
        exact, full = entries_path(index, width), entries_path(index)
        return parse_entries(self._read_widest(exact, full, MAX_BUNDLE_BYTES), width)

    def _read_widest(self, exact: str, full: str, max_bytes: int) -> bytes:
        try:
            return self._read(exact, max_bytes)
        except LogResourceNotFoundError:
            # A log may drop a partial tile once it has the full one (C2SP tlog-tiles, Partial Tiles).
            if exact == full:
                raise
            return self._read(full, max_bytes)

    def _read(self, path: str, max_bytes: int) -> bytes:
        raise NotImplementedError


class HttpLogReader(_Files):
    """A log below *prefix*, an address that an operator configured. Follows no redirect."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.rstrip("/")

    def _read(self, path: str, max_bytes: int) -> bytes:
        reply = exchange(f"{self._prefix}/{path}", purpose="reading a log", max_bytes=max_bytes)
        if reply.status in _GONE:
            raise LogResourceNotFoundError(path)
        if reply.status != HTTPStatus.OK:
            raise FetchError(f"status {reply.status} for {path}")
        return reply.content


class FolderLogReader(_Files):
    """A log exported to, or mirrored in, *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _read(self, path: str, max_bytes: int) -> bytes:
        try:
            with (self._folder / path).open("rb") as file:
                data = file.read(max_bytes + 1)
        except FileNotFoundError:
            raise LogResourceNotFoundError(path) from None
        except OSError as error:
            raise FetchError(f"{type(error).__name__} at {path}") from None
        if len(data) > max_bytes:
            raise FetchError(f"{path} is too large")
        return data


class DatabaseLogReader:
    """Our own log, of *origin*, as its rows have it."""

    def __init__(self, origin: str) -> None:
        self._origin = origin

    def checkpoint(self) -> str:
        note = Checkpoint.objects.filter(origin=self._origin).order_by("-size").values_list("note", flat=True).first()
        if note is None:
            raise LogResourceNotFoundError("nothing has been signed yet")
        return note

    def tile(self, level: int, index: int, width: int) -> bytes:
        hashes = StoredTiles([(level, index)])(level, index)
        if len(hashes) < width * HASH_SIZE:
            raise TileError(f"tile {level}/{index} is not {width} hashes")
        return hashes[: width * HASH_SIZE]

    def entries(self, index: int, width: int) -> list[bytes]:
        start = index * TILE_WIDTH
        rows = LogEntry.objects.filter(leaf_index__range=(start, start + width - 1)).order_by("leaf_index")
        leaves = [entry.data for entry in rows.only("leaf_index", "kind", "digest")]
        if len(leaves) != width:
            raise TileError(f"a bundle of {len(leaves)} entries instead of {width}")
        return leaves


class PublishedTree:
    """A ``read_tile`` of protocol.merkle over *reader*, at *size* leaves: the tiles a checkpoint of that size promises."""

    def __init__(self, reader: LogReader, size: int) -> None:
        self._reader = reader
        self.size = size
        self._kept: dict[tuple[int, int], bytes] = {}

    def __call__(self, level: int, index: int) -> bytes:
        if (level, index) not in self._kept:
            width = tile_width(level, index, self.size)
            hashes = self._reader.tile(level, index, width) if width else b""
            if len(self._kept) >= _KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[level, index] = hashes
        return self._kept[level, index]


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of an entry bundle below the log's prefix (C2SP tlog-tiles, Log entries)."""
    return tile_path(0, index, width).replace("tile/0/", "tile/entries/", 1)


def open_log(place: str) -> LogReader:
    """Return a reader of what *place* names: an http(s) address, or a folder."""
    return HttpLogReader(place) if place.startswith(("http://", "https://")) else FolderLogReader(Path(place))
