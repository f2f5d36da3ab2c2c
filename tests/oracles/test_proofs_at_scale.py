"""Every tree size from 1 to 1,100, those around 65,536, and a million leaves: pymerkle, sigstore and scitt-cose agree.

One tree of a million leaves answers for every smaller size too, ours and pymerkle's alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cbor2
import pymerkle
import pytest
from sigstore.errors import VerificationError

from protocol import cose_receipt, merkle
from protocol.cbor import Tagged, Value, encode
from protocol.checkpoint import Checkpoint, SeedSigner, sign, verifier_key
from protocol.cose_receipt import encode_receipt, sign_root
from protocol.errors import CoseReceiptSizeError
from protocol.proof import Receipt, parse_receipt, verify_receipt
from tests.oracles.log_oracles import ask_scitt, ask_sigstore, made_by_scitt
from tests.protocol.trees import MemoryTree, leaves

pytestmark = pytest.mark.xdist_group("million leaves")

MILLION = 1_000_000
SMALL = range(1, 1101)
LARGE = [65_535, 65_536, 65_537, 100_003, MILLION - 1, MILLION]

SEED = b"\x05" * 32
LOG = SeedSigner("log.example/macau", SEED)
KEYS = [verifier_key(LOG)]
TIME = 1_790_000_000


def entry(index: int) -> bytes:
    """What the leaves of tests.protocol.trees are the hashes of."""
    return str(index).encode()


@pytest.fixture(scope="module")
def ours() -> MemoryTree:
    return MemoryTree(MILLION)


@pytest.fixture(scope="module")
def theirs() -> Any:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for index in range(MILLION):
        tree.append_entry(entry(index))
    return tree


def sampled(size: int) -> list[int]:
    """The ends, the middle, both sides of the last complete subtree, and a place that wanders with the size."""
    border = 1 << (size.bit_length() - 1)
    places = {0, size // 2, border - 1, border, size - 1, size * 7919 % size, (size * 31 + 17) % size}
    return sorted(place for place in places if place < size)


def test_pymerkle_has_every_root(ours: MemoryTree, theirs: Any) -> None:
    sizes = [*SMALL, *LARGE]
    assert [merkle.root(ours.read, size) for size in sizes] == [theirs.get_root(size) for size in sizes]


def test_pymerkle_makes_every_inclusion_proof_and_accepts_ours(ours: MemoryTree, theirs: Any) -> None:
    for size in [*SMALL, *LARGE]:
        root = merkle.root(ours.read, size)
        for index in sampled(size):
            path, made = merkle.inclusion_proof(ours.read, index, size), theirs.prove_inclusion(index + 1, size)
            assert made.path == [theirs.get_leaf(index + 1), *path]
            made.path = [merkle.leaf_hash(entry(index)), *path]
            pymerkle.verify_inclusion(made.path[0], root, made, index=index + 1, size=size)


def test_pymerkle_and_we_accept_each_others_consistency_proofs(ours: MemoryTree, theirs: Any) -> None:
    pairs = [(old, new) for new in SMALL for old in sampled(new) if old]
    pairs += [(old, new) for new in LARGE for old in [1, 2, 255, 256, 1100, *LARGE, new - 1] if old < new]
    for old, new in pairs:
        states = merkle.root(ours.read, old), merkle.root(ours.read, new)
        proof = merkle.consistency_proof(ours.read, old, new)
        merkle.verify_consistency(old, new, proof, theirs.get_root(old), theirs.get_root(new))
        pymerkle.verify_consistency(*states, theirs.prove_consistency(old, new))


def receipts(tree: MemoryTree, size: int) -> list[tuple[int, list[bytes], bytes]]:
    root = merkle.root(tree.read, size)
    signed = sign_root(Checkpoint(LOG.name, size, root), LOG, issued_at=TIME)
    paths = [(index, merkle.inclusion_proof(tree.read, index, size)) for index in sampled(size)[::3]]
    return [(index, path, encode_receipt(signed, size=size, index=index, path=path)) for index, path in paths]


def test_scitt_cose_accepts_every_cose_receipt(ours: MemoryTree) -> None:
    for size in [*SMALL, *LARGE]:
        root = merkle.root(ours.read, size).hex()
        for index, _, receipt in receipts(ours, size):
            result = ask_scitt(receipt, leaf=entry(index), public_key=LOG.public_key)
            assert (result.ok, result.errors) == (True, [])
            assert (result.root, result.tree_size, result.leaf_index) == (root, size, index)
            assert (result.issuer, result.subject, result.iat) == (LOG.name, f"{LOG.name}#{size}", TIME)
            assert result.protected_header_ext == {4: KEYS[0].key_id}


def test_scitt_cose_makes_the_same_receipts_byte_for_byte(ours: MemoryTree) -> None:
    for size in [*SMALL, *LARGE]:
        for index, path, receipt in receipts(ours, size):
            assert receipt == by_scitt(ours, size, index, path, subject=f"{LOG.name}#{size}")


def by_scitt(tree: MemoryTree, size: int, index: int, path: Sequence[bytes], *, subject: str) -> bytes:
    return made_by_scitt(
        root=merkle.root(tree.read, size),
        proof=cbor2.dumps([size, index, list(path)]),
        seed=SEED,
        kid=KEYS[0].key_id,
        claims={1: LOG.name, 2: subject, 6: TIME},
    )


def test_we_accept_receipts_of_scitt_cose_and_say_that_their_size_is_unproven(ours: MemoryTree) -> None:
    for size in [1, 2, 300, 1100, *LARGE]:
        for index, path, _ in receipts(ours, size):
            receipt = cose_receipt.parse_receipt(by_scitt(ours, size, index, path, subject="urn:example:statement"))
            proven = cose_receipt.verify_receipt(receipt, leaf_hash=leaves(1, index)[0], keys=KEYS)
            assert (proven.size, proven.index, proven.is_size_signed) == (size, index, False)


def replay(receipt: bytes, proof: Value) -> bytes:
    """Put another proof beside the signature, which nothing binds to it in RFC 9942."""
    signed = cose_receipt.parse_receipt(receipt).signed_root
    return encode(Tagged(18, [signed.protected, {396: {-1: [encode(proof)]}}, None, signed.signature]))


@pytest.mark.requirement("RFC 9162 §2.1.3.2", "a size that other verifiers believe is refused: sub signs it")
def test_the_size_that_scitt_cose_believes_is_refused_here(ours: MemoryTree) -> None:
    believed = 0
    for size in range(2, 1101, 7):
        for index, path, receipt in receipts(ours, size):
            replayed = replay(receipt, [size + 1, index, list(path)])
            if ask_scitt(replayed, leaf=entry(index), public_key=LOG.public_key).ok:
                believed += 1
                parsed = cose_receipt.parse_receipt(replayed)
                with pytest.raises(CoseReceiptSizeError):
                    cose_receipt.verify_receipt(parsed, leaf_hash=leaves(1, index)[0], keys=KEYS)
    assert believed > 100


def test_sigstore_accepts_every_path(ours: MemoryTree) -> None:
    for size in [*SMALL, *LARGE]:
        root = merkle.root(ours.read, size)
        for index in sampled(size):
            path = merkle.inclusion_proof(ours.read, index, size)
            ask_sigstore(leaf=entry(index), index=index, size=size, path=path, root=root)
            with pytest.raises(VerificationError):
                ask_sigstore(leaf=entry(index + 1), index=index, size=size, path=path, root=root)


@pytest.mark.parametrize("size", LARGE)
def test_both_proofs_of_large_trees_verify_here_and_are_small(ours: MemoryTree, size: int) -> None:
    note = sign(Checkpoint(LOG.name, size, merkle.root(ours.read, size)), LOG)
    for index, path, cose in receipts(ours, size):
        leaf = leaves(1, index)[0]
        text = Receipt(index, tuple(path), note).encode()
        head = verify_receipt(parse_receipt(text), leaf_hash=leaf, keys=KEYS)
        proven = cose_receipt.verify_receipt(
            cose_receipt.parse_receipt(cose), leaf_hash=leaf, keys=KEYS, checkpoint=head
        )
        assert (proven.size, proven.root, proven.index) == (head.size, head.root, index)
        assert len(cose) < len(text) < 1300
        assert len(cose) < 950
