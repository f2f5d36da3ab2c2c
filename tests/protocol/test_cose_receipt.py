"""COSE Receipts: the form, the signature, the size that the standard leaves open, and everything that is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import cose_receipt, merkle
from protocol.cbor import Tagged, Value, decode, encode
from protocol.checkpoint import Checkpoint, KeyType, SeedSigner, VerifierKey, parse, sign, verifier_key
from protocol.cose_receipt import (
    CoseReceipt,
    encode_receipt,
    parse_receipt,
    sign_root,
    tree_name,
    verify_receipt,
    verify_signed_root,
)
from protocol.errors import (
    CheckpointOriginError,
    CoseReceiptFormatError,
    CoseReceiptKeyError,
    CoseReceiptRootError,
    CoseReceiptSignatureError,
    CoseReceiptSizeError,
    InclusionProofError,
    ProtocolError,
)
from tests.protocol.trees import MemoryTree, leaves

ORIGIN = "log.example/macau"
LOG = SeedSigner(ORIGIN, b"\x01" * 32)
KEYS = [verifier_key(LOG)]
SIZE, INDEX, TIME = 7, 3, 1_790_000_000
TREE = MemoryTree(SIZE)
HEAD = Checkpoint(ORIGIN, SIZE, TREE.root)
PATH = merkle.inclusion_proof(TREE.read, INDEX, SIZE)
LEAF = leaves(INDEX + 1)[INDEX]
SIGNED_ROOT = sign_root(HEAD, LOG, issued_at=TIME)
BYTES = encode_receipt(SIGNED_ROOT, size=SIZE, index=INDEX, path=PATH)
RECEIPT = parse_receipt(BYTES)

HEADER: dict[int | str, Value] = {
    1: -8,
    4: KEYS[0].key_id,
    15: {1: ORIGIN, 2: f"{ORIGIN}#{SIZE}", 6: TIME},
    395: 1,
}
PROOFS: Value = {396: {-1: [encode([SIZE, INDEX, list(PATH)])]}}


def forge(
    header: Value = HEADER,
    unprotected: Value = PROOFS,
    *,
    payload: Value = None,
    tag: int = 18,
    signer: SeedSigner = LOG,
    root: bytes = TREE.root,
) -> bytes:
    """Whatever a key holder could sign: the refusal is of the form, never of the signature."""
    protected = header if isinstance(header, bytes) else encode(header)
    signature = signer.sign(encode(["Signature1", protected, b"", root]))
    return encode(Tagged(tag, [protected, unprotected, payload, signature]))


def about(subject: str) -> dict[int | str, Value]:
    return {**HEADER, 15: {1: ORIGIN, 2: subject}}


@pytest.mark.requirement("RFC 9942 §5.2.1", "alg and vds protected, the proof unprotected, the root left out")
@pytest.mark.requirement("RFC 9943 §6", "kid, and CWT claims with iss and sub, are protected")
def test_a_receipt_is_written_as_the_standards_say() -> None:
    message: Any = decode(BYTES)
    assert (type(message), message.number) == (Tagged, 18)
    protected, unprotected, payload, _ = message.value
    assert decode(protected) == HEADER
    assert unprotected == PROOFS
    assert payload is None
    assert forge() == BYTES


def test_the_bytes_of_a_receipt_never_change() -> None:
    """Receipts are kept for decades: this one was written by the first version."""
    tree = MemoryTree(2)
    head = Checkpoint("log.example", 2, tree.root)
    signed = sign_root(head, SeedSigner("log.example", bytes(range(32))), issued_at=1)
    assert encode_receipt(signed, size=2, index=1, path=leaves(1)).hex() == FIRST_RECEIPT


FIRST_RECEIPT = (
    "d284582da401270444b252d0cf0fa3016b6c6f672e6578616d706c65026d6c6f672e6578616d706c652332060119018b01a1"
    "19018ca120815826830201815820db3426e878068d28d269b6c87172322ce5372b65756d0789001d34835f601c03f658406c"
    "5532faf0dcbcc446032bdeedb6aad1fea3bf47896fd0d6da47a1b0936e7a412cc2e268f7e376b22be0e187fe9efd1d3398e4"
    "de3a2cd5175ec273432e4ec904"
)


@pytest.mark.requirement("RFC 9942 §5.2.1", "the root is computed from leaf and path, and the signature is over it")
def test_a_receipt_proves_its_leaf() -> None:
    proven = verify_receipt(RECEIPT, leaf_hash=LEAF, keys=KEYS)
    assert (proven.origin, proven.size, proven.index, proven.root) == (ORIGIN, SIZE, INDEX, TREE.root)
    assert (proven.issued_at, proven.is_size_signed) == (TIME, True)
    assert verify_receipt(RECEIPT, leaf_hash=LEAF, keys=KEYS, checkpoint=HEAD) == proven


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 70_000])
def test_one_signature_serves_every_leaf_of_a_checkpoint(size: int) -> None:
    tree, hashes = MemoryTree(size), leaves(size)
    signed = sign_root(Checkpoint(ORIGIN, size, tree.root), LOG, issued_at=TIME)
    for index in {0, size // 2, size - 1}:
        path = merkle.inclusion_proof(tree.read, index, size)
        receipt = parse_receipt(encode_receipt(signed, size=size, index=index, path=path))
        assert receipt.path == tuple(path)
        assert verify_receipt(receipt, leaf_hash=hashes[index], keys=KEYS).size == size
        with pytest.raises(CoseReceiptSignatureError):
            verify_receipt(receipt, leaf_hash=merkle.leaf_hash(b"another"), keys=KEYS)


@pytest.mark.requirement("RFC 9864 §2.2", "Ed25519 by its fully specified number is read as well")
def test_both_numbers_of_the_algorithm_are_read() -> None:
    receipt = parse_receipt(forge({**HEADER, 1: -19}))
    assert verify_receipt(receipt, leaf_hash=LEAF, keys=KEYS).is_size_signed


def test_iat_may_be_absent() -> None:
    proven = verify_receipt(parse_receipt(forge(about(tree_name(ORIGIN, SIZE)))), leaf_hash=LEAF, keys=KEYS)
    assert (proven.issued_at, proven.is_size_signed) == (None, True)


# Size: RFC 9942 leaves it unsigned, and a path often fits a neighbouring size.


def resized(size: int, header: Value = HEADER, index: int = INDEX) -> CoseReceipt:
    return parse_receipt(forge(header, {396: {-1: [encode([size, index, list(PATH)])]}}))


@pytest.mark.requirement("RFC 9162 §2.1.3.2", "a proof replayed with another size is refused: sub signs the size")
def test_another_size_is_refused_even_where_the_path_fits() -> None:
    merkle.verify_inclusion(LEAF, INDEX, SIZE + 1, PATH, TREE.root)
    with pytest.raises(CoseReceiptSizeError):
        verify_receipt(resized(SIZE + 1), leaf_hash=LEAF, keys=KEYS)


def test_every_other_size_is_refused() -> None:
    for size in {*range(INDEX + 1, 300), 1 << 40, (1 << 63) - 1} - {SIZE}:
        with pytest.raises((CoseReceiptSizeError, InclusionProofError)):
            verify_receipt(resized(size), leaf_hash=LEAF, keys=KEYS)


@pytest.mark.requirement("RFC 9942 §5.2", "a size that nothing signs is said to be unproven")
def test_a_size_that_nobody_signed_is_called_unproven() -> None:
    foreign = about("urn:example:statement")
    for size in (SIZE, SIZE + 1):
        assert not verify_receipt(resized(size, foreign), leaf_hash=LEAF, keys=KEYS).is_size_signed


@pytest.mark.requirement("RFC 9942 §5.2", "the size is taken from a signed checkpoint where one is at hand")
def test_a_checkpoint_settles_an_unproven_size() -> None:
    foreign = about("urn:example:statement")
    assert verify_receipt(resized(SIZE, foreign), leaf_hash=LEAF, keys=KEYS, checkpoint=HEAD).is_size_signed
    with pytest.raises(CoseReceiptSizeError):
        verify_receipt(resized(SIZE + 1, foreign), leaf_hash=LEAF, keys=KEYS, checkpoint=HEAD)


@pytest.mark.parametrize("subject", [f"{ORIGIN}#", f"{ORIGIN}#07", f"{ORIGIN}#7 ", f"{ORIGIN}#-7", f"{ORIGIN}#٧"])
def test_a_tree_named_in_another_spelling_is_another_tree(subject: str) -> None:
    with pytest.raises(CoseReceiptSizeError):
        verify_receipt(parse_receipt(forge(about(subject))), leaf_hash=LEAF, keys=KEYS)


@pytest.mark.parametrize(
    ("checkpoint", "error"),
    [
        (Checkpoint("other.example/log", SIZE, TREE.root), CheckpointOriginError),
        (Checkpoint(ORIGIN, SIZE + 1, TREE.root), CoseReceiptSizeError),
        (Checkpoint(ORIGIN, SIZE - 1, TREE.root), CoseReceiptSizeError),
        (Checkpoint(ORIGIN, SIZE, MemoryTree(6).root), CoseReceiptRootError),
    ],
)
def test_a_receipt_of_another_checkpoint_is_refused(checkpoint: Checkpoint, error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        verify_receipt(RECEIPT, leaf_hash=LEAF, keys=KEYS, checkpoint=checkpoint)


# Keys


@pytest.mark.requirement("RFC 9052 §3.1", "kid picks among trusted keys, and brings none")
@pytest.mark.parametrize(
    "keys",
    [
        [],
        [verifier_key(SeedSigner(ORIGIN, b"\x02" * 32))],
        [verifier_key(SeedSigner("other.example/log", b"\x01" * 32))],
    ],
)
def test_only_a_trusted_key_of_this_log_counts(keys: list[VerifierKey]) -> None:
    with pytest.raises(CoseReceiptKeyError):
        verify_receipt(RECEIPT, leaf_hash=LEAF, keys=keys)


def test_a_log_does_not_vouch_for_another_origin() -> None:
    header: Value = {**HEADER, 15: {1: "other.example/log", 2: f"other.example/log#{SIZE}"}}
    with pytest.raises(CoseReceiptKeyError):
        verify_receipt(parse_receipt(forge(header)), leaf_hash=LEAF, keys=KEYS)


def test_a_cosigners_key_does_not_sign_receipts() -> None:
    cosigner = VerifierKey(ORIGIN, LOG.public_key, KeyType.COSIGNATURE_ED25519)
    receipt = parse_receipt(forge({**HEADER, 4: cosigner.key_id}))
    with pytest.raises(CoseReceiptKeyError):
        verify_receipt(receipt, leaf_hash=LEAF, keys=[cosigner])


def test_another_key_under_the_same_id_is_refused() -> None:
    impostor = parse_receipt(forge(signer=SeedSigner(ORIGIN, b"\x03" * 32)))
    with pytest.raises(CoseReceiptSignatureError):
        verify_receipt(impostor, leaf_hash=LEAF, keys=KEYS)


def test_a_note_and_a_receipt_cannot_stand_for_each_other() -> None:
    """One key signs both: what it signs for a receipt is never UTF-8, so never the text of a note."""
    with pytest.raises(UnicodeDecodeError):
        encode(["Signature1", RECEIPT.signed_root.protected, b"", TREE.root]).decode()
    signature = parse(sign(HEAD, LOG)).signatures[0].signature
    moved = replace(RECEIPT, signed_root=replace(RECEIPT.signed_root, signature=signature))
    with pytest.raises(CoseReceiptSignatureError):
        verify_receipt(moved, leaf_hash=LEAF, keys=KEYS)


# Mutations


def judge(data: bytes) -> None:
    verify_receipt(parse_receipt(data), leaf_hash=LEAF, keys=KEYS)


def test_no_flipped_bit_is_accepted() -> None:
    for at in range(len(BYTES)):
        for bit in range(8):
            altered = bytearray(BYTES)
            altered[at] ^= 1 << bit
            with pytest.raises(ProtocolError):
                judge(bytes(altered))


MUTATIONS: dict[str, Callable[[int], bytes]] = {
    "cut short": lambda at: BYTES[:at],
    "one byte lost": lambda at: BYTES[:at] + BYTES[at + 1 :],
    "one byte doubled": lambda at: BYTES[:at] + BYTES[at : at + 1] + BYTES[at:],
    "a zero put in": lambda at: BYTES[:at] + b"\0" + BYTES[at:],
    "set to ff": lambda at: BYTES[:at] + b"\xff" + BYTES[at + 1 :],
    "begun late": lambda at: BYTES[at + 1 :],
}


@pytest.mark.parametrize("mutate", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_no_mutation_is_accepted(mutate: Callable[[int], bytes]) -> None:
    for at in range(len(BYTES)):
        data = mutate(at)
        if data != BYTES:
            with pytest.raises(ProtocolError):
                judge(data)
    with pytest.raises(CoseReceiptFormatError):
        judge(BYTES + b"\0")


@given(st.binary(max_size=300))
def test_noise_is_refused_and_never_crashes(data: bytes) -> None:
    with pytest.raises(CoseReceiptFormatError):
        parse_receipt(data)


@given(st.binary(max_size=120), st.binary(max_size=120))
def test_noise_inside_is_refused_and_never_crashes(protected: bytes, proof: bytes) -> None:
    for data in (forge(protected), forge(unprotected={396: {-1: [proof]}})):
        with pytest.raises(CoseReceiptFormatError):
            parse_receipt(data)


# Form

HASH = bytes(32)


def proof(value: Value) -> Value:
    return {396: {-1: [encode(value)]}}


def without(label: int) -> Value:
    return {name: value for name, value in HEADER.items() if name != label}


def claims(value: Value) -> Value:
    return {**HEADER, 15: value}


REFUSED_HEADERS: dict[str, Value] = {
    "empty": {},
    "no bytes at all": b"",
    "an array": [],
    "without alg": without(1),
    "without kid": without(4),
    "without claims": without(15),
    "without vds": without(395),
    "critical header": {**HEADER, 2: [395]},
    "content type": {**HEADER, 3: "application/json"},
    "key of its own": {**HEADER, 33: [b"certificate"]},
    "text label": {**HEADER, "alg": -8},
    "ES256": {**HEADER, 1: -7},
    "alg as text": {**HEADER, 1: "EdDSA"},
    "another tree": {**HEADER, 395: 2},
    "vds as text": {**HEADER, 395: "RFC9162_SHA256"},
    "kid as text": {**HEADER, 4: "key"},
    "claims as text": claims("iss"),
    "claims empty": claims({}),
    "without iss": claims({2: "a"}),
    "without sub": claims({1: ORIGIN}),
    "another claim": claims({1: ORIGIN, 2: "a", 4: 1}),
    "claim by name": claims({1: ORIGIN, 2: "a", "iat": 1}),
    "iss in bytes": claims({1: ORIGIN.encode(), 2: "a"}),
    "sub null": claims({1: ORIGIN, 2: None}),
    "iat as text": claims({1: ORIGIN, 2: "a", 6: "now"}),
    "iat before 1970": claims({1: ORIGIN, 2: "a", 6: -1}),
}

REFUSED_PROOFS: dict[str, Value] = {
    "no proof": {},
    "null": None,
    "an array": [396],
    "another header": {396: {-1: [encode([SIZE, INDEX, list(PATH)])]}, 4: b"key"},
    "proofs null": {396: None},
    "proofs empty": {396: {}},
    "consistency proof": {396: {-2: [encode([6, 7, list(PATH)])]}},
    "consistency proof too": {396: {-1: [encode([SIZE, INDEX, list(PATH)])], -2: [b""]}},
    "no inclusion proof": {396: {-1: []}},
    "two inclusion proofs": {396: {-1: [encode([SIZE, INDEX, list(PATH)])] * 2}},
    "proof not in bytes": {396: {-1: [[SIZE, INDEX, list(PATH)]]}},
    "proof not in an array": {396: {-1: encode([SIZE, INDEX, list(PATH)])}},
    "two members": proof([SIZE, INDEX]),
    "four members": proof([SIZE, INDEX, [], None]),
    "a map": proof({1: SIZE}),
    "index past the end": proof([SIZE, SIZE, list(PATH)]),
    "negative index": proof([SIZE, -1, list(PATH)]),
    "size zero": proof([0, 0, []]),
    "size past the bound": proof([1 << 63, INDEX, list(PATH)]),
    "size as text": proof(["7", INDEX, list(PATH)]),
    "index null": proof([SIZE, None, list(PATH)]),
    "path null": proof([SIZE, INDEX, None]),
    "short hash": proof([SIZE, INDEX, [HASH[:31]]]),
    "long hash": proof([SIZE, INDEX, [HASH + b"\0"]]),
    "hash as text": proof([SIZE, INDEX, ["a" * 32]]),
    "path too long": proof([SIZE, INDEX, [HASH] * 64]),
    "more than 8 KiB": proof([SIZE, INDEX, [HASH] * 300]),
}

REFUSED_MESSAGES: dict[str, bytes] = {
    "nothing": b"",
    "null": encode(None),
    "untagged": encode([b"", {}, None, bytes(64)]),
    "COSE_Sign": forge(tag=98),
    "tagged twice": encode(Tagged(18, Tagged(18, [b"", {}, None, bytes(64)]))),
    "tagged map": encode(Tagged(18, {})),
    "three parts": encode(Tagged(18, [encode(HEADER), PROOFS, None])),
    "five parts": encode(Tagged(18, [encode(HEADER), PROOFS, None, bytes(64), None])),
    "root attached": forge(payload=TREE.root),
    "empty root attached": forge(payload=b""),
    "header not in bytes": encode(Tagged(18, [HEADER, PROOFS, None, bytes(64)])),
    "short signature": encode(Tagged(18, [encode(HEADER), PROOFS, None, bytes(63)])),
    "no signature": encode(Tagged(18, [encode(HEADER), PROOFS, None, None])),
    "too large": b"\0" * (cose_receipt.MAX_RECEIPT_BYTES + 1),
}


@pytest.mark.requirement("RFC 9052 §3.1", "unknown and critical headers are refused")
@pytest.mark.parametrize("header", REFUSED_HEADERS.values(), ids=REFUSED_HEADERS.keys())
def test_other_protected_headers_are_refused(header: Value) -> None:
    with pytest.raises(CoseReceiptFormatError):
        parse_receipt(forge(header))


@pytest.mark.requirement("RFC 9942 §5.2", "what is not one proof of inclusion is refused")
@pytest.mark.parametrize("unprotected", REFUSED_PROOFS.values(), ids=REFUSED_PROOFS.keys())
def test_other_proofs_are_refused(unprotected: Value) -> None:
    with pytest.raises(CoseReceiptFormatError):
        parse_receipt(forge(unprotected=unprotected))


@pytest.mark.requirement("RFC 9942 §5.2.1", "a receipt is a tagged COSE_Sign1 without its payload")
@pytest.mark.parametrize("data", REFUSED_MESSAGES.values(), ids=REFUSED_MESSAGES.keys())
def test_other_messages_are_refused(data: bytes) -> None:
    with pytest.raises(CoseReceiptFormatError):
        parse_receipt(data)


def test_the_largest_receipt_is_read() -> None:
    name = "o" * 512
    signer = SeedSigner(name, b"\x01" * 32)
    size = (1 << 63) - 1
    signed = sign_root(Checkpoint(name, size, HASH), signer, issued_at=(1 << 63) - 1)
    data = encode_receipt(signed, size=size, index=size - 2, path=[HASH] * 63)
    assert len(data) < cose_receipt.MAX_RECEIPT_BYTES
    assert parse_receipt(data).index == size - 2


# Making


def test_a_log_signs_under_its_own_origin_only() -> None:
    with pytest.raises(CheckpointOriginError):
        sign_root(Checkpoint("other.example/log", SIZE, TREE.root), LOG, issued_at=TIME)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"size": SIZE + 1}, CoseReceiptSizeError),
        ({"size": SIZE - 1}, CoseReceiptSizeError),
        ({"index": SIZE}, CoseReceiptFormatError),
        ({"index": -1}, CoseReceiptFormatError),
        ({"index": True}, CoseReceiptFormatError),
        ({"path": [HASH] * 64}, CoseReceiptFormatError),
        ({"path": [b"short"]}, CoseReceiptFormatError),
    ],
)
def test_a_receipt_that_could_not_be_read_is_not_made(fields: dict[str, Any], error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        encode_receipt(SIGNED_ROOT, **{"size": SIZE, "index": INDEX, "path": PATH, **fields})


@pytest.mark.parametrize("stored", [b"", b"\0", BYTES, SIGNED_ROOT[:-1], SIGNED_ROOT + b"\0"])
def test_only_a_signed_root_can_be_completed(stored: bytes) -> None:
    with pytest.raises(CoseReceiptFormatError):
        encode_receipt(stored, size=SIZE, index=INDEX, path=PATH)


def test_a_stored_signature_is_checked_against_its_checkpoint() -> None:
    verify_signed_root(SIGNED_ROOT, checkpoint=HEAD, keys=KEYS)
    wrong = {
        CoseReceiptFormatError: [
            (BYTES, HEAD),
            (SIGNED_ROOT, Checkpoint("other.example/log", SIZE, TREE.root)),
            (forge(about("urn:example:statement"), {}), HEAD),
        ],
        CoseReceiptSizeError: [(SIGNED_ROOT, Checkpoint(ORIGIN, 8, TREE.root))],
        CoseReceiptSignatureError: [(SIGNED_ROOT, Checkpoint(ORIGIN, SIZE, MemoryTree(6).root))],
    }
    for error, cases in wrong.items():
        for data, checkpoint in cases:
            with pytest.raises(error):
                verify_signed_root(data, checkpoint=checkpoint, keys=KEYS)
    with pytest.raises(CoseReceiptKeyError):
        verify_signed_root(SIGNED_ROOT, checkpoint=HEAD, keys=[])
