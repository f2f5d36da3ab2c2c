"""A ledger in this process's memory, with blocks: for tests and trials of everything between submission and finality.

A submission waits in a pool, ``mine`` puts it into a block, and a block is final under ``confirmations`` more.
``reorganise`` takes the newest blocks away again, as public chains do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from threading import RLock
from typing import Any, Self

from anchoring.errors import LedgerConflictError, LedgerMisconfiguredError, RejectedByLedgerError, TransientLedgerError
from anchoring.ledger import (
    AttestationVerdict,
    Extension,
    Intent,
    LedgerHealth,
    LedgerIdentity,
    Presence,
    Progress,
    PublishedCheckpoint,
    Trust,
    intent_id,
)
from protocol.checkpoint import Checkpoint, parse, verify
from protocol.encoding import canonical_json, json_object
from protocol.errors import ProtocolError

LEDGER_ID = "memory"


@dataclass(frozen=True, slots=True)
class Block:
    notes: tuple[str, ...]
    parent: str

    @property
    def hash(self) -> str:
        return sha256(canonical_json([self.parent, *self.notes])).hexdigest()


@dataclass
class MemoryLedger:
    """With no *confirmations* asked for, a submission is mined and final at once."""

    ledger_id: str = LEDGER_ID
    confirmations: int = 0
    blocks: list[Block] = field(default_factory=list)
    pool: list[str] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock, repr=False)

    @classmethod
    def from_options(cls, ledger_id: str, options: Mapping[str, str]) -> Self:
        try:
            return cls(ledger_id, int(options.get("confirmations", "0")))
        except ValueError:
            raise LedgerMisconfiguredError("confirmations is a number") from None

    def identity(self) -> LedgerIdentity:
        return LedgerIdentity(
            ledger_id=self.ledger_id,
            pins={"store": "memory"},
            finality=f"{self.confirmations} more blocks",
            is_offline_verifiable=True,
        )

    def prepare(self, head: PublishedCheckpoint, previous: Extension | None) -> Intent:
        payload = canonical_json({"note": head.note, "previous": previous.size if previous else 0})
        return Intent(intent_id(self.ledger_id, head.checkpoint), payload)

    def submit(self, intent: Intent) -> None:
        note = _parse_note(intent.payload)
        checkpoint = parse(note).checkpoint
        with self.lock:
            presence = self._presence(checkpoint)
            if presence is Presence.CONFLICTING:
                raise LedgerConflictError(f"another root at {checkpoint.size} leaves")
            if presence is Presence.ABSENT and note not in self.pool:
                self.pool.append(note)
            if self.confirmations == 0:
                self.mine()

    def replace(self, intent: Intent) -> Intent | None:
        return None

    def find(self, checkpoint: Checkpoint) -> Presence:
        with self.lock:
            return self._presence(checkpoint)

    def poll(self, intent: Intent) -> Progress:
        checkpoint = parse(note := _parse_note(intent.payload)).checkpoint
        with self.lock:
            depth = self._depth(checkpoint)
            if depth is None:
                return Progress.PENDING if note in self.pool else Progress.LOST
        return Progress.FINAL if depth >= self.confirmations else Progress.INCLUDED

    def export(self, checkpoint: Checkpoint) -> bytes:
        with self.lock:
            for block in self.blocks:
                for note in block.notes:
                    if parse(note).checkpoint == checkpoint:
                        return canonical_json({"block": block.hash, "note": note})
        raise TransientLedgerError("not in any block")

    @staticmethod
    def verify(attestation: bytes, checkpoint: Checkpoint, trust: Trust) -> AttestationVerdict:
        try:
            fields = json_object(attestation)
            attested = verify(str(fields.get("note")), trust.log_keys, origin=checkpoint.origin)
        except ProtocolError as error:
            return AttestationVerdict(is_valid=False, reason=error.code)
        if (attested.size, attested.root) != (checkpoint.size, checkpoint.root):
            return AttestationVerdict(is_valid=False, reason="attests another checkpoint")
        return AttestationVerdict(is_valid=True, not_checked=("that the block is part of the ledger",))

    def latest(self, origin: str) -> Checkpoint | None:
        with self.lock:
            heads = [Checkpoint(name, size, root) for (name, size), root in self._heads().items() if name == origin]
        return max(heads, key=lambda head: head.size, default=None)

    def health(self) -> LedgerHealth:
        return LedgerHealth(is_healthy=True, detail=f"{len(self.blocks)} blocks")

    def mine(self, count: int = 1) -> None:
        """Add *count* blocks; the first takes everything that waits."""
        with self.lock:
            for _ in range(count):
                parent = self.blocks[-1].hash if self.blocks else ""
                self.blocks.append(Block(tuple(self.pool), parent))
                self.pool.clear()

    def reorganise(self, depth: int) -> None:
        """Drop the newest *depth* blocks and everything in them."""
        with self.lock:
            del self.blocks[len(self.blocks) - depth :]

    def _presence(self, checkpoint: Checkpoint) -> Presence:
        root = self._heads().get((checkpoint.origin, checkpoint.size))
        if root is None:
            return Presence.ABSENT
        return Presence.PRESENT if root == checkpoint.root else Presence.CONFLICTING

    def _heads(self) -> dict[tuple[str, int], bytes]:
        checkpoints = [parse(note).checkpoint for block in self.blocks for note in block.notes]
        return {(checkpoint.origin, checkpoint.size): checkpoint.root for checkpoint in checkpoints}

    def _depth(self, checkpoint: Checkpoint) -> int | None:
        """How many blocks lie on top of the one that holds *checkpoint*."""
        for depth, block in enumerate(reversed(self.blocks)):
            if any(parse(note).checkpoint == checkpoint for note in block.notes):
                return depth
        return None


def _parse_note(payload: bytes) -> str:
    try:
        fields: dict[str, Any] = json_object(payload)
        return str(fields["note"])
    except (ProtocolError, KeyError):
        raise RejectedByLedgerError("not an intent of this ledger") from None
