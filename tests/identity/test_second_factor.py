"""A second factor is set up with a fresh confirmation, and who acts for others never gives up the last one."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client

from identity.models import Account
from tests import cast
from tests.identity.test_access import sign_in_by_password, staff_with_password, totp_code
from tests.identity.test_recent_confirmation import client_of

pytestmark = pytest.mark.django_db
ENROLMENT = ["/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/"]


def confirmed_client(account: Account) -> Client:
    client = client_of(account, signed_in_ago=10)
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time(), "reauthenticated": True}]
    session.save()
    return client


def authenticator_app(account: Account) -> Authenticator:
    app: Authenticator = TOTP.activate(account, generate_totp_secret()).instance
    return app


def passkey(account: Account) -> Authenticator:
    key: Authenticator = Authenticator.objects.create(user=account, type="webauthn", data={"name": "my phone"})
    return key


def remove(client: Client, factor: Authenticator) -> Any:
    if factor.type == Authenticator.Type.TOTP:
        return client.post("/accounts/2fa/totp/deactivate/")
    return client.post(f"/accounts/2fa/webauthn/keys/{factor.pk}/remove/")


@pytest.mark.parametrize("path", ENROLMENT)
def test_a_session_left_open_sets_up_no_second_factor(path: str) -> None:
    client, email = staff_with_password()
    sign_in_by_password(client, email)
    for answer in (client.get(path), client.post(path, {"code": "000000"})):
        assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("factor_of", [authenticator_app, passkey])
@pytest.mark.parametrize("account_of", [cast.ana, cast.auditor, cast.chan])
def test_the_last_factor_of_who_acts_for_others_stays(account_of: Any, factor_of: Any) -> None:
    account = account_of()
    factor = factor_of(account)
    RecoveryCodes.activate(account)
    answer = remove(confirmed_client(account), factor)
    assert answer.status_code in {200, 409}
    assert Authenticator.objects.filter(pk=factor.pk).exists()


def test_the_refusal_says_why() -> None:
    key = passkey(cast.ana())
    client = confirmed_client(cast.ana())
    for answer in (client.get(f"/accounts/2fa/webauthn/keys/{key.pk}/remove/"), remove(client, key)):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_factor")


@pytest.mark.parametrize("factor_of", [authenticator_app, passkey])
def test_one_of_two_factors_may_go(factor_of: Any) -> None:
    ana = cast.ana()
    factor, other = factor_of(ana), (passkey if factor_of is authenticator_app else authenticator_app)(ana)
    assert remove(confirmed_client(ana), factor).status_code == 302
    assert list(Authenticator.objects.all()) == [other]


@pytest.mark.parametrize("factor_of", [authenticator_app, passkey])
def test_a_citizen_may_do_without(factor_of: Any) -> None:
    lei = cast.lei()
    assert remove(confirmed_client(lei.account), factor_of(lei.account)).status_code == 302
    assert not Authenticator.objects.exists()


def test_nobody_removes_the_passkey_of_another() -> None:
    key = passkey(cast.lei().account)
    assert remove(confirmed_client(cast.eve()), key).status_code == 404
    assert remove(Client(), key).status_code == 302
    assert Authenticator.objects.get() == key


def test_verifiers_use_their_second_factor_before_they_make_keys() -> None:
    chan = cast.chan()
    secret = generate_totp_secret()
    TOTP.activate(chan, secret)
    client = client_of(chan, signed_in_ago=10)
    for path in ("/verifier/keys/api/", "/verifier/keys/recipient/"):
        assert client.post(path, {"label": "till"})["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert not chan.memberships.get().organisation.api_keys.exists()
    client.post("/accounts/2fa/reauthenticate/", {"code": totp_code(secret)})
    assert client.post("/verifier/keys/api/", {"label": "till"}).status_code == 201
