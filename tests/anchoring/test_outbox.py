from __future__ import annotations

from time import monotonic

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries, Settings

from anchoring import outbox
from anchoring.errors import RecordConflictError, RecordIdError
from anchoring.models import LogEntry
from protocol.errors import LeafFormatError
from tests.anchoring.records import digest, hand_over, record_id

pytestmark = pytest.mark.django_db


def rows() -> list[tuple[str, str, bytes]]:
    return [(entry.record_id, entry.kind, bytes(entry.digest)) for entry in LogEntry.objects.order_by("id")]


def test_the_same_record_twice_is_one_entry() -> None:
    first = outbox.append(record_id="weid:did:weid:1:0xab:1", kind="weid", digest=digest(1))
    again = outbox.append(record_id="weid:did:weid:1:0xab:1", kind="weid", digest=digest(1))
    assert first == again
    assert rows() == [("weid:did:weid:1:0xab:1", "weid", digest(1))]


@pytest.mark.parametrize(("kind", "number"), [("credential", 2), ("status", 1)])
def test_the_same_id_with_another_content_is_refused(kind: str, number: int) -> None:
    outbox.append(record_id="credential:1", kind="credential", digest=digest(1))
    with pytest.raises(RecordConflictError):
        outbox.append(record_id="credential:1", kind=kind, digest=digest(number))
    with pytest.raises(RecordConflictError):
        outbox.append_many([("credential:1", kind, digest(number))])
    assert rows() == [("credential:1", "credential", digest(1))]


def test_a_batch_with_one_conflict_records_nothing() -> None:
    hand_over(5)
    with pytest.raises(RecordConflictError):
        outbox.append_many([(record_id(4), "credential", digest(4)), (record_id(5), "credential", digest(0))])
    assert rows() == [(record_id(5), "credential", digest(5))]


def test_a_batch_may_overlap_an_earlier_one_and_itself() -> None:
    hand_over(1, 2)
    hand_over(2, 3, 3)
    assert [row[0] for row in rows()] == [record_id(1), record_id(2), record_id(3)]
    assert outbox.append_many([]) == 0


def test_the_fast_and_the_plain_path_store_the_same() -> None:
    hand_over(1, 2)
    fast = rows()
    LogEntry.objects.all().delete()
    outbox._insert([(record_id(number), "credential", digest(number)) for number in (1, 2)])
    assert rows() == fast


@pytest.mark.parametrize("bad_id", ["", "a" * 101, "a/b", "a b", "a\x00", "a\n", "證書:1"])
def test_an_id_that_cannot_be_an_address_is_refused(bad_id: str) -> None:
    with pytest.raises(RecordIdError):
        outbox.append(record_id=bad_id, kind="credential", digest=digest(1))


@pytest.mark.parametrize(("kind", "value"), [("credential", b"short"), ("unheard-of", digest(1)), ("", digest(1))])
def test_only_known_kinds_and_whole_digests_enter(kind: str, value: bytes) -> None:
    with pytest.raises(LeafFormatError):
        outbox.append_many([("credential:1", kind, value)])


@transaction.atomic
def hand_over_and_fail(number: int) -> None:
    hand_over(number)
    raise ZeroDivisionError


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_transaction_leaves_no_trace_and_does_not_ring(rung: list[str]) -> None:
    with pytest.raises(ZeroDivisionError):
        hand_over_and_fail(1)
    assert rows() == []
    assert rung == []


@pytest.mark.django_db(transaction=True)
def test_the_doorbell_rings_once_per_transaction(rung: list[str], settings: Settings) -> None:
    settings.SEQUENCE_BATCH = 1
    with transaction.atomic():
        for number in range(20):
            hand_over(number)
    assert rung == ["anchoring.sequence"]
    hand_over(21)
    assert rung == ["anchoring.sequence"] * 2


@pytest.mark.django_db(transaction=True)
def test_a_bell_rung_in_a_rolled_back_savepoint_is_rung_again(rung: list[str], settings: Settings) -> None:
    settings.SEQUENCE_BATCH = 1
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError):
            hand_over_and_fail(1)
        hand_over(2)
    assert rung == ["anchoring.sequence"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("in_memory_broker", ["redis://127.0.0.1:1/0"], indirect=True)
def test_an_unreachable_broker_is_logged_and_nothing_more(caplog: pytest.LogCaptureFixture, settings: Settings) -> None:
    settings.SEQUENCE_BATCH = 1
    started = monotonic()
    hand_over(1)
    assert monotonic() - started < 2
    assert "broker unreachable" in caplog.text
    assert rows() == [(record_id(1), "credential", digest(1))]


def test_append_costs_four_statements(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    # Two of them are the savepoint of a caller's transaction.
    with django_assert_num_queries(4):
        outbox.append(record_id="credential:1", kind="credential", digest=digest(1))
