"""A remote log of the Rekor v2 kind that holds our checkpoints' digests, loses answers, lies, freezes and hangs."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pytest_django import Settings
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore.models import TransparencyLogEntry
from sigstore_models.rekor.v1 import TransparencyLogEntry as EntryMessage

from anchoring import attestation, fetch, registry
from anchoring.backends import rekor as backend
from anchoring.backends.rekor import RekorLedger
from anchoring.errors import (
    AmbiguousLedgerError,
    LedgerConflictError,
    LedgerError,
    LedgerMisconfiguredError,
    RejectedByLedgerError,
    TransientLedgerError,
)
from anchoring.ledger import Intent, Presence, Progress, PublishedCheckpoint, Trust
from anchoring.log_key import log_key, log_signer
from anchoring.models import Attestation, ConfiguredLedger
from protocol import remote_entry
from protocol.checkpoint import Checkpoint, KeyType, SeedSigner, VerifierKey, add_signature, parse, sign, verifier_key
from protocol.encoding import canonical_json
from protocol.keys import generate_p256
from protocol.merkle import EMPTY_ROOT
from tests.anchoring.ledgers_at_work import rekor_options
from tests.anchoring.records import log_records
from tests.protocol.trees import MemoryTree
from tests.simulators import rekor
from tests.simulators.web import Answer

pytestmark = pytest.mark.django_db

CHECKPOINT = Checkpoint(log_key().name, 5, MemoryTree(5).root)
HEAD = PublishedCheckpoint(CHECKPOINT, sign(CHECKPOINT, log_signer()))
LATER = Checkpoint(log_key().name, 6, MemoryTree(6).root)
STRANGER = SeedSigner(rekor.ORIGIN, b"\x22" * 32)


@pytest.fixture
def log() -> rekor.RemoteLog:
    log = rekor.RemoteLog()
    log.add_others(3)
    return log


@pytest.fixture
def url(log: rekor.RemoteLog) -> Iterator[str]:
    with rekor.serving(log) as address:
        yield address


@pytest.fixture
def options(url: str, log: rekor.RemoteLog, tmp_path: Path) -> dict[str, str]:
    return rekor_options(url, log, tmp_path)


@pytest.fixture
def ledger(options: dict[str, str]) -> RekorLedger:
    return RekorLedger.from_options("public", options)


def submit(ledger: RekorLedger, head: PublishedCheckpoint = HEAD) -> Intent:
    intent = ledger.prepare(head, None)
    ledger.submit(intent)
    return intent


def refuses(ledger: RekorLedger, error: type[LedgerError]) -> str:
    """Submit in vain: nothing is kept. Return what the operator reads."""
    intent = ledger.prepare(HEAD, None)
    with pytest.raises(error) as refused:
        ledger.submit(intent)
    assert type(refused.value) is error
    assert ledger.find(CHECKPOINT) is Presence.ABSENT
    assert ledger.poll(intent) is Progress.LOST
    return refused.value.detail


def is_valid(ledger: RekorLedger, checkpoint: Checkpoint = CHECKPOINT) -> bool:
    evidence = ledger.export(checkpoint)
    return RekorLedger.verify(evidence, checkpoint, Trust((log_key(),), ledger.identity().pins)).is_valid


def ours(log: rekor.RemoteLog) -> list[bytes]:
    return [body for body in log.bodies if body.startswith(b"{")]


class TestTheWholeWay:
    """From a signed checkpoint to evidence that anybody can judge."""

    def test_a_checkpoint_is_held_once(self, options: dict[str, str], log: rekor.RemoteLog, settings: Settings) -> None:
        settings.ANCHORING_LEDGERS = []
        ConfiguredLedger.objects.create(ledger_id="public", kind="rekor", options=options)
        log_records(1, 2)
        assert attestation.attest(ledger_id="public") == 1
        row = Attestation.objects.get(ledger_id="public")
        assert row.state == Attestation.State.FINAL
        stored = Checkpoint(row.checkpoint.origin, row.checkpoint.size, bytes(row.checkpoint.root))
        pins = {"vkey": log.key.vkey, "origin": rekor.ORIGIN}
        verdict = RekorLedger.verify(bytes(row.evidence or b""), stored, Trust((log_key(),), pins))
        assert verdict.is_valid
        assert verdict.is_conclusive
        assert verdict.attested_at is None
        assert verdict.not_checked == backend.NOT_CHECKED
        assert (log.writes, len(ours(log))) == (1, 1)
        registry._make.cache_clear()

    def test_what_is_kept_is_what_sigstore_reads(self, ledger: RekorLedger, log: rekor.RemoteLog) -> None:
        log.add_others(300)
        submit(ledger)
        written = json.loads(ledger.export(CHECKPOINT))["entry"]
        message = EntryMessage.from_dict(written)
        verify_merkle_inclusion(TransparencyLogEntry(message))
        assert message.log_index == 303

    def test_only_a_digest_leaves(self, ledger: RekorLedger, log: rekor.RemoteLog) -> None:
        submit(ledger)
        (body,) = ours(log)
        assert CHECKPOINT.origin.encode() not in body
        assert json.loads(body)["spec"]["hashedRekordV002"]["data"]["algorithm"] == "SHA2_256"

    def test_two_checkpoints_are_two_entries(self, ledger: RekorLedger, log: rekor.RemoteLog) -> None:
        submit(ledger)
        submit(ledger, PublishedCheckpoint(LATER, sign(LATER, log_signer())))
        assert len(ours(log)) == 2
        assert is_valid(ledger)
        assert is_valid(ledger, LATER)

    def test_another_root_at_the_same_size_is_a_conflict(self, ledger: RekorLedger, log: rekor.RemoteLog) -> None:
        submit(ledger)
        other = Checkpoint(CHECKPOINT.origin, CHECKPOINT.size, bytes(32))
        with pytest.raises(LedgerConflictError):
            submit(ledger, PublishedCheckpoint(other, sign(other, log_signer())))
        assert len(ours(log)) == 1


class TestLostAnswers:
    """The entry is there and nobody told us: the same bytes go again, and the proof is made from the tiles."""

    @pytest.mark.parametrize("others", [0, 1, 252, 253, 254, 600])
    def test_what_exists_is_looked_up(self, ledger: RekorLedger, log: rekor.RemoteLog, others: int) -> None:
        log.loses_answers = True
        refuses(ledger, AmbiguousLedgerError)
        log.add_others(others)
        intent = submit(ledger)
        assert ledger.poll(intent) is Progress.FINAL
        assert is_valid(ledger)
        assert (log.writes, len(ours(log))) == (2, 1)
        entry = json.loads(ledger.export(CHECKPOINT))["entry"]
        assert entry["inclusionProof"]["treeSize"] == str(4 + others)

    def test_another_worker_that_lost_its_database_adds_nothing(
        self, options: dict[str, str], log: rekor.RemoteLog
    ) -> None:
        first, second = (RekorLedger.from_options(name, options) for name in ("first", "second"))
        submit(first)
        submit(second)
        assert len(ours(log)) == 1
        assert is_valid(second)

    def test_a_log_that_forgets_what_it_has_gets_it_twice(self, ledger: RekorLedger, log: rekor.RemoteLog) -> None:
        """Its deduplication is best effort; a second entry says the same, and one is kept."""
        log.forgets_duplicates = log.loses_answers = True
        refuses(ledger, AmbiguousLedgerError)
        log.loses_answers = False
        submit(ledger)
        assert len(ours(log)) == 2
        assert is_valid(ledger)

    @pytest.mark.parametrize(
        "message",
        [
            "an equivalent entry already exists",
            "an equivalent entry already exists in the transparency log with index 0",
            "an equivalent entry already exists in the transparency log with index 99",
            "an equivalent entry already exists in the transparency log with index 9999999999999999999",
            "an equivalent entry already exists in the transparency log with index -3",
            None,
            7,
        ],
    )
    def test_where_it_is_said_to_be_is_checked(
        self, ledger: RekorLedger, log: rekor.RemoteLog, monkeypatch: pytest.MonkeyPatch, message: object
    ) -> None:
        content = json.dumps({"code": 6, "message": message}).encode()
        monkeypatch.setattr(log, "write", lambda _: Answer(content, status=409))
        refuses(ledger, AmbiguousLedgerError)

    def test_tiles_that_are_gone_or_of_another_tree_are_not_believed(
        self, ledger: RekorLedger, log: rekor.RemoteLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log.loses_answers = True
        refuses(ledger, AmbiguousLedgerError)
        log.add_others(300)
        real = log.read
        for answer in (Answer(b"", status=404), Answer(b"", status=500), Answer(bytes(32)), Answer(bytes(8192))):
            monkeypatch.setattr(log, "read", lambda path, answer=answer: real(path) if "checkpoint" in path else answer)
            refuses(ledger, AmbiguousLedgerError)
        monkeypatch.setattr(log, "read", real)
        submit(ledger)


class TestAnswersThatProveNothing:
    """Nothing is kept of them; the log is looked at again."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda entry: entry.update(logIndex="2"),
            lambda entry: entry.update(logIndex=3),
            lambda entry: entry.update(canonicalizedBody="e30="),
            lambda entry: entry["inclusionProof"].update(hashes=[]),
            lambda entry: entry["inclusionProof"]["hashes"].reverse(),
            lambda entry: entry["inclusionProof"].pop("checkpoint"),
            lambda entry: entry["inclusionProof"].update(checkpoint={"envelope": HEAD.note}),
            lambda entry: entry["inclusionProof"].update(checkpoint={"envelope": _empty(rekor.RemoteLog().signer)}),
            lambda entry: entry["inclusionProof"].update(checkpoint={"envelope": _resigned(entry, STRANGER)}),
            lambda entry: entry.clear(),
        ],
        ids=[
            "another index",
            "a number as number",
            "another body",
            "no path",
            "another path",
            "no checkpoint",
            "a checkpoint of ours",
            "an earlier checkpoint",
            "another key",
            "nothing",
        ],
    )
    def test_a_proof_that_does_not_hold(
        self, ledger: RekorLedger, log: rekor.RemoteLog, change: Callable[[dict[str, Any]], object]
    ) -> None:
        log.change = change
        refuses(ledger, AmbiguousLedgerError)
        log.change = None
        submit(ledger)
        assert is_valid(ledger)

    def test_an_entry_of_somebody_else_is_not_ours(
        self, ledger: RekorLedger, log: rekor.RemoteLog, tmp_path: Path, url: str
    ) -> None:
        """Even where it records the same digest: what was asked for is what must be held."""
        other = RekorLedger.from_options("other", rekor_options(url, log, tmp_path))
        payload = json.loads(other.prepare(HEAD, None).payload)
        answer = log.write(payload["request"].encode())
        log.change = lambda entry: entry.update(json.loads(answer.content))
        refuses(ledger, AmbiguousLedgerError)

    def test_a_log_of_another_key_or_origin(self, options: dict[str, str]) -> None:
        for change in ({"vkey": verifier_key(STRANGER).vkey}, {"origin": "elsewhere.example"}):
            ledger = RekorLedger.from_options("public", {**options, **change})
            refuses(ledger, AmbiguousLedgerError)
            assert not ledger.health().is_healthy

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (Answer(b"", status=500), AmbiguousLedgerError),
            (Answer(b"", status=504), AmbiguousLedgerError),
            (Answer(b"", status=429), TransientLedgerError),
            (Answer(b"", status=401), LedgerMisconfiguredError),
            (Answer(b"", status=404), LedgerMisconfiguredError),
            (Answer(b"", status=307), LedgerMisconfiguredError),
            (Answer(b"", status=201), AmbiguousLedgerError),
            (Answer(b"<html>", status=200), AmbiguousLedgerError),
            (Answer(b"[" * 1000, status=201), AmbiguousLedgerError),
            (Answer(b" " * (1 << 19), status=201), AmbiguousLedgerError),
            (Answer(b"", status=409), AmbiguousLedgerError),
        ],
    )
    def test_by_status_form_and_size(
        self,
        ledger: RekorLedger,
        log: rekor.RemoteLog,
        monkeypatch: pytest.MonkeyPatch,
        answer: Answer,
        error: type[LedgerError],
    ) -> None:
        monkeypatch.setattr(log, "write", lambda _: answer)
        refuses(ledger, error)

    def test_a_log_that_is_busy_or_frozen_says_so(self, ledger: RekorLedger, log: rekor.RemoteLog) -> None:
        log.is_busy = True
        refuses(ledger, TransientLedgerError)
        log.is_frozen = True
        refuses(ledger, LedgerMisconfiguredError)
        assert ours(log) == []

    def test_a_signature_that_the_log_refuses_is_for_good(self, ledger: RekorLedger, log: rekor.RemoteLog) -> None:
        payload = json.loads(ledger.prepare(HEAD, None).payload)
        signature = remote_entry.sign_digest(generate_p256(), backend.recorded_digest(HEAD.note))
        public_key = remote_entry.public_bytes(ledger.signing_key)
        request = remote_entry.write_request(backend.recorded_digest(HEAD.note), signature, public_key)
        with pytest.raises(RejectedByLedgerError):
            ledger.submit(Intent(bytes(32), canonical_json({**payload, "request": request.decode()})))
        assert log.writes == 1
        assert ours(log) == []

    def test_a_log_that_hangs_is_a_doubt(
        self, ledger: RekorLedger, log: rekor.RemoteLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backend, "ANSWER_SECONDS", 0.2)
        log.delay = 0.5
        refuses(ledger, AmbiguousLedgerError)

    def test_a_log_that_takes_its_time_is_waited_for(
        self, ledger: RekorLedger, log: rekor.RemoteLog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is silent until its next checkpoint, longer than any single step of other fetches may take."""
        monkeypatch.setattr(fetch, "_STEP_SECONDS", 0.2)
        log.delay = 0.8
        submit(ledger)
        assert is_valid(ledger)

    def test_a_log_that_is_not_there_got_nothing(self, options: dict[str, str]) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        ledger = RekorLedger.from_options("public", {**options, "url": address})
        refuses(ledger, TransientLedgerError)
        assert not ledger.health().is_healthy

    def test_an_address_that_is_never_contacted(self, options: dict[str, str]) -> None:
        ledger = RekorLedger.from_options("public", {**options, "url": "http://user:secret@localhost"})
        assert "secret" not in refuses(ledger, LedgerMisconfiguredError)

    def test_a_request_for_another_note_is_not_sent(self, ledger: RekorLedger, log: rekor.RemoteLog) -> None:
        payload = json.loads(ledger.prepare(HEAD, None).payload)
        for change in ({"note": sign(LATER, log_signer())}, {"request": "{}"}, {"note": "x"}):
            with pytest.raises(RejectedByLedgerError):
                ledger.submit(Intent(bytes(32), canonical_json({**payload, **change})))
        assert log.writes == 0


class TestEvidence:
    """Judged offline, against pins."""

    @pytest.fixture
    def evidence(self, ledger: RekorLedger) -> bytes:
        submit(ledger)
        return ledger.export(CHECKPOINT)

    @pytest.fixture
    def pinned(self, log: rekor.RemoteLog) -> Trust:
        return Trust((log_key(),), {"vkey": log.key.vkey, "origin": rekor.ORIGIN})

    def test_no_changed_byte_is_believed(self, evidence: bytes, pinned: Trust) -> None:
        assert RekorLedger.verify(evidence, CHECKPOINT, pinned).is_valid
        for at in range(len(evidence)):
            mutant = evidence[:at] + bytes([evidence[at] ^ 1]) + evidence[at + 1 :]
            assert not RekorLedger.verify(mutant, CHECKPOINT, pinned).is_valid

    def test_the_origin_is_the_keys_name_where_none_is_pinned(self, evidence: bytes, log: rekor.RemoteLog) -> None:
        assert RekorLedger.verify(evidence, CHECKPOINT, Trust((log_key(),), {"vkey": log.key.vkey})).is_valid

    @pytest.mark.parametrize(
        "pins",
        [
            {},
            {"vkey": ""},
            {"vkey": "x+y+z"},
            {"vkey": verifier_key(STRANGER).vkey},
            {"vkey": rekor.RemoteLog().key.vkey, "origin": "elsewhere.example"},
        ],
    )
    def test_other_pins_refuse_it(self, evidence: bytes, pins: dict[str, str]) -> None:
        verdict = RekorLedger.verify(evidence, CHECKPOINT, Trust((log_key(),), pins))
        assert not verdict.is_valid
        assert verdict.reason

    def test_it_is_about_one_checkpoint(self, evidence: bytes, pinned: Trust) -> None:
        fields = {**json.loads(evidence), "note": sign(LATER, log_signer())}
        verdict = RekorLedger.verify(canonical_json(fields), LATER, pinned)
        assert (verdict.is_valid, verdict.reason) == (False, "remote_entry_digest_mismatch")
        assert RekorLedger.verify(evidence, LATER, pinned).reason == "attests another checkpoint"

    @pytest.mark.parametrize(
        "change",
        [
            lambda entry: entry["inclusionProof"].update(treeSize="9"),
            lambda entry: entry["inclusionProof"].update(rootHash="AA=="),
            lambda entry: entry["inclusionProof"].update(logIndex="0"),
            lambda entry: entry["logId"].update(keyId="AA=="),
            lambda entry: entry["kindVersion"].update(version="0.0.1"),
            lambda entry: entry.update(integratedTime="1"),
            lambda entry: entry.update(logIndex="03"),
        ],
    )
    def test_members_that_say_something_else_are_refused(
        self, evidence: bytes, pinned: Trust, change: Callable[[dict[str, Any]], object]
    ) -> None:
        fields = json.loads(evidence)
        change(fields["entry"])
        assert not RekorLedger.verify(canonical_json(fields), CHECKPOINT, pinned).is_valid

    @pytest.mark.parametrize("fields", [{"entry": 5, "note": "x"}, {"entry": {}, "note": 5}, {"entry": {}}, {}])
    def test_other_members_are_refused(self, fields: dict[str, Any], pinned: Trust) -> None:
        assert not RekorLedger.verify(canonical_json(fields), CHECKPOINT, pinned).is_valid

    def test_a_witnessed_checkpoint_of_the_log_is_kept_with_its_lines(
        self, ledger: RekorLedger, log: rekor.RemoteLog
    ) -> None:
        witness = SeedSigner("witness.example", b"\x31" * 32)
        log.change = lambda entry: entry["inclusionProof"]["checkpoint"].update(
            envelope=add_signature(entry["inclusionProof"]["checkpoint"]["envelope"], witness)
        )
        submit(ledger)
        assert is_valid(ledger)
        assert (
            "witness.example"
            in json.loads(ledger.export(CHECKPOINT))["entry"]["inclusionProof"]["checkpoint"]["envelope"]
        )


class TestOptions:
    """What an operator may write, and what is refused before anything is sent."""

    @pytest.mark.parametrize(
        "change",
        [
            {"url": ""},
            {"url": "ftp://localhost"},
            {"vkey": ""},
            {"vkey": "log.example+00000000+AA=="},
            {"key_file": ""},
            {"key_file": "/does/not/exist.pem"},
            {"key_file": "rekor.key"},
            {"key": "x"},
        ],
    )
    def test_wrong_ones_are_refused(self, options: dict[str, str], change: dict[str, str]) -> None:
        with pytest.raises(LedgerMisconfiguredError):
            RekorLedger.from_options("public", {**options, **change})

    @pytest.mark.parametrize(
        "key", [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1()), None]
    )
    def test_keys_that_such_a_log_does_not_take_are_refused(
        self, options: dict[str, str], tmp_path: Path, key: Any
    ) -> None:
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) if key else b"none"
        (tmp_path / "rekor.key").write_bytes(pem)
        with pytest.raises(LedgerMisconfiguredError):
            RekorLedger.from_options("public", options)

    def test_a_witness_is_not_a_log(self, options: dict[str, str]) -> None:
        witness = VerifierKey("witness.example", bytes(32), KeyType.COSIGNATURE_ED25519)
        with pytest.raises(LedgerMisconfiguredError):
            RekorLedger.from_options("public", {**options, "vkey": witness.vkey})

    def test_the_signing_key_is_not_shown(self, ledger: RekorLedger) -> None:
        assert "signing_key" not in repr(ledger)


def test_health_reads_the_logs_checkpoint(ledger: RekorLedger) -> None:
    submit(ledger)
    health = ledger.health()
    assert health.is_healthy
    assert health.detail == f"{rekor.ORIGIN} has 4 entries"
    assert health.spent == "entries: 1"


def _empty(signer: SeedSigner) -> str:
    return sign(Checkpoint(signer.name, 0, EMPTY_ROOT), signer)


def _resigned(entry: dict[str, Any], signer: SeedSigner) -> str:
    return sign(parse(entry["inclusionProof"]["checkpoint"]["envelope"]).checkpoint, signer)
