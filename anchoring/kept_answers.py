"""What outside services answered about our checkpoints, kept here because they keep nothing for us.

The first answer per ledger, origin and size stays: a repeated submission changes nothing.
"""

from __future__ import annotations

from django.db import IntegrityError, OperationalError, transaction

from anchoring.crashpoint import reach
from anchoring.errors import LedgerConflictError, TransientLedgerError
from anchoring.ledger import Presence
from anchoring.models import KeptAnswer
from protocol.checkpoint import Checkpoint


def find(*, ledger_id: str, checkpoint: Checkpoint) -> Presence:
    """Say whether an answer about *checkpoint* is kept, or one about another root at its size."""
    kept = _kept(ledger_id, checkpoint)
    if kept is None:
        return Presence.ABSENT
    return Presence.PRESENT if bytes(kept.root) == checkpoint.root else Presence.CONFLICTING


def is_kept(*, ledger_id: str, checkpoint: Checkpoint) -> bool:
    """Whether nothing needs to be asked. Raises LedgerConflictError where the answer kept is about another root."""
    presence = find(ledger_id=ledger_id, checkpoint=checkpoint)
    if presence is Presence.CONFLICTING:
        raise LedgerConflictError(f"another root at {checkpoint.size} leaves")
    return presence is Presence.PRESENT


def keep(*, ledger_id: str, checkpoint: Checkpoint, answer: bytes) -> None:
    """Keep *answer* unless there is one. Raises LedgerConflictError as is_kept does, TransientLedgerError."""
    reach("answer.received")
    try:
        with transaction.atomic():
            KeptAnswer.objects.create(
                ledger_id=ledger_id,
                origin=checkpoint.origin,
                size=checkpoint.size,
                root=checkpoint.root,
                answer=answer,
            )
    except IntegrityError:
        # one_kept_answer_per_size: somebody was faster, with an answer as good as this.
        is_kept(ledger_id=ledger_id, checkpoint=checkpoint)
    except OperationalError as error:
        raise TransientLedgerError(type(error).__name__) from None


def read(*, ledger_id: str, checkpoint: Checkpoint) -> bytes:
    """Return the answer about *checkpoint*. Raises TransientLedgerError where none is kept."""
    if not is_kept(ledger_id=ledger_id, checkpoint=checkpoint):
        raise TransientLedgerError("no answer is kept")
    kept = _kept(ledger_id, checkpoint)
    return bytes(kept.answer) if kept else b""


def latest(*, ledger_id: str, origin: str) -> Checkpoint | None:
    """Return the largest checkpoint of *origin* about which an answer is kept."""
    kept = KeptAnswer.objects.filter(ledger_id=ledger_id, origin=origin).order_by("size").last()
    return Checkpoint(origin, kept.size, bytes(kept.root)) if kept else None


def count(*, ledger_id: str) -> int:
    """Return how many answers are kept."""
    return KeptAnswer.objects.filter(ledger_id=ledger_id).count()


def _kept(ledger_id: str, checkpoint: Checkpoint) -> KeptAnswer | None:
    return KeptAnswer.objects.filter(ledger_id=ledger_id, origin=checkpoint.origin, size=checkpoint.size).first()
