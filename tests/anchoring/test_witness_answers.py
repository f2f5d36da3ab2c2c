"""What a witness may answer, honest or not, and what its cosignatures prove as evidence."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from anchoring.backends.witness import WitnessLedger
from anchoring.errors import (
    AmbiguousLedgerError,
    LedgerMisconfiguredError,
    RejectedByLedgerError,
    TransientLedgerError,
)
from anchoring.ledger import PublishedCheckpoint, Trust
from anchoring.log_key import log_key, log_origin
from anchoring.models import Attestation, Cosignature
from anchoring.models import Checkpoint as StoredCheckpoint
from protocol.checkpoint import Checkpoint, SeedSigner, VerifierKey
from protocol.cosignature import Ed25519Cosigner, cosign
from tests.anchoring.cosigning import (
    NAME,
    State,
    attest,
    checkpoint_of,
    forked,
    ledger,
    trust,
    witness,
)
from tests.anchoring.records import log_records
from tests.protocol.trees import MemoryTree
from tests.simulators.witness import Answer, Fault, SimulatedWitness

__all__ = ["ledger", "witness"]

pytestmark = pytest.mark.django_db


def append(extra: bytes) -> Fault:
    return Fault(rewrite=lambda answer: replace(answer, content=answer.content + extra))


def corrupt(line: int) -> Fault:
    """One character in the middle of the signature on this line is another."""

    def rewrite(answer: Answer) -> Answer:
        lines = answer.content.decode().splitlines(keepends=True)
        at = len(lines[line]) // 2
        lines[line] = lines[line][:at] + ("A" if lines[line][at] != "A" else "B") + lines[line][at + 1 :]
        return replace(answer, content="".join(lines).encode())

    return Fault(rewrite=rewrite)


def line_by(name: str, size: int = 5, timestamp: int = 1) -> bytes:
    """A line that somebody else has made for a checkpoint."""
    checkpoint = Checkpoint(log_origin(), size, MemoryTree(size).root)
    return cosign(checkpoint, Ed25519Cosigner(name, b"\x42" * 32), timestamp).encode()


class TestAnswersThatAreNotHonest:
    @pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "cosignatures of unknown keys are ignored")
    @pytest.mark.parametrize("name", ["elsewhere.example/w", NAME])
    def test_lines_of_unknown_keys_are_ignored_even_under_the_witnesses_name(
        self, witness: SimulatedWitness, ledger: WitnessLedger, name: str
    ) -> None:
        log_records(*range(5))
        witness.faults.append(append(line_by(name) * 3))
        assert attest(ledger).state == State.FINAL
        assert Cosignature.objects.get().lines.count("\n") == 2

    @pytest.mark.requirement("C2SP signed-note, Signatures", "a failing line of a known key condemns the answer")
    @pytest.mark.parametrize("line", [0, 1])
    def test_a_forged_line_condemns_the_answer_and_the_next_one_heals(
        self, witness: SimulatedWitness, ledger: WitnessLedger, line: int
    ) -> None:
        log_records(*range(5))
        witness.faults.append(corrupt(line))
        row = attest(ledger)
        assert row.state == State.RETRY_WAIT
        assert "not a cosignature" in row.last_error
        assert not Cosignature.objects.exists()
        assert attest(ledger, times=2).state == State.FINAL

    def test_the_lines_of_another_checkpoint_are_no_lines_of_this_one(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        log_records(*range(5))
        attest(ledger)
        replayed = Cosignature.objects.get().lines.encode()
        log_records(*range(5, 9))
        witness.faults.append(Fault(rewrite=lambda answer: replace(answer, content=replayed)))
        assert attest(ledger).state == State.RETRY_WAIT
        assert Cosignature.objects.count() == 1

    def test_a_witness_with_other_keys_than_the_pinned_ones_stands_still(
        self, witness: SimulatedWitness, ledger: WitnessLedger
    ) -> None:
        log_records(*range(5))
        witness.faults.append(Fault(rewrite=lambda answer: replace(answer, content=line_by(NAME))))
        row = attest(ledger)
        assert row.state == State.RETRY_WAIT
        assert row.last_error.startswith("ledger_misconfigured")

    @pytest.mark.parametrize("content", [b"", b"\n", b"ok", b"\xff\xfe", b"\x00" * 50, "\N{EM DASH} x AAAA\n".encode()])
    def test_what_is_no_signature_line_is_refused(
        self, witness: SimulatedWitness, ledger: WitnessLedger, content: bytes
    ) -> None:
        log_records(*range(5))
        witness.faults.append(Fault(rewrite=lambda answer: replace(answer, content=content)))
        assert attest(ledger).state == State.RETRY_WAIT
        assert not Cosignature.objects.exists()

    def test_an_oversized_answer_is_not_read_to_its_end(self, witness: SimulatedWitness, ledger: WitnessLedger) -> None:
        log_records(*range(5))
        witness.faults.append(append(line_by("elsewhere.example/w") * 1000))
        row = attest(ledger)
        assert row.state == State.RETRY_WAIT
        assert "too large" in row.last_error

    @pytest.mark.parametrize("seconds", [-601, 601, -(10**9), 10**9])
    def test_a_witness_whose_clock_is_wrong_is_not_believed(
        self, witness: SimulatedWitness, ledger: WitnessLedger, seconds: int
    ) -> None:
        log_records(*range(5))
        # The simulator's clock stands still where this test's does.
        witness.clock = lambda: time.time() + seconds
        row = attest(ledger)
        assert row.state == State.RETRY_WAIT
        assert "clock" in row.last_error
        assert not Cosignature.objects.exists()
        witness.clock = time.time
        assert attest(ledger, times=2).state == State.FINAL

    @pytest.mark.parametrize("seconds", [-590, 590])
    def test_a_clock_within_ten_minutes_is(
        self, witness: SimulatedWitness, ledger: WitnessLedger, seconds: int
    ) -> None:
        log_records(*range(5))
        witness.clock = lambda: time.time() + seconds
        assert attest(ledger).state == State.FINAL


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(400), RejectedByLedgerError),
        (Answer(403), LedgerMisconfiguredError),
        (Answer(404), LedgerMisconfiguredError),
        (Answer(405), LedgerMisconfiguredError),
        (Answer(413), LedgerMisconfiguredError),
        # To size zero nothing has to be proven, so no witness refuses a proof there.
        (Answer(422), AmbiguousLedgerError),
        (Answer(429), TransientLedgerError),
        (Answer(500), AmbiguousLedgerError),
        (Answer(502), AmbiguousLedgerError),
        (Answer(503), TransientLedgerError),
        (Answer(204), LedgerMisconfiguredError),
        (Answer(302, headers=(("Location", "http://127.0.0.1:1/"),)), LedgerMisconfiguredError),
        (Answer(200, headers=(("Content-Encoding", "gzip"),)), AmbiguousLedgerError),
    ],
)
def test_each_answer_has_one_meaning(
    witness: SimulatedWitness, ledger: WitnessLedger, answer: Answer, error: type[Exception]
) -> None:
    log_records(*range(5))
    stored = StoredCheckpoint.objects.get()
    head = PublishedCheckpoint(Checkpoint(log_origin(), 5, bytes(stored.root)), stored.note)
    witness.faults.append(Fault(instead=answer))
    with pytest.raises(error) as raised:
        ledger.submit(ledger.prepare(head, None))
    assert type(raised.value) is error
    assert not Cosignature.objects.exists()


class TestEvidence:
    @pytest.fixture
    def row(self, ledger: WitnessLedger) -> Attestation:
        log_records(*range(5))
        return attest(ledger)

    def test_it_needs_the_log_and_the_pinned_witness(self, ledger: WitnessLedger, row: Attestation) -> None:
        evidence, checkpoint = bytes(row.evidence or b""), checkpoint_of(row)
        stranger = Ed25519Cosigner(NAME, bytes(32)).verifier_key
        other_log = VerifierKey(log_origin(), SeedSigner(log_origin(), bytes(32)).public_key)
        for wrong in (
            Trust((), ledger.identity().pins),
            Trust((other_log,), ledger.identity().pins),
            Trust((log_key(),)),
            Trust((log_key(),), {"vkey": stranger.vkey}),
            Trust((log_key(),), {"vkey": log_key().vkey}),
            Trust((log_key(),), {"vkey": "x" * 100000}),
        ):
            verdict = WitnessLedger.verify(evidence, checkpoint, wrong)
            assert not verdict.is_valid
            assert verdict.reason

    def test_it_is_of_one_checkpoint(self, ledger: WitnessLedger, row: Attestation) -> None:
        evidence, checkpoint = bytes(row.evidence or b""), checkpoint_of(row)
        for other in (replace(checkpoint, size=6), forked(5), replace(checkpoint, origin="elsewhere.example/log")):
            assert not WitnessLedger.verify(evidence, other, trust(ledger)).is_valid

    def test_no_altered_byte_of_a_cosignature_is_believed(
        self, witness: SimulatedWitness, ledger: WitnessLedger, row: Attestation
    ) -> None:
        evidence, checkpoint = bytes(row.evidence or b""), checkpoint_of(row)
        start = evidence.index(f"\N{EM DASH} {NAME} ".encode())
        alone = Trust((log_key(),), {"vkey": witness.vkey.split()[0]})
        assert WitnessLedger.verify(evidence, checkpoint, alone).is_valid
        for at in range(start, evidence.index(b"\n", start) + 1):
            for bit in (1, 0x20, 0x80):
                mutant = evidence[:at] + bytes([evidence[at] ^ bit]) + evidence[at + 1 :]
                assert not WitnessLedger.verify(mutant, checkpoint, alone).is_valid

    def test_without_its_cosignature_it_is_nothing(self, ledger: WitnessLedger, row: Attestation) -> None:
        verdict = WitnessLedger.verify(row.checkpoint.note.encode(), checkpoint_of(row), trust(ledger))
        assert (verdict.is_valid, verdict.reason) == (False, "note_unsigned")

    def test_what_was_never_cosigned_cannot_be_exported(self, ledger: WitnessLedger, row: Attestation) -> None:
        with pytest.raises(TransientLedgerError):
            ledger.export(forked(5))
