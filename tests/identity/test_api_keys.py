from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError
from django.test import RequestFactory
from pytest_django import DjangoAssertNumQueries
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from identity.api_keys import create_agency_key, create_api_key, find_api_key, revoke_api_key
from identity.errors import ApiKeyInvalidError
from identity.models import ApiKey
from identity.views.authentication import AgencyKeyAuthentication, ApiKeyAuthentication, authenticate_api_key
from tests import cast

pytestmark = pytest.mark.django_db


def authenticate(header: str, door: BaseAuthentication | None = None) -> Any:
    request = RequestFactory().get("/", headers={"authorization": header} if header else {})
    return (door or ApiKeyAuthentication()).authenticate(Request(request))


def test_a_key_opens_the_door_of_its_organisation() -> None:
    key, secret = create_api_key(organisation=cast.bank(), label="counter")
    assert secret.startswith("ck_")
    assert authenticate_api_key(f"Bearer {secret}") == key
    authenticated = authenticate(f"Bearer {secret}")
    assert authenticated is not None
    assert authenticated[0].organisation == cast.bank()
    assert authenticated[0].pk == f"api-key:{key.pk}"


def test_the_secret_is_not_stored() -> None:
    key, secret = create_api_key(organisation=cast.bank(), label="counter")
    assert secret not in repr(ApiKey.objects.values().get(pk=key.pk))


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer ck_short", "Bearer ck_" + "x" * 43, "\x00", "ck_"])
def test_anything_else_is_refused(header: str) -> None:
    with pytest.raises(ApiKeyInvalidError):
        authenticate_api_key(header)
    with pytest.raises(AuthenticationFailed):
        authenticate(header)


def test_no_header_is_nobody() -> None:
    assert authenticate("") is None


def test_a_revoked_key_and_an_organisation_no_longer_approved_are_refused() -> None:
    bank = cast.bank()
    key, secret = create_api_key(organisation=bank, label="counter")
    other, other_secret = create_api_key(organisation=bank, label="other")
    revoke_api_key(api_key=key)
    with pytest.raises(ApiKeyInvalidError):
        find_api_key(secret)
    assert find_api_key(other_secret) == other
    bank.approved_at = None
    bank.save()
    with pytest.raises(ApiKeyInvalidError):
        find_api_key(other_secret)


def test_one_query_finds_key_and_organisation(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    _, secret = create_api_key(organisation=cast.bank(), label="counter")
    with django_assert_num_queries(1):
        assert getattr(find_api_key(secret).organisation, "slug", None) == "daiwan"


def test_an_agency_has_keys_of_its_own_and_neither_opens_the_others_doors() -> None:
    _, of_agency = create_agency_key(agency=cast.agency(), label="counter")
    _, of_bank = create_api_key(organisation=cast.bank(), label="counter")
    assert find_api_key(of_agency).agency == cast.agency()
    authenticated = authenticate(f"Bearer {of_agency}", AgencyKeyAuthentication())
    assert authenticated is not None
    assert authenticated[0].agency == cast.agency()
    with pytest.raises(AuthenticationFailed):
        authenticate(f"Bearer {of_agency}")
    with pytest.raises(AuthenticationFailed):
        authenticate(f"Bearer {of_bank}", AgencyKeyAuthentication())


@pytest.mark.parametrize("owners", [{}, {"organisation": cast.bank, "agency": cast.agency}])
def test_a_key_speaks_for_exactly_one_owner(owners: dict[str, Any]) -> None:
    rows = {name: make() for name, make in owners.items()}
    with pytest.raises(IntegrityError):
        ApiKey.objects.create(label="counter", digest="0" * 64, **rows)
