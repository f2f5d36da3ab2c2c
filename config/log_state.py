"""How the log and its ledgers stand, with what the ledgers last said of themselves: for page, metrics and probe."""

from __future__ import annotations

import time
from dataclasses import replace

from anchoring.ledger_health import noted_health
from anchoring.standing import Alert, LogStanding, alerts, log_standing

# The probe is open to everyone, and one answer costs a dozen queries.
MEMO_SECONDS = 2.0

# At most one, with the moment it was made.
_recent: list[tuple[float, list[Alert]]] = []


def current_standing() -> LogStanding:
    """Return the standing without contacting any ledger: a ledger that hangs must not make its page hang."""
    standing, health = log_standing(), noted_health()
    known = tuple(replace(ledger, health=health.get(ledger.ledger_id)) for ledger in standing.ledgers)
    return replace(standing, ledgers=known)


def recent_alerts() -> list[Alert]:
    """Return what needs a person, at most MEMO_SECONDS old."""
    now = time.monotonic()
    if not _recent or now - _recent[0][0] > MEMO_SECONDS:
        _recent[:] = [(now, alerts(current_standing()))]
    return _recent[0][1]


def forget() -> None:
    """Look afresh the next time."""
    _recent.clear()
