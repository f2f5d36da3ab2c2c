"""What changes the course of an attestation: an operator's pause, a ledger that has moved on, a price that has risen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.db.models.signals import post_init
from django.utils import timezone

from anchoring import attestation
from anchoring.errors import (
    OutdatedIntentError,
    TransientLedgerError,
    UnderpricedOnLedgerError,
)
from anchoring.ledger import Intent
from anchoring.models import Attestation, LedgerPause
from tests.anchoring.attesting import attest, row, sent, states, use
from tests.anchoring.records import log_records
from tests.simulators.ledger import FaultyLedger

pytestmark = pytest.mark.django_db

State = Attestation.State


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> FaultyLedger:
    ledger = FaultyLedger()
    use(monkeypatch, ledger)
    return ledger


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


def test_a_paused_ledger_is_sent_nothing_and_then_gets_one_checkpoint(ledger: FaultyLedger) -> None:
    pause = LedgerPause.objects.create(ledger_id="faulty", reason="node is being replaced")
    for number in range(3):
        log_records(number, number + 1)
    assert attestation.due_ledgers() == []
    assert attestation.attest(ledger_id="faulty") == 0
    assert (ledger.calls, states()) == ([], [State.PLANNED] * 3)
    pause.delete()
    assert attestation.due_ledgers() == ["faulty"]
    attest()
    assert (states(), sent(ledger)) == ([State.SUPERSEDED, State.SUPERSEDED, State.FINAL], 1)


def test_what_a_long_pause_has_gathered_is_not_read(ledger: FaultyLedger) -> None:
    """A month of checkpoints is a quarter of a million rows, with a note each."""
    pause = LedgerPause.objects.create(ledger_id="faulty")
    for number in range(30):
        log_records(number)
    pause.delete()
    read: list[int] = []

    def note(instance: Attestation, **_: object) -> None:
        read.append(instance.pk)

    post_init.connect(note, sender=Attestation)
    try:
        attest()
    finally:
        post_init.disconnect(note, sender=Attestation)
    assert (states(), len(set(read))) == ([State.SUPERSEDED] * 29 + [State.FINAL], 1)


def test_bytes_that_the_ledger_has_moved_past_are_made_anew(
    ledger: FaultyLedger, clock: time_machine.Traveller
) -> None:
    log_records(1, 2)
    ledger.before["submit"].append(OutdatedIntentError("another submitter was faster"))
    attest()
    waiting = row()
    assert (waiting.state, waiting.intent, waiting.attempts) == (State.PLANNED, None, 1)
    assert "another submitter" in waiting.last_error
    assert attestation.due_ledgers() == []
    clock.shift(timedelta(seconds=5))
    attest()
    assert (states(), ledger.calls.count("prepare"), sent(ledger)) == ([State.FINAL], 2, 2)


class _Bidding(FaultyLedger):
    """Has a better offer for whatever was too little, as often as it is asked."""

    offers: int = 1

    def replace(self, intent: Intent) -> Intent | None:
        self.calls.append("replace")
        self.offers -= 1
        return Intent(intent.id, intent.payload + b" ") if self.offers >= 0 else None


def test_an_offer_too_low_is_replaced_and_then_sent(
    monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    ledger = _Bidding()
    use(monkeypatch, ledger)
    log_records(1, 2)
    ledger.before["submit"].append(UnderpricedOnLedgerError("too little"))
    attest()
    first = row()
    assert (first.state, bytes(first.intent or b"")[-1:]) == (State.RETRY_WAIT, b" ")
    clock.shift(timedelta(seconds=5))
    attest()
    assert (states(), sent(ledger)) == ([State.FINAL], 2)


@pytest.mark.parametrize("is_away", [False, True])
def test_without_a_replacement_the_same_bytes_go_later(
    is_away: bool, ledger: FaultyLedger, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Intent) -> Intent | None:
        raise TransientLedgerError("the node is away")

    if is_away:
        monkeypatch.setattr(ledger, "replace", fail)
    log_records(1, 2)
    ledger.before["submit"].append(UnderpricedOnLedgerError("too little"))
    attest()
    before = row()
    clock.shift(timedelta(seconds=5))
    attest()
    assert (before.state, states(), row().intent) == (State.RETRY_WAIT, [State.FINAL], before.intent)
