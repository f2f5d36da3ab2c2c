"""The contract of anchoring.ledger.Ledger, run over every backend and over the simulators that stand in for others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest
from django.utils.module_loading import import_string
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from anchoring.backends.embedded import EmbeddedLedger
from anchoring.backends.evm import EvmLedger
from anchoring.backends.memory import MemoryLedger
from anchoring.errors import AmbiguousLedgerError, LedgerConflictError, LedgerError, RejectedByLedgerError
from anchoring.ledger import (
    Extension,
    Intent,
    Ledger,
    Presence,
    Progress,
    PublishedCheckpoint,
    Trust,
)
from anchoring.log_key import log_key, log_signer
from anchoring.registry import ledgers
from protocol.checkpoint import Checkpoint, SeedSigner, VerifierKey, sign, verifier_key
from protocol.merkle import consistency_proof
from tests.anchoring import ledgers_at_work
from tests.anchoring.ledgers_at_work import Make
from tests.protocol.trees import MemoryTree, leaves
from tests.simulators.ledger import FaultyLedger, FileLedger

pytestmark = pytest.mark.django_db

STRANGER = SeedSigner(log_key().name, b"\x09" * 32)
TRUST = Trust((log_key(),))
AT_WORK_NAMES = ["timestamp.TimestampLedger", "rekor.RekorLedger", "witness.WitnessLedger", "evm.EvmLedger"]


@contextmanager
def _plain(kind: Callable[[], Ledger], _: Path) -> Iterator[Make]:
    yield kind


PLAIN = [partial(_plain, kind) for kind in (EmbeddedLedger, MemoryLedger, FaultyLedger, FileLedger)]
AT_WORK = [ledgers_at_work.timestamp, ledgers_at_work.remote_log, ledgers_at_work.witness, ledgers_at_work.contract]


@pytest.fixture(
    params=[*PLAIN, *AT_WORK], ids=["embedded", "memory", "faulty", "file", "timestamp", "rekor", "witness", "evm"]
)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes the same ledger each time, while what it talks to is running."""
    running: Callable[[Path], AbstractContextManager[Make]] = request.param
    with running(tmp_path) as make:
        yield make


@pytest.fixture
def ledger(make: Make) -> Ledger:
    return make()


def trust(ledger: Ledger, *keys: VerifierKey) -> Trust:
    return Trust(keys or (log_key(),), ledger.identity().pins)


def published(size: int, tree: MemoryTree | None = None) -> PublishedCheckpoint:
    checkpoint = Checkpoint(log_key().name, size, (tree or MemoryTree(size)).root)
    return PublishedCheckpoint(checkpoint, sign(checkpoint, log_signer()))


def forked(size: int) -> PublishedCheckpoint:
    tree = MemoryTree()
    tree.append(leaves(size, start=1000))
    return published(size, tree)


def extension(old: int, new: int) -> Extension:
    tree = MemoryTree(new)
    return Extension(old, MemoryTree(old).root, tuple(consistency_proof(tree.read, old, new)))


def anchor(ledger: Ledger, head: PublishedCheckpoint, previous: Extension | None = None) -> Intent:
    intent = ledger.prepare(head, previous)
    ledger.submit(intent)
    return intent


def test_identity_is_stable_and_says_what_it_is(ledger: Ledger, make: Make) -> None:
    assert ledger.identity() == ledger.identity() == make().identity()
    assert ledger.identity().finality
    assert ledger.health().is_healthy


def test_preparing_is_deterministic_and_sends_nothing(ledger: Ledger) -> None:
    head = published(5)
    assert ledger.prepare(head, None) == ledger.prepare(head, None)
    assert ledger.prepare(head, None).id != ledger.prepare(published(6), None).id
    assert ledger.find(head.checkpoint) is Presence.ABSENT
    assert ledger.latest(head.checkpoint.origin) is None


def test_what_is_submitted_is_found_followed_and_exported(ledger: Ledger) -> None:
    head = published(5)
    intent = ledger.prepare(head, None)
    assert ledger.poll(intent) is Progress.LOST
    ledger.submit(intent)
    assert ledger.find(head.checkpoint) is Presence.PRESENT
    assert ledger.poll(intent) is Progress.FINAL
    assert ledger.latest(head.checkpoint.origin) == head.checkpoint
    assert ledger.verify(ledger.export(head.checkpoint), head.checkpoint, trust(ledger)).is_valid
    assert ledger.verify(ledger.export(head.checkpoint), head.checkpoint, trust(ledger)).not_checked


def test_submitting_again_has_no_second_effect(ledger: Ledger) -> None:
    head = published(5)
    intent = anchor(ledger, head)
    evidence = ledger.export(head.checkpoint)
    for _ in range(3):
        ledger.submit(intent)
    assert ledger.poll(intent) is Progress.FINAL
    assert ledger.export(head.checkpoint) == evidence


def test_a_later_checkpoint_follows(ledger: Ledger) -> None:
    anchor(ledger, published(5))
    later = anchor(ledger, published(9), extension(5, 9))
    assert ledger.poll(later) is Progress.FINAL
    assert ledger.latest(log_key().name) == published(9).checkpoint
    assert ledger.find(published(5).checkpoint) is Presence.PRESENT


def test_another_root_at_the_same_size_is_seen_as_a_conflict(ledger: Ledger) -> None:
    anchor(ledger, published(5))
    assert ledger.find(forked(5).checkpoint) is Presence.CONFLICTING


