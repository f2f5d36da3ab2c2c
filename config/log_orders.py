"""What an operator orders about a ledger: done and written into the audit trail together, or neither."""

from __future__ import annotations

from django.db import transaction

from anchoring import retrying
from anchoring.configured import pause_ledger, resume_ledger
from identity.audit import account_actor, report
from identity.models import Account


@transaction.atomic
def pause(*, ledger_id: str, by: Account, reason: str) -> None:
    """Send nothing more to the ledger. Raises LedgerUnknownError."""
    pause_ledger(ledger_id=ledger_id, reason=reason)
    _note("ledger.paused", ledger_id, by, reason)


@transaction.atomic
def resume(*, ledger_id: str, by: Account, reason: str) -> None:
    """Send to the ledger again. Raises LedgerUnknownError."""
    resume_ledger(ledger_id=ledger_id)
    _note("ledger.resumed", ledger_id, by, reason)


def retry(*, ledger_id: str, by: Account, reason: str) -> None:
    """Try what was refused or waits, now. Raises RetryRefusedError, always for a contradiction.

    That a contradiction is resolved takes more than a button: it is said on the command line.
    """
    retrying.retry(ledger_id=ledger_id, actor=account_actor(by), reason=reason)


def _note(action: str, ledger_id: str, by: Account, reason: str) -> None:
    report(actor=account_actor(by), action=action, subject=f"ledger:{ledger_id}", details={"reason": reason})
