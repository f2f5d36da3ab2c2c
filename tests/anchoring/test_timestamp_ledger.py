"""Time stamps from a real local authority, and from authorities that are wrong, slow, broken or somebody else's."""

from __future__ import annotations

import json
import socket
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from anchoring import attestation, kept_answers, registry
from anchoring.backends import timestamp
from anchoring.backends.timestamp import TimestampLedger
from anchoring.errors import (
    AmbiguousLedgerError,
    LedgerConflictError,
    LedgerError,
    LedgerMisconfiguredError,
    RejectedByLedgerError,
    TransientLedgerError,
)
from anchoring.ledger import Intent, LedgerHealth, Presence, Progress, PublishedCheckpoint, Trust
from anchoring.log_key import log_key, log_signer
from anchoring.models import Attestation, ConfiguredLedger, KeptAnswer
from protocol import der, time_stamp
from protocol.checkpoint import Checkpoint, sign
from protocol.encoding import canonical_json
from protocol.time_stamp import RESPONSE_TYPE, TimeStampRequest
from tests.anchoring.ledgers_at_work import new_authority, timestamp_options
from tests.anchoring.records import log_records
from tests.protocol import time_stamp_tokens as made
from tests.protocol.trees import MemoryTree
from tests.simulators import tsa
from tests.simulators.web import Answer

pytestmark = pytest.mark.django_db

ROOT = tsa.certify("Root", is_authority=True)
CHECKPOINT = Checkpoint(log_key().name, 5, MemoryTree(5).root)
HEAD = PublishedCheckpoint(CHECKPOINT, sign(CHECKPOINT, log_signer()))


@pytest.fixture
def authority(tmp_path: Path) -> tsa.Authority:
    return new_authority(tmp_path, ROOT)


@pytest.fixture
def url(authority: tsa.Authority) -> Iterator[str]:
    with tsa.serving(authority) as address:
        yield address


@pytest.fixture
def options(url: str, tmp_path: Path) -> dict[str, str]:
    return timestamp_options(url, ROOT, tmp_path)


@pytest.fixture
def ledger(options: dict[str, str]) -> TimestampLedger:
    return TimestampLedger.from_options("stamp", options)


def submit(ledger: TimestampLedger, head: PublishedCheckpoint = HEAD) -> Intent:
    intent = ledger.prepare(head, None)
    ledger.submit(intent)
    return intent


def refuses(ledger: TimestampLedger, error: type[LedgerError]) -> str:
    """Submit in vain: nothing is kept, and the same bytes would go again. Return what the operator reads."""
    intent = ledger.prepare(HEAD, None)
    with pytest.raises(error) as refused:
        ledger.submit(intent)
    assert type(refused.value) is error
    assert ledger.find(CHECKPOINT) is Presence.ABSENT
    assert ledger.poll(intent) is Progress.LOST
    return refused.value.detail


def pins(certificate: str = ROOT.pin, **others: str) -> Trust:
    return Trust((log_key(),), {"certificate": certificate, **others})


def request_of(intent: Intent) -> TimeStampRequest:
    return time_stamp.read_request(b64decode(json.loads(intent.payload)["request"]))


