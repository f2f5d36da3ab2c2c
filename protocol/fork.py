"""Two checkpoints of one log that cannot both be true: what convicts a log, kept with the notes that say it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

from protocol.checkpoint import Checkpoint, verify
from protocol.errors import ConsistencyProofError
from protocol.merkle import verify_consistency
from protocol.note import VerifierKey


@dataclass(frozen=True, slots=True)
class Fork:
    """Two signed checkpoints of one log that cannot both be true, smaller first, and the *notes* that say them.

    With *is_self_evident* the notes alone convict the log: two roots for one size. Otherwise a consistency proof
    failed, which convicts it only if the log itself gave that proof.
    """

    checkpoints: tuple[Checkpoint, Checkpoint]
    notes: tuple[str, str]
    is_self_evident: bool


def detect_fork(
    notes: Iterable[str],
    keys: Iterable[VerifierKey],
    *,
    proofs: Mapping[tuple[str, int, int], Sequence[bytes]] = MappingProxyType({}),
) -> Fork | None:
    """Return the first two of *notes* that contradict each other, or None; self-evident forks come first.

    Every note must verify under *keys* as its log's own (raises as checkpoint.verify). *proofs* are the consistency
    proofs that a log gave, by its origin and the two sizes: one that fails is a fork as well.
    """
    trusted = tuple(keys)
    heads = sorted(((verify(note, trusted), note) for note in notes), key=lambda head: head[0].size)
    pairs = [(older, newer) for older, newer in combinations(heads, 2) if older[0].origin == newer[0].origin]
    for older, newer in pairs:
        if older[0].size == newer[0].size and older[0].root != newer[0].root:
            return Fork((older[0], newer[0]), (older[1], newer[1]), is_self_evident=True)
    for older, newer in pairs:
        proof = proofs.get((older[0].origin, older[0].size, newer[0].size))
        if proof is not None and not _is_consistent(older[0], newer[0], proof):
            return Fork((older[0], newer[0]), (older[1], newer[1]), is_self_evident=False)
    return None


def _is_consistent(older: Checkpoint, newer: Checkpoint, proof: Sequence[bytes]) -> bool:
    try:
        verify_consistency(older.size, newer.size, proof, older.root, newer.root)
    except ConsistencyProofError:
        return False
    return True
