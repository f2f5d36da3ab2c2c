"""Authorization code flow: the citizen signs in, says yes, and the wallet exchanges what comes back, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine
from django.test import Client

from credentials import applications, issuance
from credentials.models import Application, Credential, WalletAuthorization
from credentials.openid4vci.offers import Grant
from protocol import sd_jwt_vc
from protocol.pkce import challenge_of
from tests import cast
from tests.credentials.conftest import Enter
from tests.credentials.openid4vci.conftest import MakeOffer
from tests.credentials.openid4vci.steps import copies, error_of
from tests.simulators.wallet import REDIRECT_URI, Wallet

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(lei: cast.Citizen, enter: Enter) -> Client:
    return enter(lei.account)


def push(wallet: Wallet, **changes: Any) -> str:
    answer = wallet.push(**changes)
    assert answer.status_code == 201, answer.content
    return str(answer.json()["request_uri"])


def agree(browser: Client, wallet: Wallet, request_uri: str, decision: str = "agree") -> str:
    """The citizen's answer on the page; returns where the browser is sent."""
    page = wallet.page_for(request_uri)
    assert browser.get(page).status_code == 200
    answer = browser.post(page, {"decision": decision})
    assert answer.status_code == 303, answer.content
    return str(answer["Location"])


def params(location: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(location).query))


@pytest.mark.requirement("RFC 9207 §2", "the answer names the issuer that it comes from")
def test_a_citizen_lets_a_wallet_hold_the_certificate(certificate: Credential, browser: Client) -> None:
    wallet = Wallet(dpop=True)
    location = agree(browser, wallet, push(wallet))
    assert location.startswith(f"{REDIRECT_URI}?")
    assert params(location) == {"code": params(location)["code"], "state": "s-1", "iss": wallet.issuer}
    assert wallet.exchange(location).status_code == 200
    texts = copies(wallet.request(count=2))
    assert sd_jwt_vc.parse(texts[0]).payload["cnf"] == {"jwk": wallet.keys[0].public_jwk}


def test_the_page_says_who_asks_for_what(certificate: Credential, browser: Client) -> None:
    wallet = Wallet(name="wallet <b>.example")
    page = browser.get(wallet.page_for(push(wallet, redirect_uri="com.example.wallet:/back")))
    text = page.content.decode()
    assert "This wallet asks to hold your Birth certificate" in text
    assert "wallet &lt;b&gt;.example" in text
    assert "com.example.wallet:" in text
    assert page["Cache-Control"] == "no-store"
    # Of all other addresses, the form may lead to this one.
    assert "form-action 'self' com.example.wallet:;" in f"{page['Content-Security-Policy']};"


@pytest.mark.requirement("RFC 6749 §4.1.2.1", "a no is access_denied, at the address that was pushed")
def test_a_no_is_an_answer_too(certificate: Credential, browser: Client) -> None:
    wallet = Wallet()
    location = agree(browser, wallet, push(wallet), "refuse")
    assert params(location)["error"] == "access_denied"
    assert params(location)["iss"] == wallet.issuer
    assert error_of(wallet.exchange(location)) == (400, "invalid_request")


def test_a_citizen_without_the_certificate_is_told_so(browser: Client) -> None:
    cast.credential_type()
    wallet = Wallet()
    request_uri = push(wallet)
    assert "You have no such certificate" in browser.get(wallet.page_for(request_uri)).content.decode()
    # A yes that the page did not offer is a no.
    assert params(agree(browser, wallet, request_uri))["error"] == "access_denied"


def test_what_is_still_being_made_is_deferred(lei: cast.Citizen, browser: Client) -> None:
    draft = cast.draft_application(to=lei)
    applications.submit(application=draft, maker=draft.maker)
    wallet = Wallet()
    wallet.exchange(agree(browser, wallet, push(wallet)))
    promised = wallet.request()
    assert promised.status_code == 202
    applications.approve(application=draft, checker=cast.checker_of(draft.agency))
    issuance.issue(application=Application.objects.get(pk=draft.pk))
    assert len(copies(wallet.collect(promised.json()["transaction_id"]))) == 1


def test_only_a_citizen_answers(certificate: Credential, enter: Enter) -> None:
    wallet = Wallet()
    page = wallet.page_for(push(wallet))
    assert Client().get(page)["Location"].startswith("/accounts/login/")
    assert enter(cast.eve()).post(page, {"decision": "agree"})["Location"] == "/portal/kyc/"
    assert WalletAuthorization.objects.get().decided_at is None


@pytest.mark.requirement("RFC 9126 §4", "a request that is unknown, ended, answered or another client's goes nowhere")
def test_nothing_is_redirected_before_the_request_is_known(certificate: Credential, browser: Client) -> None:
    wallet = Wallet()
    request_uri = push(wallet)
    thief = Wallet(name="thief.example")
    for page in (
        thief.page_for(request_uri),
        wallet.page_for("urn:ietf:params:oauth:request_uri:x"),
        wallet.page_for("https://evil.example/request"),
        "/portal/wallets/identification/authorize",
        "/portal/wallets/identification/authorize?response_type=code&client_id=x&redirect_uri=https://evil.example&scope=y",
        wallet.page_for(request_uri).replace("identification", "education"),
    ):
        for method in (browser.get, browser.post):
            answer = method(page)
            assert answer.status_code in {400, 404}, page
            assert "Location" not in answer
    agree(browser, wallet, request_uri)
    assert browser.post(wallet.page_for(request_uri), {"decision": "agree"}).status_code == 400
    late = push(wallet)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=11)):
        assert browser.get(wallet.page_for(late)).status_code in {302, 400}