class TestTheWholeWay:
    """From a signed checkpoint to evidence that anybody can judge."""

    def test_a_checkpoint_is_stamped_once_and_for_all(
        self, options: dict[str, str], authority: tsa.Authority, settings: Settings
    ) -> None:
        settings.ANCHORING_LEDGERS = []
        ConfiguredLedger.objects.create(ledger_id="stamp", kind="timestamp", options=options)
        log_records(1, 2)
        assert attestation.attest(ledger_id="stamp") == 1
        row = Attestation.objects.get(ledger_id="stamp")
        assert row.state == Attestation.State.FINAL
        stored = Checkpoint(row.checkpoint.origin, row.checkpoint.size, bytes(row.checkpoint.root))
        verdict = TimestampLedger.verify(bytes(row.evidence or b""), stored, pins())
        assert verdict.is_valid
        assert verdict.is_conclusive
        assert abs((verdict.attested_at or 0) - timezone.now().timestamp()) < 10
        assert attestation.attest(ledger_id="stamp") == 0
        assert len(authority.requests) == 1
        registry._make.cache_clear()

    @pytest.mark.requirement("RFC 3161 §2.4.1", "what is stamped is SHA-256 of the checkpoint's note text")
    def test_openssl_judges_the_evidence_by_the_checkpoint_alone(self, ledger: TimestampLedger, tmp_path: Path) -> None:
        submit(ledger)
        evidence = json.loads(ledger.export(CHECKPOINT))
        token = b64decode(evidence["token"])
        assert tsa.judged_by_openssl(token, CHECKPOINT.body().encode(), ROOT.pem, tmp_path)
        assert not tsa.judged_by_openssl(token, HEAD.note.encode(), ROOT.pem, tmp_path)

    def test_what_was_stored_is_what_is_sent(self, ledger: TimestampLedger, authority: tsa.Authority) -> None:
        intent = submit(ledger)
        assert authority.requests == [b64decode(json.loads(intent.payload)["request"])]

    def test_a_token_is_asked_for_once(self, ledger: TimestampLedger, authority: tsa.Authority) -> None:
        intent = submit(ledger)
        first = ledger.export(CHECKPOINT)
        ledger.submit(intent)
        assert ledger.poll(intent) is Progress.FINAL
        assert ledger.export(CHECKPOINT) == first
        assert len(authority.requests) == 1

    def test_two_authorities_keep_their_own(self, options: dict[str, str], authority: tsa.Authority) -> None:
        one, other = (TimestampLedger.from_options(name, options) for name in ("one", "other"))
        submit(one)
        assert other.find(CHECKPOINT) is Presence.ABSENT
        assert other.latest(CHECKPOINT.origin) is None
        submit(other)
        assert request_of(one.prepare(HEAD, None)).nonce != request_of(other.prepare(HEAD, None)).nonce
        assert len(authority.requests) == 2

    def test_another_root_at_the_same_size_is_a_conflict(self, ledger: TimestampLedger) -> None:
        submit(ledger)
        other = Checkpoint(CHECKPOINT.origin, CHECKPOINT.size, bytes(32))
        with pytest.raises(LedgerConflictError):
            submit(ledger, PublishedCheckpoint(other, sign(other, log_signer())))
        with pytest.raises(LedgerConflictError):
            ledger.export(other)

    def test_the_first_of_two_answers_stays(self) -> None:
        kept_answers.keep(ledger_id="stamp", checkpoint=CHECKPOINT, answer=b"first")
        kept_answers.keep(ledger_id="stamp", checkpoint=CHECKPOINT, answer=b"second")
        assert kept_answers.read(ledger_id="stamp", checkpoint=CHECKPOINT) == b"first"
        other = Checkpoint(CHECKPOINT.origin, CHECKPOINT.size, bytes(32))
        with pytest.raises(LedgerConflictError):
            kept_answers.keep(ledger_id="stamp", checkpoint=other, answer=b"third")
        assert KeptAnswer.objects.count() == 1


class TestNonce:
    """The same for one intent, so that its bytes are final; foretold by nobody."""

    def test_it_is_the_same_for_the_same_checkpoint_only(self, ledger: TimestampLedger) -> None:
        later = Checkpoint(CHECKPOINT.origin, 6, MemoryTree(6).root)
        first = request_of(ledger.prepare(HEAD, None))
        assert request_of(ledger.prepare(HEAD, None)) == first
        assert first.nonce.bit_length() > 32
        assert (
            request_of(ledger.prepare(PublishedCheckpoint(later, sign(later, log_signer())), None)).nonce != first.nonce
        )

    def test_it_depends_on_the_secret_key(self, ledger: TimestampLedger, settings: Settings) -> None:
        first = request_of(ledger.prepare(HEAD, None)).nonce
        settings.SECRET_KEY = "another secret key of a length that is long enough"
        assert request_of(ledger.prepare(HEAD, None)).nonce != first


