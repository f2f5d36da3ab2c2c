"""The ledger that needs no server: our own database keeps each checkpoint once, as a witness would.

It accepts only what extends the newest checkpoint it holds. It shows that this deployment never contradicted itself;
it cannot show that to someone who distrusts the deployment, and says so in every verdict.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Self

from django.db import IntegrityError, OperationalError, transaction

from anchoring.errors import (
    AmbiguousLedgerError,
    LedgerConflictError,
    LedgerMisconfiguredError,
    RejectedByLedgerError,
    TransientLedgerError,
)
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
from anchoring.models import EmbeddedRecord
from protocol.checkpoint import Checkpoint, parse, verify
from protocol.encoding import canonical_json, json_object
from protocol.errors import ProtocolError
from protocol.merkle import verify_consistency

LEDGER_ID = "embedded"


class EmbeddedLedger:
    """Final as soon as the row commits; unique rows make a repeated submission a no-op."""

    @classmethod
    def from_options(cls, ledger_id: str, options: Mapping[str, str]) -> Self:
        if ledger_id != LEDGER_ID or options:
            raise LedgerMisconfiguredError(f"there is one, {LEDGER_ID!r}, without options")
        return cls()

    def identity(self) -> LedgerIdentity:
        return LedgerIdentity(
            ledger_id=LEDGER_ID,
            pins={"store": "database"},
            finality="at commit",
            is_offline_verifiable=True,
        )

    def prepare(self, head: PublishedCheckpoint, previous: Extension | None) -> Intent:
        proof = [b64encode(node).decode("ascii") for node in previous.proof] if previous else []
        payload = canonical_json({"note": head.note, "proof": proof})
        return Intent(intent_id(LEDGER_ID, head.checkpoint), payload)

    def submit(self, intent: Intent) -> None:
        note, proof = _parse_payload(intent.payload)
        checkpoint = parse(note).checkpoint
        try:
            with transaction.atomic():
                self._accept(intent, checkpoint, note, proof)
        except IntegrityError:
            # Somebody was faster, with these bytes or with others: the caller looks before it acts.
            raise AmbiguousLedgerError("another submission at this size") from None
        except OperationalError as error:
            raise TransientLedgerError(type(error).__name__) from None

    def replace(self, intent: Intent) -> Intent | None:
        return None

    def find(self, checkpoint: Checkpoint) -> Presence:
        stored = EmbeddedRecord.objects.filter(origin=checkpoint.origin, size=checkpoint.size).first()
        if stored is None:
            return Presence.ABSENT
        return Presence.PRESENT if bytes(stored.root) == checkpoint.root else Presence.CONFLICTING

    def poll(self, intent: Intent) -> Progress:
        is_stored = EmbeddedRecord.objects.filter(intent_id=intent.id).exists()
        return Progress.FINAL if is_stored else Progress.LOST

    def export(self, checkpoint: Checkpoint) -> bytes:
        stored = EmbeddedRecord.objects.filter(origin=checkpoint.origin, size=checkpoint.size).first()
        if stored is None:
            raise TransientLedgerError("no such record")
        return stored.note.encode()

    @staticmethod
    def verify(attestation: bytes, checkpoint: Checkpoint, trust: Trust) -> AttestationVerdict:
        try:
            attested = verify(attestation, trust.log_keys, origin=checkpoint.origin)
        except ProtocolError as error:
            return AttestationVerdict(is_valid=False, reason=error.code)
        if (attested.size, attested.root) != (checkpoint.size, checkpoint.root):
            return AttestationVerdict(is_valid=False, reason="attests another checkpoint")
        return AttestationVerdict(is_valid=True, not_checked=("that anyone but the log itself has seen it",))

    def latest(self, origin: str) -> Checkpoint | None:
        stored = EmbeddedRecord.objects.filter(origin=origin).last()
        return Checkpoint(origin, stored.size, bytes(stored.root)) if stored else None

    def health(self) -> LedgerHealth:
        try:
            count = EmbeddedRecord.objects.count()
        except OperationalError as error:
            return LedgerHealth(is_healthy=False, detail=type(error).__name__)
        return LedgerHealth(is_healthy=True, detail=f"{count} checkpoints")

    def _accept(self, intent: Intent, checkpoint: Checkpoint, note: str, proof: list[bytes]) -> None:
        if EmbeddedRecord.objects.filter(intent_id=intent.id).exists():
            return
        if self.find(checkpoint) is Presence.CONFLICTING:
            raise LedgerConflictError(f"another root at {checkpoint.size} leaves")
        if previous := self.latest(checkpoint.origin):
            _refuse_unless_extended(previous, checkpoint, proof)
        EmbeddedRecord.objects.create(
            intent_id=intent.id,
            origin=checkpoint.origin,
            size=checkpoint.size,
            root=checkpoint.root,
            note=note,
        )


def _refuse_unless_extended(previous: Checkpoint, checkpoint: Checkpoint, proof: list[bytes]) -> None:
    try:
        verify_consistency(previous.size, checkpoint.size, proof, previous.root, checkpoint.root)
    except ProtocolError as error:
        raise RejectedByLedgerError(error.code) from None


def _parse_payload(payload: bytes) -> tuple[str, list[bytes]]:
    try:
        fields: dict[str, Any] = json_object(payload)
        return str(fields["note"]), [b64decode(node, validate=True) for node in fields["proof"]]
    except (ProtocolError, KeyError, TypeError, ValueError):
        raise RejectedByLedgerError("not an intent of this ledger") from None
