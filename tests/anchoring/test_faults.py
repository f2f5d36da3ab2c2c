"""Real processes, really killed: nothing lost, nothing twice, fsck clean."""

from __future__ import annotations

import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import time_machine
from celery import Celery
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from anchoring import fsck, monitor
from anchoring.log_key import log_origin
from anchoring.models import Attestation, Checkpoint, FollowedLog, LogEntry, TreeHead
from anchoring.receipts import receipt_for
from protocol.merkle import leaf_hash
from tests.anchoring import steps
from tests.anchoring.records import hand_over, record_id
from tests.processes import ROOT, Forker, Worker, flush_redis, process_environment, redis_url, wait_until
from tests.protocol.trees import reference_root
from tests.simulators.ledger import submissions

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

LEDGERS = ["anchoring.backends.embedded.EmbeddedLedger", "tests.simulators.ledger.FileLedger"]
CRASH_POINTS = sorted(
    name
    for path in (ROOT / "anchoring").rglob("*.py")
    for name in re.findall(r'\breach\("([a-z_.]+)"\)', path.read_text(encoding="utf-8"))
    # A witness dies in test_witness_faults, whoever asks an outside service in test_answer_faults, an export in
    # test_export, a recovery in test_recovery.
    if not name.startswith(("witness.", "answer.", "export.", "recover."))
)


@pytest.fixture
def environment(settings: Settings, tmp_path: Path) -> dict[str, str]:
    """The same folder, database and ledgers for this process and for those it starts."""
    if connection.vendor != "postgresql":
        pytest.skip("processes share a database server; SQLite in a test is this process's own memory")
    settings.ANCHORING_LEDGERS = LEDGERS
    settings.FSCK_CHECKS = []
    settings.ATTESTATION_LEASE_SECONDS = 1
    return process_environment(var_dir=tmp_path, ANCHORING_LEDGERS=",".join(LEDGERS))


@pytest.fixture
def clean_redis() -> Iterator[None]:
    flush_redis()
    yield
    flush_redis()


@pytest.fixture
def sender() -> Iterator[Celery]:
    with Celery("sender", broker=redis_url(), set_as_current=False) as app:
        app.conf.update(broker_read_url=redis_url(), broker_write_url=redis_url())
        yield app