@pytest.mark.requirement("RFC 9126 §2.1", "what is pushed is checked as an authorization request is")
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uri": "http://wallet.example/back"}, "invalid_request"),
        ({"redirect_uri": "javascript:alert(1)"}, "invalid_request"),
        ({"redirect_uri": "https://wallet.example/back#f"}, "invalid_request"),
        ({"redirect_uri": "https://bank.example@evil.example/back"}, "invalid_request"),
        ({"redirect_uri": "https://wallet.example;sandbox/back"}, "invalid_request"),
        ({"redirect_uri": "https://wallet.example,x/back"}, "invalid_request"),
        ({"redirect_uri": "com.example.wallet://a;b/back"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "diploma_1"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"request_uri": "urn:x"}, "invalid_request"),
        ({"issuer_state": "never given out"}, "invalid_request"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
    ],
)
def test_a_bad_request_is_not_pushed(certificate: Credential, changes: dict[str, Any], error: str) -> None:
    assert error_of(Wallet().push(**changes)) == (400, error)
    assert not WalletAuthorization.objects.exists()


def test_custom_schemes_and_loopback_are_for_apps(certificate: Credential) -> None:
    for redirect_uri in ("com.example.wallet:/back", "http://127.0.0.1:4711/back", "https://wallet.example/a?b=c"):
        assert Wallet().push(redirect_uri=redirect_uri).status_code == 201


@pytest.mark.requirement(
    "RFC 7636 §4.6", "a code is worth nothing without the verifier, the address and the client it was made for"
)
@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "a" * 43},
        {"code_verifier": None},
        {"redirect_uri": "https://wallet.example/elsewhere"},
        {"redirect_uri": None},
        {"client_id": "thief.example"},
        {"client_id": None},
        {"code": "guessed"},
    ],
    ids=str,
)
def test_a_stolen_code_opens_nothing_and_ends_nothing(
    certificate: Credential, browser: Client, changes: dict[str, Any]
) -> None:
    wallet = Wallet()
    location = agree(browser, wallet, push(wallet))
    status, error = error_of(wallet.exchange(location, **changes))
    assert (status, error in {"invalid_grant", "invalid_request"}) == (400, True)
    assert wallet.exchange(location).status_code == 200


@pytest.mark.requirement("RFC 6749 §4.1.2", "a code works once; its second use ends what the first one got")
def test_a_code_used_twice_ends_the_tokens(certificate: Credential, browser: Client) -> None:
    wallet = Wallet()
    location = agree(browser, wallet, push(wallet))
    assert wallet.exchange(location).status_code == 200
    assert error_of(wallet.exchange(location)) == (400, "invalid_grant")
    assert error_of(wallet.request()) == (401, "invalid_token")


def test_a_code_does_not_outlive_its_minute(certificate: Credential, browser: Client) -> None:
    wallet = Wallet()
    location = agree(browser, wallet, push(wallet))
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61)):
        assert error_of(wallet.exchange(location)) == (400, "invalid_grant")


@pytest.mark.requirement("RFC 9449 §10", "a code asked for with a key is exchanged with that key alone")
def test_a_code_may_be_bound_to_a_key(certificate: Credential, browser: Client) -> None:
    wallet = Wallet(dpop=True)
    location = agree(browser, wallet, push(wallet, dpop_jkt=wallet.dpop_thumbprint))
    thief = Wallet(dpop=True)
    thief.verifier = wallet.verifier
    assert error_of(thief.exchange(location)) == (400, "invalid_grant")
    assert wallet.exchange(location).status_code == 200
    assert error_of(wallet.push(dpop_jkt="A" * 43)) == (400, "invalid_dpop_proof")


@pytest.mark.requirement("OpenID4VCI 1.0 §5.1.3", "issuer_state leads from an offer to the request of its wallet")
def test_an_offer_by_sign_in_is_for_its_holder_and_one_wallet(offer: MakeOffer, browser: Client, enter: Enter) -> None:
    made = offer(grant=Grant.AUTHORIZATION, most=2)
    issuer_state = made.message["grants"]["authorization_code"]["issuer_state"]
    other = cast.another_citizen()
    stranger = Wallet()
    location = agree(enter(other.account), stranger, push(stranger, issuer_state=issuer_state))
    assert params(location)["error"] == "access_denied"
    wallet, late = Wallet(), Wallet()
    location = agree(browser, wallet, push(wallet, issuer_state=issuer_state))
    second = agree(browser, late, push(late, issuer_state=issuer_state))
    assert wallet.exchange(location).status_code == 200
    assert len(copies(wallet.request(count=2))) == 2
    assert error_of(wallet.request(count=3)) == (400, "invalid_proof")
    assert error_of(late.exchange(second)) == (400, "invalid_grant")


@pytest.mark.requirement("RFC 9396 §7", "authorization details are answered in kind")
def test_a_wallet_may_ask_with_authorization_details(certificate: Credential, browser: Client) -> None:
    wallet = Wallet()
    details = '[{"type":"openid_credential","credential_configuration_id":"birth-certificate_1"}]'
    location = agree(browser, wallet, push(wallet, scope=None, authorization_details=details))
    [detail] = wallet.exchange(location).json()["authorization_details"]
    asked = {"credential_configuration_id": None, "credential_identifier": detail["credential_identifiers"][0]}
    assert wallet.request(**asked).status_code == 200


def test_the_challenge_is_stored_and_the_verifier_is_not(certificate: Credential) -> None:
    wallet = Wallet()
    request_uri = push(wallet)
    stored = repr(WalletAuthorization.objects.values().get())
    assert challenge_of(wallet.verifier) in stored
    assert request_uri.rpartition(":")[2] not in stored
