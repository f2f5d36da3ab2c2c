"""An operator's word that a ledger should be tried again, after whatever kept it from attesting has been seen to.

Bytes that may have been sent are never forgotten: a row that waits keeps them and is only due sooner. A row that is dead
or in conflict is planned afresh, and the ledger is asked what it holds before anything is sent, as always.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Max

from anchoring import audit_trail
from anchoring.doorbell import ring_on_commit
from anchoring.errors import RetryRefusedError
from anchoring.log_key import log_origin
from anchoring.models import Attestation
from anchoring.registry import ledgers
from anchoring.sequencer import ATTEST_TASK

State = Attestation.State
_STOPPED = (State.DEAD, State.CONFLICT)
MAX_REASON = 200


@transaction.atomic
def retry(*, ledger_id: str, actor: str = audit_trail.OPERATOR, after_conflict: bool = False, reason: str = "") -> int:
    """Have the ledger's stopped and waiting attestations tried now; return how many that concerns.

    Raises RetryRefusedError for a ledger that is not in use, when nothing waits, and for a contradiction unless
    *after_conflict* says, with a *reason* for the audit trail, that it is known to be resolved.
    """
    if ledger_id not in ledgers():
        raise RetryRefusedError(f"{ledger_id} is not in use")
    rows = Attestation.objects.filter(ledger_id=ledger_id, checkpoint__origin=log_origin())
    concerned = list(rows.filter(state__in=[*_STOPPED, *Attestation.OPEN]).select_for_update(of=("self",)))
    if any(row.state == State.CONFLICT for row in concerned):
        _refuse_unless_resolved(ledger_id, reason if after_conflict else "")
    reached = rows.filter(state=State.FINAL).aggregate(size=Max("checkpoint__size"))["size"] or 0
    changed = sum(_try_again(row, reached) for row in concerned)
    if not changed:
        raise RetryRefusedError(f"nothing of {ledger_id} waits")
    details = {"rows": changed, "reason": reason[:MAX_REASON]}
    audit_trail.report(actor=actor, action="ledger.retried", subject=f"ledger:{ledger_id}", details=details)
    ring_on_commit(ATTEST_TASK)
    return changed


def _refuse_unless_resolved(ledger_id: str, reason: str) -> None:
    if not reason.strip():
        raise RetryRefusedError(
            f"{ledger_id} contradicts our log. Find out which of the two is wrong; then say so, with a reason"
        )


def _try_again(row: Attestation, reached: int) -> bool:
    if row.state in _STOPPED:
        # What a later attestation covers needs none of its own.
        row.state = State.SUPERSEDED if row.checkpoint.size <= reached else State.PLANNED
        row.intent, row.last_error = None, ""
    elif row.next_attempt_at is None:
        return False
    row.attempts, row.next_attempt_at = 0, None
    row.save(update_fields=["state", "intent", "last_error", "attempts", "next_attempt_at", "updated_at"])
    return True
