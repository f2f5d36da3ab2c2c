"""Asks every ledger how it is, on a beat of its own, and keeps the answers: whoever looks never waits for a ledger."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from anchoring.ledger import Ledger, LedgerHealth, printable
from anchoring.models import LedgerReport
from anchoring.registry import ledgers

logger = logging.getLogger(__name__)

# Several beats: an older answer says how a ledger was, and is no longer shown as how it is.
FRESH = timedelta(minutes=10)
MAX_DETAIL, MAX_SPENT = 300, 100


def note_health(*, ledger_id: str) -> bool:
    """Ask one ledger, for as long as its own client allows, and keep the answer; False for one that is not in use."""
    ledger = ledgers().get(ledger_id)
    if ledger is None:
        return False
    health = _ask(ledger)
    answer = {
        "is_healthy": health.is_healthy,
        "detail": printable(health.detail, MAX_DETAIL),
        "spent": printable(health.spent, MAX_SPENT),
        "asked_at": timezone.now(),
    }
    LedgerReport.objects.update_or_create(ledger_id=ledger_id, defaults=answer)
    return True


def noted_health() -> Mapping[str, LedgerHealth]:
    """Return the fresh answers by ledger id."""
    fresh = LedgerReport.objects.filter(asked_at__gt=timezone.now() - FRESH)
    return {report.ledger_id: LedgerHealth(report.is_healthy, report.detail, report.spent) for report in fresh}


def _ask(ledger: Ledger) -> LedgerHealth:
    try:
        return ledger.health()
    except (Exception, SystemExit) as error:
        # A backend is somebody else's code: that it must never raise is its promise, not our knowledge.
        logger.exception("a ledger cannot say how it is")
        return LedgerHealth(is_healthy=False, detail=type(error).__name__)
