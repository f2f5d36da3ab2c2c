"""Two signed checkpoints that contradict each other convict their log."""

from __future__ import annotations

import pytest

from protocol import merkle
from protocol.checkpoint import Checkpoint, SeedSigner, sign, verifier_key
from protocol.errors import CheckpointOriginError, NoteSignatureError, NoteUnsignedError
from protocol.fork import detect_fork
from tests.protocol.trees import MemoryTree, leaves

ORIGIN = "log.example/macau"
LOG = SeedSigner(ORIGIN, b"\x01" * 32)
OTHER = SeedSigner("other.example/log", b"\x02" * 32)
KEYS = [verifier_key(LOG), verifier_key(OTHER)]
TREE = MemoryTree(20)
FORKED = MemoryTree()
FORKED.append([*leaves(4), merkle.leaf_hash(b"another"), *leaves(15, start=5)])


def note(size: int, tree: MemoryTree = TREE, signer: SeedSigner = LOG) -> str:
    return sign(Checkpoint(signer.name, size, merkle.root(tree.read, size)), signer)


def given_proof(old: int, new: int, tree: MemoryTree = TREE) -> dict[tuple[str, int, int], list[bytes]]:
    return {(ORIGIN, old, new): merkle.consistency_proof(tree.read, old, new)}


def test_two_roots_for_one_size_are_a_fork_with_both_notes() -> None:
    fork = detect_fork([note(3), note(9, FORKED), note(20), note(9)], KEYS)
    assert fork is not None
    assert fork.is_self_evident
    assert fork.notes == (note(9, FORKED), note(9))
    assert [head.root for head in fork.checkpoints] == [merkle.root(FORKED.read, 9), merkle.root(TREE.read, 9)]


def test_one_tree_at_many_sizes_is_no_fork() -> None:
    notes = [note(size) for size in (0, 1, 9, 9, 20)]
    assert detect_fork(notes, KEYS) is None
    assert detect_fork(notes, KEYS, proofs=given_proof(1, 9) | given_proof(9, 20)) is None
    assert detect_fork([], KEYS) is None


def test_different_sizes_contradict_by_a_proof_that_fails_only() -> None:
    notes = [note(20, FORKED), note(9)]
    assert detect_fork(notes, KEYS) is None
    for tree in (TREE, FORKED):
        fork = detect_fork(notes, KEYS, proofs=given_proof(9, 20, tree))
        assert fork is not None
        assert not fork.is_self_evident
        assert [head.size for head in fork.checkpoints] == [9, 20]
        assert fork.notes == (note(9), note(20, FORKED))


def test_a_self_evident_fork_is_named_before_one_that_rests_on_a_proof() -> None:
    notes = [note(1), note(9), note(20), note(20, FORKED)]
    fork = detect_fork(notes, KEYS, proofs={(ORIGIN, 1, 9): [bytes(32)]})
    assert fork is not None
    assert fork.is_self_evident
    assert fork.checkpoints[0].size == 20


def test_logs_are_judged_apart() -> None:
    notes = [note(9), note(9, FORKED, OTHER), note(20, signer=OTHER)]
    assert detect_fork(notes, KEYS) is None
    assert detect_fork(notes, KEYS, proofs={(ORIGIN, 9, 20): [bytes(32)]}) is None


def test_a_proof_for_equal_sizes_has_to_be_empty() -> None:
    assert detect_fork([note(9), note(9)], KEYS, proofs={(ORIGIN, 9, 9): []}) is None


def test_nobody_is_convicted_by_what_they_did_not_sign() -> None:
    forged = note(9, FORKED).partition("\n\n")[0] + "\n\n" + note(9).partition("\n\n")[2]
    with pytest.raises(NoteSignatureError):
        detect_fork([note(9), forged], KEYS)
    with pytest.raises(NoteUnsignedError):
        detect_fork([note(9), note(9, FORKED, SeedSigner(ORIGIN, b"\x03" * 32))], KEYS)
    with pytest.raises(NoteUnsignedError):
        detect_fork([note(9)], [])


def test_a_key_of_one_log_convicts_no_other() -> None:
    text = Checkpoint(ORIGIN, 9, merkle.root(FORKED.read, 9)).body()
    line = note(9, signer=OTHER).partition("\n\n")[2].split(" ")
    with pytest.raises((NoteSignatureError, CheckpointOriginError)):
        detect_fork([note(9), f"{text}\n{' '.join(line)}"], KEYS)
