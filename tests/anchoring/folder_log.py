"""Another deployment's log, with none of our code for storing and serving it: a tree in memory, published as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from protocol.checkpoint import Checkpoint, SeedSigner, sign, verifier_key
from protocol.merkle import leaf_hash, tile_path
from tests.protocol.trees import MemoryTree

ORIGIN = "other.example/log"
SEED = bytes(range(7, 39))


class FolderLog:
    """Leaves are any bytes. ``publish`` writes what a tree of its size has, and returns the note."""

    def __init__(self, folder: Path, *, seed: bytes = SEED, origin: str = ORIGIN) -> None:
        self.folder = folder
        self.signer = SeedSigner(origin, seed)
        self.vkey = verifier_key(self.signer).vkey
        self.leaves: list[bytes] = []
        self.tree = MemoryTree()

    def append(self, leaves: Sequence[bytes]) -> None:
        self.leaves += leaves
        self.tree.append([leaf_hash(leaf) for leaf in leaves])

    def grow(self, count: int, what: str = "leaf") -> None:
        at = len(self.leaves)
        self.append([f"{what} {number}".encode() for number in range(at, at + count)])

    def note(self) -> str:
        return sign(Checkpoint(self.signer.name, self.tree.size, self.tree.root), self.signer)

    def publish(self) -> str:
        for (level, index), hashes in self.tree.tiles.items():
            self._write(tile_path(level, index, len(hashes) // 32), hashes)
        for index in range(-(-len(self.leaves) // 256)):
            bundle = self.leaves[index * 256 : (index + 1) * 256]
            path = tile_path(0, index, len(bundle)).replace("tile/0/", "tile/entries/")
            self._write(path, b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in bundle))
        note = self.note()
        self._write("checkpoint", note.encode())
        return note

    def _write(self, path: str, data: bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
