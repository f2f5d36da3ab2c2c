"""Ledgers that an operator adds, pauses and removes while the service runs; every process sees the change at once.

Each order stands in the audit trail in the same transaction, by whatever door it came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from django.db import IntegrityError, transaction

from anchoring import audit_trail
from anchoring.audit_trail import OPERATOR
from anchoring.errors import (
    LedgerIdError,
    LedgerIdTakenError,
    LedgerMisconfiguredError,
    LedgerUnknownError,
    ReasonMissingError,
)
from anchoring.ledger import Ledger, Trust
from anchoring.log_key import log_key, log_origin
from anchoring.models import Attestation, ConfiguredLedger, LedgerPause
from anchoring.registry import kinds, ledgers, ledgers_of_settings, make_ledger
from protocol.checkpoint import Checkpoint

MAX_REASON = 200

_LEDGER_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,59}\Z", re.ASCII)


@runtime_checkable
class Deployable(Protocol):
    """A kind of ledger that we can put in place ourselves."""

    def deploy(self, ledger_id: str, options: Mapping[str, str], origin: str) -> Mapping[str, str]:
        """Put it in place for the log *origin*, once, and return *options* with what pins it. Raises LedgerError."""
        ...


def add_ledger(*, ledger_id: str, kind: str, options: Mapping[str, str]) -> ConfiguredLedger:
    """Have *ledger_id* attest from the next checkpoint on, once it has answered.

    Raises LedgerIdError, LedgerIdTakenError; LedgerMisconfiguredError for wrong options, and for a ledger that does not
    answer as its options say.
    """
    _refuse_id(ledger_id)
    ledger = make_ledger(ledger_id=ledger_id, kind=kind, options=options)
    _refuse_another_past(ledger)
    health = ledger.health()
    if not health.is_healthy:
        raise LedgerMisconfiguredError(health.detail)
    try:
        with transaction.atomic():
            row = ConfiguredLedger.objects.create(ledger_id=ledger_id, kind=kind, options=dict(options))
            _note("ledger.added", ledger_id, OPERATOR, kind=kind, **ledger.identity().pins)
            return row
    except IntegrityError:
        raise LedgerIdTakenError(ledger_id) from None


def deploy_ledger(*, ledger_id: str, kind: str, options: Mapping[str, str]) -> ConfiguredLedger:
    """Put a ledger of *kind* in place for our log and add it. Asked again after a failure, it goes on from there.

    Raises as ``add_ledger`` does, and LedgerError when the chain does not take it.
    """
    _refuse_id(ledger_id)
    found: object = kinds().get(kind)
    if not isinstance(found, Deployable):
        raise LedgerMisconfiguredError(f"nothing can be deployed for a ledger of kind {kind!r}")
    return add_ledger(ledger_id=ledger_id, kind=kind, options=found.deploy(ledger_id, options, log_origin()))


def remove_ledger(*, ledger_id: str, actor: str = OPERATOR, reason: str = "") -> None:
    """Use an added ledger no longer; what it attested stays.

    Raises LedgerUnknownError, and ReasonMissingError for one that contradicts the log: without it signing goes on.
    """
    rows = Attestation.objects.filter(ledger_id=ledger_id, checkpoint__origin=log_origin())
    with transaction.atomic():
        count, _ = ConfiguredLedger.objects.filter(ledger_id=ledger_id).delete()
        if not count:
            raise LedgerUnknownError(ledger_id)
        if not reason.strip() and rows.filter(state=Attestation.State.CONFLICT).exists():
            raise ReasonMissingError(ledger_id)
        LedgerPause.objects.filter(ledger_id=ledger_id).delete()
        _note("ledger.removed", ledger_id, actor, reason=reason[:MAX_REASON])


@transaction.atomic
def pause_ledger(*, ledger_id: str, actor: str = OPERATOR, reason: str = "") -> None:
    """Send nothing to a ledger until it is resumed. Paused again, it has the new reason. Raises LedgerUnknownError."""
    if ledger_id not in ledgers():
        raise LedgerUnknownError(ledger_id)
    LedgerPause.objects.update_or_create(ledger_id=ledger_id, defaults={"reason": reason[:MAX_REASON]})
    _note("ledger.paused", ledger_id, actor, reason=reason[:MAX_REASON])


@transaction.atomic
def resume_ledger(*, ledger_id: str, actor: str = OPERATOR, reason: str = "") -> None:
    """Send to a ledger again: the newest checkpoint, which covers what it missed. Raises LedgerUnknownError."""
    if ledger_id not in ledgers():
        raise LedgerUnknownError(ledger_id)
    LedgerPause.objects.filter(ledger_id=ledger_id).delete()
    _note("ledger.resumed", ledger_id, actor, reason=reason[:MAX_REASON])


def _note(action: str, ledger_id: str, actor: str, **details: str) -> None:
    audit_trail.report(actor=actor, action=action, subject=f"ledger:{ledger_id}", details=details)


def _refuse_id(ledger_id: str) -> None:
    if not _LEDGER_ID.match(ledger_id):
        raise LedgerIdError(ledger_id)
    is_added = ConfiguredLedger.objects.filter(ledger_id=ledger_id).exists()
    if is_added or ledger_id in ledgers_of_settings():
        raise LedgerIdTakenError(ledger_id)


def _refuse_another_past(ledger: Ledger) -> None:
    """Refuse an id under which another chain, contract or key attested: old evidence would speak for the new one."""
    identity = ledger.identity()
    past = Attestation.objects.filter(ledger_id=identity.ledger_id, checkpoint__origin=log_origin())
    newest = past.filter(state=Attestation.State.FINAL).select_related("checkpoint").order_by("checkpoint__size").last()
    if newest is None:
        return
    row = newest.checkpoint
    checkpoint = Checkpoint(row.origin, row.size, bytes(row.root))
    verdict = ledger.verify(bytes(newest.evidence or b""), checkpoint, Trust((log_key(),), identity.pins))
    if not verdict.is_valid:
        raise LedgerIdTakenError(f"{identity.ledger_id} stood for another ledger")
