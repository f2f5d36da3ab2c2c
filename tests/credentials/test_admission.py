"""Who may ask for a verification, and what happens when the counter itself is down."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client, RequestFactory
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisDownError

from anchoring.errors import RateLimitedError
from credentials import admission, sources
from credentials.views.gates import admit
from identity.api_keys import create_api_key
from protocol.errors import UnavailableError
from tests import cast


def limited(settings: Settings, rate: str) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"verify_anonymous": rate}}


def test_each_address_has_its_own_count(settings: Settings) -> None:
    limited(settings, "1/day")
    admission.admit_anonymous("192.0.2.1")
    admission.admit_anonymous("192.0.2.2")
    with pytest.raises(RateLimitedError) as refused:
        admission.admit_anonymous("192.0.2.1")
    assert 1 <= refused.value.retry_after <= 86_400


def test_verifying_goes_on_while_the_cache_is_down(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(settings, "1/day")

    def fail(*_: object, **__: object) -> None:
        raise RedisDownError

    monkeypatch.setattr(cache, "add", fail, raising=False)
    for _ in range(3):
        admission.admit_anonymous("192.0.2.1")


@pytest.mark.django_db
def test_while_the_database_is_down_a_known_key_is_good_and_another_cannot_be_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known, other = (f"Bearer {create_api_key(organisation=cast.bank(), label=name)[1]}" for name in ("one", "other"))
    admission.admit_api_key(known)

    def fail(*_: object) -> None:
        raise OperationalError

    monkeypatch.setattr(sources, "read_versions", fail)
    monkeypatch.setattr(admission, "authenticate_api_key", fail)
    admission.admit_api_key(known)
    with pytest.raises(UnavailableError):
        admission.admit_api_key(other)
    sources.database_sources().forget()
    with pytest.raises(UnavailableError) as refused:
        admission.admit_api_key(known)
    assert refused.value.code == "unavailable"


@pytest.mark.parametrize("rate", ["", "60", "0/min", "x/min", "-1/s"])
def test_a_rate_that_cannot_be_read_is_not_taken_for_none(settings: Settings, rate: str) -> None:
    limited(settings, rate)
    with pytest.raises(ValueError, match="VERIFY_ANONYMOUS_RATE"):
        admission.admit_anonymous("192.0.2.1")


def test_a_forwarded_address_counts_only_behind_our_own_proxy(settings: Settings) -> None:
    limited(settings, "1/day")
    forged = [RequestFactory(headers={"x-forwarded-for": f"198.51.100.{n}"}).post("/") for n in range(2)]
    admit(forged[0])
    with pytest.raises(RateLimitedError):
        admit(forged[1])
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    admit(forged[0])
    admit(forged[1])


@pytest.mark.django_db
def test_the_page_is_limited_as_the_api_is(settings: Settings) -> None:
    limited(settings, "1/day")
    client = Client()
    assert client.post("/verify", {"presentation": "a"}).status_code == 200
    assert client.post("/verify", {"presentation": "a"}).status_code == 429