class TestTokensThatAreRefused:
    """OpenSSL signed each of these, and none is the answer that was asked for."""

    def test_the_answer_to_another_nonce(self, ledger: TimestampLedger, authority: tsa.Authority) -> None:
        authority.show = lambda request: _changed(request, nonce=7)
        assert refuses(ledger, AmbiguousLedgerError) == "answers another request"

    def test_an_answer_without_a_nonce(self, ledger: TimestampLedger, authority: tsa.Authority) -> None:
        authority.show = _without_nonce
        assert refuses(ledger, AmbiguousLedgerError) == "answers another request"

    def test_a_stamp_on_something_else(self, ledger: TimestampLedger, authority: tsa.Authority) -> None:
        authority.show = lambda request: _changed(request, digest=bytes(32))
        assert "time_stamp_imprint_mismatch" in refuses(ledger, AmbiguousLedgerError)

    def test_another_policy(self, options: dict[str, str], authority: tsa.Authority) -> None:
        ledger = TimestampLedger.from_options("stamp", {**options, "policy_oid": tsa.OTHER_POLICY})
        authority.show = lambda request: _changed(request, policy=None)
        assert tsa.POLICY in refuses(ledger, LedgerMisconfiguredError)
        authority.show = None
        submit(ledger)
        assert ledger.identity().pins["policy"] == tsa.OTHER_POLICY

    def test_a_policy_that_the_authority_does_not_have(self, options: dict[str, str]) -> None:
        ledger = TimestampLedger.from_options("stamp", {**options, "policy_oid": "1.3.6.1.4.1.32473.99"})
        assert "unacceptedPolicy" in refuses(ledger, LedgerMisconfiguredError)

    @pytest.mark.parametrize("days", [(-3, -1), (1, 3)], ids=["expired", "not yet valid"])
    def test_a_certificate_out_of_its_time(
        self, ledger: TimestampLedger, authority: tsa.Authority, days: tuple[int, int]
    ) -> None:
        starts, ends = (timedelta(days=each) for each in days)
        authority.signer = tsa.certify_signer(ROOT, starts=starts, ends=ends)
        assert "time_stamp_signer_untrusted" in refuses(ledger, LedgerMisconfiguredError)

    def test_an_authority_under_another_root(self, ledger: TimestampLedger, authority: tsa.Authority) -> None:
        authority.signer = tsa.certify_signer(tsa.certify("Root", is_authority=True))
        assert "time_stamp_signer_untrusted" in refuses(ledger, LedgerMisconfiguredError)

    def test_a_certificate_that_is_not_for_time_stamping(
        self, ledger: TimestampLedger, authority: tsa.Authority
    ) -> None:
        signer = tsa.certify_signer(ROOT, purposes=())
        authority.answer = lambda _: _granted(_hand_made(ledger, signer))
        assert "not for time stamping" in refuses(ledger, LedgerMisconfiguredError)
        authority.answer = lambda _: _granted(_hand_made(ledger, tsa.certify_signer(ROOT)))
        submit(ledger)

    @pytest.mark.parametrize("hours", [-2, 2])
    def test_a_clock_that_is_not_ours(self, ledger: TimestampLedger, hours: int) -> None:
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=hours)):
            assert "clock" in refuses(ledger, AmbiguousLedgerError)

    def test_the_operator_says_how_far_clocks_may_differ(self, options: dict[str, str]) -> None:
        ledger = TimestampLedger.from_options("stamp", {**options, "tolerance_seconds": "10800"})
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=2)):
            submit(ledger)


