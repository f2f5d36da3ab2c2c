"""The right edge of a growing tree: one hash per complete subtree, from the left, largest first.

It is all that whoever follows a log must keep to go on: the root at its size, and the root after any more leaves (RFC
6962 §2.1). A tree of *n* leaves has as many subtrees as *n* has bits set, so that 63 hashes always suffice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocol.errors import TreeRangeError
from protocol.merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, node_hash


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree of *size* leaves by its complete subtrees. Raises TreeRangeError unless *hashes* are as many, of 32 bytes."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.size <= MAX_SIZE:
            raise TreeRangeError("size outside 0 to 2^63-1")
        if len(self.hashes) != self.size.bit_count() or any(len(one) != HASH_SIZE for one in self.hashes):
            raise TreeRangeError("not the subtrees of a tree of this size")

    def extend(self, leaf_hashes: Iterable[bytes]) -> Frontier:
        """Return the frontier after *leaf_hashes* (32 bytes each) as well."""
        size, hashes = self.size, list(self.hashes)
        for leaf in leaf_hashes:
            computed, height = leaf, 0
            # As adding 1 carries over every bit that is set, the new leaf completes every subtree that waits for it.
            while size >> height & 1:
                computed, height = node_hash(hashes.pop(), computed), height + 1
            hashes.append(computed)
            size += 1
        return Frontier(size, tuple(hashes))

    def root(self) -> bytes:
        """Return the root at this size: EMPTY_ROOT without leaves."""
        if not self.hashes:
            return EMPTY_ROOT
        *left, computed = self.hashes
        for one in reversed(left):
            computed = node_hash(one, computed)
        return computed

    def encode(self) -> bytes:
        """Return the hashes one after another."""
        return b"".join(self.hashes)

    @classmethod
    def decode(cls, size: int, data: bytes) -> Frontier:
        """Return what ``encode`` was called on. Raises TreeRangeError."""
        return cls(size, tuple(data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)))
