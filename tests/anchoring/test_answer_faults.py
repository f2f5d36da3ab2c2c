"""Real processes that die while an outside service is asked, and others that race for its answer."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from anchoring import fsck, registry
from anchoring.ledger import Trust
from anchoring.log_key import log_key
from anchoring.models import Attestation, ConfiguredLedger, KeptAnswer
from anchoring.registry import ledgers
from protocol.checkpoint import Checkpoint
from tests.anchoring import steps
from tests.anchoring.ledgers_at_work import new_authority, rekor_options, timestamp_options
from tests.anchoring.records import hand_over
from tests.processes import ROOT, Forker, process_environment
from tests.simulators import rekor, tsa
from tests.simulators.web import Answer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

NAMES = ("public", "stamp")
SOURCES = ("anchoring/attestation.py", "anchoring/kept_answers.py")
CRASH_POINTS = sorted(
    {name for source in SOURCES for name in re.findall(r'\breach\("([a-z_.]+)"\)', (ROOT / source).read_text())}
)


@pytest.fixture
def log() -> rekor.RemoteLog:
    return rekor.RemoteLog()


@pytest.fixture
def authority(tmp_path: Path) -> tsa.Authority:
    return new_authority(tmp_path, tsa.certify("Root", is_authority=True))


@pytest.fixture
def forker(settings: Settings, tmp_path: Path, log: rekor.RemoteLog, authority: tsa.Authority) -> Iterator[Forker]:
    """Processes that share the database with this one, in which both services answer."""
    if connection.vendor != "postgresql":
        pytest.skip("processes share a database server; SQLite in a test is this process's own memory")
    settings.ANCHORING_LEDGERS = []
    settings.FSCK_CHECKS = []
    settings.ATTESTATION_LEASE_SECONDS = 1
    with tsa.serving(authority) as stamping, rekor.serving(log) as holding:
        # The sweepers' minutes below pass for us, and not for OpenSSL.
        options = timestamp_options(stamping, authority.signer, tmp_path) | {"tolerance_seconds": "3600"}
        ConfiguredLedger.objects.create(ledger_id="stamp", kind="timestamp", options=options)
        ConfiguredLedger.objects.create(ledger_id="public", kind="rekor", options=rekor_options(holding, log, tmp_path))
        with Forker(process_environment(var_dir=tmp_path, ANCHORING_LEDGERS="")) as running:
            yield running
    registry._make.cache_clear()


def finish() -> None:
    """What the sweepers do in the minutes after a crash, in this process."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(3):
            clock.shift(timedelta(minutes=2))
            steps.whole_way()


def assert_attested_once(size: int, log: rekor.RemoteLog, checkpoints: int) -> None:
    assert not Attestation.objects.filter(state__in=Attestation.OPEN).exists()
    for name in NAMES:
        row = Attestation.objects.get(ledger_id=name, checkpoint__size=size)
        assert row.state == Attestation.State.FINAL
        stored = Checkpoint(row.checkpoint.origin, size, bytes(row.checkpoint.root))
        ledger = ledgers()[name]
        trust = Trust((log_key(),), ledger.identity().pins)
        assert ledger.verify(bytes(row.evidence or b""), stored, trust).is_valid
        assert KeptAnswer.objects.filter(ledger_id=name, size=size).count() == 1
    assert len(log.bodies) == len(set(log.bodies)) == checkpoints
    assert fsck.check() == []


def test_a_process_killed_at_any_step_is_attested_once(forker: Forker, log: rekor.RemoteLog) -> None:
    assert "answer.received" in CRASH_POINTS
    for number, point in enumerate(CRASH_POINTS, 1):
        hand_over(*range((number - 1) * 10, number * 10))
        assert forker.run("tests.anchoring.steps.whole_way", crash_at=point) == [-signal.SIGKILL], point
        finish()
        assert_attested_once(number * 10, log, number)


def test_an_answer_that_died_with_its_process_is_asked_for_again(
    forker: Forker, log: rekor.RemoteLog, authority: tsa.Authority
) -> None:
    """The log has the entry and says so; the authority keeps nothing and stamps anew. Both are harmless."""
    hand_over(*range(10))
    for _ in NAMES:
        assert forker.run("tests.anchoring.steps.whole_way", crash_at="answer.received") == [-signal.SIGKILL]
    assert KeptAnswer.objects.count() == 0
    assert log.writes >= 1
    finish()
    assert_attested_once(10, log, 1)
    assert log.writes >= 2
    assert len(set(authority.requests)) == 1


def test_eight_workers_at_once_keep_one_answer(forker: Forker, log: rekor.RemoteLog) -> None:
    hand_over(*range(5))
    assert forker.run("tests.anchoring.steps.whole_way", copies=8) == [0] * 8
    finish()
    assert_attested_once(5, log, 1)


def test_a_day_without_either_service_drains_as_what_was_begun_and_the_newest(
    forker: Forker, log: rekor.RemoteLog, authority: tsa.Authority
) -> None:
    log.is_busy = True
    authority.answer = lambda _: Answer(b"", status=503)
    for number in range(6):
        hand_over(number)
        steps.whole_way()
    assert KeptAnswer.objects.count() == 0
    log.is_busy, authority.answer = False, None
    finish()
    finish()
    assert_attested_once(6, log, 2)
    assert set(KeptAnswer.objects.values_list("size", flat=True)) == {1, 6}
