"""The numbers that operators, metrics and alerts share: right, bounded in queries, and alarmed when someone must act."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.db.models.signals import post_init
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from anchoring import attestation, sequencer, standing
from anchoring.errors import LedgerConflictError, RejectedByLedgerError, TransientLedgerError
from anchoring.head_guard import advance_guard, guard_path
from anchoring.ledger import Ledger, LedgerHealth
from anchoring.log_key import log_origin
from anchoring.models import (
    Attestation,
    ConfiguredLedger,
    Cosignature,
    FollowedLog,
    LedgerPause,
    WitnessedLog,
)
from anchoring.standing import Alert, alerts, log_standing
from protocol.checkpoint import Checkpoint as SignedCheckpoint
from tests.anchoring.records import hand_over, log_records
from tests.simulators.ledger import FaultyLedger

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def only_the_log(settings: Settings) -> None:
    settings.ALERT_SOURCES = []


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> FaultyLedger:
    ledger = FaultyLedger()
    use(monkeypatch, ledger)
    return ledger


def use(monkeypatch: pytest.MonkeyPatch, *used: FaultyLedger) -> None:
    registry: dict[str, Ledger] = {one.ledger_id: one for one in used}
    for module in (attestation, sequencer, standing):
        monkeypatch.setattr(module, "ledgers", lambda: registry)


def codes() -> list[tuple[str, str]]:
    return [(alert.severity, alert.code) for alert in alerts()]


def test_an_empty_log_stands_well() -> None:
    now = log_standing()
    assert (now.head_size, now.published_size, now.pending, now.lag_seconds) == (0, 0, 0, 0.0)
    assert (now.refusal, now.guarded_size, now.checkpoint_at, now.checkpoints) == ("", None, None, ())
    assert [ledger.ledger_id for ledger in now.ledgers] == ["embedded"]
    assert alerts(now) == []


def test_how_far_everything_has_come(ledger: FaultyLedger) -> None:
    log_records(*range(5))
    checkpoint = log_records(*range(5, 8))
    attestation.attest(ledger_id="faulty")
    Cosignature.objects.create(ledger_id="w1", origin=log_origin(), size=8, root=checkpoint.root, lines="-")
    Cosignature.objects.create(ledger_id="w1", origin="other.example/log", size=5, root=checkpoint.root, lines="-")
    hand_over(8, 9)
    sequencer.sequence()
    hand_over(10)
    now = log_standing()
    assert (now.head_size, now.published_size, now.guarded_size, now.pending, now.unpublished) == (10, 8, 8, 1, 3)
    assert [(row.size, row.cosigned_by, row.attested_by) for row in now.checkpoints] == [
        (8, ("w1",), ("faulty",)),
        (5, (), ()),
    ]
    (stands,) = now.ledgers
    assert (stands.final_size, stands.open, stands.dead, stands.conflicts, stands.behind_since) == (8, 0, 0, 0, None)
    assert stands.counts == {"final": 1, "superseded": 1}
    assert stands.health is None
    assert now.checkpoint_at == checkpoint.signed_at


def test_lag_is_the_wait_of_the_oldest_record_without_a_checkpoint(clock: time_machine.Traveller) -> None:
    log_records(1)
    clock.shift(100)
    assert log_standing().lag_seconds == 0
    hand_over(2)
    clock.shift(7)
    hand_over(3)
    assert log_standing().lag_seconds == 7
    sequencer.sequence(limit=1)
    clock.shift(2)
    assert log_standing().lag_seconds == 9
    clock.shift(-3600)
    assert log_standing().lag_seconds == 0


def test_a_backlog_warns_and_then_alarms(clock: time_machine.Traveller, settings: Settings) -> None:
    hand_over(1, 2, 3)
    assert alerts() == []
    clock.shift(settings.ALERT_LAG_SECONDS + 1)
    assert alerts() == [Alert("backlog_growing", "warning", log_origin())]
    clock.shift(settings.ALERT_CHECKPOINT_SECONDS)
    assert codes() == [("error", "checkpoint_overdue")]
    sequencer.sequence()
    assert codes() == [("error", "checkpoint_overdue")]
    sequencer.sign_checkpoint()
    assert alerts() == []
    settings.ALERT_BACKLOG = 1
    hand_over(4, 5)
    assert codes() == [("warning", "backlog_growing")]


def test_what_keeps_the_log_from_signing_is_an_error() -> None:
    log_records(1, 2)
    advance_guard(SignedCheckpoint(log_origin(), 9, bytes(32)))
    now = log_standing()
    assert (now.refusal, now.guarded_size) == ("log_rolled_back", 9)
    assert "9 have been signed" in now.refusal_detail
    assert codes() == [("error", "log_rolled_back")]
    guard_path().write_text("{")
    assert codes() == [("error", "log_guard_unreadable")]
    assert log_standing().guarded_size is None


def test_damaged_tiles_are_told(ledger: FaultyLedger) -> None:
    from anchoring.models import Tile

    log_records(*range(5))
    Tile.objects.update(hashes=b"")
    assert codes() == [("error", "tile_invalid")]


def test_a_ledger_that_is_behind_is_told_with_its_last_error(
    ledger: FaultyLedger, clock: time_machine.Traveller, settings: Settings
) -> None:
    log_records(1)
    attestation.attest(ledger_id="faulty")
    ledger.before["latest"].extend(TransientLedgerError("connection refused") for _ in range(9))
    owed = log_records(2)
    for number in range(3, 6):
        clock.shift(120)
        log_records(number)
        attestation.attest(ledger_id="faulty")
    (stands,) = log_standing().ledgers
    assert (stands.final_size, stands.behind_since, stands.open) == (1, owed.signed_at, 1)
    assert "connection refused" in stands.last_error
    assert alerts() == []
    clock.shift(settings.ALERT_LEDGER_SECONDS)
    assert alerts() == [Alert("ledger_behind", "warning", "faulty")]
    LedgerPause.objects.create(ledger_id="faulty", reason="maintenance")
    assert codes() == [("warning", "ledger_paused")]
    assert log_standing().ledgers[0].pause_reason == "maintenance"


def test_a_ledger_that_never_attested_is_behind_from_its_first(ledger: FaultyLedger) -> None:
    first = log_records(1)
    log_records(2)
    (stands,) = log_standing().ledgers
    assert (stands.final_size, stands.final_at, stands.behind_since) == (None, None, first.signed_at)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RejectedByLedgerError("no"), [("error", "attestation_dead")]),
        (LedgerConflictError("fork"), [("error", "attestation_conflict"), ("error", "log_forked")]),
    ],
)
def test_an_attestation_that_will_not_go_on_is_an_error(
    ledger: FaultyLedger, error: Exception, expected: list[tuple[str, str]]
) -> None:
    log_records(1)
    ledger.before["submit"].append(error)
    attestation.attest(ledger_id="faulty")
    assert codes() == expected


def test_health_is_asked_only_on_demand_and_never_breaks(ledger: FaultyLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    assert log_standing(asks_ledgers=True).ledgers[0].health == ledger.health()
    monkeypatch.setattr(ledger, "health", lambda: LedgerHealth(is_healthy=False, detail="away"))
    assert [alert.code for alert in alerts(log_standing(asks_ledgers=True))] == ["ledger_unhealthy"]
    assert alerts() == []

    def crash() -> LedgerHealth:
        raise ZeroDivisionError

    monkeypatch.setattr(ledger, "health", crash)
    health = log_standing(asks_ledgers=True).ledgers[0].health
    assert health == LedgerHealth(is_healthy=False, detail="ZeroDivisionError")
    monkeypatch.setattr(standing, "HEALTH_SECONDS", -1.0)
    health = log_standing(asks_ledgers=True).ledgers[0].health
    assert health is not None
    assert "not asked" in health.detail


def test_a_ledger_that_cannot_be_made_is_an_error() -> None:
    ConfiguredLedger.objects.create(ledger_id="ghost", kind="unheard-of")
    assert alerts() == [Alert("ledger_unusable", "error", "ghost")]


def test_followed_and_witnessed_logs_are_shown(settings: Settings) -> None:
    at = timezone.now()
    old = at - timedelta(seconds=settings.ALERT_MONITOR_SECONDS + 5)
    rows = [
        ("a.example/log", FollowedLog.State.SOUND, at),
        ("b.example/log", FollowedLog.State.BROKEN, at),
        ("c.example/log", FollowedLog.State.UNREACHABLE, at),
        ("d.example/log", FollowedLog.State.SOUND, old),
        ("e.example/log", FollowedLog.State.SOUND, None),
    ]
    for origin, state, checked_at in rows:
        FollowedLog.objects.create(origin=origin, url="https://x.example", state=state, checked_at=checked_at)
    WitnessedLog.objects.create(origin="w.example/log", size=3)
    now = log_standing()
    assert [log.origin for log in now.followed] == [origin for origin, _, _ in rows]
    assert [(log.origin, log.size) for log in now.witnessed] == [("w.example/log", 3)]
    assert [(alert.code, alert.subject) for alert in alerts(now)] == [
        ("followed_log_broken", "b.example/log"),
        ("followed_log_unreachable", "c.example/log"),
        ("monitor_stopped", "d.example/log"),
    ]


def test_the_number_of_queries_does_not_grow_with_the_log(
    ledger: FaultyLedger, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(25):
        log_records(number)
        if number % 3 == 0:
            attestation.attest(ledger_id="faulty")
    with django_assert_max_num_queries(22):
        now = log_standing()
    assert len(now.checkpoints) == standing.NEWEST
    assert Attestation.objects.count() == 25


def test_a_ledger_that_refuses_everything_is_told_by_one_row(ledger: FaultyLedger) -> None:
    for number in range(20):
        log_records(number)
    Attestation.objects.filter(ledger_id="faulty").update(state=Attestation.State.DEAD, last_error="malformed")
    read: list[Attestation] = []

    def note(instance: Attestation, **_: object) -> None:
        read.append(instance)

    post_init.connect(note, sender=Attestation)
    try:
        now = log_standing()
    finally:
        post_init.disconnect(note, sender=Attestation)
    assert next(one for one in now.ledgers if one.ledger_id == "faulty").dead == 20
    assert len(read) == 1


def test_what_ledgers_said_of_a_former_log_is_not_counted(ledger: FaultyLedger, settings: Settings) -> None:
    log_records(1)
    Attestation.objects.filter(ledger_id="faulty").update(state=Attestation.State.DEAD, last_error="malformed")
    settings.LOG_ORIGIN = "another.example/log"
    now = next(one for one in log_standing().ledgers if one.ledger_id == "faulty")
    assert (dict(now.counts), now.final_size, now.behind_since, now.last_error) == ({}, None, None, "")
