"""A ledger that is away for a day: nobody waits for it, an operator is told, and it catches up with one checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from anchoring import attestation, sequencer, standing
from anchoring.errors import AmbiguousLedgerError, TransientLedgerError
from anchoring.ledger import Ledger
from anchoring.models import Attestation, Checkpoint
from anchoring.receipts import anchoring_state, receipt_for
from anchoring.standing import alerts, log_standing
from tests.anchoring.records import hand_over, record_id
from tests.simulators.ledger import FaultyLedger

pytestmark = pytest.mark.django_db

State = Attestation.State
STEP = timedelta(minutes=30)
DAY = range(48)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> FaultyLedger:
    """One ledger that will be away, beside one that is not."""
    settings.ALERT_SOURCES = []
    away, present = FaultyLedger("away"), FaultyLedger("present")
    registry: dict[str, Ledger] = {"away": away, "present": present}
    for module in (attestation, sequencer, standing):
        monkeypatch.setattr(module, "ledgers", lambda: registry)
    return away


def pass_step(clock: time_machine.Traveller, number: int) -> None:
    hand_over(number)
    sequencer.sequence()
    sequencer.sign_checkpoint(min_seconds=10)
    for ledger_id in attestation.due_ledgers():
        attestation.attest(ledger_id=ledger_id)
    clock.shift(STEP)


def states_of(ledger_id: str) -> dict[str, int]:
    (ledger,) = (ledger for ledger in log_standing().ledgers if ledger.ledger_id == ledger_id)
    return dict(ledger.counts)


@pytest.mark.parametrize(
    ("method", "error"),
    [
        ("latest", TransientLedgerError),
        ("find", TransientLedgerError),
        ("submit", TransientLedgerError),
        ("submit", AmbiguousLedgerError),
    ],
)
def test_a_day_away_is_one_checkpoint_afterwards(
    away: FaultyLedger, clock: time_machine.Traveller, method: str, error: type[Exception], settings: Settings
) -> None:
    pass_step(clock, 0)
    away.before[method].extend(error("no answer") for _ in range(10_000))
    for number in DAY:
        pass_step(clock, number + 1)
        # Issuance and the other ledger do not notice.
        assert anchoring_state(record_id(number + 1)) == "published"
    assert states_of("present") == {"final": len(DAY) + 1}
    behind = [alert for alert in alerts() if alert.severity == "warning"]
    assert [(alert.code, alert.subject) for alert in behind] == [("ledger_behind", "away")]
    attempts = len([call for call in away.calls if call == method])
    # It was asked again and again, and never more often than its back-off allows.
    assert 20 < attempts < 2 * len(DAY)

    away.before.clear()
    away.calls.clear()
    clock.shift(timedelta(minutes=5))
    for _ in range(3):
        for ledger_id in attestation.due_ledgers():
            attestation.attest(ledger_id=ledger_id)
        clock.shift(timedelta(minutes=5))
    # At most what had been begun before the outage, and the newest, which covers all between.
    assert away.calls.count("submit") <= (1 if method == "latest" else 2)
    newest = Checkpoint.objects.latest("size")
    assert Attestation.objects.get(ledger_id="away", checkpoint=newest).state == State.FINAL
    counts = states_of("away")
    assert counts.keys() == {"final", "superseded"}
    assert counts["final"] <= 3
    assert alerts() == []
    assert receipt_for(record_id(1)) is not None


def test_the_alert_names_how_long_and_why(
    away: FaultyLedger, clock: time_machine.Traveller, settings: Settings
) -> None:
    pass_step(clock, 0)
    away.before["latest"].extend(TransientLedgerError("connection refused by 10.0.0.7") for _ in range(1000))
    owed_since = timezone.now()
    for number in range(1, 20):
        pass_step(clock, number)
    (ledger,) = (ledger for ledger in log_standing().ledgers if ledger.ledger_id == "away")
    assert ledger.behind_since == owed_since
    assert ledger.last_error.endswith("connection refused by 10.0.0.7")
    assert ledger.final_size == 1
    assert ledger.open == 1
