from __future__ import annotations

import json

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries, Settings

from anchoring import sequencer
from anchoring.errors import HeadGuardUnreadableError, LogForkError, LogRollbackError
from anchoring.head_guard import advance_guard, guard_path, guarded_head
from anchoring.log_key import log_key
from anchoring.models import Attestation, Checkpoint, LogEntry, Tile, TreeHead
from protocol import checkpoint as signed_checkpoint
from protocol.merkle import EMPTY_ROOT
from tests.anchoring.records import forget_everything, hand_over, leaf_hash_of, log_records, record_id
from tests.protocol.trees import reference_root

pytestmark = pytest.mark.django_db


def stored_head() -> tuple[int, bytes]:
    head = TreeHead.objects.get()
    return head.size, bytes(head.root)


def expected_root(count: int) -> bytes:
    return reference_root([leaf_hash_of(number) for number in range(count)])


@pytest.mark.parametrize("limit", [1, 7, 256, 4096])
def test_records_enter_in_the_order_of_the_outbox_whatever_the_batch(limit: int) -> None:
    count = 20 if limit == 1 else 600
    hand_over(*range(count))
    sizes = list(sequencer.drain(limit=limit))
    assert max(sizes) <= limit
    assert stored_head() == (count, expected_root(count))
    indices = LogEntry.objects.order_by("id").values_list("leaf_index", flat=True)
    assert list(indices) == list(range(count))


def test_records_that_come_later_follow_on() -> None:
    hand_over(*range(300))
    sequencer.sequence(limit=100)
    hand_over(*range(300, 310))
    assert list(sequencer.drain(limit=100)) == [100, 100, 10]
    assert stored_head() == (310, expected_root(310))


def test_a_record_that_commits_late_behind_others_is_found_by_the_next_drain() -> None:
    hand_over(*range(6))
    late = LogEntry.objects.get(record_id=record_id(1))
    LogEntry.objects.filter(pk=late.pk).delete()
    batches = sequencer.drain(limit=2)
    next(batches)
    # Its id was drawn before the others had theirs, and its transaction ends only now.
    late.save(force_insert=True)
    assert list(batches) == [2, 1]
    assert list(sequencer.drain()) == [1]
    placed = LogEntry.objects.order_by("leaf_index").values_list("record_id", flat=True)
    assert list(placed) == [record_id(number) for number in (0, 2, 3, 4, 5, 1)]


def test_sequencing_costs_the_same_number_of_statements_at_any_size(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    log_records(*range(700))
    hand_over(*range(700, 1000))
    # pending? savepoint, head, recovered? place, border tiles, store, head, release
    with django_assert_num_queries(9):
        sequencer.sequence()
    with django_assert_num_queries(1):
        sequencer.sequence()


@pytest.mark.django_db(transaction=True)
def test_sequencing_inside_a_callers_transaction_is_refused() -> None:
    hand_over(1)
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        sequencer.sequence()


def test_a_checkpoint_is_signed_when_the_tree_has_grown_and_only_then() -> None:
    assert sequencer.sign_checkpoint() is None
    checkpoint = log_records(*range(5))
    signed = signed_checkpoint.verify(checkpoint.note, [log_key()])
    assert (signed.size, signed.root) == (5, expected_root(5))
    assert sequencer.sign_checkpoint() is None
    assert log_records(6).size == 6
    assert Checkpoint.objects.count() == 2


def test_every_ledger_in_use_is_planned_with_the_checkpoint(settings: Settings) -> None:
    settings.ANCHORING_LEDGERS = [
        "anchoring.backends.embedded.EmbeddedLedger",
        "anchoring.backends.memory.MemoryLedger",
        "anchoring.backends.nowhere.AbsentLedger",
    ]
    checkpoint = log_records(1)
    planned = Attestation.objects.filter(checkpoint=checkpoint, state=Attestation.State.PLANNED)
    assert set(planned.values_list("ledger_id", flat=True)) == {"embedded", "memory"}


def test_a_smaller_tree_than_the_one_signed_is_never_signed() -> None:
    log_records(*range(10))
    forget_everything()
    hand_over(*range(9))
    sequencer.sequence()
    with pytest.raises(LogRollbackError, match="9 leaves"):
        sequencer.sign_checkpoint()
    assert not Checkpoint.objects.exists()


@pytest.mark.parametrize("size", [10, 25])
def test_another_tree_at_the_size_signed_or_past_it_is_never_signed(size: int) -> None:
    log_records(*range(10))
    forget_everything()
    hand_over(*range(100, 100 + size))
    sequencer.sequence()
    with pytest.raises(LogForkError):
        sequencer.sign_checkpoint()


def test_the_same_tree_rebuilt_may_grow_on() -> None:
    log_records(*range(10))
    forget_everything()
    assert log_records(*range(12)).size == 12


def test_a_head_guarded_but_never_published_is_signed_again() -> None:
    hand_over(*range(3))
    sequencer.sequence()
    advance_guard(signed_checkpoint.Checkpoint(log_key().name, 3, expected_root(3)))
    checkpoint = sequencer.sign_checkpoint()
    assert checkpoint is not None
    assert checkpoint.size == 3


def test_the_guard_never_goes_back() -> None:
    """A signer whose lock has ended without its knowing comes late: somebody else has signed more meanwhile."""
    log_records(*range(4))
    before = guard_path().read_bytes()
    with pytest.raises(LogRollbackError):
        advance_guard(signed_checkpoint.Checkpoint(log_key().name, 3, expected_root(3)))
    with pytest.raises(LogForkError):
        advance_guard(signed_checkpoint.Checkpoint(log_key().name, 4, expected_root(3)))
    assert guard_path().read_bytes() == before


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"ORIGIN": {}}', '{"ORIGIN": 5}', '{"ORIGIN": {"size": -1, "root": "AA=="}}']
)
def test_nothing_is_signed_while_the_guard_cannot_be_read(content: str) -> None:
    hand_over(1)
    sequencer.sequence()
    guard_path().write_text(content.replace("ORIGIN", log_key().name))
    with pytest.raises(HeadGuardUnreadableError):
        sequencer.sign_checkpoint()
    assert not Checkpoint.objects.exists()


