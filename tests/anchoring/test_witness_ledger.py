"""A witness as a ledger: what it may answer, and what we make of it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace

import pytest
from pytest_django import Settings

from anchoring import attestation
from anchoring.backends import witness as backend
from anchoring.backends.witness import WitnessLedger
from anchoring.errors import (
    LedgerConflictError,
    LedgerMisconfiguredError,
    OutdatedIntentError,
    TransientLedgerError,
)
from anchoring.ledger import Extension, PublishedCheckpoint, Trust
from anchoring.log_key import log_key, log_origin, log_signer
from anchoring.models import Attestation, Cosignature, Tile, WitnessHead
from anchoring.models import Checkpoint as StoredCheckpoint
from anchoring.tiles import StoredTiles, border_tiles
from protocol.checkpoint import Checkpoint, sign
from protocol.cosignature import Ed25519Cosigner, verified_cosignatures
from protocol.merkle import consistency_proof
from protocol.quorum import evaluate, parse_policy
from tests.anchoring.cosigning import (
    State,
    add_ledger,
    attest,
    checkpoint_of,
    forked,
    ledger,
    log_records_would_fail,
    newest,
    own_tree,
    trust,
    witness,
)
from tests.anchoring.records import log_records
from tests.protocol.trees import MemoryTree
from tests.simulators.witness import Answer, Fault, SimulatedWitness, serve_witness

__all__ = ["ledger", "witness"]

pytestmark = pytest.mark.django_db


class TestAskingForCosignatures:
    def test_a_cosignature_is_final_evidence_that_a_stranger_can_check(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        log_records(*range(5))
        row = attest(ledger)
        assert row.state == State.FINAL
        verdict = WitnessLedger.verify(bytes(row.evidence or b""), checkpoint_of(row), trust(ledger))
        assert verdict.is_valid
        assert verdict.is_conclusive
        assert abs((verdict.attested_at or 0) - time.time()) < 300
        assert Cosignature.objects.get().lines.count("\n") == 2
        assert ledger.latest(log_origin()) == checkpoint_of(row)
        assert ledger.identity().is_offline_verifiable

    def test_the_next_checkpoint_is_proven_to_extend_the_one_before(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        log_records(*range(5))
        attest(ledger)
        log_records(*range(5, 300))
        assert attest(ledger).state == State.FINAL
        assert witness.old_sizes == [0, 5]
        assert witness.heads[log_origin()].size == 300

    def test_either_key_alone_may_be_pinned(self, witness: SimulatedWitness, ledger: WitnessLedger) -> None:
        log_records(*range(5))
        row = attest(ledger)
        for vkey in witness.vkey.split():
            alone = Trust((log_key(),), {"vkey": vkey})
            assert WitnessLedger.verify(bytes(row.evidence or b""), checkpoint_of(row), alone).is_valid

    def test_an_answer_that_got_lost_is_asked_for_again(self, witness: SimulatedWitness, ledger: WitnessLedger) -> None:
        log_records(*range(5))
        witness.faults.append(Fault(is_lost=True))
        assert attest(ledger).state == State.RETRY_WAIT
        assert witness.heads[log_origin()].size == 5
        assert not Cosignature.objects.exists()
        assert attest(ledger, times=2).state == State.FINAL
        # The stored bytes once more; then, told that it stands at our size, the same head without a proof.
        assert witness.old_sizes == [0, 0, 5]
        assert Cosignature.objects.count() == 1

    def test_submitting_again_asks_nothing_once_the_lines_are_stored(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        log_records(*range(5))
        row = attest(ledger)
        head = PublishedCheckpoint(checkpoint_of(row), row.checkpoint.note)
        ledger.submit(ledger.prepare(head, None))
        assert len(witness.requests) == 1


class TestWhereTheWitnessStands:
    """Hard test 5: 409 with another size than we believed."""

    def test_a_witness_that_knows_more_than_we_remember_is_gone_on_from(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        log_records(*range(5))
        attest(ledger)
        Cosignature.objects.all().delete()
        WitnessHead.objects.all().delete()
        log_records(*range(5, 9))
        row = attest(ledger)
        assert (row.state, row.intent, row.last_error) == (
            State.PLANNED,
            None,
            "ledger_intent_outdated: it stands at 5 leaves",
        )
        latest = ledger.latest(log_origin())
        assert latest is not None
        assert latest.size == 5
        assert attest(ledger, times=2).state == State.FINAL
        assert witness.old_sizes == [0, 0, 5]

    @pytest.mark.parametrize("size", [0, 3, 5])
    def test_a_witness_that_was_restored_is_gone_on_from_where_it_is(
        self, witness: SimulatedWitness, ledger: WitnessLedger, size: int
    ) -> None:
        """Also from a size at which we never signed: our tree knows its root there."""
        log_records(*range(5))
        attest(ledger)
        log_records(*range(5, 9))
        attest(ledger)
        witness.heads = {log_origin(): own_tree(size)} if size else {}
        log_records(*range(9, 20))
        assert attest(ledger, times=3).state == State.FINAL
        assert witness.old_sizes == [0, 5, 9, size]

    def test_a_witness_ahead_of_this_checkpoint_makes_it_superfluous(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        first = log_records(*range(5))
        second = log_records(*range(5, 9))
        head = PublishedCheckpoint(Checkpoint(log_origin(), 9, bytes(second.root)), second.note)
        ledger.submit(ledger.prepare(head, None))
        WitnessHead.objects.all().delete()
        assert ledger.replace(ledger.prepare(head, None)) is None
        earlier = PublishedCheckpoint(Checkpoint(log_origin(), 5, bytes(first.root)), first.note)
        with pytest.raises(OutdatedIntentError, match="9 leaves"):
            ledger.submit(ledger.prepare(earlier, None))
        latest = ledger.latest(log_origin())
        assert latest == head.checkpoint

    def test_a_witness_ahead_of_everything_signed_stops_signing(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        """Yesterday's database was restored, or somebody else signs with our key."""
        log_records(*range(5))
        witness.heads[log_origin()] = forked(6)
        row = attest(ledger)
        assert row.state == State.CONFLICT
        assert "6 leaves" in row.last_error
        log_records_would_fail(5, 6)

    def test_a_422_against_its_own_signature_stops_that_witness_alone(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        """Unsigned, by a gateway perhaps, while we hold its cosignature of the very head that our proof builds on."""
        log_records(*range(5))
        attest(ledger)
        log_records(*range(5, 9))
        witness.faults.append(Fault(instead=Answer(422)))
        row = attest(ledger)
        assert row.state == State.DEAD
        assert "cosigned itself" in row.last_error
        log_records(*range(9, 12))
        assert attest(ledger).state == State.FINAL
        assert witness.old_sizes[-1] == 5

    def test_a_422_without_a_signature_for_us_is_a_contradiction(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        log_records(*range(5))
        attest(ledger)
        Cosignature.objects.all().delete()
        log_records(*range(5, 9))
        witness.faults.append(Fault(instead=Answer(422)))
        assert attest(ledger).state == State.CONFLICT

    def test_a_head_that_it_cosigned_and_we_do_not_extend_is_a_contradiction(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        log_records(*range(5))
        attest(ledger)
        Cosignature.objects.update(root=forked(5).root)
        checkpoint = log_records(*range(5, 9))
        head = PublishedCheckpoint(Checkpoint(log_origin(), 9, bytes(checkpoint.root)), checkpoint.note)
        witness.faults.append(Fault(instead=Answer(422)))
        proof = consistency_proof(StoredTiles(border_tiles(9)), 5, 9)
        with pytest.raises(LedgerConflictError):
            ledger.submit(ledger.prepare(head, Extension(5, b"", tuple(proof))))

    @pytest.mark.parametrize("size", [3, 5])
    def test_a_witness_that_holds_another_tree_stops_signing(
        self, witness: SimulatedWitness, ledger: WitnessLedger, size: int
    ) -> None:
        log_records(*range(5))
        witness.heads[log_origin()] = forked(size)
        assert attest(ledger, times=3).state == State.CONFLICT
        log_records_would_fail(5, 6)

    @pytest.mark.parametrize(
        "answer",
        [
            Answer(409, b"5\n", "text/plain"),
            Answer(409, b"05\n", "text/x.tlog.size"),
            Answer(409, b"5", "text/x.tlog.size"),
            Answer(409, b"-1\n", "text/x.tlog.size"),
            Answer(409, b"9223372036854775808\n", "text/x.tlog.size"),
            Answer(409, b"\xff\n", "text/x.tlog.size"),
        ],
    )
    def test_a_409_that_names_no_size_changes_nothing(
        self, witness: SimulatedWitness, ledger: WitnessLedger, answer: Answer
    ) -> None:
        log_records(*range(5))
        witness.faults.append(Fault(instead=answer))
        assert attest(ledger).state == State.RETRY_WAIT
        assert not WitnessHead.objects.exists()
        assert attest(ledger, times=2).state == State.FINAL

    def test_a_witness_further_than_our_tiles_reach_is_a_conflict(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        """Our tree has lost what it signed: whatever the reason, a person must look."""
        log_records(*range(5))
        WitnessHead.objects.create(ledger_id=ledger.ledger_id, origin=log_origin(), size=4)
        Tile.objects.all().delete()
        assert attest(ledger).state == State.CONFLICT
        assert witness.requests == []

    def test_a_witness_that_keeps_answering_409_is_not_asked_in_a_loop(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        log_records(*range(5))
        same = Answer(409, b"5\n", "text/x.tlog.size")
        witness.faults.extend([Fault(instead=same)] * 2)
        assert attest(ledger).state == State.RETRY_WAIT
        assert not witness.faults
        assert not witness.requests


class TestReachingIt:
    def test_nobody_there_is_certainly_nothing_sent(self, witness: SimulatedWitness, ledger: WitnessLedger) -> None:
        head = PublishedCheckpoint(own := Checkpoint(log_origin(), 5, MemoryTree(5).root), sign(own, log_signer()))
        away = replace(ledger, url="http://127.0.0.1:1/submit")
        with pytest.raises(TransientLedgerError):
            away.submit(ledger.prepare(head, None))
        assert not away.health().is_healthy

    def test_a_slow_witness_costs_its_own_time_and_nobody_elses(
        self, witness: SimulatedWitness, ledger: WitnessLedger, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.ANCHORING_LEDGERS = ["anchoring.backends.embedded.EmbeddedLedger"]
        monkeypatch.setattr(backend, "EXCHANGE_SECONDS", 0.3)
        witness.faults.append(Fault(seconds=3))
        log_records(*range(5))
        started = time.monotonic()
        for ledger_id in attestation.due_ledgers():
            attestation.attest(ledger_id=ledger_id)
        assert time.monotonic() - started < 2
        assert newest(ledger).state == State.RETRY_WAIT
        assert Attestation.objects.get(ledger_id="embedded").state == State.FINAL
        time.sleep(0.1)
        assert attest(ledger, times=2).state == State.FINAL

    def test_health_says_whether_a_witness_answers_there(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        assert ledger.health().is_healthy
        assert witness.requests == []
        assert witness.heads == {}
        assert not replace(ledger, url=f"{ledger.url}/elsewhere").health().is_healthy
        log_records(*range(5))
        attest(ledger)
        assert ledger.health().detail == "cosigned 5 leaves"


class TestOptions:
    @pytest.mark.parametrize(
        "url", ["", "witness", "ftp://w.example", "https://", "https://a:b@w.example", "http://w/?x"]
    )
    def test_an_address_that_is_none_is_refused(self, witness: SimulatedWitness, url: str) -> None:
        with pytest.raises(LedgerMisconfiguredError):
            WitnessLedger.from_options("w", {"url": url, "vkey": witness.vkey})

    def test_keys_must_be_cosigners_of_one_name(self, witness: SimulatedWitness) -> None:
        other = Ed25519Cosigner("other.example/w", bytes(32)).verifier_key.vkey
        for vkey in ("", "x", log_key().vkey, f"{witness.vkey} {other}", witness.vkey[:-1]):
            with pytest.raises(LedgerMisconfiguredError):
                WitnessLedger.from_options("w", {"url": witness.url, "vkey": vkey})

    def test_nothing_else_is_an_option(self, witness: SimulatedWitness) -> None:
        options = {"url": witness.url, "vkey": witness.vkey}
        assert WitnessLedger.from_options("w", {**options, "url": f"{witness.url}/"}).url == witness.url
        for wrong in ({}, {"url": witness.url}, {**options, "key_file": "/x"}):
            with pytest.raises(LedgerMisconfiguredError):
                WitnessLedger.from_options("w", wrong)


def test_a_cosignature_of_another_root_is_a_conflict(witness: SimulatedWitness, ledger: WitnessLedger) -> None:
    tree, signed = MemoryTree(5), log_signer()
    ours = Checkpoint(log_origin(), 5, tree.root)
    ledger.submit(ledger.prepare(PublishedCheckpoint(ours, sign(ours, signed)), None))
    witness.heads.clear()
    other = forked(5)
    with pytest.raises(LedgerConflictError):
        ledger.submit(ledger.prepare(PublishedCheckpoint(other, sign(other, signed)), None))


def test_a_proof_is_not_sent_between_equal_sizes(ledger: WitnessLedger) -> None:
    tree = MemoryTree(5)
    head = Checkpoint(log_origin(), 5, tree.root)
    proof = tuple(consistency_proof(tree.read, 3, 5))
    published = PublishedCheckpoint(head, sign(head, log_signer()))
    assert ledger.prepare(published, Extension(5, tree.root, proof)).payload.startswith(b"old 5\n\n")
    assert ledger.prepare(published, Extension(3, MemoryTree(3).root, proof)).payload.count(b"\n") == 1 + len(proof) + 6


def test_quorum_of_two_in_three_is_lost_and_regained(settings: Settings) -> None:
    """One witness away is no matter; with two away the checkpoint waits, and is complete once one is back."""
    settings.ANCHORING_LEDGERS = []
    names = ["one.example/w", "two.example/w", "three.example/w"]
    with ExitStack() as stack:
        witnesses = [stack.enter_context(serve_witness(name, log_key())) for name in names]
        added = [add_ledger(witness) for witness in witnesses]
        keys = {witness.name.partition(".")[0]: witness.cosigners[0].verifier_key for witness in witnesses}
        lines = [f"witness {name} {key.vkey}" for name, key in keys.items()]
        policy = parse_policy("\n".join([*lines, f"group all 2 {' '.join(keys)}", "quorum all", ""]))

        def outcome() -> str:
            notes = [bytes(row.evidence or b"") for row in Attestation.objects.exclude(evidence=None).filter(
                checkpoint=StoredCheckpoint.objects.last())]  # fmt: skip
            made = {signed.key for note in notes for signed in verified_cosignatures(note, keys.values())}
            satisfied = {name for name, key in keys.items() if key in made}
            return str(evaluate(policy, satisfied=satisfied).outcome)

        log_records(*range(5))
        away = Fault(instead=Answer(503))
        witnesses[0].faults.append(away)
        for ledger in added:
            attest(ledger)
        assert outcome() == "met"
        log_records(*range(5, 9))
        for witness in witnesses[:2]:
            witness.faults.extend([away] * 2)
        for ledger in added:
            attest(ledger, times=2)
        assert outcome() == "not_met"
        attest(added[0], times=4)
        assert outcome() == "met"
