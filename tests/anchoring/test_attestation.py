"""The life of an attestation on ledgers that answer, fail, lie, hang and forget."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from anchoring import attestation, fsck, tasks
from anchoring.errors import (
    AmbiguousLedgerError,
    LedgerConflictError,
    LedgerMisconfiguredError,
    RejectedByLedgerError,
    TransientLedgerError,
    UnderpricedOnLedgerError,
)
from anchoring.ledger import Intent, Presence, Progress, PublishedCheckpoint, Trust
from anchoring.log_key import log_key, log_signer
from anchoring.models import Attestation, Checkpoint
from protocol.checkpoint import Checkpoint as SignedCheckpoint
from protocol.checkpoint import sign
from tests.anchoring.attesting import attest, row, sent, states, use
from tests.anchoring.records import hand_over, log_records
from tests.simulators.ledger import FaultyLedger

pytestmark = pytest.mark.django_db

State = Attestation.State


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> FaultyLedger:
    ledger = FaultyLedger()
    use(monkeypatch, ledger)
    return ledger


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> FaultyLedger:
    """A ledger that takes two more blocks to be final."""
    ledger = FaultyLedger(confirmations=2)
    use(monkeypatch, ledger)
    return ledger


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


def test_a_ledger_that_answers_is_done_in_one_pass(ledger: FaultyLedger) -> None:
    checkpoint = log_records(1, 2)
    assert attestation.attest(ledger_id="faulty") == 1
    assert states() == [State.FINAL]
    assert ledger.calls == ["latest", "prepare", "find", "submit", "poll", "export"]
    head = SignedCheckpoint(checkpoint.origin, checkpoint.size, bytes(checkpoint.root))
    assert ledger.verify(bytes(row().evidence or b""), head, Trust((log_key(),))).is_valid
    assert attestation.due_ledgers() == []


def test_doing_it_again_does_nothing(ledger: FaultyLedger) -> None:
    log_records(1)
    attest(times=3)
    assert sent(ledger) == 1
    assert attestation.attest(ledger_id="unheard-of") == 0


def test_only_the_newest_of_a_backlog_is_sent(ledger: FaultyLedger) -> None:
    for number in range(4):
        log_records(number)
    attest()
    assert states() == [State.SUPERSEDED] * 3 + [State.FINAL]
    assert sent(ledger) == 1


def test_a_chain_takes_its_time_and_nothing_is_sent_twice(chain: FaultyLedger) -> None:
    log_records(1)
    attest(times=3)
    assert states() == [State.SUBMITTED]
    chain.mine()
    attest()
    assert states() == [State.INCLUDED]
    chain.mine(2)
    attest()
    assert states() == [State.FINAL]
    assert sent(chain) == 1


def test_one_waits_in_flight_while_the_next_is_planned(chain: FaultyLedger) -> None:
    log_records(1)
    attest()
    log_records(2)
    attest()
    assert states() == [State.SUBMITTED, State.PLANNED]
    chain.mine()
    attest()
    assert states() == [State.INCLUDED, State.SUBMITTED]
    chain.mine(3)
    attest()
    assert states() == [State.FINAL, State.FINAL]


def test_a_final_checkpoint_covers_the_older_ones(chain: FaultyLedger) -> None:
    log_records(1)
    attest()
    Attestation.objects.update(state=State.INCLUDED)
    log_records(2)
    attest()
    chain.pool.pop(0)
    chain.mine(3)
    # The older one was never mined: it is asked first, found lost, and gives way to what is on its way.
    attest()
    assert states() == [State.SUPERSEDED, State.FINAL]


@pytest.mark.parametrize("error", [TransientLedgerError, AmbiguousLedgerError, UnderpricedOnLedgerError])
@pytest.mark.parametrize("call", ["latest", "find", "submit", "poll", "export"])
def test_a_failed_call_is_tried_again_later(
    ledger: FaultyLedger, clock: time_machine.Traveller, call: str, error: type[Exception]
) -> None:
    log_records(1)
    ledger.before[call].append(error("away"))
    attest(times=5)
    assert states() == [State.RETRY_WAIT]
    assert ledger.calls.count(call) == 1
    assert "away" in row().last_error
    clock.shift(timedelta(minutes=2))
    attest()
    assert (states(), row().last_error) == ([State.FINAL], "")


@pytest.mark.parametrize("call", ["submit", "poll", "export"])
def test_an_answer_lost_after_the_fact_is_looked_up_not_repeated(
    ledger: FaultyLedger, clock: time_machine.Traveller, call: str
) -> None:
    log_records(1)
    ledger.after[call].append(AmbiguousLedgerError("timed out"))
    attest()
    clock.shift(timedelta(minutes=2))
    attest()
    assert states() == [State.FINAL]
    assert sent(ledger) == 1


def test_a_success_claimed_for_nothing_is_not_believed(ledger: FaultyLedger, clock: time_machine.Traveller) -> None:
    log_records(1)
    ledger.answers["submit"].append(None)
    attest()
    assert states() == [State.RETRY_WAIT]
    clock.shift(timedelta(minutes=2))
    attest()
    assert states() == [State.FINAL]


@pytest.mark.parametrize("evidence", [b"", b"{}", b"\xff" * 100, "text", None, b"{" * 100_000])
def test_evidence_that_does_not_verify_is_not_stored(ledger: FaultyLedger, evidence: object) -> None:
    log_records(1)
    ledger.answers["export"].append(evidence)
    attest()
    assert states() == [State.RETRY_WAIT]
    assert row().evidence is None


@pytest.mark.parametrize("error", [RuntimeError("bug"), SystemExit(3), KeyError("x"), RecursionError()])
def test_whatever_a_backend_raises_is_contained(ledger: FaultyLedger, error: BaseException) -> None:
    log_records(1)
    ledger.before["submit"].append(error)
    attest()
    assert states() == [State.RETRY_WAIT]
    assert row().last_error == type(error).__name__


@pytest.mark.parametrize("words", ["out of \0 gas", "half of a pair: \ud83d"])
def test_words_that_no_column_takes_are_contained(ledger: FaultyLedger, words: str) -> None:
    log_records(1)
    ledger.before["find"].append(TransientLedgerError(words))
    attest()
    assert (row().state, row().attempts) == (State.RETRY_WAIT, 1)
    assert "?" in row().last_error


def test_a_new_origin_is_not_held_up_by_what_the_former_log_left_open(
    chain: FaultyLedger, settings: Settings, clock: time_machine.Traveller
) -> None:
    log_records(1)
    attest()
    assert states() == [State.SUBMITTED]
    settings.LOG_ORIGIN = "localhost:8000/next"
    log_records(2)
    attest()
    chain.mine(3)
    attest()
    assert states() == [State.SUPERSEDED, State.FINAL]
    settings.FSCK_CHECKS = []
    assert fsck.check() == []


def test_what_contradicted_the_former_log_says_nothing_against_the_new_one(
    chain: FaultyLedger, settings: Settings, clock: time_machine.Traveller
) -> None:
    log_records(1)
    attest()
    Attestation.objects.update(state=State.CONFLICT)
    settings.LOG_ORIGIN = "localhost:8000/next"
    log_records(2)
    attest()
    chain.mine(3)
    attest()
    assert states() == [State.CONFLICT, State.FINAL]


def test_a_rejected_checkpoint_is_dead_and_the_next_one_is_tried(ledger: FaultyLedger) -> None:
    log_records(1)
    ledger.before["submit"].append(RejectedByLedgerError("never"))
    attest(times=2)
    assert states() == [State.DEAD]
    log_records(2)
    attest()
    assert states() == [State.DEAD, State.FINAL]


def test_a_misconfigured_ledger_stands_still_for_minutes(ledger: FaultyLedger, clock: time_machine.Traveller) -> None:
    log_records(1)
    ledger.before["latest"].append(LedgerMisconfiguredError("wrong chain"))
    attest()
    clock.shift(timedelta(minutes=9))
    assert attestation.due_ledgers() == []
    clock.shift(timedelta(minutes=2))
    assert attestation.due_ledgers() == ["faulty"]
    attest()
    assert states() == [State.FINAL]


def test_a_dead_ledger_is_asked_ever_more_rarely_and_then_gets_one_checkpoint(
    ledger: FaultyLedger, clock: time_machine.Traveller
) -> None:
    ledger.before["latest"].extend(TransientLedgerError("away") for _ in range(1000))
    for number in range(120):
        log_records(number)
        attest()
        clock.shift(timedelta(seconds=30))
    asked = ledger.calls.count("latest")
    assert asked < 90
    ledger.before["latest"].clear()
    clock.shift(timedelta(minutes=2))
    attest()
    assert states() == [State.SUPERSEDED] * 119 + [State.FINAL]


def test_a_dead_ledger_holds_up_neither_signing_nor_another_ledger(
    monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    dead, alive = FaultyLedger("dead"), FaultyLedger("alive")
    use(monkeypatch, dead, alive)
    dead.before["latest"].extend(TransientLedgerError("away") for _ in range(100))
    for number in range(3):
        log_records(number)
        for ledger_id in attestation.due_ledgers():
            attestation.attest(ledger_id=ledger_id)
    assert set(Attestation.objects.filter(ledger_id="alive").values_list("state", flat=True)) == {State.FINAL}
    assert not Attestation.objects.filter(ledger_id="dead", state=State.FINAL).exists()
    assert attestation.due_ledgers() == []


@pytest.mark.parametrize("call", ["find", "submit", "poll"])
def test_a_fork_stops_the_lane_and_keeps_the_evidence(ledger: FaultyLedger, call: str) -> None:
    log_records(1)
    ledger.before[call].append(LedgerConflictError("another root at 1 leaves"))
    attest()
    assert states() == [State.CONFLICT]
    assert "another root" in row().last_error
    assert attestation.due_ledgers() == []


def test_another_root_found_before_the_submission_stops_it(ledger: FaultyLedger) -> None:
    log_records(1)
    ledger.answers["find"].append(Presence.CONFLICTING)
    attest()
    assert states() == [State.CONFLICT]
    assert sent(ledger) == 0


def foreign_checkpoint(size: int) -> PublishedCheckpoint:
    checkpoint = SignedCheckpoint(log_key().name, size, bytes(range(32)))
    return PublishedCheckpoint(checkpoint, sign(checkpoint, log_signer()))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_ledger_that_holds_another_history_is_a_conflict(ledger: FaultyLedger, size: int) -> None:
    """Smaller: we forked from it. The same: two roots. Larger: our database is older than what it has seen."""
    ledger.submit(ledger.prepare(foreign_checkpoint(size), None))
    log_records(1, 2)
    attest()
    assert states() == [State.CONFLICT]


def test_a_ledger_ahead_of_an_old_plan_supersedes_it(ledger: FaultyLedger) -> None:
    log_records(1)
    newest = log_records(2)
    head = SignedCheckpoint(newest.origin, newest.size, bytes(newest.root))
    ledger.submit(ledger.prepare(PublishedCheckpoint(head, newest.note), None))
    Attestation.objects.filter(checkpoint=newest).delete()
    attest()
    assert states() == [State.SUPERSEDED]


def test_what_a_ledger_already_holds_is_not_sent_again(ledger: FaultyLedger) -> None:
    newest = log_records(1)
    head = SignedCheckpoint(newest.origin, newest.size, bytes(newest.root))
    ledger.submit(ledger.prepare(PublishedCheckpoint(head, newest.note), None))
    attest()
    assert states() == [State.FINAL]
    assert sent(ledger) == 1


def test_a_reorganisation_sends_the_same_bytes_again(chain: FaultyLedger, clock: time_machine.Traveller) -> None:
    log_records(1)
    attest()
    intent = bytes(row().intent or b"")
    chain.mine(2)
    attest()
    assert states() == [State.INCLUDED]
    chain.reorganise(2)
    attest()
    assert states() == [State.RETRY_WAIT]
    clock.shift(timedelta(minutes=2))
    attest()
    chain.mine(3)
    attest()
    assert states() == [State.FINAL]
    assert bytes(row().intent or b"") == intent


def test_an_included_attestation_stays_so_while_the_ledger_is_away(chain: FaultyLedger) -> None:
    log_records(1)
    attest()
    chain.mine()
    attest()
    chain.before["poll"].append(TransientLedgerError("away"))
    attest()
    assert states() == [State.INCLUDED]
    assert attestation.due_ledgers() == []


def test_a_leased_lane_is_left_alone_until_the_lease_runs_out(
    ledger: FaultyLedger, clock: time_machine.Traveller
) -> None:
    log_records(1)
    Attestation.objects.update(next_attempt_at=timezone.now() + timedelta(seconds=100))
    assert attestation.due_ledgers() == []
    attest()
    assert ledger.calls == []
    clock.shift(timedelta(seconds=101))
    assert attestation.due_ledgers() == ["faulty"]
    attest()
    assert states() == [State.FINAL]


@pytest.mark.parametrize("stolen", ["latest", "prepare", "find", "submit", "poll", "export"])
def test_a_worker_whose_lane_was_taken_over_changes_nothing_more(ledger: FaultyLedger, stolen: str) -> None:
    log_records(1)
    taken = timezone.now() + timedelta(hours=1)

    def take_over(name: str) -> None:
        if name == stolen:
            Attestation.objects.update(state=State.DEAD, attempts=7, intent=b"theirs", next_attempt_at=taken)

    ledger.on_call = take_over
    attest()
    left = row()
    assert (left.state, left.attempts, bytes(left.intent or b"")) == (State.DEAD, 7, b"theirs")
    assert left.next_attempt_at == taken


def test_two_intents_never_fly_at_once(ledger: FaultyLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = log_records(1), log_records(2)
    Attestation.objects.filter(checkpoint=first).update(state=State.PREPARED, intent=b"first")
    monkeypatch.setattr(attestation, "_is_lane_busy", lambda _: False)
    other = Attestation.objects.select_related("checkpoint").get(checkpoint=second)
    with pytest.raises(attestation._LaneTakenError):
        attestation._advance(other, ledger)
    assert Attestation.objects.get(checkpoint=second).state == State.PLANNED


def test_the_task_sends_one_message_per_ledger_that_is_due(monkeypatch: pytest.MonkeyPatch, rung: list[str]) -> None:
    use(monkeypatch, FaultyLedger("one"), FaultyLedger("two"))
    log_records(1)
    tasks.attest()
    assert rung == ["anchoring.attest_on_ledger"] * 2


def test_tasks_do_the_whole_way_from_outbox_to_ledger(ledger: FaultyLedger) -> None:
    hand_over(*range(3))
    for _ in range(2):
        tasks.sequence()
        tasks.sign_checkpoint()
        tasks.attest_on_ledger("faulty")
    assert states() == [State.FINAL]
    assert Checkpoint.objects.get().size == 3
    assert sent(ledger) == 1
    assert ledger.find(ledger.latest(log_key().name) or pytest.fail("nothing")) is Presence.PRESENT
    assert ledger.poll(Intent(b"", bytes(row().intent or b""))) is Progress.FINAL
