"""Leaf data of our log, and receipts as C2SP tlog-proof text."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import merkle, proof
from protocol.checkpoint import Checkpoint, SeedSigner, sign, verifier_key
from protocol.cosignature import CosignerKey, Ed25519Cosigner, MldsaCosigner, add_lines, cosign
from protocol.errors import (
    InclusionProofError,
    LeafFormatError,
    NoteSignatureError,
    NoteUnsignedError,
    ProtocolError,
    ReceiptFormatError,
)
from protocol.proof import (
    Receipt,
    leaf_data,
    parse_leaf_data,
    parse_receipt,
    verify_receipt,
    verify_witnessed_receipt,
)
from tests.protocol.trees import MemoryTree, leaves

ORIGIN = "log.example/macau"
LOG = SeedSigner(ORIGIN, b"\x01" * 32)
KEYS = [verifier_key(LOG)]
TREE = MemoryTree(7)
NOTE = sign(Checkpoint(ORIGIN, 7, TREE.root), LOG)
RECEIPT = Receipt(3, tuple(merkle.inclusion_proof(TREE.read, 3, 7)), NOTE)
LEAF = leaves(4)[3]
TEXT = RECEIPT.encode()


def test_leaf_data_is_version_kind_and_digest() -> None:
    assert leaf_data("credential", b"\x07" * 32) == b"chancela/leaf@v1\ncredential\n" + b"\x07" * 32


@settings(deadline=None)
@given(kind=st.from_regex(r"[a-z][a-z0-9._-]{0,47}", fullmatch=True), digest=st.binary(min_size=32, max_size=32))
def test_leaf_data_reads_back(kind: str, digest: bytes) -> None:
    assert parse_leaf_data(leaf_data(kind, digest)) == (kind, digest)


@pytest.mark.parametrize("kind", ["", "Credential", "1a", "a b", "a\n", "é", "a" * 49, "-a"])
def test_other_kinds_are_refused(kind: str) -> None:
    with pytest.raises(LeafFormatError):
        leaf_data(kind, bytes(32))


@pytest.mark.parametrize("digest", [b"", bytes(31), bytes(33)])
def test_other_digests_are_refused(digest: bytes) -> None:
    with pytest.raises(LeafFormatError):
        leaf_data("credential", digest)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"chancela/leaf@v1\n",
        b"chancela/leaf@v2\ncredential\n" + bytes(32),
        b"chancela/leaf@v1\n" + bytes(32),
        b"chancela/leaf@v1\n\n" + bytes(32),
        b"chancela/leaf@v1\nkind" + bytes(32),
        b"chancela/leaf@v1\nki\xffnd\n" + bytes(32),
        b"chancela/leaf@v1\na\nb\n" + bytes(32),
    ],
)
def test_other_leaves_are_refused(data: bytes) -> None:
    with pytest.raises(LeafFormatError):
        parse_leaf_data(data)


@pytest.mark.requirement("C2SP tlog-proof, Format", "header, index, path, empty line, checkpoint verbatim")
def test_a_receipt_is_written_as_the_standard_says() -> None:
    path = "".join(f"{b64encode(node).decode()}\n" for node in RECEIPT.path)
    assert f"c2sp.org/tlog-proof@v1\nindex 3\n{path}\n{NOTE}" == TEXT
    assert replace(RECEIPT, extra=b"more").encode().split("\n")[1] == "extra bW9yZQ=="


@pytest.mark.requirement("C2SP tlog-proof, Format", "a proof is read back and verified against the log's key")
@pytest.mark.parametrize("extra", [None, b"", b"opaque"])
def test_a_receipt_reads_back_and_verifies(extra: bytes | None) -> None:
    receipt = replace(RECEIPT, extra=extra)
    assert parse_receipt(receipt.encode()) == parse_receipt(receipt.encode().encode()) == receipt
    assert verify_receipt(receipt, leaf_hash=LEAF, keys=KEYS) == Checkpoint(ORIGIN, 7, TREE.root)


def test_a_tree_of_one_leaf_has_an_empty_path() -> None:
    note = sign(Checkpoint(ORIGIN, 1, LEAF), LOG)
    receipt = parse_receipt(Receipt(0, (), note).encode())
    assert verify_receipt(receipt, leaf_hash=LEAF, keys=KEYS, origin=ORIGIN).size == 1


@pytest.mark.requirement("RFC 9162 §2.1.3.2", "the tree size is that of the signed checkpoint")
def test_the_size_comes_from_the_checkpoint_alone() -> None:
    """The same path verifies under size 8 too, but nobody signed that."""
    merkle.verify_inclusion(LEAF, 3, 8, RECEIPT.path, TREE.root)
    larger = replace(RECEIPT, checkpoint=NOTE.replace("\n7\n", "\n8\n"))
    with pytest.raises(ProtocolError, match="note_signature_invalid"):
        verify_receipt(larger, leaf_hash=LEAF, keys=KEYS)


LOG_MLDSA = MldsaCosigner(ORIGIN, b"\x02" * 32)
WITNESSES = [Ed25519Cosigner(f"witness.example/{number}", bytes([number]) * 32) for number in (3, 4)]
WITNESS_KEYS = [witness.verifier_key for witness in WITNESSES]
COSIGNERS: list[CosignerKey] = [LOG_MLDSA, *WITNESSES]
COSIGNED = add_lines(NOTE, [cosign(NOTE, cosigner, 1_700_000_000) for cosigner in COSIGNERS])


@pytest.mark.requirement("C2SP tlog-proof, Verifying a tlog proof", "cosignatures of known witnesses are verified")
def test_a_receipt_with_cosignatures_says_whose_verify() -> None:
    receipt = parse_receipt(replace(RECEIPT, checkpoint=COSIGNED).encode())
    for log_keys in (KEYS, [LOG_MLDSA.verifier_key], [*KEYS, LOG_MLDSA.verifier_key]):
        assert verify_receipt(receipt, leaf_hash=LEAF, keys=log_keys) == Checkpoint(ORIGIN, 7, TREE.root)
        for known in ([], WITNESS_KEYS[:1], WITNESS_KEYS):
            proven = verify_witnessed_receipt(receipt, leaf_hash=LEAF, keys=log_keys, witness_keys=known)
            assert proven.checkpoint == Checkpoint(ORIGIN, 7, TREE.root)
            assert [(made.key, made.timestamp) for made in proven.cosignatures] == [
                (key, 1_700_000_000) for key in known
            ]


@pytest.mark.requirement("C2SP tlog-proof, Verifying a tlog proof", "witnesses do not stand in for the log's own key")
def test_cosignatures_alone_do_not_make_a_receipt() -> None:
    lines = COSIGNED.partition("\n\n")[2].splitlines(keepends=True)
    receipt = replace(RECEIPT, checkpoint=f"{NOTE.partition(chr(10) * 2)[0]}\n\n{lines[2]}")
    with pytest.raises(NoteUnsignedError):
        verify_witnessed_receipt(receipt, leaf_hash=LEAF, keys=KEYS, witness_keys=WITNESS_KEYS)


def test_a_cosignature_of_another_checkpoint_condemns_the_receipt() -> None:
    other = cosign(Checkpoint(ORIGIN, 8, TREE.root), WITNESSES[0], 1_700_000_000)
    receipt = replace(RECEIPT, checkpoint=NOTE + other)
    assert verify_receipt(receipt, leaf_hash=LEAF, keys=KEYS).size == 7
    with pytest.raises(NoteSignatureError):
        verify_witnessed_receipt(receipt, leaf_hash=LEAF, keys=KEYS, witness_keys=WITNESS_KEYS)


def test_a_witnessed_receipt_of_another_leaf_or_origin_is_refused() -> None:
    receipt = replace(RECEIPT, checkpoint=COSIGNED)
    with pytest.raises(InclusionProofError):
        verify_witnessed_receipt(receipt, leaf_hash=leaves(5)[4], keys=KEYS, witness_keys=WITNESS_KEYS)
    with pytest.raises(ProtocolError, match="checkpoint_origin_mismatch"):
        verify_witnessed_receipt(receipt, leaf_hash=LEAF, keys=KEYS, witness_keys=WITNESS_KEYS, origin="other")


def test_the_bounds_themselves_are_accepted() -> None:
    longest = Receipt(2**63 - 1, (bytes(32),) * 63, NOTE, bytes(proof.MAX_EXTRA_BYTES))
    assert parse_receipt(longest.encode()) == longest


@pytest.mark.parametrize("index", [0, 2, 4, 7, 2**62])
def test_another_index_is_refused(index: int) -> None:
    with pytest.raises(InclusionProofError):
        verify_receipt(replace(RECEIPT, index=index), leaf_hash=LEAF, keys=KEYS)


@settings(deadline=None)
@given(at=st.integers(0, len(TEXT.encode()) - 1), bit=st.integers(0, 7))
def test_no_altered_byte_is_accepted(at: int, bit: int) -> None:
    text = bytearray(TEXT.encode())
    text[at] ^= 1 << bit
    with pytest.raises(ProtocolError):
        verify_receipt(parse_receipt(bytes(text)), leaf_hash=LEAF, keys=KEYS)


@settings(deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_noise_is_refused_and_never_crashes(text: str | bytes) -> None:
    with pytest.raises(ReceiptFormatError):
        parse_receipt(text)


@pytest.mark.requirement("C2SP tlog-proof, Format", "what is not a proof text is refused")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\nindex 3",
        f"c2sp.org/tlog-proof@v1\n\n{NOTE}",
        f"c2sp.org/tlog-proof@v1\nextra AAAA\n\n{NOTE}",
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("index 3", "index 03"),
        TEXT.replace("index 3", "index -3"),
        TEXT.replace("index 3", "index  3"),
        TEXT.replace("index 3", "index ３"),
        TEXT.replace("index 3", "index " + "9" * 19),
        TEXT.replace("index 3", "index " + "9" * 5000),
        TEXT.replace("index 3", "extra A\nindex 3"),
        TEXT.replace("index 3", "extra AAAA\nextra AAAA\nindex 3"),
        TEXT.replace("index 3", "index 3\nAAAA"),
        TEXT.replace("index 3", "index 3\r"),
        TEXT.replace("=\n", "\n", 1),
        TEXT.replace("index 3", "index 3" + f"\n{b64encode(bytes(32)).decode()}" * 64),
        TEXT.replace("index 3", f"extra {b64encode(bytes(20_000)).decode()}\nindex 3"),
        "a" * (proof.MAX_RECEIPT_BYTES + 1),
        b"\xff" + TEXT.encode(),
    ],
)
def test_malformed_receipts_are_refused(text: Any) -> None:
    with pytest.raises(ReceiptFormatError):
        parse_receipt(text)


@pytest.mark.parametrize(
    "fields",
    [{"index": -1}, {"index": True}, {"index": 2**63}, {"path": (b"short",)}, {"path": (bytes(32),) * 64}],
)
def test_a_receipt_without_valid_text_cannot_be_made(fields: dict[str, Any]) -> None:
    with pytest.raises(ReceiptFormatError):
        replace(RECEIPT, **fields)