def test_logs_do_not_mix(ledger: Ledger) -> None:
    anchor(ledger, published(5))
    foreign = Checkpoint("elsewhere.example/log", 5, MemoryTree(5).root)
    assert ledger.find(foreign) is Presence.ABSENT
    assert ledger.latest(foreign.origin) is None
    with pytest.raises(LedgerError):
        ledger.export(foreign)


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"{}", b'"note"', b"\xff", b'{"proof": []}'])
def test_bytes_that_are_no_intent_are_rejected(ledger: Ledger, payload: bytes) -> None:
    with pytest.raises(LedgerError):
        ledger.submit(Intent(bytes(32), payload))


def test_evidence_is_judged_by_the_logs_key_and_the_whole_checkpoint(ledger: Ledger) -> None:
    head = published(5)
    anchor(ledger, head)
    evidence = ledger.export(head.checkpoint)
    origin, root = head.checkpoint.origin, head.checkpoint.root
    assert ledger.verify(evidence, head.checkpoint, trust(ledger)).is_valid
    if isinstance(ledger, EvmLedger):
        # Its evidence carries no signature: it is judged by what is pinned, and a node has the last word.
        assert not ledger.verify(evidence, head.checkpoint, TRUST).is_valid
    else:
        assert not ledger.verify(evidence, head.checkpoint, trust(ledger, verifier_key(STRANGER))).is_valid
        assert not ledger.verify(evidence, head.checkpoint, Trust((), ledger.identity().pins)).is_valid
    for other in (Checkpoint(origin, 6, root), forked(5).checkpoint, Checkpoint("elsewhere.example/log", 5, root)):
        assert not ledger.verify(evidence, other, trust(ledger)).is_valid


@pytest.mark.parametrize("backend", ["embedded.EmbeddedLedger", "memory.MemoryLedger", *AT_WORK_NAMES])
@given(data=st.one_of(st.binary(max_size=300), st.text(max_size=100).map(str.encode)))
def test_hostile_evidence_is_invalid_and_nothing_else(backend: str, data: bytes) -> None:
    verdict = import_string(f"anchoring.backends.{backend}").verify(data, published(5).checkpoint, TRUST)
    assert not verdict.is_valid
    assert verdict.reason


def test_every_flipped_byte_of_evidence_is_noticed(ledger: Ledger) -> None:
    head = published(5)
    anchor(ledger, head)
    evidence = ledger.export(head.checkpoint)
    signed = evidence[: evidence.rindex(b" ")] if isinstance(ledger, EmbeddedLedger | FileLedger) else evidence[-40:-20]
    if isinstance(ledger, EvmLedger):
        # Block and transaction say where to look, and can be judged by a node only.
        signed = evidence[evidence.index(b'"origin"') : evidence.index(b',"transaction"')]
    start = evidence.index(signed)
    for at in range(start, start + len(signed)):
        mutant = bytearray(evidence)
        mutant[at] ^= 1
        assert not ledger.verify(bytes(mutant), head.checkpoint, trust(ledger)).is_valid


class TestEmbeddedLedger:
    """A witness: it accepts only what extends what it has seen."""

    def test_a_fork_is_a_conflict_at_the_same_size_and_rejected_at_another(self) -> None:
        ledger = EmbeddedLedger()
        anchor(ledger, published(5))
        with pytest.raises(LedgerConflictError):
            anchor(ledger, forked(5))
        with pytest.raises(RejectedByLedgerError):
            anchor(ledger, forked(9), extension(5, 9))

    @pytest.mark.parametrize("previous", [None, extension(4, 9), Extension(5, bytes(32), (bytes(32),) * 3)])
    def test_without_the_right_consistency_proof_nothing_is_accepted(self, previous: Extension | None) -> None:
        ledger = EmbeddedLedger()
        anchor(ledger, published(5))
        with pytest.raises(RejectedByLedgerError):
            anchor(ledger, published(9), previous)

    def test_a_submission_that_lost_a_race_is_a_doubt(self) -> None:
        ledger = EmbeddedLedger()
        intent = anchor(ledger, published(5))
        with pytest.raises(AmbiguousLedgerError):
            ledger.submit(Intent(bytes(32), intent.payload))
        assert ledger.poll(intent) is Progress.FINAL

    def test_a_smaller_tree_is_rejected(self) -> None:
        ledger = EmbeddedLedger()
        anchor(ledger, published(9))
        with pytest.raises(RejectedByLedgerError):
            anchor(ledger, published(5))


class TestMemoryLedger:
    """Blocks, confirmations and reorganisations."""

    def test_finality_comes_with_confirmations(self) -> None:
        ledger = MemoryLedger(confirmations=2)
        intent = anchor(ledger, published(5))
        assert ledger.poll(intent) is Progress.PENDING
        ledger.mine()
        assert ledger.poll(intent) is Progress.INCLUDED
        ledger.mine(2)
        assert ledger.poll(intent) is Progress.FINAL

    def test_a_reorganisation_loses_what_it_drops(self) -> None:
        ledger = MemoryLedger(confirmations=6)
        intent = anchor(ledger, published(5))
        ledger.mine(3)
        ledger.reorganise(3)
        assert ledger.poll(intent) is Progress.LOST
        ledger.submit(intent)
        ledger.mine()
        assert ledger.poll(intent) is Progress.INCLUDED

    def test_a_fork_is_a_conflict(self) -> None:
        ledger = MemoryLedger()
        anchor(ledger, published(5))
        with pytest.raises(LedgerConflictError):
            anchor(ledger, forked(5))


def test_a_ledger_that_cannot_be_loaded_hides_no_other(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.ANCHORING_LEDGERS = ["no.such.Ledger", "anchoring.backends.memory.MemoryLedger"]
    assert set(ledgers()) == {"memory"}
    assert "no.such.Ledger cannot be loaded" in caplog.text
