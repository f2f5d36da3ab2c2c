from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries, Settings

from anchoring import fsck, receipts, sequencer
from anchoring.errors import ReceiptPendingError, RecordNotLoggedError
from anchoring.log_key import log_key, log_verifier_key
from anchoring.models import Checkpoint, Cosignature
from anchoring.publication import read_checkpoint
from protocol import cose_receipt
from protocol.checkpoint import VerifierKey
from protocol.cosignature import CosignerKey, Ed25519Cosigner, MldsaCosigner, cosign, verified_cosignatures
from protocol.errors import CoseReceiptSignatureError, InclusionProofError
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
    # entry, cosigned sizes, checkpoint, tiles, cosignatures
    with django_assert_num_queries(5):
        receipts.receipt_for(record_id(700))
    with django_assert_num_queries(3):
        receipts.receipts_between(start=100, stop=1400)
    # and the attestations
    with django_assert_num_queries(6):
        receipts.standing_of(record_id(700)).cose_receipt()
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


# COSE Receipts


@pytest.mark.requirement("RFC 9942 §5.2.1", "the log serves a receipt of inclusion for every record")
@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700])
def test_every_cose_receipt_verifies_against_the_published_key(size: int) -> None:
    stored = log_records(*range(size))
    keys = [VerifierKey.from_vkey(log_key().vkey)]
    for number in {0, size // 2, size - 1}:
        receipt = cose_receipt.parse_receipt(receipts.standing_of(record_id(number)).cose_receipt())
        proven = cose_receipt.verify_receipt(receipt, leaf_hash=leaf_hash_of(number), keys=keys)
        assert (proven.origin, proven.size, proven.index, proven.is_size_signed) == (stored.origin, size, number, True)
        assert proven.issued_at == int(stored.signed_at.timestamp())
        with pytest.raises(CoseReceiptSignatureError):
            cose_receipt.verify_receipt(receipt, leaf_hash=leaf_hash_of(number + 1), keys=keys)


def test_both_proofs_hold_one_path_and_one_tree() -> None:
    log_records(*range(40))
    standing = receipts.standing_of(record_id(7))
    text, cose = parse_receipt(standing.proof_text()), cose_receipt.parse_receipt(standing.cose_receipt())
    assert (cose.index, cose.path) == (text.index, text.path)
    head = verify_receipt(text, leaf_hash=leaf_hash_of(7), keys=[log_key()])
    cose_receipt.verify_receipt(cose, leaf_hash=leaf_hash_of(7), keys=[log_key()], checkpoint=head)


def test_one_signature_per_checkpoint_serves_every_record() -> None:
    log_records(*range(9))
    made = [receipts.standing_of(record_id(number)).cose_receipt() for number in range(9)]
    assert len(set(made)) == 9
    assert len({cose_receipt.parse_receipt(receipt).signed_root for receipt in made}) == 1


def test_a_checkpoint_from_before_cose_signatures_has_no_such_receipt_yet() -> None:
    log_records(*range(3))
    Checkpoint.objects.update(receipt_signature=None)
    standing = receipts.standing_of(record_id(1))
    assert parse_receipt(standing.proof_text()) == standing.receipt
    with pytest.raises(ReceiptPendingError):
        standing.cose_receipt()
    log_records(3)
    assert cose_receipt.parse_receipt(receipts.standing_of(record_id(1)).cose_receipt()).size == 4


def test_a_record_without_a_checkpoint_has_no_cose_receipt() -> None:
    hand_over(1)
    for _ in range(2):
        with pytest.raises(ReceiptPendingError):
            receipts.standing_of(record_id(1)).cose_receipt()
        sequencer.sequence()


@pytest.mark.parametrize("damage", ["noise", "lost byte", "another checkpoint's"])
def test_fsck_finds_a_cose_signature_that_is_not_of_its_checkpoint(damage: str, settings: Settings) -> None:
    settings.FSCK_CHECKS = []
    older = bytes(log_records(*range(3)).receipt_signature or b"")
    newest = log_records(3)
    assert fsck.check() == []
    good = bytes(newest.receipt_signature or b"")
    newest.receipt_signature = {"noise": b"noise", "lost byte": good[:-1], "another checkpoint's": older}[damage]
    newest.save()
    assert [(finding.code, finding.subject) for finding in fsck.check()] == [("receipt_signature_wrong", "4")]


# Cosignatures

WITNESSES = [Ed25519Cosigner(f"witness{number}.example", bytes([number]) * 32) for number in range(3)]
QUANTUM_SAFE = MldsaCosigner("witness9.example", b"\x09" * 32)


def cosigned(checkpoint: Checkpoint, *cosigners: CosignerKey) -> Checkpoint:
    """As if each had been asked, and its answer stored."""
    for cosigner in cosigners:
        keep(checkpoint, cosigner.verifier_key.name, cosign(checkpoint.note, cosigner, 1_790_000_000))
    return checkpoint


def keep(checkpoint: Checkpoint, ledger_id: str, lines: str, *, root: bytes | None = None) -> None:
    Cosignature.objects.create(
        ledger_id=ledger_id,
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=checkpoint.root if root is None else root,
        lines=lines,
    )


def witnesses_of(note: str) -> list[str]:
    known = [QUANTUM_SAFE.verifier_key, *(witness.verifier_key for witness in WITNESSES)]
    return [made.key.name for made in verified_cosignatures(note, known)]


@pytest.mark.requirement("C2SP tlog-proof, Format", "the checkpoint carries the cosignatures gathered")
def test_a_proof_carries_every_cosignature_of_its_checkpoint() -> None:
    checkpoint = cosigned(log_records(*range(5)), WITNESSES[1], QUANTUM_SAFE, WITNESSES[0])
    expected = ["witness0.example", "witness1.example", "witness9.example"]
    receipt = parse_receipt(receipts.standing_of(record_id(2)).proof_text())
    assert witnesses_of(receipt.checkpoint) == expected
    assert verify_receipt(receipt, leaf_hash=leaf_hash_of(2), keys=[log_key()]).size == 5
    batch = receipts.receipts_between(start=0, stop=5)
    for note in [read_checkpoint(), *[one.checkpoint for one in batch]]:
        assert witnesses_of(note) == expected
        assert note.startswith(checkpoint.note)


def test_cosignatures_of_other_trees_are_left_out() -> None:
    smaller = cosigned(log_records(*range(5)), WITNESSES[0])
    newest = log_records(*range(5, 9))
    keep(newest, "other root", cosign(smaller.note, WITNESSES[1], 1), root=bytes(32))
    assert witnesses_of(read_checkpoint()) == []


@pytest.mark.parametrize("lines", ["noise", "— witness0.example AAAA\n", "— a b c\n", "\n\n", "line\n" * 70])
def test_a_malformed_row_takes_the_proof_from_nobody(lines: str) -> None:
    checkpoint = log_records(*range(5))
    keep(checkpoint, "broken", lines)
    cosigned(checkpoint, WITNESSES[2])
    assert witnesses_of(parse_receipt(receipts.standing_of(record_id(2)).proof_text()).checkpoint) == [
        "witness2.example"
    ]
    assert witnesses_of(read_checkpoint()) == ["witness2.example"]


def test_while_witnesses_have_yet_to_answer_the_last_cosigned_checkpoint_is_taken() -> None:
    cosigned(log_records(*range(5)), WITNESSES[0], WITNESSES[1])
    cosigned(log_records(*range(5, 8)), WITNESSES[0])
    log_records(*range(8, 10))
    for number, size, names in [
        (2, 5, ["witness0.example", "witness1.example"]),
        (6, 8, ["witness0.example"]),
        (9, 10, []),
    ]:
        standing = receipts.standing_of(record_id(number))
        receipt = parse_receipt(standing.proof_text())
        assert verify_receipt(receipt, leaf_hash=leaf_hash_of(number), keys=[log_key()]).size == size
        assert witnesses_of(receipt.checkpoint) == names
        assert cose_receipt.parse_receipt(standing.cose_receipt()).size == size == standing.size
    assert read_checkpoint().split("\n")[1] == "10"


def test_of_equally_cosigned_checkpoints_the_newest_is_taken() -> None:
    cosigned(log_records(*range(5)), WITNESSES[0])
    cosigned(log_records(*range(5, 8)), WITNESSES[1])
    assert receipts.standing_of(record_id(2)).size == 8
