"""Other people's Merkle code agrees with ours: pymerkle (makes and verifies) and sigstore (verifies)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pymerkle
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sigstore._internal import trust
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint, verify_checkpoint
from sigstore._utils import KeyID
from sigstore.errors import VerificationError
from sigstore_models.common import v1 as common

from protocol import merkle
from protocol.checkpoint import Checkpoint, SeedSigner, sign, verifier_key
from protocol.cosignature import Ed25519Cosigner, MldsaCosigner, add_lines, cosign
from protocol.proof import leaf_data
from tests.protocol.trees import MemoryTree

LARGE = [1024, 4095, 65_537]
LOG = SeedSigner("log.example/macau", b"\x05" * 32)


def entries(count: int) -> list[bytes]:
    return [leaf_data("credential", merkle.leaf_hash(str(number).encode())) for number in range(count)]


def our_tree(count: int) -> MemoryTree:
    tree = MemoryTree()
    tree.append([merkle.leaf_hash(entry) for entry in entries(count)])
    return tree


def their_tree(count: int) -> Any:
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in entries(count):
        tree.append_entry(entry)
    return tree


def test_pymerkle_has_the_same_root_at_every_size() -> None:
    ours, theirs = our_tree(300), their_tree(300)
    assert [merkle.root(ours.read, size) for size in range(1, 301)] == [theirs.get_root(size) for size in range(1, 301)]


def test_pymerkle_makes_the_same_inclusion_proofs_and_accepts_ours() -> None:
    ours, theirs = our_tree(300), their_tree(300)
    for size in range(1, 301):
        root = merkle.root(ours.read, size)
        for index in {0, size // 3, size // 2, size - 1}:
            proof, leaf = merkle.inclusion_proof(ours.read, index, size), theirs.get_leaf(index + 1)
            made = theirs.prove_inclusion(index + 1, size)
            assert made.path == [leaf, *proof]
            made.path = [leaf, *proof]
            pymerkle.verify_inclusion(leaf, root, made, index=index + 1, size=size)
            merkle.verify_inclusion(leaf, index, size, made.path[1:], made.compute_root())


def test_pymerkle_agrees_on_which_trees_are_consistent() -> None:
    ours, theirs = our_tree(300), their_tree(300)
    for new in range(1, 301, 7):
        for old in range(1, new + 1, 5):
            states = theirs.get_root(old), theirs.get_root(new)
            merkle.verify_consistency(old, new, merkle.consistency_proof(ours.read, old, new), *states)
            roots = merkle.root(ours.read, old), merkle.root(ours.read, new)
            pymerkle.verify_consistency(*roots, theirs.prove_consistency(old, new))


@pytest.mark.parametrize("size", LARGE)
def test_pymerkle_agrees_on_large_trees(size: int) -> None:
    ours, theirs = our_tree(size), their_tree(size)
    assert ours.root == theirs.get_root(size)
    for index in (0, size // 2, size - 1):
        proof = merkle.inclusion_proof(ours.read, index, size)
        assert theirs.prove_inclusion(index + 1, size).path[1:] == proof


def sigstore_entry(tree: MemoryTree, index: int, body: bytes, note: str) -> Any:
    proof = SimpleNamespace(
        log_index=index,
        tree_size=tree.size,
        hashes=merkle.inclusion_proof(tree.read, index, tree.size),
        root_hash=tree.root,
        checkpoint=SimpleNamespace(envelope=note),
    )
    log_id = SimpleNamespace(key_id=verifier_key(LOG).key_id + bytes(28))
    return SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=body, log_id=log_id))


def keyring(public_key: bytes) -> Any:
    der = Ed25519PublicKey.from_public_bytes(public_key).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ring = trust.Keyring([])
    ring._keyring[KeyID(b"log")] = trust.Key(
        SimpleNamespace(raw_bytes=der, key_details=common.PublicKeyDetails.PKIX_ED25519)  # type: ignore[arg-type]  # read by name
    )
    return trust.RekorKeyring(ring)


@pytest.mark.parametrize("size", [*range(1, 40), 100, 255, 256, 257, 300, *LARGE])
def test_sigstore_accepts_our_leaves_paths_and_checkpoints(size: int) -> None:
    tree, bodies = our_tree(size), entries(size)
    note = sign(Checkpoint(LOG.name, size, tree.root), LOG)
    for index in {0, size // 3, size - 1}:
        entry = sigstore_entry(tree, index, bodies[index], note)
        verify_merkle_inclusion(entry)
        verify_checkpoint(keyring(LOG.public_key), entry)


def test_sigstore_reads_the_same_checkpoint() -> None:
    tree = our_tree(9)
    note = sign(Checkpoint(LOG.name, 9, tree.root), LOG)
    for published in (note, cosigned(note)):
        read = SignedCheckpoint.from_text(published).checkpoint
        assert (read.origin, read.log_size, read.log_hash) == (LOG.name, 9, tree.root.hex())


def cosigned(note: str) -> str:
    """The note as we publish it: with the log's ML-DSA-44 line, and lines of witnesses of both kinds."""
    cosigners = (
        MldsaCosigner(LOG.name, b"\x06" * 32),
        Ed25519Cosigner("witness.example/gd", b"\x07" * 32),
        MldsaCosigner("witness.example/gd", b"\x08" * 32),
    )
    return add_lines(note, [cosign(note, cosigner, 1_700_000_000) for cosigner in cosigners])


def test_sigstore_verifies_a_note_with_every_kind_of_line() -> None:
    tree = our_tree(9)
    note = cosigned(sign(Checkpoint(LOG.name, 9, tree.root), LOG))
    entry = sigstore_entry(tree, 3, entries(9)[3], note)
    verify_checkpoint(keyring(LOG.public_key), entry)
    assert [line.name for line in SignedCheckpoint.from_text(note).signed_note.signatures] == [
        LOG.name,
        LOG.name,
        "witness.example/gd",
        "witness.example/gd",
    ]


def test_sigstore_refuses_what_another_key_signed() -> None:
    tree = our_tree(9)
    entry = sigstore_entry(tree, 3, entries(9)[3], sign(Checkpoint(LOG.name, 9, tree.root), LOG))
    with pytest.raises(VerificationError):
        verify_checkpoint(keyring(SeedSigner(LOG.name, b"\x06" * 32).public_key), entry)
