"""The upstream provider through the real protocol: our pages, allauth, and a provider on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client
from pytest_django import Settings

from identity import people
from identity.models import KycCase, Person
from tests import cast
from tests.identity.conftest import SignIn
from tests.simulators.openid_provider import PROVIDER_ID, Provider, serve, subject_of

pytestmark = pytest.mark.django_db
CLAIMS = {
    "sub": subject_of("eve"),
    "acr": "http://eidas.europa.eu/LoA/high",
    "name": "吳伊芙",
    "name_latin": "NG EVE",
    "birthdate": "1980-02-29",
    "identity_number": "7654321(0)",
    "email": "eve@elsewhere.example",
}
LOGIN = f"/accounts/oidc/{PROVIDER_ID}/login/?process=redirect&next=/portal/kyc/openid/"


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    with serve() as running:
        running.claims = dict(CLAIMS)
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [running.app()]}}
        yield running


def visit_provider(address: str) -> str:
    """Go where the browser is sent, and return the address on our side that the provider sends it back to."""
    parts = urlsplit(address)
    connection = HTTPConnection(str(parts.hostname), parts.port or 80, timeout=5)
    try:
        connection.request("GET", f"{parts.path}?{parts.query}")
        location = connection.getresponse().headers["Location"]
    finally:
        connection.close()
    back = urlsplit(location)
    return f"{back.path}?{back.query}"


def come_back(client: Client) -> str:
    """Run the whole redirect dance and return where it ends."""
    leaving = client.post(LOGIN)
    assert leaving.status_code == 302, leaving.content
    returned = client.get(visit_provider(leaving["Location"]))
    return returned["Location"] if returned.status_code == 302 else str(returned.status_code)


def test_the_page_offers_the_provider_by_name(sign_in: SignIn, provider: Provider) -> None:
    page = sign_in("eve").get("/portal/kyc/").content.decode()
    assert "Use your identity at Simulated eID" in page
    assert 'action="/accounts/oidc/eid/login/?process=redirect' in page


def test_an_upstream_identity_proves_a_person(sign_in: SignIn, provider: Provider) -> None:
    cast.agency()
    eve = sign_in("eve")
    assert come_back(eve) == "/portal/kyc/openid/"
    page = eve.get("/portal/kyc/openid/").content.decode()
    assert "7654321(0)" in page
    assert not Person.objects.filter(account=cast.eve()).exists()
    assert eve.post("/portal/kyc/openid/")["Location"] == "/portal/weid/"
    person = Person.objects.get(account=cast.eve())
    assert person.assurance == "high"
    assert people.read_identity(person)["identity_number"] == "76543210"
    assert KycCase.objects.get(applicant=cast.eve()).provider == "openid"


def test_what_the_provider_said_is_used_once(sign_in: SignIn, provider: Provider) -> None:
    cast.agency()
    eve = sign_in("eve")
    come_back(eve)
    assert eve.post("/portal/kyc/openid/").status_code == 302
    assert eve.post("/portal/kyc/openid/").status_code == 400


def test_the_session_holds_the_claims_sealed(sign_in: SignIn, provider: Provider) -> None:
    eve = sign_in("eve")
    come_back(eve)
    stored = repr(dict(eve.session.items()))
    assert "upstream_identity" in stored
    assert not any(value in stored for value in ("76543210", "7654321", "1980-02-29", "NG EVE"))


def test_nobody_skips_the_provider(sign_in: SignIn, provider: Provider) -> None:
    eve = sign_in("eve")
    assert eve.get("/portal/kyc/openid/").status_code == 400
    assert eve.post("/portal/kyc/openid/").status_code == 400


@pytest.mark.parametrize("changes", [{"acr": "low-ish"}, {"acr": ""}])
def test_a_provider_that_vouches_for_nothing_proves_nothing(
    sign_in: SignIn, provider: Provider, changes: dict[str, str]
) -> None:
    cast.agency()
    provider.claims |= changes
    eve = sign_in("eve")
    come_back(eve)
    assert eve.post("/portal/kyc/openid/").status_code == 400
    assert not Person.objects.filter(account=cast.eve()).exists()


@pytest.mark.parametrize(
    "changes", [{"aud": "someone-else"}, {"iss": "http://evil.example"}, {"exp": 1}, {"sub": "another"}]
)
def test_an_id_token_for_someone_else_gets_nowhere(
    sign_in: SignIn, provider: Provider, changes: dict[str, object]
) -> None:
    provider.userinfo = dict(CLAIMS)
    provider.id_token_changes = changes
    eve = sign_in("eve")
    assert come_back(eve) != "/portal/kyc/openid/"
    assert eve.get("/portal/kyc/openid/").status_code == 400


def test_a_callback_without_our_state_gets_nowhere(sign_in: SignIn, provider: Provider) -> None:
    eve, mallory = sign_in("eve"), sign_in("chan")
    back = visit_provider(eve.post(LOGIN)["Location"])
    assert mallory.get(back).status_code == 401
    assert mallory.get("/portal/kyc/openid/").status_code == 400


def test_signing_up_with_the_provider_stores_no_personal_claim(client: Client, provider: Provider) -> None:
    leaving = client.post(f"/accounts/oidc/{PROVIDER_ID}/login/")
    client.get(visit_provider(leaving["Location"]))
    (account,) = SocialAccount.objects.all()
    assert account.uid == CLAIMS["sub"]
    assert account.extra_data == {}
    assert (account.user.first_name, account.user.last_name) == ("", "")


def test_what_the_provider_said_before_anyone_signed_in_is_nobodys(client: Client, provider: Provider) -> None:
    cast.agency()
    assert come_back(client) == "/portal/kyc/openid/"
    # The next person at this browser signs in: the identity proven just now is not theirs to take.
    client.force_login(cast.chan(), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/portal/kyc/openid/").status_code == 400
    assert client.post("/portal/kyc/openid/").status_code == 400
