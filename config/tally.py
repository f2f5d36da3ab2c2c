"""Counts what happens in this process, and adds it to the totals in the database every few seconds.

A scrape reaches one process of many, and processes come and go; the totals are in the database, where each process
adds its own. Counting costs a lock and an addition. The adding is done by a thread, so that nobody's request waits for
it; a process killed in between loses the last seconds of its counts and nothing else.
"""

from __future__ import annotations

import atexit
import logging
import os
import time
from bisect import bisect_left
from threading import Lock, Thread

from django.conf import settings
from django.db import Error, connection, transaction

logger = logging.getLogger(__name__)

# Upper bounds in seconds: a leaf, a query, a page, a slow ledger, the time limit of a task.
BUCKETS = (0.01, 0.1, 1.0, 10.0, 60.0)
MORE = "+Inf"

VERIFICATION = "verification"
TASK = "task"
TASK_FAILURE = "task_failure"

_ADD = """
INSERT INTO config_tally (name, label, bucket, count, seconds) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (name, label, bucket) DO UPDATE
SET count = config_tally.count + excluded.count, seconds = config_tally.seconds + excluded.seconds
"""

Key = tuple[str, str, str]
Amount = tuple[int, float]

_lock = Lock()
_counts: dict[Key, Amount] = {}
_writer: Thread | None = None


def count(name: str, label: str, *, seconds: float | None = None) -> None:
    """Count one *label* of *name*, both from a fixed set, and into the bucket of *seconds* when it took time."""
    key = (name, label, "" if seconds is None else _bucket(seconds))
    with _lock:
        _add(key, (1, seconds or 0.0))
        if _writer is None and settings.TALLY_SECONDS > 0:
            _start_writer()


def write_totals() -> None:
    """Add what this process has counted to the totals. Counts that cannot be written now wait for the next time."""
    with _lock:
        counted = dict(_counts)
        _counts.clear()
    if not counted:
        return
    try:
        # In order: two processes never wait for each other's rows.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(_ADD, [(*key, *amount) for key, amount in sorted(counted.items())])
    except Error as error:
        logger.warning("counts are not written now: %s", type(error).__name__)
        with _lock:
            for key, amount in counted.items():
                _add(key, amount)


def write_last_totals() -> None:
    """As this process ends. Nothing is written by one that never writes."""
    if settings.TALLY_SECONDS > 0 and _counts:
        write_totals()


def forget() -> None:
    """Begin at nothing: a forked child's counts are its own, and its parent's thread is not there."""
    global _lock, _writer
    _lock, _writer = Lock(), None
    _counts.clear()


def _bucket(seconds: float) -> str:
    place = bisect_left(BUCKETS, seconds)
    return str(BUCKETS[place]) if place < len(BUCKETS) else MORE


def _add(key: Key, amount: Amount) -> None:
    number, seconds = _counts.get(key, (0, 0.0))
    _counts[key] = number + amount[0], seconds + amount[1]


def _start_writer() -> None:
    global _writer  # noqa: PLW0603  a process has one
    _writer = Thread(target=_write_on_and_on, name="tally", daemon=True)
    _writer.start()
    atexit.register(write_last_totals)


def _write_on_and_on() -> None:
    while True:
        time.sleep(settings.TALLY_SECONDS)
        write_totals()
        # Idle most of the time: not worth one of the server's connections.
        connection.close()


os.register_at_fork(after_in_child=forget)