def test_the_guard_keeps_each_origin_apart(settings: Settings) -> None:
    log_records(*range(4))
    first = settings.LOG_ORIGIN
    settings.LOG_ORIGIN = "another.example/log"
    log_records(4, 5)
    assert {origin: head["size"] for origin, head in json.loads(guard_path().read_text()).items()} == {
        first: 4,
        "another.example/log": 6,
    }
    head = guarded_head(first)
    assert head is not None
    assert head.root == expected_root(4)


def test_damaged_tiles_are_not_signed() -> None:
    hand_over(*range(5))
    sequencer.sequence()
    Tile.objects.filter(level=0).update(hashes=bytes(5 * 32))
    with pytest.raises(LogForkError, match="fsck"):
        sequencer.sign_checkpoint()


def test_a_checkpoint_of_a_larger_tree_in_the_database_stops_signing() -> None:
    log_records(*range(5))
    guard_path().unlink()
    TreeHead.objects.update(size=0, root=EMPTY_ROOT)
    with pytest.raises(LogRollbackError):
        sequencer.sign_checkpoint()


def test_a_checkpoint_that_the_tree_contradicts_stops_signing() -> None:
    log_records(*range(5))
    guard_path().unlink()
    Checkpoint.objects.update(root=bytes(32))
    hand_over(6)
    sequencer.sequence()
    with pytest.raises(LogForkError, match="checkpoint at 5"):
        sequencer.sign_checkpoint()


def test_a_ledger_that_contradicts_us_stops_signing_until_it_is_taken_out(settings: Settings) -> None:
    log_records(1)
    Attestation.objects.update(state=Attestation.State.CONFLICT)
    hand_over(2)
    sequencer.sequence()
    with pytest.raises(LogForkError, match="embedded"):
        sequencer.sign_checkpoint()
    settings.ANCHORING_LEDGERS = []
    assert sequencer.sign_checkpoint() is not None


def test_record_ids_of_the_test_are_record_ids() -> None:
    hand_over(1)
    assert LogEntry.objects.get().record_id == record_id(1) == str(LogEntry.objects.get())


def test_another_seed_under_the_same_origin_signs_nothing(settings: Settings) -> None:
    log_records(*range(3))
    hand_over(*range(3, 5))
    sequencer.sequence()
    seed, settings.LOG_SIGNING_SEED = settings.LOG_SIGNING_SEED, bytes(range(32))
    with pytest.raises(LogForkError, match="LOG_SIGNING_SEED"):
        sequencer.sign_checkpoint()
    assert Checkpoint.objects.count() == 1
    settings.LOG_SIGNING_SEED = seed
    signed = sequencer.sign_checkpoint()
    assert signed is not None
    assert signed.size == 5


def test_another_seed_begins_a_log_of_another_origin(settings: Settings) -> None:
    log_records(*range(3))
    settings.LOG_SIGNING_SEED, settings.LOG_ORIGIN = bytes(range(32)), "elsewhere.example/log"
    signed = sequencer.sign_checkpoint()
    assert signed is not None
    assert (signed.origin, signed.size) == ("elsewhere.example/log", 3)
