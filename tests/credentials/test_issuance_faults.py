"""Real processes, racing and really killed: one credential each, nothing lost, nothing twice."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from celery import Celery

from anchoring import sequencer
from anchoring.models import LogEntry
from credentials import fsck, issuance
from credentials.models import Application, Credential, IssuanceIntent
from tests import cast
from tests.credentials.people import register_citizens
from tests.processes import ROOT, Forker, Worker, flush_redis, process_environment, redis_url, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

CRASH_POINTS = re.findall(
    r'\breach\("(issue\.[a-z_]+)"\)', (ROOT / "credentials" / "issuance.py").read_text(encoding="utf-8")
)
BULK_CRASH_POINTS = re.findall(
    r'\breach\("(issue_many\.[a-z_]+)"\)', (ROOT / "credentials" / "bulk.py").read_text(encoding="utf-8")
)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return process_environment(var_dir=tmp_path)


def assert_each_once(count: int) -> None:
    assert Application.objects.filter(state=Application.State.ISSUED).count() == count
    assert Credential.objects.count() == IssuanceIntent.objects.count() == count
    leaves = LogEntry.objects.filter(kind=LogEntry.Kind.CREDENTIAL)
    assert leaves.count() == count
    places = set(Credential.objects.values_list("status_list_id", "status_index"))
    assert len(places) == count
    assert fsck.check() == []


def test_a_process_killed_at_any_step_of_issuing_loses_nothing(environment: dict[str, str]) -> None:
    assert len(CRASH_POINTS) == 4
    lei = cast.lei()
    with Forker(environment) as forker:
        for number, point in enumerate(CRASH_POINTS, 1):
            approved = cast.approve_application(to=lei)
            assert forker.run("tests.credentials.steps.sweep", crash_at=point) == [-signal.SIGKILL], point
            planned = IssuanceIntent.objects.filter(application=approved).first()
            issued = issuance.issue(application=approved)
            if planned is not None:
                assert (issued.pk, issued.number) == (planned.credential_id, planned.number)
            assert_each_once(number)


def test_a_batch_killed_at_any_step_is_finished_by_the_sweeper(environment: dict[str, str]) -> None:
    assert len(BULK_CRASH_POINTS) == 3
    cast.credential_type()
    cast.ana(), cast.bo()
    with Forker(environment) as forker:
        for number, point in enumerate(BULK_CRASH_POINTS, 1):
            register_citizens(30, first=1_000_000 + number * 1000)
            assert forker.run("tests.credentials.steps.issue_batch", crash_at=point) == [-signal.SIGKILL], point
            issuance.resume_issuance()
            assert forker.run("tests.credentials.steps.issue_batch") == [0]
            assert_each_once(30 * number)


def test_workers_racing_for_the_same_applications_issue_each_once(environment: dict[str, str]) -> None:
    lei = cast.lei()
    for _ in range(12):
        cast.approve_application(to=lei)
    with Forker(environment) as forker:
        forker.begin("tests.credentials.steps.sweep", copies=2)
        assert forker.finish() == [0, 0]
        for _ in range(8):
            cast.approve_application(to=lei)
        assert forker.run("tests.credentials.steps.issue_backwards", copies=3) == [0, 0, 0]
    assert_each_once(20)


def test_batches_racing_for_status_entries_never_share_one(environment: dict[str, str]) -> None:
    cast.credential_type()
    cast.ana(), cast.bo()
    register_citizens(60)
    lei = cast.lei()
    for _ in range(5):
        cast.approve_application(to=lei)
    with Forker(environment) as forker:
        forker.begin("tests.credentials.steps.issue_batch")
        issuance.resume_issuance()
        assert forker.finish() == [0]
    issuance.resume_issuance()
    assert_each_once(65)


def test_a_real_worker_gets_the_task_twice_and_issues_once(environment: dict[str, str], tmp_path: Path) -> None:
    flush_redis()
    application = cast.approve_application(to=cast.lei())
    with Celery("sender", broker=redis_url(), set_as_current=False) as sender:
        sender.conf.update(broker_read_url=redis_url(), broker_write_url=redis_url())
        with Worker(environment, tmp_path, has_beat=False, concurrency=2) as worker:
            for _ in range(2):
                sender.send_task("credentials.issue", args=[str(application.pk)])
                sender.send_task("credentials.resume_issuance")
            sender.send_task("credentials.issue", args=["not-an-id"])
            sender.send_task("credentials.issue", args=["00000000-0000-0000-0000-000000000000"])
            wait_until(lambda: worker.output.count("succeeded") >= 6, what=f"six tasks done\n{worker.output}")
    flush_redis()
    sequencer.sequence()
    assert_each_once(1)