def finish() -> None:
    """What the sweepers do in the minutes after a crash, in this process."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(3):
            clock.shift(timedelta(minutes=2))
            steps.whole_way()


def is_finished(count: int) -> bool:
    is_signed = Checkpoint.objects.filter(size=count).exists()
    final = Attestation.objects.filter(checkpoint__size=count, state=Attestation.State.FINAL)
    return is_signed and final.count() == len(LEDGERS)


def assert_nothing_lost_nothing_twice(count: int) -> None:
    assert is_finished(count)
    placed = list(LogEntry.objects.order_by("leaf_index"))
    assert [entry.leaf_index for entry in placed] == list(range(count))
    assert {entry.record_id for entry in placed} == {record_id(number) for number in range(count)}
    assert bytes(TreeHead.objects.get().root) == reference_root([leaf_hash(entry.data) for entry in placed])
    assert all(receipt_for(entry.record_id) for entry in placed[:: max(count // 10, 1)])
    repeated = {note: times for note, times in Counter(_effects()).items() if times != 1}
    assert repeated == {}
    assert fsck.check() == []


def _effects() -> list[str]:
    return [submission["note"] for submission in submissions() if submission["is_new"]]


def test_a_process_killed_at_any_step_loses_nothing(environment: dict[str, str]) -> None:
    assert len(CRASH_POINTS) == len(set(CRASH_POINTS)) > 15
    with Forker(environment) as forker:
        for number, point in enumerate(CRASH_POINTS, 1):
            hand_over(*range((number - 1) * 10, number * 10))
            assert forker.run("tests.anchoring.steps.whole_way", crash_at=point) == [-signal.SIGKILL], point
            finish()
            assert_nothing_lost_nothing_twice(number * 10)


def test_a_process_killed_again_and_again_still_gets_there(environment: dict[str, str]) -> None:
    hand_over(*range(50))
    with Forker(environment) as forker:
        for point in reversed(CRASH_POINTS):
            forker.run("tests.anchoring.steps.whole_way", crash_at=point)
    finish()
    assert_nothing_lost_nothing_twice(50)


def test_sequencers_and_attestors_racing_make_one_log(environment: dict[str, str]) -> None:
    with Forker(environment) as forker:
        forker.begin("tests.anchoring.steps.race", copies=4)
        for start in range(0, 2000, 50):
            hand_over(*range(start, start + 50))
        assert forker.finish() == [0] * 4
    finish()
    assert_nothing_lost_nothing_twice(2000)
    assert Checkpoint.objects.count() > 1


def test_one_checkpoint_and_eight_workers_make_one_attestation(environment: dict[str, str]) -> None:
    hand_over(*range(5))
    with Forker(environment) as forker:
        assert forker.run("tests.anchoring.steps.whole_way", copies=8) == [0] * 8
    finish()
    assert_nothing_lost_nothing_twice(5)


@pytest.mark.usefixtures("clean_redis")
def test_four_sequencers_eight_attestors_and_workers_told_twice_make_one_log(
    environment: dict[str, str], sender: Celery, tmp_path: Path
) -> None:
    """Hard test: everything at once, Redis emptied in the middle, the monitor watching."""
    names = ["anchoring.attest", "anchoring.sign_checkpoint", "anchoring.sequence", "anchoring.monitor"]
    with (
        Forker(environment) as sequencers,
        Forker(environment) as attestors,
        Worker(environment, tmp_path, has_beat=False, concurrency=2),
    ):
        sequencers.begin("tests.anchoring.steps.race_to_sequence", copies=4)
        attestors.begin("tests.anchoring.steps.race_to_attest", copies=8)
        for start in range(0, 3000, 50):
            hand_over(*range(start, start + 50))
            for name in [*names, *reversed(names)]:
                sender.send_task(name)
            for ledger_id in ["file", "embedded"]:
                sender.send_task("anchoring.attest_on_ledger", args=[ledger_id])
            if start == 1500:
                flush_redis()
        assert sequencers.finish() == [0] * 4
        assert attestors.finish() == [0] * 8
    finish()
    assert_nothing_lost_nothing_twice(3000)
    checkpoints = list(Checkpoint.objects.order_by("size"))
    assert len(checkpoints) > 1
    assert [row.signed_at for row in checkpoints] == sorted(row.signed_at for row in checkpoints)
    monitor.due_logs()
    assert monitor.examine(origin=log_origin()).state == FollowedLog.State.SOUND


@pytest.mark.usefixtures("clean_redis")
def test_a_busy_log_keeps_its_pace_and_a_quiet_one_answers_soon(environment: dict[str, str], tmp_path: Path) -> None:
    """Two workers with a beat each, as nobody should run them: the interval still holds."""
    seconds = 2.0
    paced = {**environment, "CHECKPOINT_SECONDS": str(seconds)}
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    with Worker(paced, folders[0]), Worker(paced, folders[1]):
        begun = time.monotonic()
        for number in range(60):
            hand_over(number)
            time.sleep(0.1)
        wait_until(lambda: Checkpoint.objects.filter(size=60).exists(), what="a checkpoint of everything")
        lasted = time.monotonic() - begun
        signed = list(Checkpoint.objects.order_by("size").values_list("signed_at", flat=True))
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(signed)]
        assert len(signed) <= lasted / seconds + 2
        assert min(gaps) >= seconds
        handed_over = time.monotonic()
        hand_over(60)
        wait_until(lambda: Checkpoint.objects.filter(size=61).exists(), what="a checkpoint of one record more")
        assert time.monotonic() - handed_over < seconds + 5
        read = FollowedLog.objects.filter(origin=log_origin(), size=61, state=FollowedLog.State.SOUND)
        wait_until(read.exists, what="the monitor to have read it all")
    wait_until(lambda: not _is_used(environment), what="no process on the database")
    finish()
    assert_nothing_lost_nothing_twice(61)


def _is_used(environment: dict[str, str]) -> bool:
    name = environment["DATABASE_URL"].rpartition("/")[2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", [name])
        return bool(cursor.fetchone()[0])


@pytest.mark.usefixtures("clean_redis")
def test_every_task_delivered_twice_and_in_any_order_has_one_effect(
    environment: dict[str, str], sender: Celery, tmp_path: Path
) -> None:
    hand_over(*range(300))
    names = ["anchoring.attest", "anchoring.sign_checkpoint", "anchoring.sequence"]
    with Worker(environment, tmp_path, has_beat=False, concurrency=4) as worker:

        def deliver_twice() -> bool:
            for name in [*names, *names]:
                sender.send_task(name)
            for ledger_id in ["embedded", "file"] * 2:
                sender.send_task("anchoring.attest_on_ledger", args=[ledger_id])
            return is_finished(300)

        wait_until(deliver_twice, what=f"everything final\n{worker.output}")
    finish()
    assert_nothing_lost_nothing_twice(300)


@pytest.mark.usefixtures("clean_redis")
@pytest.mark.parametrize("point", ["sequence.tiles_stored", "sign.guard_advanced", "attest.after_submission"])
def test_workers_killed_and_redis_emptied_the_sweeper_finishes(
    environment: dict[str, str], tmp_path: Path, point: str
) -> None:
    hand_over(*range(100))
    worker = Worker(environment, tmp_path)
    try:
        worker.start(CRASH_AT=point)
        wait_until(lambda: "SIGKILL" in worker.output, what=f"a death at {point}")
        worker.kill()
        hand_over(*range(100, 200))
        flush_redis()
        worker.start()
        wait_until(lambda: is_finished(200), what="everything final after the crash")
        flush_redis()
        hand_over(*range(200, 300))
        wait_until(lambda: is_finished(300), what="everything final after the flush")
    finally:
        worker.kill()
    assert_nothing_lost_nothing_twice(300)


@pytest.mark.usefixtures("clean_redis")
def test_a_ledger_that_hangs_holds_up_nothing_but_the_worker_that_asks(
    environment: dict[str, str], tmp_path: Path
) -> None:
    ledgers = ",".join([LEDGERS[0], "tests.simulators.ledger.HungLedger"])
    alone = {**environment, "ANCHORING_LEDGERS": ledgers}
    (tmp_path / "outward").mkdir()
    hand_over(1)
    with (
        Worker(alone, tmp_path / "outward", has_beat=False, concurrency=1, queues="outward") as outward,
        Worker(alone, tmp_path, concurrency=1, queues="celery") as worker,
    ):
        wait_until(lambda: "hung: asked" in outward.output, what=f"a question that hangs\n{outward.output}")
        for number in range(2, 5):
            hand_over(number)
            wait_until(partial(is_signed, number), what=f"a checkpoint\n{worker.output}")


def is_signed(size: int) -> bool:
    return Checkpoint.objects.filter(size=size).exists()
