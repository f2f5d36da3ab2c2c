"""A session left open is not enough to move someone's certificates to another device."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.account.internal.flows import login
from allauth.account.internal.userkit import user_id_to_str
from django.test import Client
from pytest_django import Settings

from identity.models import Account, VerificationMethod
from identity.views.access import PERSONA_SESSION_KEY
from identity.weid import registration_nonce
from tests import cast
from tests.simulators.device import Device

pytestmark = pytest.mark.django_db


def client_of(account: Account, *, signed_in_ago: float) -> Client:
    client = Client(headers={"accept-language": "en", "accept": "application/json"})
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session[login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = user_id_to_str(account)
    session[login.AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": time.time() - signed_in_ago}]
    session.save()
    return client


def register(client: Client, account: Account) -> Any:
    phone = Device("new phone")
    body = {"public_jwk": phone.public_jwk, "proof": phone.prove(registration_nonce(account))}
    return client.post("/portal/weid/register", body, content_type="application/json")


def test_an_old_session_does_not_replace_the_device() -> None:
    lei = cast.lei()
    client = client_of(lei.account, signed_in_ago=3600)
    answer = register(client, lei.account)
    assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")
    assert VerificationMethod.objects.get().thumbprint == lei.device.thumbprint
    page = client.get("/portal/weid/").content.decode()
    assert "Confirm that it is you" in page
    assert 'data-wallet-action="register"' not in page


def test_a_fresh_sign_in_replaces_the_device() -> None:
    lei = cast.lei()
    assert register(client_of(lei.account, signed_in_ago=10), lei.account).status_code == 201
    assert VerificationMethod.objects.filter(revoked_at=None).count() == 1


def test_the_first_device_needs_no_second_sign_in() -> None:
    account = Account.objects.get(person=cast.lei_person())
    assert register(client_of(account, signed_in_ago=3600), account).status_code == 201


def test_an_old_session_revokes_no_device() -> None:
    lei = cast.lei()
    client = client_of(lei.account, signed_in_ago=3600)
    assert client.post("/portal/devices/keys-1/revoke/").status_code == 403
    assert VerificationMethod.objects.get().revoked_at is None


def test_a_demonstration_session_counts_in_the_demonstration_only(settings: Settings) -> None:
    lei = cast.lei()
    client = client_of(lei.account, signed_in_ago=3600)
    session = client.session
    session[PERSONA_SESSION_KEY] = lei.account.pk
    session.save()
    settings.DEMO = False
    assert register(client, lei.account).status_code == 403
    settings.DEMO = True
    assert register(client, lei.account).status_code == 201
