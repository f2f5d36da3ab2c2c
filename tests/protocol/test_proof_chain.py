"""Chains of proofs across logs: what they prove, and every way to bend them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.checkpoint import Checkpoint, SeedSigner, parse, sign, verifier_key
from protocol.errors import (
    CheckpointOriginError,
    InclusionProofError,
    NoteSignatureError,
    NoteUnsignedError,
    ProofChainFormatError,
    ProtocolError,
    ReceiptFormatError,
)
from protocol.merkle import inclusion_proof, leaf_hash
from protocol.proof import Receipt, leaf_data
from protocol.proof_chain import CHECKPOINT_KIND, MAX_LINKS, ProofChain, head_digest, parse_chain, verify_chain
from tests.protocol.trees import MemoryTree, leaves

A = SeedSigner("a.example/log", b"\x0a" * 32)
B = SeedSigner("b.example/log", b"\x0b" * 32)
C = SeedSigner("c.example/log", b"\x0c" * 32)
RECORD = leaves(3)[2]


def receipt(tree: MemoryTree, index: int, signer: SeedSigner, *extensions: str) -> Receipt:
    checkpoint = Checkpoint(signer.name, tree.size, tree.root, extensions)
    return Receipt(index, tuple(inclusion_proof(tree.read, index, tree.size)), sign(checkpoint, signer))


def entry_of(proof: Receipt) -> bytes:
    """The leaf hash by which another log holds the checkpoint of *proof*."""
    return leaf_hash(leaf_data(CHECKPOINT_KIND, head_digest(parse(proof.checkpoint).checkpoint)))


def chain_over(*signers: SeedSigner) -> ProofChain:
    """A record at leaf 2 of the first log's seven, each next log holding the one before it among other leaves."""
    proofs = [receipt(MemoryTree(7), 2, signers[0])]
    for number, signer in enumerate(signers[1:], 4):
        tree = MemoryTree(number)
        tree.append([entry_of(proofs[-1])])
        tree.append(leaves(3, start=100))
        proofs.append(receipt(tree, number, signer))
    return ProofChain(tuple(proofs))


CHAIN = chain_over(A, B)
DATA = CHAIN.encode()
TRUST_B = [verifier_key(B)]


def test_the_key_of_the_last_log_alone_proves_the_record() -> None:
    first, last = verify_chain(parse_chain(DATA), leaf_hash=RECORD, keys=TRUST_B)
    assert (first.origin, first.size, last.origin, last.size) == (A.name, 7, B.name, 8)


def test_a_chain_goes_over_several_logs() -> None:
    chain = chain_over(A, B, C)
    passed = verify_chain(parse_chain(chain.encode()), leaf_hash=RECORD, keys=[verifier_key(C)])
    assert [checkpoint.origin for checkpoint in passed] == [A.name, B.name, C.name]
    with pytest.raises(NoteUnsignedError):
        verify_chain(chain, leaf_hash=RECORD, keys=[verifier_key(A), verifier_key(B)])


def test_another_record_is_not_proven() -> None:
    with pytest.raises(InclusionProofError):
        verify_chain(CHAIN, leaf_hash=leaves(4)[3], keys=TRUST_B)


def test_the_origin_asked_for_is_that_of_the_last_log() -> None:
    assert verify_chain(CHAIN, leaf_hash=RECORD, keys=TRUST_B, origin=B.name)
    with pytest.raises(CheckpointOriginError):
        verify_chain(CHAIN, leaf_hash=RECORD, keys=TRUST_B, origin=A.name)


@pytest.mark.parametrize("size", [6, 8])
@pytest.mark.requirement("RFC 6962 §2.1.1", "a size is never taken from whoever makes the proof, across logs either")
def test_a_checkpoint_of_another_size_was_not_entered(size: int) -> None:
    inner = CHAIN.proofs[0]
    # The path may well verify under this size; the leaf in the other log does not.
    other = sign(replace(parse(inner.checkpoint).checkpoint, size=size), A)
    with pytest.raises(InclusionProofError):
        verify_chain(ProofChain((replace(inner, checkpoint=other), CHAIN.proofs[1])), leaf_hash=RECORD, keys=TRUST_B)


@pytest.mark.parametrize("origin", [C.name, B.name])
def test_the_same_tree_of_another_log_was_not_entered(origin: str) -> None:
    inner = CHAIN.proofs[0]
    other = sign(replace(parse(inner.checkpoint).checkpoint, origin=origin), SeedSigner(origin, bytes(32)))
    with pytest.raises(InclusionProofError):
        verify_chain(ProofChain((replace(inner, checkpoint=other), CHAIN.proofs[1])), leaf_hash=RECORD, keys=TRUST_B)


