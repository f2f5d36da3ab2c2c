"""The witness raced and killed: nothing is rolled back, and nothing below what was cosigned is cosigned again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from anchoring.log_key import log_key, log_origin
from anchoring.models import Attestation, Cosignature, LogEntry, WitnessedLog
from anchoring.witness_key import witness_cosigners
from anchoring.witnessing import cosign_checkpoint, cosigned_head
from protocol.cosignature import add_lines, verified_cosignatures
from protocol.errors import WitnessSizeError
from tests.anchoring import witness_steps
from tests.anchoring.cosigning import add_ledger, attest
from tests.anchoring.foreign_log import ORIGIN, ForeignLog
from tests.anchoring.records import hand_over
from tests.processes import Forker, process_environment
from tests.simulators.witness import serve_witness

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

CRASH_POINTS = ["witness.judged", "witness.guard_advanced", "witness.row_saved", "witness.committed"]


@pytest.fixture
def log(settings: Settings) -> ForeignLog:
    settings.WITNESS_LOG_RATE = "1000000/s"
    log = ForeignLog()
    log.register()
    return log


@pytest.fixture
def forker(settings: Settings, tmp_path: Path) -> Iterator[Forker]:
    if connection.vendor != "postgresql":
        pytest.skip("processes share a database server; SQLite in a test is this process's own memory")
    with Forker(process_environment(var_dir=tmp_path)) as running:
        yield running


def head() -> int:
    found = cosigned_head(WitnessedLog.objects.get(origin=ORIGIN))
    return found.size if found else 0


class Race:
    """Requests sent at once, each by a thread with a connection of its own."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, int, bytes]] = []
        self.heads: list[int] = []
        self._lock = threading.Lock()

    def run(self, requests: list[tuple[int, bytes]]) -> None:
        start = threading.Barrier(len(requests))
        threads = [threading.Thread(target=self._send, args=(size, body, start)) for size, body in requests]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _send(self, size: int, body: bytes, start: threading.Barrier) -> None:
        try:
            start.wait()
            response = Client().post("/witness/add-checkpoint", body, content_type="text/plain")
            with self._lock:
                self.answers.append((size, response.status_code, response.content))
                self.heads.append(WitnessedLog.objects.get(origin=ORIGIN).size)
        finally:
            connection.close()


@pytest.mark.requirement(
    "C2SP tlog-witness, add-checkpoint", "comparing with the latest checkpoint and storing the new one are one step"
)
def test_twenty_at_once_never_roll_back(log: ForeignLog) -> None:
    """The race that the standard describes: N and N+K at once, from one old size."""
    cosign_checkpoint(log.request(5).encode())
    size = 5
    for _ in range(5):
        small, large = size + 3, size + 7
        requests = [(new, log.request(new, old=size).encode()) for new in (small, large)] * 10
        race = Race()
        race.run(requests)
        won = {new for new, status, _ in race.answers if status == 200}
        # Whoever was first decided; from the same old size the other is told where we stand.
        assert len(won) == 1
        [size] = won
        assert {content for _, status, content in race.answers if status != 200} == {f"{size}\n".encode()}
        assert {status for _, status, _ in race.answers} == {200, 409}
        assert race.heads == sorted(race.heads)
        assert head() == size


def test_racing_up_a_ladder_of_sizes_only_goes_up(log: ForeignLog) -> None:
    requests = [(new, log.request(new, old=old).encode()) for old, new in zip(range(20), range(1, 21), strict=True)]
    for _ in range(4):
        race = Race()
        before = head()
        race.run(requests)
        cosigned = sorted(new for new, status, _ in race.answers if status == 200)
        # Each step was taken from the one before it; the last one once more at its own size perhaps.
        assert cosigned == list(range(before + 1, before + len(cosigned) + 1))
        assert head() == before + len(cosigned)


@pytest.mark.parametrize("point", CRASH_POINTS)
def test_killed_anywhere_it_goes_on_and_contradicts_nothing(log: ForeignLog, forker: Forker, point: str) -> None:
    cosign_checkpoint(log.request(5).encode())
    asked = log.request(9, old=5)
    witness_steps.request_file().write_bytes(asked.encode())
    assert forker.run("tests.anchoring.witness_steps.cosign", crash_at=point) == [-signal.SIGKILL]
    assert not witness_steps.answer_file().exists()
    # From the moment the file has moved, a fork from the old size finds the door closed.
    fork = ForeignLog(start=1000)
    is_remembered = point != "witness.judged"
    assert head() == (9 if is_remembered else 5)
    if is_remembered:
        with pytest.raises(WitnessSizeError) as told:
            cosign_checkpoint(fork.request(7, old=5).encode())
        assert told.value.size == 9
    # The log asks once more, as it would: with the same bytes, then from the size that it is told.
    old = 9 if is_remembered else 5
    lines = cosign_checkpoint(log.request(9, old=old).encode())
    keys = [cosigner.verifier_key for cosigner in witness_cosigners()]
    assert len(verified_cosignatures(add_lines(asked.note, lines), keys)) == 2
    assert WitnessedLog.objects.get().size == 9
    assert LogEntry.objects.filter(kind="checkpoint").count() == 1


@pytest.mark.parametrize(("point", "asked"), [("witness.answered", [0, 0, 5]), ("witness.lines_stored", [0])])
def test_the_side_that_asks_may_be_killed_as_well(
    settings: Settings, forker: Forker, point: str, asked: list[int]
) -> None:
    """Nothing is lost: what was cosigned and not stored is cosigned again, what was stored is not asked for."""
    with serve_witness("guangdong.example/witness", log_key()) as witness:
        settings.ANCHORING_LEDGERS = []
        ledger = add_ledger(witness)
        hand_over(*range(5))
        assert forker.run("tests.anchoring.steps.whole_way", crash_at=point) == [-signal.SIGKILL]
        assert witness.heads[log_origin()].size == 5
        assert attest(ledger).state != Attestation.State.FINAL
        assert attest(ledger, times=4).state == Attestation.State.FINAL
    assert witness.old_sizes == asked
    assert Cosignature.objects.count() == 1


def test_four_processes_asked_the_same_cosign_one_tree(log: ForeignLog, forker: Forker) -> None:
    witness_steps.request_file().write_bytes(log.request(5).encode())
    codes = forker.run("tests.anchoring.witness_steps.cosign", copies=4)
    assert sorted(codes) == [0, 1, 1, 1]
    assert head() == 5
