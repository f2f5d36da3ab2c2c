"""What a ledger must promise to attest our checkpoints.

A ledger never sees a record: it receives checkpoints (origin, size, root) and says that it has seen them. One class per
kind of ledger, one file per class under ``backends/``; the registry knows which of them this deployment uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Protocol, Self

from protocol.checkpoint import Checkpoint, VerifierKey
from protocol.encoding import canonical_json


class Presence(StrEnum):
    ABSENT = "absent"
    PRESENT = "present"
    CONFLICTING = "conflicting"


class Progress(StrEnum):
    PENDING = "pending"
    INCLUDED = "included"
    FINAL = "final"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class LedgerIdentity:
    """Who the ledger is. *pins* (chain id, genesis, contract, key …) must match what answers, or nothing is sent."""

    ledger_id: str
    pins: Mapping[str, str]
    finality: str
    is_offline_verifiable: bool


@dataclass(frozen=True, slots=True)
class PublishedCheckpoint:
    """A checkpoint with the signed note that publishes it."""

    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True)
class Extension:
    """The head a ledger has already seen, and the proof that the next one extends it (RFC 6962 §2.1.2)."""

    size: int
    root: bytes
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Intent:
    """Final bytes for one checkpoint on one ledger. The same checkpoint always has the same *id*."""

    id: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Trust:
    """What a verifier of attestations already trusts: the log's keys, and the *pins* of the ledger in question.

    Pins have the names and form of ``LedgerIdentity.pins``: a witness's ``vkey``, a contract's ``chain_id`` and
    ``address``, the ``certificate`` of a time stamping authority.
    """

    log_keys: tuple[VerifierKey, ...]
    pins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttestationVerdict:
    """*not_checked* names what this evidence cannot show by itself.

    *is_conclusive* says that the evidence alone proves that the ledger attested the checkpoint; without it, the ledger
    must be asked. *attested_at* is the time that the ledger vouches for (POSIX seconds), where it vouches for one.
    """

    is_valid: bool
    reason: str = ""
    not_checked: tuple[str, ...] = field(default=())
    is_conclusive: bool = True
    attested_at: int | None = None


@dataclass(frozen=True, slots=True)
class LedgerHealth:
    """*spent* is what submissions have cost so far, in the ledger's own unit, for the operator."""

    is_healthy: bool
    detail: str
    spent: str = ""


class Ledger(Protocol):
    """The obligations of a backend. Failures are anchoring.errors.LedgerError and nothing else.

    Every method may be called any number of times, by several workers at once, and after a crash at any point.
    """

    @classmethod
    def from_options(cls, ledger_id: str, options: Mapping[str, str]) -> Self:
        """Make the ledger that an operator configured, without contacting it. Raises LedgerMisconfiguredError."""
        ...

    def identity(self) -> LedgerIdentity:
        """Answer without input or output: the same for the life of the process, unique among the ledgers in use."""
        ...

    def prepare(self, head: PublishedCheckpoint, previous: Extension | None) -> Intent:
        """Return the final bytes for *head* without sending them; *previous* is None on a ledger that has none."""
        ...

    def submit(self, intent: Intent) -> None:
        """Send exactly the bytes of *intent*. Sending them again must have no second effect.

        OutdatedIntentError says that the ledger has moved on and refused them, so that others must be prepared;
        UnderpricedOnLedgerError that they offer too little, so that ``replace`` is asked.
        """
        ...

    def replace(self, intent: Intent) -> Intent | None:
        """Return other bytes with the same effect that offer more, or None where this ledger replaces nothing.

        At most one of all bytes ever returned for an intent can take effect.
        """
        ...

    def find(self, checkpoint: Checkpoint) -> Presence:
        """Read from the ledger itself whether it holds this root, or another, for this origin and size."""
        ...

    def poll(self, intent: Intent) -> Progress:
        """Say how far the checkpoint of *intent* has come, whichever bytes carried it there.

        LOST means that the ledger knows nothing of it, or no longer (a reorganisation): the same bytes go again.
        """
        ...

    def export(self, checkpoint: Checkpoint) -> bytes:
        """Return portable evidence that ``verify`` accepts without a network."""
        ...

    @staticmethod
    def verify(attestation: bytes, checkpoint: Checkpoint, trust: Trust) -> AttestationVerdict:
        """Judge evidence without network, database or exception, whatever the bytes."""
        ...

    def latest(self, origin: str) -> Checkpoint | None:
        """Return the newest checkpoint of *origin* on the ledger: what a restored database must not fall behind."""
        ...

    def health(self) -> LedgerHealth:
        """Check reachability and pins, for the operator; never raises."""
        ...


def intent_id(ledger_id: str, checkpoint: Checkpoint) -> bytes:
    """Return the 32 bytes that name the one intent of *checkpoint* on this ledger."""
    fields = [ledger_id, checkpoint.origin, checkpoint.size, checkpoint.root.hex()]
    return sha256(canonical_json(fields)).digest()


def printable(text: str, longest: int) -> str:
    """Return a ledger's own words as a text column takes them: without NUL or halves of surrogate pairs, and bounded."""
    return "".join(character if character.isprintable() else "?" for character in text[:longest])
