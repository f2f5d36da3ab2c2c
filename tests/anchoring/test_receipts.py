from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from anchoring import receipts, sequencer
from anchoring.errors import ReceiptPendingError, RecordNotLoggedError
from anchoring.log_key import log_key, log_verifier_key
from protocol.checkpoint import VerifierKey
from protocol.errors import InclusionProofError
from protocol.proof import parse_receipt, verify_receipt
from tests.anchoring.records import hand_over, leaf_hash_of, log_records, record_id

pytestmark = pytest.mark.django_db


def test_a_record_is_unknown_then_pending_then_sequenced_then_published() -> None:
    def states() -> tuple[str, bool]:
        return receipts.anchoring_state(record_id(1)), receipts.receipt_for(record_id(1)) is not None

    assert states() == ("unknown", False)
    hand_over(1)
    assert states() == ("pending", False)
    sequencer.sequence()
    assert states() == ("sequenced", False)
    sequencer.sign_checkpoint()
    assert states() == ("published", True)


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 700])
def test_every_receipt_verifies_against_the_published_key(size: int) -> None:
    log_records(*range(size))
    key = VerifierKey.from_vkey(log_verifier_key())
    for number in {0, size // 2, max(size - 2, 0), size - 1}:
        receipt = receipts.receipt_for(record_id(number))
        assert receipt is not None
        text = parse_receipt(receipt.encode())
        assert verify_receipt(text, leaf_hash=leaf_hash_of(number), keys=[key]).size == size
        with pytest.raises(InclusionProofError):
            verify_receipt(text, leaf_hash=leaf_hash_of(number + 1), keys=[key])


def test_an_old_record_is_proven_under_the_newest_checkpoint() -> None:
    log_records(*range(10))
    log_records(*range(10, 400))
    receipt = receipts.receipt_for(record_id(3))
    assert receipt is not None
    assert verify_receipt(receipt, leaf_hash=leaf_hash_of(3), keys=[log_key()]).size == 400


def test_a_batch_has_the_same_receipts_as_one_by_one() -> None:
    log_records(*range(600))
    batch = receipts.receipts_between(start=250, stop=520)
    assert batch == [receipts.receipt_for(record_id(number)) for number in range(250, 520)]


def test_a_batch_stops_where_the_checkpoint_does() -> None:
    assert receipts.receipts_between(start=0, stop=5) == []
    log_records(*range(6))
    hand_over(*range(6, 9))
    sequencer.sequence()
    assert [receipt.index for receipt in receipts.receipts_between(start=4, stop=9)] == [4, 5]
    assert receipts.receipts_between(start=6, stop=9) == []


def test_query_counts_do_not_grow_with_the_log(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    log_records(*range(1500))
    with django_assert_num_queries(3):
        receipts.receipt_for(record_id(700))
    with django_assert_num_queries(2):
        receipts.receipts_between(start=100, stop=1400)
    with django_assert_num_queries(1):
        receipts.anchoring_state(record_id(700))


def test_a_standing_names_what_ledgers_say() -> None:
    with pytest.raises(RecordNotLoggedError):
        receipts.standing_of(record_id(1))
    hand_over(1)
    with pytest.raises(ReceiptPendingError):
        receipts.standing_of(record_id(1)).proof_text()
    sequencer.sequence()
    assert receipts.standing_of(record_id(1)).state == "sequenced"
    sequencer.sign_checkpoint()
    standing = receipts.standing_of(record_id(1))
    assert standing.attestations == (("embedded", "planned"),)
    assert parse_receipt(standing.proof_text()) == standing.receipt


@pytest.mark.parametrize("hostile", ["", "a\x00b", "x" * 5000, "證書", "a/b"])
def test_an_impossible_id_is_simply_unknown(hostile: str) -> None:
    assert receipts.anchoring_state(hostile) == "unknown"
    assert receipts.receipt_for(hostile) is None
