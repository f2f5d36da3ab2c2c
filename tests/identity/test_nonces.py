"""Nonces that cost nothing until they are used, and work once, for one purpose, at one place, for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction

from identity import nonces
from identity.errors import OneTimeValueError
from identity.models import OneTimeValue

pytestmark = pytest.mark.django_db

LIFETIME = timedelta(minutes=5)


def give(purpose: str = "proof", subject: str = "here") -> str:
    return nonces.give(purpose=purpose, subject=subject, lifetime=LIFETIME)


def consume(value: str, purpose: str = "proof", subject: str = "here") -> None:
    with transaction.atomic():
        nonces.consume(value, purpose=purpose, subject=subject)


def test_giving_stores_nothing_and_using_one_row() -> None:
    value = give()
    assert OneTimeValue.objects.count() == 0
    consume(value)
    assert value not in repr(OneTimeValue.objects.values().get())


def test_a_nonce_works_once() -> None:
    value = give()
    consume(value)
    with pytest.raises(OneTimeValueError):
        consume(value)


def test_what_failed_gives_its_nonce_back() -> None:
    value = give()
    with transaction.atomic():
        nonces.consume(value, purpose="proof", subject="here")
        transaction.set_rollback(True)
    consume(value)


@pytest.mark.parametrize(("purpose", "subject"), [("dpop", "here"), ("proof", "elsewhere"), ("proofhere", "")])
def test_it_is_of_one_purpose_and_place(purpose: str, subject: str) -> None:
    value = give()
    assert not nonces.is_fresh(value, purpose=purpose, subject=subject)
    with pytest.raises(OneTimeValueError):
        consume(value, purpose, subject)


def test_it_ends() -> None:
    value = give()
    with time_machine.travel(datetime.now(UTC) + LIFETIME + timedelta(seconds=2)):
        assert not nonces.is_fresh(value, purpose="proof", subject="here")
        with pytest.raises(OneTimeValueError):
            consume(value)


def test_nobody_prolongs_or_invents_one() -> None:
    end, random, mac = give().split(".")
    for forged in (
        f"{int(end) + 3600}.{random}.{mac}",
        f"{end}.{'A' * 22}.{mac}",
        f"{end}.{random}.{'0' * 32}",
        f"{end}.{random}",
        f"{end}.{random}.{mac}\n",
        f" {end}.{random}.{mac}",
        "",
        "..",
        "\x00",
        "１７６４０００００００" + f".{random}.{mac}",
    ):
        assert not nonces.is_fresh(forged, purpose="proof", subject="here"), forged


def test_using_one_belongs_in_a_transaction() -> None:
    connection = transaction.get_connection()
    was, connection.in_atomic_block = connection.in_atomic_block, False
    try:
        with pytest.raises(transaction.TransactionManagementError):
            nonces.remember("x", purpose="proof", until=datetime.now(UTC))
    finally:
        connection.in_atomic_block = was


def test_what_was_used_is_forgotten_after_its_end_and_not_before() -> None:
    consume(give())
    assert nonces.forget_ended() == 0
    with time_machine.travel(datetime.now(UTC) + LIFETIME + timedelta(seconds=2)):
        assert nonces.forget_ended() == 1
