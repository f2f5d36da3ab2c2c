"""An operator's retry: what stopped is tried again, what waits keeps its bytes, a contradiction needs a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from anchoring import attestation, retrying, sequencer
from anchoring.errors import (
    LedgerConflictError,
    LogForkError,
    RejectedByLedgerError,
    RetryRefusedError,
    TransientLedgerError,
)
from anchoring.ledger import Ledger
from anchoring.models import Attestation
from anchoring.retrying import retry
from tests.anchoring.records import hand_over, log_records
from tests.simulators.ledger import FaultyLedger

pytestmark = pytest.mark.django_db

State = Attestation.State
ACTS: list[dict[str, object]] = []


def note_act(**act: object) -> None:
    ACTS.append(act)


@pytest.fixture(autouse=True)
def audited(settings: Settings) -> None:
    settings.AUDIT_SINK = f"{__name__}.note_act"
    ACTS.clear()


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> FaultyLedger:
    ledger = FaultyLedger()
    registry: dict[str, Ledger] = {"faulty": ledger}
    for module in (attestation, sequencer, retrying):
        monkeypatch.setattr(module, "ledgers", lambda: registry)
    return ledger


def attest() -> None:
    attestation.attest(ledger_id="faulty")


def states() -> list[str]:
    return list(Attestation.objects.order_by("checkpoint__size").values_list("state", flat=True))


def test_a_dead_attestation_is_planned_afresh_and_asks_first(ledger: FaultyLedger) -> None:
    log_records(1)
    ledger.after["submit"].append(RejectedByLedgerError("no"))
    attest()
    assert states() == [State.DEAD]
    assert retry(ledger_id="faulty") == 1
    row = Attestation.objects.get()
    assert (row.state, row.intent, row.last_error, row.attempts) == (State.PLANNED, None, "", 0)
    ledger.calls.clear()
    attest()
    # The bytes had got there after all: found, not sent again.
    assert states() == [State.FINAL]
    assert "submit" not in ledger.calls
    assert [(act["action"], act["subject"], act["actor"]) for act in ACTS] == [
        ("ledger.retried", "ledger:faulty", "operator")
    ]


def test_what_a_later_one_covers_is_not_tried(ledger: FaultyLedger) -> None:
    log_records(1)
    ledger.before["submit"].append(RejectedByLedgerError("no"))
    attest()
    log_records(2)
    attest()
    assert states() == [State.DEAD, State.FINAL]
    assert retry(ledger_id="faulty") == 1
    assert states() == [State.SUPERSEDED, State.FINAL]


def test_what_waits_keeps_its_bytes_and_is_due_now(ledger: FaultyLedger) -> None:
    log_records(1)
    ledger.before["submit"].extend(TransientLedgerError("down") for _ in range(3))
    attest()
    before = Attestation.objects.get()
    assert (before.state, bool(before.next_attempt_at)) == (State.RETRY_WAIT, True)
    assert attestation.due_ledgers() == []
    assert retry(ledger_id="faulty") == 1
    after = Attestation.objects.get()
    assert (after.state, after.intent, after.next_attempt_at) == (State.RETRY_WAIT, before.intent, None)
    assert attestation.due_ledgers() == ["faulty"]


def test_a_contradiction_needs_a_word_and_a_reason(ledger: FaultyLedger) -> None:
    log_records(1)
    ledger.before["submit"].append(LedgerConflictError("another root"))
    attest()
    hand_over(2)
    sequencer.sequence()
    with pytest.raises(LogForkError):
        sequencer.sign_checkpoint()
    for options in ({}, {"reason": "why not"}, {"after_conflict": True}, {"after_conflict": True, "reason": "  "}):
        with pytest.raises(RetryRefusedError, match="contradicts"):
            retry(ledger_id="faulty", **options)
    assert states() == [State.CONFLICT]
    assert retry(ledger_id="faulty", after_conflict=True, reason="the node was on a test chain", actor="account:7") == 1
    assert ACTS[-1]["details"] == {"rows": 1, "reason": "the node was on a test chain"}
    assert ACTS[-1]["actor"] == "account:7"
    assert sequencer.sign_checkpoint() is not None
    attest()
    assert states() == [State.SUPERSEDED, State.FINAL]


def test_a_contradiction_that_still_stands_is_found_again(ledger: FaultyLedger) -> None:
    log_records(1)
    ledger.before["latest"].extend(LedgerConflictError("another root") for _ in range(2))
    attest()
    retry(ledger_id="faulty", after_conflict=True, reason="hope")
    attest()
    assert states() == [State.CONFLICT]


def test_where_nothing_waits_nothing_is_retried(ledger: FaultyLedger) -> None:
    with pytest.raises(RetryRefusedError, match="waits"):
        retry(ledger_id="faulty")
    log_records(1)
    with pytest.raises(RetryRefusedError, match="waits"):
        retry(ledger_id="faulty")
    with pytest.raises(RetryRefusedError, match="not in use"):
        retry(ledger_id="elsewhere")
    assert ACTS == []


def test_the_rows_of_a_former_log_stay_as_they_are(ledger: FaultyLedger, settings: Settings) -> None:
    log_records(1)
    Attestation.objects.update(state=State.DEAD, next_attempt_at=timezone.now() + timedelta(days=1))
    settings.LOG_ORIGIN = "new.example/log"
    with pytest.raises(RetryRefusedError):
        retry(ledger_id="faulty")
    assert states() == [State.DEAD]


@pytest.mark.django_db(transaction=True)
def test_the_workers_are_told(ledger: FaultyLedger, rung: list[str]) -> None:
    log_records(1)
    Attestation.objects.update(state=State.DEAD)
    rung.clear()
    retry(ledger_id="faulty")
    assert rung == ["anchoring.attest"]
