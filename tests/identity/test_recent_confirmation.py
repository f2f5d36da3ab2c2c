"""A session left open is not enough to move someone's certificates to another device."""

from __future__ import annotations

import time
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from allauth.account.internal.flows import login
from allauth.account.internal.userkit import user_id_to_str
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core import mail
from django.test import Client
from pytest_django import Settings

from identity.models import Account, VerificationMethod
from identity.views.access import PERSONA_SESSION_KEY
from identity.weid import registration_nonce
from tests import cast
from tests.identity.test_access import PASSWORD, totp_code
from tests.simulators.device import Device

pytestmark = pytest.mark.django_db


def client_of(account: Account, *, signed_in_ago: float, method: str = "password") -> Client:
    client = Client(headers={"accept-language": "en", "accept": "application/json"})
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session[login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = user_id_to_str(account)
    session[login.AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": method, "at": time.time() - signed_in_ago}]
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


def with_password(account: Account) -> Account:
    account.set_password(PASSWORD)
    account.save()
    return account


def test_the_page_leads_to_the_password_and_back() -> None:
    lei = cast.lei()
    client = client_of(with_password(lei.account), signed_in_ago=3600)
    address = "/accounts/reauthenticate/?next=%2Fportal%2Fweid%2F"
    assert f'href="{address}"' in client.get("/portal/weid/").content.decode()
    answer = client.post(address, {"password": PASSWORD})
    assert answer["Location"] == "/portal/weid/"
    assert 'data-wallet-action="register"' in client.get("/portal/weid/").content.decode()
    assert register(client, lei.account).status_code == 201


def test_the_password_alone_is_not_enough_where_there_is_a_second_factor() -> None:
    lei = cast.lei()
    secret = generate_totp_secret()
    TOTP.activate(with_password(lei.account), secret)
    client = client_of(lei.account, signed_in_ago=3600)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert register(client, lei.account).status_code == 403
    address = "/accounts/2fa/reauthenticate/?next=%2Fportal%2Fweid%2F"
    assert f'href="{address}"' in client.get("/portal/weid/").content.decode()
    client.post(address, {"code": totp_code(secret)})
    assert register(client, lei.account).status_code == 201


@pytest.mark.parametrize(
    ("kind", "address"),
    [("webauthn", "/accounts/2fa/webauthn/reauthenticate/"), ("recovery_codes", "/accounts/2fa/reauthenticate/")],
)
def test_whoever_has_only_a_passkey_or_codes_is_led_to_them(kind: str, address: str) -> None:
    lei = cast.lei()
    Authenticator.objects.create(user=lei.account, type=kind, data={"name": "phone"})
    page = client_of(lei.account, signed_in_ago=3600).get("/portal/weid/")
    assert f'href="{address}?next=%2Fportal%2Fweid%2F"' in page.content.decode()


def test_whoever_signs_in_elsewhere_alone_signs_in_anew() -> None:
    client = client_of(cast.lei().account, signed_in_ago=3600, method="socialaccount")
    address = "/accounts/logout/?next=%2Fportal%2Fweid%2F"
    assert f'href="{address}"' in client.get("/portal/weid/").content.decode()
    page = client.get(address, headers={"accept": "text/html"}).content.decode()
    assert 'name="next" value="/portal/weid/"' in page
    assert client.post(address, headers={"accept": "text/html"})["Location"] == "/portal/weid/"
    assert client.get("/portal/weid/")["Location"].startswith("/accounts/login/")


def test_revoking_asks_for_the_confirmation_before_the_question() -> None:
    lei = cast.lei()
    old = client_of(with_password(lei.account), signed_in_ago=3600)
    asked = old.get("/portal/devices/keys-1/revoke/")
    assert asked["Location"] == "/accounts/reauthenticate/?next=%2Fportal%2Fdevices%2Fkeys-1%2Frevoke%2F"
    fresh = client_of(lei.account, signed_in_ago=10)
    assert fresh.get("/portal/devices/keys-1/revoke/").status_code == 200
    assert fresh.post("/portal/devices/keys-1/revoke/").status_code == 302
    assert VerificationMethod.objects.get().revoked_at is not None


def test_the_owner_is_told_of_another_device_and_of_a_revocation() -> None:
    lei = cast.lei()
    client = client_of(lei.account, signed_in_ago=10)
    register(client, lei.account)
    client.post("/portal/devices/keys-2/revoke/")
    registered, revoked = mail.outbox
    assert registered.to == revoked.to == [lei.account.email]
    assert "A device was registered" in registered.subject
    assert "A device was revoked" in revoked.subject
    for message in (registered, revoked):
        assert "http://localhost:8000/portal/weid/" in message.body


@pytest.mark.parametrize("refused", ["old session", "bad proof"])
def test_nobody_is_told_of_what_was_refused(refused: str) -> None:
    lei = cast.lei()
    client = client_of(lei.account, signed_in_ago=3600 if refused == "old session" else 10)
    body = {"public_jwk": Device("new").public_jwk, "proof": "a.b.c"}
    assert client.post("/portal/weid/register", body, content_type="application/json").status_code >= 400
    assert mail.outbox == []


@pytest.mark.parametrize("error", [OSError, SMTPServerDisconnected, ValueError])
def test_mail_that_cannot_be_sent_fails_nothing(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", fail)
    lei = cast.lei()
    client = client_of(lei.account, signed_in_ago=10)
    assert register(client, lei.account).status_code == 201
    assert client.post("/portal/devices/keys-2/revoke/").status_code == 302
    assert not VerificationMethod.objects.filter(revoked_at=None).exists()
