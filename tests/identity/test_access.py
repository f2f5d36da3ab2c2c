"""Who gets in: second factors, roles at one agency, disabled accounts, and the marks that the access matrix reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern

from identity.errors import RoleMissingError
from identity.models import Account, Organisation, Role
from identity.roles import grant_role
from identity.urls import urlpatterns
from identity.views.access import PERSONA_SESSION_KEY, citizen_with_weid, verifier_member
from tests import cast
from tests.identity.conftest import SignIn

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"


def staff_with_password() -> tuple[Client, str]:
    """Ana as a production account: a password, and no persona's session."""
    ana = cast.ana()
    ana.set_password(PASSWORD)
    ana.save()
    return Client(headers={"accept-language": "en"}), ana.email


def sign_in_by_password(client: Client, email: str) -> str:
    response = client.post("/accounts/login/", {"login": email, "password": PASSWORD})
    assert response.status_code == 302
    return response["Location"]


def totp_code(secret: str) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


def test_staff_without_a_second_factor_is_led_to_set_one_up() -> None:
    client, email = staff_with_password()
    sign_in_by_password(client, email)
    assert client.get("/clerk/")["Location"] == "/accounts/second-factor/"
    page = client.get("/accounts/second-factor/")
    assert page.status_code == 200
    assert b"/accounts/2fa/totp/activate/" in page.content


def test_staff_with_a_second_factor_passes_only_after_using_it() -> None:
    client, email = staff_with_password()
    secret = generate_totp_secret()
    TOTP.activate(cast.ana(), secret)
    assert sign_in_by_password(client, email) == "/accounts/2fa/authenticate/"
    assert "/accounts/login/" in client.get("/clerk/")["Location"]
    client.post("/accounts/2fa/authenticate/", {"code": totp_code(secret)})
    assert client.get("/clerk/").status_code == 200


def test_a_session_older_than_the_second_factor_must_use_it() -> None:
    client, email = staff_with_password()
    sign_in_by_password(client, email)
    secret = generate_totp_secret()
    TOTP.activate(cast.ana(), secret)
    location = client.get("/clerk/kyc/")["Location"]
    assert location == "/accounts/2fa/reauthenticate/?next=%2Fclerk%2Fkyc%2F"
    assert client.post(location, {"code": totp_code(secret)})["Location"] == "/clerk/kyc/"
    assert client.get("/clerk/kyc/").status_code == 200


def test_the_secret_of_a_second_factor_is_sealed() -> None:
    secret = generate_totp_secret()
    TOTP.activate(cast.ana(), secret)
    assert secret not in repr(Authenticator.objects.values())


def test_the_personas_mark_is_no_use_to_another_account(sign_in: SignIn) -> None:
    client = sign_in("ana")
    session = client.session
    session["persona"] = cast.bo().pk
    session.save()
    assert client.get("/clerk/")["Location"] == "/accounts/second-factor/"


def test_a_disabled_account_is_out_at_once(sign_in: SignIn) -> None:
    client = sign_in("ana")
    assert client.get("/clerk/").status_code == 200
    ana = cast.ana()
    ana.is_active = False
    ana.save()
    assert client.get("/clerk/")["Location"].startswith("/accounts/login/")


def test_a_role_taken_away_is_gone_with_the_next_request(sign_in: SignIn) -> None:
    client = sign_in("ana")
    Role.objects.filter(account=cast.ana()).delete()
    assert client.get("/clerk/").status_code == 403


def test_someone_with_two_agencies_acts_for_the_chosen_one(sign_in: SignIn) -> None:
    grant_role(account=cast.ana(), agency=cast.agency("education"), name=Role.Name.AUDITOR)
    client = sign_in("ana")
    assert b"Identification Bureau" in client.get("/clerk/").content
    client.post("/clerk/agency/", {"agency": "education"})
    caption = '<span class="govuk-caption-l">{}'
    assert caption.format("Education Bureau") in client.get("/clerk/").content.decode()
    assert caption.format("Identification Bureau") in client.get("/clerk/kyc/").content.decode()
    assert client.post("/clerk/agency/", {"agency": "labour"}).status_code == 404


@pytest.mark.parametrize("slug", ["eve", "chan", "lei", "administrator", "auditor"])
@pytest.mark.parametrize("path", ["/clerk/kyc/", "/clerk/people/"])
def test_clerks_pages_are_for_clerks(sign_in: SignIn, slug: str, path: str) -> None:
    assert sign_in(slug).get(path).status_code == 403


@pytest.mark.parametrize("slug", ["ana", "bo", "dora", "auditor", "eve", "chan", "lei"])
def test_roles_are_for_administrators(sign_in: SignIn, slug: str) -> None:
    assert sign_in(slug).get("/clerk/staff/").status_code == 403


def marked(kind: str) -> list[tuple[str, Callable[..., object]]]:
    patterns = [pattern for pattern in urlpatterns if isinstance(pattern, URLPattern)]
    return [(str(p.pattern), p.callback) for p in patterns if str(p.pattern).startswith(kind)]


@pytest.mark.parametrize(("kind", "audiences"), [("clerk/", {"clerk", "account"}), ("portal/", {"portal", "account"})])
def test_every_route_says_whom_it_is_for(kind: str, audiences: set[str]) -> None:
    views = marked(kind)
    assert views
    assert {getattr(view, "audience", None) for _, view in views} <= audiences
    assert all(getattr(view, "roles", None) for _, view in views if getattr(view, "audience", "") == "clerk")


@pytest.mark.parametrize("path", ["/portal/kyc/", "/portal/weid/", "/portal/devices/", "/clerk/", "/clerk/people/"])
def test_anonymous_visitors_are_asked_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path)["Location"] == f"/accounts/login/?next={path}"


def admitted(gate: Callable[..., Any], account: Account, *, persona: bool = False) -> Any:
    """Run a view behind *gate* for *account*, and return what the gate let in, or its refusal."""
    request = RequestFactory().get("/somewhere/")
    request.user = account
    SessionMiddleware(lambda _: HttpResponse()).process_request(request)
    if persona:
        request.session[PERSONA_SESSION_KEY] = account.pk
    return gate(lambda request: request)(request)


def test_a_citizen_with_weid_is_let_in_with_both() -> None:
    lei = cast.lei()
    request = admitted(citizen_with_weid, lei.account)
    assert (request.person, request.weid) == (lei.person, lei.weid)


def test_a_citizen_without_weid_is_led_to_registration() -> None:
    account = cast.lei_person().account
    assert account is not None
    assert admitted(citizen_with_weid, account)["Location"] == "/portal/weid/"
    assert admitted(citizen_with_weid, cast.eve())["Location"] == "/portal/kyc/"


def test_a_member_is_let_in_for_an_approved_organisation_only() -> None:
    assert admitted(verifier_member, cast.chan(), persona=True).organisation == cast.bank()
    assert admitted(verifier_member, cast.chan()).url == "/accounts/second-factor/"
    with pytest.raises(RoleMissingError):
        admitted(verifier_member, cast.eve())
    Organisation.objects.update(approved_at=None)
    with pytest.raises(RoleMissingError):
        admitted(verifier_member, cast.chan())
