"""What anyone may read of the log: checkpoint, tiles and entries, addressed as C2SP tlog-tiles says.

Only what a signed checkpoint covers is shown. Leaves that are sequenced but unsigned could still change their place
after a database is restored, and full tiles are cached by the world for ever.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from anchoring.errors import LogResourceNotFoundError
from anchoring.models import LogEntry
from anchoring.receipts import cosigned_note, newest_checkpoint
from anchoring.tiles import StoredTiles, tile_width
from protocol.errors import TreeRangeError
from protocol.merkle import HASH_SIZE, TILE_WIDTH, tile_path

_TILE = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class PublishedBytes:
    """*is_final* bytes never change; a partial tile is replaced by a wider one."""

    data: bytes
    is_final: bool


def read_checkpoint() -> str:
    """Return the newest signed note with the cosignatures gathered. Raises LogResourceNotFoundError before the first."""
    checkpoint = newest_checkpoint()
    if checkpoint is None:
        raise LogResourceNotFoundError("nothing has been signed yet")
    return cosigned_note(checkpoint)


def read_tile(path: str) -> PublishedBytes:
    """Return the hashes at *path* (``tile/<level>/<index>[.p/<width>]``). Raises LogResourceNotFoundError."""
    level, index, width = _parse(path)
    _refuse_unpublished(level, index, width)
    hashes = StoredTiles([(level, index)])(level, index)
    return PublishedBytes(hashes[: width * HASH_SIZE], width == TILE_WIDTH)


def read_entries(path: str) -> PublishedBytes:
    """Return the leaves at *path* (``tile/entries/<index>[.p/<width>]``), each after its 16-bit length."""
    _, index, width = _parse(path)
    _refuse_unpublished(0, index, width)
    start = index * TILE_WIDTH
    entries = LogEntry.objects.filter(leaf_index__range=(start, start + width - 1)).order_by("leaf_index")
    leaves = [entry.data for entry in entries.only("kind", "digest")]
    return PublishedBytes(b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves), width == TILE_WIDTH)


def _parse(path: str) -> tuple[int, int, int]:
    match = _TILE.match(path)
    if match is None:
        raise LogResourceNotFoundError("not the address of a tile")
    level = 0 if match[1] == "entries" else int(match[1])
    index = int(re.sub("[x/]", "", match[2]))
    width = int(match[3] or TILE_WIDTH)
    try:
        canonical = tile_path(level, index, width)
    except TreeRangeError as error:
        raise LogResourceNotFoundError(error.detail) from None
    # One tile, one address: anything else would fill caches with copies.
    if canonical.split("/", 2)[2] != path.split("/", 2)[2]:
        raise LogResourceNotFoundError("not the canonical address of a tile")
    return level, index, width


def _refuse_unpublished(level: int, index: int, width: int) -> None:
    checkpoint = newest_checkpoint()
    if width > tile_width(level, index, checkpoint.size if checkpoint else 0):
        raise LogResourceNotFoundError("no signed checkpoint covers this tile")
