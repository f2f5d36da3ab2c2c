"""Tells the workers that there is something to do. Only a hint: the sweeper finds the same work without it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache, partial

from celery import current_app
from django.db import connection, transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def ring_on_commit(task: str) -> None:
    """Send *task* once when the transaction commits, however often it is rung inside."""
    bell = _bell(task)
    open_savepoints = set(connection.savepoint_ids)
    # A bell registered under a savepoint that may still be rolled back does not count for us.
    if any(rung[1] is bell and set(rung[0]) <= open_savepoints for rung in connection.run_on_commit):
        return
    transaction.on_commit(bell)


@cache
def _bell(task: str) -> Callable[[], None]:
    return partial(_ring, task)


def _ring(task: str) -> None:
    try:
        # One try and no waiting: whoever issues a certificate must not wait for a broker that is down.
        current_app.send_task(task, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning(
            "broker unreachable, %s waits for the sweeper: %s", task, type(error.__cause__ or error).__name__
        )
