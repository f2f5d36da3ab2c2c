"""A log of another deployment, in memory, that asks us for cosignatures."""

from __future__ import annotations

from dataclasses import dataclass, field

from anchoring.models import WitnessedLog
from anchoring.witnessing import add_log
from protocol.checkpoint import Checkpoint, SeedSigner, sign, verifier_key
from protocol.cosignature import MldsaCosigner
from protocol.merkle import consistency_proof
from protocol.witness import AddCheckpoint
from tests.protocol.trees import MemoryTree, leaves

ORIGIN = "guangdong.example/log"


@dataclass
class ForeignLog:
    """``heads`` are its checkpoints by size, each an extension of the one before; *start* sets forks apart."""

    origin: str = ORIGIN
    seed: bytes = b"\x07" * 32
    start: int = 0
    trees: dict[int, MemoryTree] = field(default_factory=dict)

    @property
    def signer(self) -> SeedSigner:
        return SeedSigner(self.origin, self.seed)

    @property
    def vkey(self) -> str:
        return verifier_key(self.signer).vkey

    @property
    def mldsa(self) -> MldsaCosigner:
        return MldsaCosigner(self.origin, self.seed)

    def tree(self, size: int) -> MemoryTree:
        if size not in self.trees:
            self.trees[size] = MemoryTree()
            self.trees[size].append(leaves(size, start=self.start))
        return self.trees[size]

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(self.origin, size, self.tree(size).root)

    def note(self, size: int) -> str:
        return sign(self.checkpoint(size), self.signer)

    def request(self, size: int, old: int = 0) -> AddCheckpoint:
        proof = consistency_proof(self.tree(size).read, old, size) if old < size else []
        return AddCheckpoint(old, tuple(proof), self.note(size))

    def register(self) -> WitnessedLog:
        return add_log(origin=self.origin, vkeys=[self.vkey])
