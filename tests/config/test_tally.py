"""Counts of many processes become one total, and nothing that goes wrong with them is felt by whoever is counted."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from celery import shared_task
from django.db import connection
from django.test import Client

from config import tally
from config.models import Tally
from tests.config.test_edge import no_database
from tests.processes import ROOT, process_environment, wait_until

__all__ = ["no_database"]


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    tally.forget()
    yield
    tally.forget()


def totals() -> dict[tuple[str, str, str], tuple[int, float]]:
    return {(row.name, row.label, row.bucket): (row.count, row.seconds) for row in Tally.objects.all()}


@pytest.mark.django_db
def test_counts_are_added_to_what_stands_there() -> None:
    for _ in range(2):
        tally.count("verification", "valid")
        tally.count("verification", "valid")
        tally.count("verification", "invalid")
        tally.write_totals()
    assert totals() == {("verification", "valid", ""): (4, 0.0), ("verification", "invalid", ""): (2, 0.0)}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, "0.01"), (0.01, "0.01"), (0.0101, "0.1"), (1.0, "1.0"), (59.0, "60.0"), (60.1, "+Inf"), (3600.0, "+Inf")],
)
def test_a_duration_falls_into_the_smallest_bucket_that_holds_it(seconds: float, bucket: str) -> None:
    tally.count("task", "a", seconds=seconds)
    tally.write_totals()
    assert totals() == {("task", "a", bucket): (1, seconds)}


@pytest.mark.django_db
def test_nothing_counted_writes_nothing(django_assert_num_queries: pytest.FixtureRequest) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        tally.write_totals()


@pytest.mark.django_db
def test_threads_lose_no_count() -> None:
    def count_many() -> None:
        for _ in range(500):
            tally.count("verification", "valid")

    threads = [Thread(target=count_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tally.write_totals()
    assert totals() == {("verification", "valid", ""): (2000, 0.0)}


@pytest.mark.django_db(transaction=True)
def test_while_the_database_is_away_counts_wait(request: pytest.FixtureRequest) -> None:
    tally.count("verification", "valid")
    real_port = connection.settings_dict["PORT"]
    request.getfixturevalue("no_database")
    tally.write_totals()
    tally.count("verification", "valid")
    connection.settings_dict["PORT"] = real_port
    tally.write_totals()
    assert totals() == {("verification", "valid", ""): (2, 0.0)}


def test_a_forked_child_counts_only_its_own() -> None:
    tally.count("verification", "valid")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        tally.count("verification", "invalid")
        os.write(writer, repr(sorted(tally._counts)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 1000).decode() == "[('verification', 'invalid', '')]"
    for end in (reader, writer):
        os.close(end)


@pytest.mark.django_db
def test_tasks_are_timed_and_their_failures_counted() -> None:
    @shared_task(name="tests.quick")
    def quick() -> None:
        time.sleep(0.02)

    @shared_task(name="tests.broken")
    def broken() -> None:
        raise ValueError

    quick.apply()
    broken.apply()
    tally.write_totals()
    found = totals()
    assert found["task", "tests.quick", "0.1"][0] == 1
    assert 0.02 <= found["task", "tests.quick", "0.1"][1] < 0.1
    assert found["task_failure", "tests.broken", ""] == (1, 0.0)
    assert ("task_failure", "tests.quick", "") not in found


@pytest.mark.django_db
def test_each_verification_is_counted_by_its_verdict(client: Client) -> None:
    client.post("/api/v1/verify", {"presentation": "e30.e30.AA~"}, content_type="application/json")
    client.post("/api/v1/verify", {"presentation": 1}, content_type="application/json")
    client.post("/api/v1/verify", "not JSON", content_type="application/json")
    client.post("/verify", {"presentation": "e30.e30.AA~"})
    client.post("/verify", {"presentation": ""})
    client.get("/verify")
    tally.write_totals()
    assert totals() == {("verification", "invalid", ""): (2, 0.0), ("verification", "refused", ""): (2, 0.0)}


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_a_process_writes_by_itself_and_once_more_as_it_ends(tmp_path: Path) -> None:
    program = (
        "import django, time; django.setup()\n"
        "from config import tally\n"
        "tally.count('verification', 'valid')\n"
        "input()\n"
        "tally.count('verification', 'invalid')\n"
    )
    # The suite's settings never write; production's do.
    environment = process_environment(
        var_dir=tmp_path, DJANGO_SETTINGS_MODULE="config.settings.base", TALLY_SECONDS="0.1"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, stdin=subprocess.PIPE, text=True
    ) as process:
        wait_until(Tally.objects.filter(label="valid", count=1).exists, what="a total written by the thread")
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.close()
        assert process.wait(timeout=30) == 0
    assert totals() == {("verification", "valid", ""): (1, 0.0), ("verification", "invalid", ""): (1, 0.0)}
