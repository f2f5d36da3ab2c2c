"""C2SP tlog-tiles, Log entries: up to 256 leaves in one file, each after its 16-bit length."""

from __future__ import annotations

from collections.abc import Iterable

from protocol.errors import TileError
from protocol.merkle import TILE_WIDTH

LENGTH_SIZE = 2
MAX_ENTRY_BYTES = (1 << 16) - 1
# What the largest bundle allowed can take: a reader's bound.
MAX_BUNDLE_BYTES = TILE_WIDTH * (LENGTH_SIZE + MAX_ENTRY_BYTES)


def encode_entries(leaves: Iterable[bytes]) -> bytes:
    """Return the bundle of *leaves*. Raises TileError for a leaf longer than 65,535 bytes."""
    parts: list[bytes] = []
    for leaf in leaves:
        if len(leaf) > MAX_ENTRY_BYTES:
            raise TileError("an entry is longer than 65535 bytes")
        parts += [len(leaf).to_bytes(LENGTH_SIZE, "big"), leaf]
    return b"".join(parts)


def parse_entries(bundle: bytes, width: int) -> list[bytes]:
    """Return the first *width* leaves of *bundle*, which may hold more: a wider one serves a smaller tree as well.

    Raises TileError when it holds fewer, more than 256, or ends inside an entry.
    """
    leaves: list[bytes] = []
    at = 0
    while at < len(bundle):
        start = at + LENGTH_SIZE
        at = start + int.from_bytes(bundle[at:start], "big")
        if start > len(bundle) or at > len(bundle):
            raise TileError("a bundle ends inside an entry")
        if len(leaves) == TILE_WIDTH:
            raise TileError("a bundle of more than 256 entries")
        leaves.append(bundle[start:at])
    if len(leaves) < width:
        raise TileError(f"a bundle of {len(leaves)} entries instead of {width}")
    return leaves[:width]
