"""Checkpoints of witnessed logs as leaves of ours, and the chains of proofs across both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from anchoring import log_in_log, sequencer, tasks
from anchoring.errors import ReceiptPendingError, RecordNotLoggedError, WitnessedLogError, WitnessedLogMissingError
from anchoring.log_key import log_key, log_origin
from anchoring.models import LogEntry, WitnessedLog
from anchoring.receipts import receipt_for
from anchoring.witness_key import witness_vkeys
from anchoring.witnessing import add_log, cosign_checkpoint, hash_of_origin, remove_log
from protocol.checkpoint import Checkpoint, SeedSigner, sign, verifier_key
from protocol.errors import InclusionProofError, NoteUnsignedError, ReceiptFormatError
from protocol.merkle import inclusion_proof, leaf_hash
from protocol.proof import Receipt, leaf_data, parse_receipt, verify_receipt
from protocol.proof_chain import ProofChain, head_digest, parse_chain, verify_chain
from tests.anchoring.foreign_log import ORIGIN, ForeignLog
from tests.anchoring.records import hand_over, leaf_hash_of, log_records, record_id
from tests.protocol.trees import MemoryTree, leaves
from tests.simulators.web import Answer, Web, serve, write_certificate

pytestmark = pytest.mark.django_db

B = SeedSigner("b.example/log", b"\x0b" * 32)


@pytest.fixture
def log() -> ForeignLog:
    log = ForeignLog()
    log.register()
    return log


def entered() -> list[int]:
    ids = LogEntry.objects.filter(kind="checkpoint").order_by("id").values_list("record_id", flat=True)
    return [int(name.rpartition(":")[2]) for name in ids]


def publish() -> None:
    sequencer.sequence()
    sequencer.sign_checkpoint()


class TestEntering:
    def test_a_cosigned_checkpoint_is_a_leaf_of_ours(self, log: ForeignLog) -> None:
        cosign_checkpoint(log.request(5).encode())
        entry = LogEntry.objects.get()
        assert entry.record_id == f"checkpoint:{hash_of_origin(ORIGIN)}:5"
        assert (entry.kind, bytes(entry.digest)) == ("checkpoint", head_digest(log.checkpoint(5)))
        assert len(f"checkpoint:{'0' * 64}:{2**63 - 1}") <= 100

    def test_what_was_refused_is_not(self, log: ForeignLog) -> None:
        with pytest.raises(Exception, match="witness_proof_invalid"):
            cosign_checkpoint(replace(log.request(5), proof=(bytes(32),)).encode())
        assert entered() == []

    def test_a_log_enters_at_most_once_in_a_while_and_then_its_newest(
        self, log: ForeignLog, settings: Settings
    ) -> None:
        """Two logs that enter each other's checkpoints would otherwise never rest."""
        with time_machine.travel(timezone.now(), tick=False) as clock:
            for old, new in ((0, 5), (5, 9), (9, 12)):
                cosign_checkpoint(log.request(new, old=old).encode())
            assert entered() == [5]
            tasks.enter_checkpoints()
            assert entered() == [5]
            clock.shift(timedelta(seconds=settings.LOG_IN_LOG_SECONDS))
            tasks.enter_checkpoints()
            assert entered() == [5, 12]
            clock.shift(timedelta(days=1))
            assert log_in_log.enter_due() == 0
            cosign_checkpoint(log.request(20, old=12).encode())
            assert entered() == [5, 12, 20]

    def test_a_clock_that_went_back_far_does_not_stop_it(self, log: ForeignLog) -> None:
        with time_machine.travel(timezone.now(), tick=False) as clock:
            cosign_checkpoint(log.request(5).encode())
            clock.shift(timedelta(days=-2))
            cosign_checkpoint(log.request(9, old=5).encode())
        assert entered() == [5, 9]

    def test_the_sweep_is_on_the_beat(self, settings: Settings) -> None:
        assert tasks.enter_checkpoints.name in {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    def test_each_log_has_its_own_turn(self, log: ForeignLog) -> None:
        other = ForeignLog(origin="hongkong.example/log")
        other.register()
        cosign_checkpoint(log.request(5).encode())
        cosign_checkpoint(other.request(5).encode())
        assert entered() == [5, 5]

    def test_the_same_checkpoint_again_is_one_leaf(self, log: ForeignLog, settings: Settings) -> None:
        settings.LOG_IN_LOG_SECONDS = 0
        cosign_checkpoint(log.request(5).encode())
        cosign_checkpoint(log.request(5, old=5).encode())
        WitnessedLog.objects.update(entered_size=0, entered_at=None)
        assert log_in_log.enter_due() == 1
        assert entered() == [5]

    def test_another_root_than_the_one_entered_does_not_enter(
        self, log: ForeignLog, caplog: pytest.LogCaptureFixture
    ) -> None:
        cosign_checkpoint(log.request(5).encode())
        WitnessedLog.objects.update(entered_size=0, entered_at=None, root=bytes(32))
        assert log_in_log.enter_due() == 0
        assert "another checkpoint" in caplog.text

    def test_nothing_enters_of_an_empty_log(self, log: ForeignLog) -> None:
        cosign_checkpoint(log.request(0).encode())
        assert entered() == []


class TestProvingTheEntry:
    def test_the_proof_is_served_with_what_it_proves(self, log: ForeignLog, client: Client) -> None:
        path = f"/witness/{hash_of_origin(ORIGIN)}/tlog-proof"
        assert client.get(path).status_code == 404
        cosign_checkpoint(log.request(5).encode())
        assert client.get(path).json()["code"] == "receipt_pending"
        publish()
        proof = parse_receipt(client.get(path).content)
        assert proof.extra == log.checkpoint(5).body().encode()
        leaf = leaf_hash(leaf_data("checkpoint", head_digest(log.checkpoint(5))))
        assert verify_receipt(proof, leaf_hash=leaf, keys=[log_key()]).origin == log_origin()

    def test_their_record_is_proven_by_our_key_alone(self, log: ForeignLog, client: Client) -> None:
        cosign_checkpoint(log.request(5).encode())
        hand_over(*range(300))
        publish()
        text = client.get(f"/witness/{hash_of_origin(ORIGIN)}/tlog-proof").content
        path = tuple(inclusion_proof(log.tree(5).read, 3, 5))
        chain = ProofChain((Receipt(3, path, log.note(5)), replace(parse_receipt(text), extra=None)))
        first, last = verify_chain(chain, leaf_hash=leaves(4)[3], keys=[log_key()])
        assert (first, last.origin) == (log.checkpoint(5), log_origin())
        with pytest.raises(NoteUnsignedError):
            verify_chain(chain, leaf_hash=leaves(4)[3], keys=[verifier_key(log.signer)])


def held_by_b(checkpoint: Checkpoint, extra: bytes | None = None) -> str:
    """What B's ``/witness/<hash>/tlog-proof`` answers once it has entered *checkpoint*."""
    tree = MemoryTree(4)
    tree.append([leaf_hash(leaf_data("checkpoint", head_digest(checkpoint)))])
    note = sign(Checkpoint(B.name, 5, tree.root), B)
    text = checkpoint.body().encode() if extra is None else extra
    return Receipt(4, tuple(inclusion_proof(tree.read, 4, 5)), note, text).encode()


def own_head(*numbers: int) -> Checkpoint:
    stored = log_records(*numbers)
    return Checkpoint(stored.origin, stored.size, bytes(stored.root))


class TestChains:
    @pytest.mark.parametrize("number", [0, 7, 8])
    def test_our_record_is_proven_under_the_other_logs_key(self, number: int) -> None:
        head = own_head(*range(9))
        log_records(*range(9, 700))
        chain = log_in_log.chain_to(record_id=record_id(number), foreign_proof=held_by_b(head), keys=[verifier_key(B)])
        first, last = verify_chain(parse_chain(chain.encode()), leaf_hash=leaf_hash_of(number), keys=[verifier_key(B)])
        assert (first, last.origin) == (head, B.name)

    def test_a_record_that_came_later_has_to_wait(self) -> None:
        head = own_head(*range(9))
        log_records(*range(9, 12))
        for number in (9, 11):
            with pytest.raises(ReceiptPendingError):
                log_in_log.chain_to(record_id=record_id(number), foreign_proof=held_by_b(head), keys=[verifier_key(B)])
        hand_over(20)
        with pytest.raises(ReceiptPendingError):
            log_in_log.chain_to(record_id=record_id(20), foreign_proof=held_by_b(head), keys=[verifier_key(B)])
        for unknown in ("credential:nobody", "no record", "\x00"):
            with pytest.raises(RecordNotLoggedError):
                log_in_log.chain_to(record_id=unknown, foreign_proof=held_by_b(head), keys=[verifier_key(B)])

    @pytest.mark.parametrize(
        "extra", [b"", b"\xff\n\xff\n", b"x\n99999999999999999999\n", b"x\n5\n", b"\n" * 9, b"a\n-5\nb"]
    )
    def test_a_text_that_is_no_checkpoint_of_ours_is_refused(self, extra: bytes) -> None:
        proof = held_by_b(own_head(*range(5)), extra)
        with pytest.raises(ReceiptPendingError):
            log_in_log.chain_to(record_id=record_id(1), foreign_proof=proof, keys=[verifier_key(B)])

    def test_a_proof_of_something_else_is_refused(self) -> None:
        head = own_head(*range(5))
        other = Checkpoint(head.origin, 5, MemoryTree(5).root)
        with pytest.raises(InclusionProofError):
            log_in_log.chain_to(
                record_id=record_id(1), foreign_proof=held_by_b(other, head.body().encode()), keys=[verifier_key(B)]
            )
        with pytest.raises(NoteUnsignedError):
            log_in_log.chain_to(record_id=record_id(1), foreign_proof=held_by_b(head), keys=[log_key()])
        with pytest.raises(ReceiptFormatError):
            log_in_log.chain_to(record_id=record_id(1), foreign_proof=b"no proof", keys=[verifier_key(B)])


class TestCommand:
    def run(self, *arguments: str) -> str:
        output = StringIO()
        call_command("witness", *arguments, stdout=output)
        return output.getvalue()

    def test_a_log_is_added_listed_rotated_and_removed(self, log: ForeignLog) -> None:
        assert "nothing cosigned" in self.run("list")
        cosign_checkpoint(log.request(5).encode())
        assert f"{ORIGIN}: 5 leaves cosigned" in self.run("list")
        self.run("add", ORIGIN, log.vkey, log.mldsa.verifier_key.vkey)
        assert WitnessedLog.objects.get().size == 5
        self.run("remove", ORIGIN)
        assert self.run("list") == ""
        with pytest.raises(CommandError, match="witnessed_log_missing"):
            self.run("remove", ORIGIN)

    def test_our_keys_are_printed(self) -> None:
        assert self.run("key").splitlines() == list(witness_vkeys())

    def test_what_cannot_be_witnessed_is_refused(self, log: ForeignLog) -> None:
        for origin, vkeys in (
            (log_origin(), [log_key().vkey]),
            (ORIGIN, ["x"]),
            (ORIGIN, []),
            ("other.example/log", [log.vkey]),
            (ORIGIN, [log.vkey, log_key().vkey]),
            ("a" * 201, [log.vkey]),
            (ORIGIN, [log.vkey] * 17),
        ):
            with pytest.raises(WitnessedLogError):
                add_log(origin=origin, vkeys=vkeys)
        with pytest.raises(WitnessedLogMissingError):
            remove_log(origin="other.example/log")

    @pytest.fixture
    def other_side(self, tmp_path: object, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
        certificate = write_certificate(settings.VAR_DIR)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with serve(certificate) as web:
            yield web

    def test_a_chain_is_fetched_and_printed(self, other_side: Web) -> None:
        head = own_head(*range(5))
        url = f"{other_side.origin}/witness"
        with pytest.raises(CommandError, match="receipt_pending"):
            self.run("chain", record_id(2), url, verifier_key(B).vkey)
        path = f"/witness/{hash_of_origin(log_origin())}/tlog-proof"
        other_side.answers[path] = Answer(held_by_b(head).encode())
        text = self.run("chain", record_id(2), f"{url}/", verifier_key(B).vkey)
        assert json.loads(text)["format"] == "chancela/proof-chain@v1"
        assert verify_chain(parse_chain(text), leaf_hash=leaf_hash_of(2), keys=[verifier_key(B)])
        assert receipt_for(record_id(2))