class TestAnswersThatAreNone:
    """Nothing is kept of them, and each failure says whether to try again."""

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (Answer(b"", status=500), AmbiguousLedgerError),
            (Answer(b"", status=502), AmbiguousLedgerError),
            (Answer(b"", status=503), TransientLedgerError),
            (Answer(b"", status=429), TransientLedgerError),
            (Answer(b"", status=401), LedgerMisconfiguredError),
            (Answer(b"", status=404), LedgerMisconfiguredError),
            (Answer(b"", status=302, headers={"Location": "/elsewhere"}), LedgerMisconfiguredError),
            (Answer(b"<html>", headers={"Content-Type": "text/html"}), LedgerMisconfiguredError),
            (Answer(b"", headers={"Content-Type": RESPONSE_TYPE}), AmbiguousLedgerError),
            (Answer(b"\x30\x80" * 500, headers={"Content-Type": RESPONSE_TYPE}), AmbiguousLedgerError),
            (Answer(bytes(1 << 17), headers={"Content-Type": RESPONSE_TYPE}), AmbiguousLedgerError),
        ],
    )
    def test_by_status_type_and_size(
        self, ledger: TimestampLedger, authority: tsa.Authority, answer: Answer, error: type[LedgerError]
    ) -> None:
        authority.answer = lambda _: answer
        refuses(ledger, error)
        authority.answer = None
        submit(ledger)
        assert ledger.find(CHECKPOINT) is Presence.PRESENT

    @pytest.mark.parametrize(
        ("bits", "error"),
        [
            ("0780", LedgerMisconfiguredError),
            ("0520", RejectedByLedgerError),
            ("0204", RejectedByLedgerError),
            ("010002", TransientLedgerError),
            ("0600000040", TransientLedgerError),
            ("00", TransientLedgerError),
        ],
    )
    def test_by_what_the_authority_says_is_wrong(
        self, ledger: TimestampLedger, authority: tsa.Authority, bits: str, error: type[LedgerError]
    ) -> None:
        failure = der.write(der.BIT_STRING, bytes.fromhex(bits))
        content = made.sequence(made.sequence(der.write_integer(2), failure))
        authority.answer = lambda _: Answer(content, headers={"Content-Type": RESPONSE_TYPE})
        refuses(ledger, error)

    def test_a_request_that_has_to_wait_was_not_granted(
        self, ledger: TimestampLedger, authority: tsa.Authority
    ) -> None:
        content = made.sequence(made.sequence(der.write_integer(3)))
        authority.answer = lambda _: Answer(content, headers={"Content-Type": RESPONSE_TYPE})
        refuses(ledger, TransientLedgerError)

    def test_an_authority_that_hangs_is_a_doubt(
        self, ledger: TimestampLedger, authority: tsa.Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(timestamp, "ANSWER_SECONDS", 0.3)
        authority.delay = 0.6
        refuses(ledger, AmbiguousLedgerError)

    def test_an_authority_that_drips_is_a_doubt(
        self, ledger: TimestampLedger, authority: tsa.Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(timestamp, "ANSWER_SECONDS", 0.5)
        authority.answer = lambda response: Answer(response, headers={"Content-Type": RESPONSE_TYPE}, drip=0.05)
        refuses(ledger, AmbiguousLedgerError)

    def test_a_slow_answer_is_an_answer(self, ledger: TimestampLedger, authority: tsa.Authority) -> None:
        authority.delay = 0.3
        submit(ledger)

    def test_an_authority_that_is_not_there_got_nothing(self, options: dict[str, str]) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        ledger = TimestampLedger.from_options("stamp", {**options, "url": address})
        refuses(ledger, TransientLedgerError)
        assert not ledger.health().is_healthy

    def test_an_address_that_is_never_contacted(self, options: dict[str, str]) -> None:
        ledger = TimestampLedger.from_options("stamp", {**options, "url": "http://user:secret@localhost/"})
        assert "secret" not in refuses(ledger, LedgerMisconfiguredError)

    def test_a_request_for_another_note_is_not_sent(self, ledger: TimestampLedger, authority: tsa.Authority) -> None:
        payload = json.loads(ledger.prepare(HEAD, None).payload)
        other = Checkpoint(CHECKPOINT.origin, 6, MemoryTree(6).root)
        payload["note"] = sign(other, log_signer())
        for call in (ledger.submit, ledger.poll):
            with pytest.raises(RejectedByLedgerError):
                call(Intent(bytes(32), canonical_json(payload)))
        assert authority.requests == []


class TestEvidence:
    """Judged offline, by anybody, for ever."""

    @pytest.fixture
    def evidence(self, ledger: TimestampLedger) -> bytes:
        submit(ledger)
        return ledger.export(CHECKPOINT)

    @pytest.mark.requirement("RFC 3161 §4", "evidence outlives the certificates that it rests on")
    def test_it_is_valid_long_after_every_certificate(self, evidence: bytes) -> None:
        now = TimestampLedger.verify(evidence, CHECKPOINT, pins())
        with time_machine.travel(datetime.now(UTC) + timedelta(days=20 * 365)):
            assert TimestampLedger.verify(evidence, CHECKPOINT, pins()) == now
        assert now.is_valid

    def test_it_says_what_it_does_not_show(self, evidence: bytes) -> None:
        assert TimestampLedger.verify(evidence, CHECKPOINT, pins()).not_checked == timestamp.NOT_CHECKED

    def test_fractions_of_a_second_are_rounded_up(self, ledger: TimestampLedger, authority: tsa.Authority) -> None:
        nonce = request_of(ledger.prepare(HEAD, None)).nonce
        now = datetime.now(UTC).replace(microsecond=0)
        for fraction, late in ((b"", 0), (b".5", 1)):
            time = f"{now:%Y%m%d%H%M%S}".encode() + fraction + b"Z"
            info = made.Info(timestamp.stamped_digest(HEAD.note), time=time, tail=der.write_integer(nonce))
            token = made.Token(authority.signer, info.encode()).encode()
            KeptAnswer.objects.all().delete()
            authority.answer = lambda _, token=token: _granted(token)
            submit(ledger)
            verdict = TimestampLedger.verify(ledger.export(CHECKPOINT), CHECKPOINT, pins())
            assert verdict.attested_at == int(now.timestamp()) + late

    @pytest.mark.parametrize("spell", [str.upper, lambda pin: ":".join(pin[at : at + 2] for at in range(0, 64, 2))])
    def test_a_pin_may_be_spelt_as_tools_print_it(self, evidence: bytes, spell: Callable[[str], str]) -> None:
        assert TimestampLedger.verify(evidence, CHECKPOINT, pins(spell(ROOT.pin))).is_valid

    @pytest.mark.parametrize(
        "pin",
        ["", "zz", "00" * 32, ROOT.pin[:-2], tsa.certify("Root", is_authority=True).pin],
        ids=["none", "no digits", "zeros", "cut", "another root"],
    )
    def test_other_anchors_are_refused(self, evidence: bytes, pin: str) -> None:
        verdict = TimestampLedger.verify(evidence, CHECKPOINT, pins(pin))
        assert (verdict.is_valid, verdict.reason) == (False, "time_stamp_signer_untrusted")
        assert not TimestampLedger.verify(evidence, CHECKPOINT, Trust((log_key(),))).is_valid

    def test_a_pinned_policy_decides(self, evidence: bytes) -> None:
        assert TimestampLedger.verify(evidence, CHECKPOINT, pins(policy=tsa.POLICY)).is_valid
        refused = TimestampLedger.verify(evidence, CHECKPOINT, pins(policy=tsa.OTHER_POLICY))
        assert (refused.is_valid, refused.reason) == (False, "stamped under another policy")

    def test_a_stamp_is_not_worn_by_another_note(self, ledger: TimestampLedger, evidence: bytes) -> None:
        later = Checkpoint(CHECKPOINT.origin, 6, MemoryTree(6).root)
        fields = {**json.loads(evidence), "note": sign(later, log_signer())}
        verdict = TimestampLedger.verify(canonical_json(fields), later, pins())
        assert (verdict.is_valid, verdict.reason) == (False, "time_stamp_imprint_mismatch")

    def test_no_changed_byte_is_believed(self, evidence: bytes) -> None:
        for at in range(len(evidence)):
            for bits in (0x01, 0x10):
                mutant = evidence[:at] + bytes([evidence[at] ^ bits]) + evidence[at + 1 :]
                assert not TimestampLedger.verify(mutant, CHECKPOINT, pins()).is_valid

    @pytest.mark.parametrize(
        "change",
        [
            {"note": 5},
            {"note": None},
            {"token": 5},
            {"token": "?"},
            {"certificates": "x"},
            {"certificates": [5]},
            {"certificates": ["MAA="] * 17},
            {"extra": True},
        ],
    )
    def test_members_of_another_kind_are_refused(self, evidence: bytes, change: dict[str, Any]) -> None:
        fields = {**json.loads(evidence), **change}
        assert not TimestampLedger.verify(canonical_json(fields), CHECKPOINT, pins()).is_valid

    def test_another_spelling_or_size_is_refused(self, evidence: bytes) -> None:
        for other in (evidence + b" ", json.dumps(json.loads(evidence)).encode(), b" " * (1 << 21), b"[" * 100000):
            assert not TimestampLedger.verify(other, CHECKPOINT, pins()).is_valid


class TestHealth:
    """For the operator, without spending a time stamp."""

    def test_it_counts_and_asks_for_no_stamp(self, ledger: TimestampLedger, authority: tsa.Authority) -> None:
        submit(ledger)
        health = ledger.health()
        assert health.is_healthy
        assert health.spent == "time stamps: 1"
        assert "status 405" in health.detail
        assert len(authority.requests) == 1

    def test_a_pinned_certificate_that_has_expired_is_unhealthy(self, ledger: TimestampLedger) -> None:
        with time_machine.travel(datetime.now(UTC) + timedelta(days=366)):
            assert isinstance(ledger.health(), LedgerHealth)
            assert not ledger.health().is_healthy


def _changed(request: bytes, **changes: Any) -> bytes:
    asked = time_stamp.read_request(request)
    fields = {"digest": asked.digest, "nonce": asked.nonce, "policy": asked.policy}
    return time_stamp.write_request(TimeStampRequest(**{**fields, **changes}))


def _without_nonce(request: bytes) -> bytes:
    parts = [each.encoding for each in der.elements(der.read(request, der.SEQUENCE).content)]
    return made.sequence(*parts[:2], *parts[3:])


def _granted(token: bytes) -> Answer:
    content = made.sequence(made.sequence(der.write_integer(0)), token)
    return Answer(content, headers={"Content-Type": RESPONSE_TYPE})


def _hand_made(ledger: TimestampLedger, signer: tsa.Certified) -> bytes:
    asked = request_of(ledger.prepare(HEAD, None))
    time = f"{datetime.now(UTC):%Y%m%d%H%M%S}Z".encode()
    info = made.Info(asked.digest, time=time, tail=der.write_integer(asked.nonce))
    return made.Token(signer, info.encode()).encode()
