"""What a ledger must promise to attest our checkpoints, and which ledgers this deployment uses.

A ledger never sees a record: it receives checkpoints (origin, size, root) and says that it has seen them. One class per
ledger, one file per class under ``backends/``, no shared code between them; ``ANCHORING_LEDGERS`` names the classes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from hashlib import sha256
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from protocol.checkpoint import Checkpoint, VerifierKey
from protocol.encoding import canonical_json

logger = logging.getLogger(__name__)


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
    """What a verifier of attestations already trusts."""

    log_keys: tuple[VerifierKey, ...]


@dataclass(frozen=True, slots=True)
class AttestationVerdict:
    """*not_checked* names what this ledger's evidence cannot show without asking the ledger."""

    is_valid: bool
    reason: str = ""
    not_checked: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class LedgerHealth:
    is_healthy: bool
    detail: str


class Ledger(Protocol):
    """The obligations of a backend. Failures are anchoring.errors.LedgerError and nothing else.

    Every method may be called any number of times, by several workers at once, and after a crash at any point.
    """

    def identity(self) -> LedgerIdentity:
        """Answer without input or output: the same for the life of the process, unique among the ledgers in use."""
        ...

    def prepare(self, head: PublishedCheckpoint, previous: Extension | None) -> Intent:
        """Return the final bytes for *head* without sending anything; *previous* is None on a ledger that has none."""
        ...

    def submit(self, intent: Intent) -> None:
        """Send exactly the bytes of *intent*. Sending them again must have no second effect."""
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


def ledgers() -> Mapping[str, Ledger]:
    """Return the ledgers in use by id. One that cannot be loaded is left out, and the system check names it."""
    return _load(tuple(settings.ANCHORING_LEDGERS))


@cache
def _load(paths: tuple[str, ...]) -> Mapping[str, Ledger]:
    loaded: dict[str, Ledger] = {}
    for path in paths:
        try:
            ledger: Ledger = import_string(path)()
            loaded.setdefault(ledger.identity().ledger_id, ledger)
        except Exception:
            # A broken backend must block neither signing nor the other backends.
            logger.exception("ledger %s cannot be loaded", path)
    return loaded
