"""How often the log moves: neither a run per record, nor a checkpoint per ring, nor a stop when the clock is set back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import time_machine
from django.conf import settings as configured
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from anchoring import fsck, outbox, sequencer, tasks
from anchoring.errors import LogForkError
from anchoring.log_key import cosigned_at
from anchoring.models import Attestation, Checkpoint, LogEntry
from tests.anchoring.records import digest, hand_over, log_records, record_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


def append(number: int) -> LogEntry:
    return outbox.append(record_id=record_id(number), kind="credential", digest=digest(number))


def sizes() -> list[int]:
    return list(Checkpoint.objects.order_by("size").values_list("size", flat=True))


def sequence_and_ring() -> None:
    sequencer.sequence()
    tasks.sign_checkpoint()


@pytest.mark.django_db(transaction=True)
def test_a_record_alone_rings_nothing_and_a_full_batch_does(rung: list[str], settings: Settings) -> None:
    settings.SEQUENCE_BATCH = 16
    rings = []
    for number in range(64):
        before = len(rung)
        entry = append(number)
        if len(rung) > before:
            rings.append(entry.pk)
    assert len(rings) == 4
    assert all(second - first == 16 for first, second in pairwise(rings))
    rung.clear()
    hand_over(*range(100, 115))
    assert rung == []
    hand_over(*range(200, 216))
    assert rung == ["anchoring.sequence"]


def test_rings_within_the_interval_make_one_checkpoint(clock: time_machine.Traveller, settings: Settings) -> None:
    settings.CHECKPOINT_SECONDS = 10
    for number in range(40):
        hand_over(number)
        sequence_and_ring()
        tasks.sign_checkpoint()
        clock.shift(1)
    assert sizes() == [1, 11, 21, 31]


def test_nothing_waits_longer_than_the_interval(clock: time_machine.Traveller, settings: Settings) -> None:
    settings.CHECKPOINT_SECONDS = 10
    log_records(0)
    for number in range(1, 30):
        clock.shift(7 * number % 13)
        hand_over(number)
        waited = 0
        while Checkpoint.objects.latest("size").size < number + 1:
            clock.shift(1)
            waited += 1
            sequence_and_ring()
        assert waited <= 11


def test_the_beat_asks_every_second_and_the_interval_decides() -> None:
    beat = {name: entry["schedule"] for name, entry in configured.CELERY_BEAT_SCHEDULE.items()}
    assert beat["sequence"] == configured.SEQUENCE_SECONDS == 1
    assert beat["sign-checkpoint"] == 1
    assert configured.CHECKPOINT_SECONDS == 10
    assert configured.SEQUENCE_BATCH == 256


def test_whoever_calls_the_verb_signs_now() -> None:
    assert [log_records(number).size for number in range(3)] == [1, 2, 3]


def test_a_checkpoint_that_is_not_due_takes_no_lock(
    django_assert_num_queries: DjangoAssertNumQueries, settings: Settings
) -> None:
    settings.CHECKPOINT_SECONDS = 60
    log_records(1)
    hand_over(2)
    sequencer.sequence()
    with django_assert_num_queries(1):
        tasks.sign_checkpoint()


@pytest.mark.parametrize("back", [timedelta(seconds=3), timedelta(hours=1), timedelta(days=400)])
def test_a_clock_set_back_neither_stops_nor_floods_nor_misdates(
    clock: time_machine.Traveller, settings: Settings, back: timedelta
) -> None:
    settings.CHECKPOINT_SECONDS = 10
    log_records(0)
    first = Checkpoint.objects.get().signed_at
    clock.shift(-back)
    for number in range(1, 31):
        hand_over(number)
        sequence_and_ring()
        clock.shift(1)
    signed = list(Checkpoint.objects.order_by("size"))
    # As many as in thirty seconds of a clock that runs forward, one more where the step itself made one due.
    assert 3 <= len(signed) - 1 <= 4
    assert times(signed) == sorted(times(signed))
    assert times(signed)[0] == first
    stamps = [cosigned_at(row.note) for row in signed]
    assert stamps == sorted(stamps)
    assert fsck.check_log() == []


def times(rows: list[Checkpoint]) -> list[datetime]:
    return [row.signed_at for row in rows]


def test_a_clock_set_forward_and_back_again_leaves_no_hole(clock: time_machine.Traveller, settings: Settings) -> None:
    settings.CHECKPOINT_SECONDS = 10
    log_records(0)
    clock.shift(86400)
    log_records(1)
    clock.shift(-86400)
    for number in range(2, 23):
        hand_over(number)
        sequence_and_ring()
        clock.shift(1)
    assert len(sizes()) >= 4
    rows = list(Checkpoint.objects.order_by("size"))
    assert times(rows) == sorted(times(rows))


def test_a_checkpoint_dated_before_the_one_before_is_found() -> None:
    log_records(0)
    log_records(1)
    assert fsck.check_log() == []
    Checkpoint.objects.filter(size=2).update(signed_at=timezone.now() - timedelta(days=1))
    assert [finding.code for finding in fsck.check_log()] == ["checkpoint_time_goes_back"]


def test_what_keeps_the_log_from_signing_is_said_without_a_lock() -> None:
    assert sequencer.refusal_to_sign() is None
    log_records(0)
    assert sequencer.refusal_to_sign() is None
    Attestation.objects.update(state=Attestation.State.CONFLICT)
    assert isinstance(sequencer.refusal_to_sign(), LogForkError)
