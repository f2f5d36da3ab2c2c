"""Fetching what was shared: within the time, the count, and the citizen's will."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from authorization import consent, transfer
from authorization.errors import (
    AuthorizationExpiredError,
    AuthorizationMissingError,
    AuthorizationWithdrawnError,
    ReadsExhaustedError,
)
from authorization.models import AuditEvent, Authorization
from identity.organisations import register_organisation
from tests import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def lei() -> cast.Citizen:
    citizen = cast.lei()
    cast.issue_certificate(to=citizen)
    return citizen


@pytest.fixture
def granted(lei: cast.Citizen) -> Authorization:
    return cast.share(lei, cast.ask())


def reads_of(authorization: Authorization) -> list[str]:
    events = AuditEvent.objects.filter(action="presentation.read", details__authorization=str(authorization.pk))
    return list(events.values_list("outcome", flat=True))


def test_a_read_gives_the_envelope_and_counts(granted: Authorization) -> None:
    envelope = transfer.read(authorization=granted, organisation=cast.bank())
    granted.refresh_from_db()
    assert envelope == granted.transfer.envelope
    assert granted.reads_used == 1
    assert reads_of(granted) == ["done"]


def test_reads_end_at_the_granted_count(granted: Authorization) -> None:
    for _ in range(2):
        transfer.read(authorization=granted, organisation=cast.bank())
    with pytest.raises(ReadsExhaustedError):
        transfer.read(authorization=granted, organisation=cast.bank())
    assert reads_of(granted) == ["done", "done", "reads_exhausted"]


def test_reads_end_at_the_granted_time(granted: Authorization) -> None:
    Authorization.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(AuthorizationExpiredError):
        transfer.read(authorization=granted, organisation=cast.bank())
    assert reads_of(granted) == ["authorization_expired"]


def test_reads_end_with_the_withdrawal_and_the_ciphertext_goes(lei: cast.Citizen, granted: Authorization) -> None:
    consent.withdraw(authorization=granted, person=lei.person)
    with pytest.raises(AuthorizationWithdrawnError):
        transfer.read(authorization=granted, organisation=cast.bank())
    granted.transfer.refresh_from_db()
    assert granted.transfer.envelope is None
    assert granted.transfer.deleted_at is not None
    assert reads_of(granted) == ["authorization_withdrawn"]


def test_another_organisation_learns_nothing(granted: Authorization) -> None:
    other = register_organisation(slug="insurer", name={"en": "Insurer"})
    with pytest.raises(AuthorizationMissingError):
        transfer.read(authorization=granted, organisation=other)
    assert reads_of(granted) == []


@pytest.mark.parametrize(
    "change",
    [{"expires_at": timezone.now() - timedelta(days=1)}, {"reads_used": 2}],
    ids=["time is over", "reads are used up"],
)
def test_envelopes_that_nobody_may_read_are_destroyed(granted: Authorization, change: dict[str, object]) -> None:
    assert transfer.purge() == 0
    Authorization.objects.update(**change)
    assert transfer.purge() == 1
    granted.transfer.refresh_from_db()
    assert granted.transfer.envelope is None
    assert transfer.purge() == 0
