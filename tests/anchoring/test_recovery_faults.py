"""A recovery that is killed has done everything or nothing; two at once, and a log at work beside them, do no harm."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

from anchoring import fsck, sequencer
from anchoring.errors import LogNotRecoverableError
from anchoring.export import export_log
from anchoring.log_reader import FolderLogReader
from anchoring.models import Checkpoint, LogEntry, TreeHead
from anchoring.recovery import recover
from tests.anchoring import backups
from tests.anchoring.records import digest, hand_over, log_records
from tests.processes import ROOT, Forker, process_environment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

POINTS = re.findall(r'\breach\("(recover\.[a-z_]+)"\)', (ROOT / "anchoring/recovery.py").read_text(encoding="utf-8"))


def ignore_act(**act: object) -> None:
    """Stands in for the audit trail: the log's own tables are all that is restored here."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "public"


@pytest.fixture
def environment(settings: Settings, tmp_path: Path, folder: Path) -> dict[str, str]:
    if connection.vendor != "postgresql":
        pytest.skip("processes share a database server; SQLite in a test is this process's own memory")
    settings.FSCK_CHECKS = []
    settings.AUDIT_SINK = f"{__name__}.ignore_act"
    return process_environment(var_dir=tmp_path, RECOVER_FROM=str(folder))


@pytest.fixture
def lost(environment: dict[str, str], folder: Path) -> int:
    """A database of 300 leaves and 20 records placed since the restore, whose log has published 900."""
    log_records(*range(300))
    backup = backups.take()
    log_records(*range(300, 900))
    export_log(folder=folder)
    backups.restore(backup)
    hand_over(*range(5000, 5020))
    sequencer.sequence()
    return 900


def recover_here() -> None:
    """What the children run."""
    from django.conf import settings

    settings.AUDIT_SINK = f"{__name__}.ignore_act"
    recover(reader=FolderLogReader(Path(os.environ["RECOVER_FROM"])))


def recover_or_lose_the_race() -> None:
    try:
        recover_here()
    except LogNotRecoverableError:
        return


def work_on() -> None:
    for _ in range(30):
        sequencer.sequence(limit=3)


def assert_recovered(size: int) -> None:
    assert [finding for finding in fsck.check() if not finding.is_notice] == []
    assert Checkpoint.objects.filter(size=size).exists()
    places = LogEntry.objects.filter(leaf_index__lt=size).order_by("leaf_index")
    assert [bytes(entry.digest) for entry in places] == [digest(number) for number in range(size)]


@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_it_is_all_or_nothing(lost: int, environment: dict[str, str], folder: Path, point: str) -> None:
    before = list(LogEntry.objects.order_by("pk").values())
    with Forker(environment) as forker:
        killed = forker.run("tests.anchoring.test_recovery_faults.recover_here", crash_at=point)
        assert killed == [-signal.SIGKILL]
        if point != "recover.committed":
            assert list(LogEntry.objects.order_by("pk").values()) == before
            assert forker.run("tests.anchoring.test_recovery_faults.recover_here") == [0]
    assert_recovered(lost)
    sequencer.sequence()
    checkpoint = sequencer.sign_checkpoint()
    assert checkpoint is not None
    assert checkpoint.size == lost + 20
    assert [finding for finding in fsck.check() if not finding.is_notice] == []


def test_three_at_once_beside_sequencers_recover_once(lost: int, environment: dict[str, str]) -> None:
    hand_over(*range(6000, 6100))
    with Forker(environment) as recoveries, Forker(environment) as workers:
        workers.begin("tests.anchoring.test_recovery_faults.work_on", copies=2)
        recoveries.begin("tests.anchoring.test_recovery_faults.recover_or_lose_the_race", copies=3)
        assert recoveries.finish() == [0] * 3
        assert workers.finish() == [0] * 2
    while sequencer.sequence():
        pass
    assert_recovered(lost)
    assert TreeHead.objects.get().size == lost + 120
    assert LogEntry.objects.filter(record_id__startswith=LogEntry.RECOVERED).count() == 600
