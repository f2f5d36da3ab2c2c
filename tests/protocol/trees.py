"""A tree in memory, and RFC 6962 §2.1 written down literally as the reference to judge it by."""

from __future__ import annotations

from collections.abc import Sequence

from protocol import merkle


class MemoryTree:
    """Tiles in a dict, as a database would keep them."""

    def __init__(self, count: int = 0) -> None:
        self.tiles: merkle.Tiles = {}
        self.size = 0
        self.root = merkle.EMPTY_ROOT
        self.append(leaves(count))

    def read(self, level: int, index: int) -> bytes:
        return self.tiles.get((level, index), b"")

    def append(self, hashes: Sequence[bytes]) -> None:
        changed, self.size, self.root = merkle.append(self.read, self.size, hashes)
        self.tiles |= changed


def leaves(count: int, start: int = 0) -> list[bytes]:
    return [merkle.leaf_hash(str(number).encode()) for number in range(start, start + count)]


def reference_root(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return merkle.EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    middle = split(len(hashes))
    return merkle.node_hash(reference_root(hashes[:middle]), reference_root(hashes[middle:]))


def reference_path(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    if len(hashes) == 1:
        return []
    middle = split(len(hashes))
    if index < middle:
        return [*reference_path(index, hashes[:middle]), reference_root(hashes[middle:])]
    return [*reference_path(index - middle, hashes[middle:]), reference_root(hashes[:middle])]


def reference_consistency(old: int, hashes: Sequence[bytes]) -> list[bytes]:
    return _subproof(old, hashes, is_whole=True)


def _subproof(old: int, hashes: Sequence[bytes], *, is_whole: bool) -> list[bytes]:
    if old == len(hashes):
        return [] if is_whole else [reference_root(hashes)]
    middle = split(len(hashes))
    if old <= middle:
        return [*_subproof(old, hashes[:middle], is_whole=is_whole), reference_root(hashes[middle:])]
    return [*_subproof(old - middle, hashes[middle:], is_whole=False), reference_root(hashes[:middle])]


def split(size: int) -> int:
    middle = 1
    while middle * 2 < size:
        middle *= 2
    return middle
