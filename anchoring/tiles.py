"""The tree's tiles as rows, and which of them one computation can need, so that one query fetches them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Q

from anchoring.models import Tile
from protocol.merkle import HASH_SIZE, MAX_SIZE, TILE_HEIGHT, TILE_WIDTH, Tiles

Position = tuple[int, int]

# As many as a tree of MAX_SIZE leaves has.
TREE_LEVELS = -(-MAX_SIZE.bit_length() // TILE_HEIGHT)
# 8 kB each: a few megabytes a statement.
STORE_BATCH = 500


class StoredTiles:
    """A ``read_tile`` over the database; the *positions* given are fetched at once, others when asked for.

    A tile that is not there reads as empty bytes, which protocol.merkle refuses by name.
    """

    def __init__(self, positions: Iterable[Position] = (), *, leaves: range | None = None) -> None:
        self._tiles = _load(set(positions), leaves)

    def __call__(self, level: int, index: int) -> bytes:
        if (level, index) not in self._tiles:
            self._tiles.update(_load({(level, index)}, None))
        return self._tiles.get((level, index), b"")


def border_tiles(size: int) -> Iterator[Position]:
    """Yield the last tile of each level: what appending to, and the root of, a tree of *size* leaves can need."""
    level = 0
    while nodes := size >> (TILE_HEIGHT * level):
        yield level, nodes // TILE_WIDTH
        level += 1


def path_tiles(index: int, size: int) -> Iterator[Position]:
    """Yield the tiles that the inclusion proof of leaf *index* can need: its ancestors' and the border's."""
    for level, border in border_tiles(size):
        yield level, border
        yield level, index >> (TILE_HEIGHT * (level + 1))


def tile_width(level: int, index: int, size: int) -> int:
    """Return how many hashes the tile holds in a tree of *size* leaves, 0 to 256."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - TILE_WIDTH * index))


def store_tiles(tiles: Tiles) -> None:
    rows = [Tile(level=level, index=index, hashes=hashes) for (level, index), hashes in tiles.items()]
    Tile.objects.bulk_create(
        rows,
        batch_size=STORE_BATCH,
        update_conflicts=True,
        unique_fields=["level", "index"],
        update_fields=["hashes"],
    )


def cut_tiles(size: int) -> None:
    """Take back what tiles hold past the first *size* leaves."""
    for level in range(TREE_LEVELS):
        index, width = divmod(size >> (TILE_HEIGHT * level), TILE_WIDTH)
        rows = Tile.objects.filter(level=level)
        border = rows.filter(index=index).first() if width else None
        rows.filter(index__gte=index).exclude(pk=border.pk if border else 0).delete()
        if border:
            border.hashes = bytes(border.hashes)[: width * HASH_SIZE]
            border.save(update_fields=["hashes"])


def _load(positions: set[Position], leaves: range | None) -> dict[Position, bytes]:
    wanted = Q()
    by_level: dict[int, list[int]] = {}
    for level, index in positions:
        by_level.setdefault(level, []).append(index)
    for level, indexes in by_level.items():
        wanted |= Q(level=level, index__in=indexes)
    if leaves:
        wanted |= Q(level=0, index__range=(leaves[0] // TILE_WIDTH, leaves[-1] // TILE_WIDTH))
    if not wanted:
        return {}
    found = Tile.objects.filter(wanted).values_list("level", "index", "hashes")
    return dict.fromkeys(positions, b"") | {(level, index): bytes(hashes) for level, index, hashes in found}