def test_a_record_is_not_a_checkpoint() -> None:
    """A leaf of another kind with the very digest of a checkpoint leads nowhere."""
    inner = CHAIN.proofs[0]
    digest = head_digest(parse(inner.checkpoint).checkpoint)
    tree = MemoryTree(4)
    tree.append([leaf_hash(leaf_data("credential", digest))])
    with pytest.raises(InclusionProofError):
        verify_chain(ProofChain((inner, receipt(tree, 4, B))), leaf_hash=RECORD, keys=TRUST_B)


def test_a_forged_signature_of_the_last_log_is_refused() -> None:
    forger = SeedSigner(B.name, b"\xff" * 32)
    with pytest.raises(NoteUnsignedError):
        verify_chain(chain_over(A, forger), leaf_hash=RECORD, keys=TRUST_B)
    last = CHAIN.proofs[1]
    line = last.checkpoint.rindex("\N{EM DASH}")
    body, start = last.checkpoint[:line], last.checkpoint[line:]
    other = sign(Checkpoint(B.name, 1, RECORD), B).rpartition("\n\n")[2]
    assert start != other
    with pytest.raises(NoteSignatureError):
        verify_chain(
            ProofChain((CHAIN.proofs[0], replace(last, checkpoint=body + other))), leaf_hash=RECORD, keys=TRUST_B
        )


def test_extension_lines_and_signatures_of_inner_checkpoints_do_not_matter() -> None:
    """Copies of one checkpoint differ in them; what was entered is origin, size and root."""
    inner = receipt(MemoryTree(7), 2, A, "an extension line")
    assert entry_of(inner) == entry_of(CHAIN.proofs[0])
    first, _ = verify_chain(ProofChain((inner, CHAIN.proofs[1])), leaf_hash=RECORD, keys=TRUST_B)
    assert first.extensions == ()


def test_encoding_reads_back_and_is_stable() -> None:
    assert parse_chain(DATA) == CHAIN
    assert parse_chain(DATA.decode()).encode() == DATA


@pytest.mark.parametrize("links", [0, 1, MAX_LINKS + 1])
def test_a_chain_is_bounded(links: int) -> None:
    with pytest.raises(ProofChainFormatError):
        ProofChain(CHAIN.proofs[:1] * links)
    text = json.dumps({"format": "chancela/proof-chain@v1", "proofs": [CHAIN.proofs[0].encode()] * links})
    with pytest.raises(ProofChainFormatError):
        parse_chain(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"format": "chancela/proof-chain@v1"}',
        b'{"format": "chancela/proof-chain@v1", "proofs": {}}',
        b'{"format": "chancela/proof-chain@v1", "proofs": [1, 2]}',
        b'{"format": "chancela/proof-chain@v2", "proofs": ["", ""]}',
        b'{"format": "chancela/proof-chain@v1", "proofs": ["", ""], "more": 1}',
        b'{"format": "chancela/proof-chain@v1", "proofs": [], "proofs": []}',
        b"[" * 5000,
        b" " * (1 << 21),
    ],
)
def test_what_is_no_chain_is_refused_by_name(text: bytes) -> None:
    with pytest.raises(ProofChainFormatError):
        parse_chain(text)


def test_a_proof_inside_must_be_one() -> None:
    fields = json.loads(DATA)
    fields["proofs"][0] = "c2sp.org/tlog-proof@v2\n"
    with pytest.raises(ReceiptFormatError):
        parse_chain(json.dumps(fields))


def proves_the_same(data: bytes) -> bool:
    try:
        passed = verify_chain(parse_chain(data), leaf_hash=RECORD, keys=TRUST_B)
    except ProtocolError:
        return False
    assert passed == verify_chain(CHAIN, leaf_hash=RECORD, keys=TRUST_B)
    return True


def test_no_flipped_or_missing_byte_proves_anything_else() -> None:
    refused = 0
    for at in range(len(DATA)):
        for mutant in (DATA[:at] + bytes([DATA[at] ^ 1]) + DATA[at + 1 :], DATA[:at] + DATA[at + 1 :], DATA[:at]):
            refused += not proves_the_same(mutant)
    # What survives is the signature of the inner log, which nothing depends on.
    assert refused > 2 * len(DATA)


@settings(deadline=None)
@given(data=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_hostile_bytes_are_refused_by_name(data: bytes) -> None:
    assert not proves_the_same(data)
