from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from identity import onetime
from identity.errors import OneTimeValueError
from identity.models import OneTimeValue

MINUTE = timedelta(minutes=1)


def issue(subject: str = "lei") -> str:
    return onetime.issue(purpose="test", subject=subject, lifetime=MINUTE)


@pytest.mark.django_db
def test_a_value_works_once() -> None:
    value = issue()
    with transaction.atomic():
        onetime.consume(purpose="test", subject="lei", value=value)
    with pytest.raises(OneTimeValueError), transaction.atomic():
        onetime.consume(purpose="test", subject="lei", value=value)


@pytest.mark.django_db
@pytest.mark.parametrize(("purpose", "subject"), [("other", "lei"), ("test", "eve")])
def test_a_value_is_for_one_purpose_and_subject(purpose: str, subject: str) -> None:
    value = issue()
    with pytest.raises(OneTimeValueError), transaction.atomic():
        onetime.consume(purpose=purpose, subject=subject, value=value)


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["", "x" * 100_000, "\ud800", "\x00"])
def test_a_hostile_value_is_refused(value: str) -> None:
    issue()
    with pytest.raises(OneTimeValueError), transaction.atomic():
        onetime.consume(purpose="test", subject="lei", value=value)


@pytest.mark.django_db
def test_a_value_expires_and_makes_room() -> None:
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False) as clock:
        value = issue()
        clock.shift(MINUTE)
        with pytest.raises(OneTimeValueError), transaction.atomic():
            onetime.consume(purpose="test", subject="lei", value=value)
        issue()
    assert OneTimeValue.objects.count() == 1


@pytest.mark.django_db
def test_a_rolled_back_use_gives_the_value_back() -> None:
    value = issue()
    point = transaction.savepoint()
    onetime.consume(purpose="test", subject="lei", value=value)
    transaction.savepoint_rollback(point)
    with transaction.atomic():
        onetime.consume(purpose="test", subject="lei", value=value)


@pytest.mark.django_db(transaction=True)
def test_a_use_outside_a_transaction_is_a_programming_error() -> None:
    with pytest.raises(TransactionManagementError):
        onetime.consume(purpose="test", subject="lei", value=issue())


@pytest.mark.django_db
def test_the_value_itself_is_not_stored() -> None:
    value = issue()
    assert value not in str(list(OneTimeValue.objects.values()))


@pytest.mark.django_db(transaction=True)
def test_of_many_parallel_uses_one_succeeds() -> None:
    value = issue()

    def use(_: int) -> bool:
        try:
            with transaction.atomic():
                onetime.consume(purpose="test", subject="lei", value=value)
        except OneTimeValueError:
            return False
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(24))) == 1
