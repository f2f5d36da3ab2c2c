"""A citizen signs in to a system that speaks OpenID Connect only, by showing a certificate."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from joserfc import jwt
from joserfc.jwk import KeySet

from authorization.models import AuditEvent, BridgeLogin, PresentationRequest, PresentationSession
from authorization.oidc.logins import purge
from authorization.openid4vp.request_objects import wallet_link
from credentials.models import Credential
from identity.api_keys import create_api_key
from protocol.openid_connect import hash_token
from tests import cast
from tests.authorization.oidc.relying_party import Party, told
from tests.simulators.presenting_wallet import Wallet

ISSUER = "http://localhost:8000/oidc"


def claims_in(id_token: str) -> dict[str, Any]:
    """What joserfc reads with the keys that we publish."""
    keys = KeySet.import_key_set(Client().get("/oidc/keys").json())
    return dict(jwt.decode(id_token, keys, algorithms=["ES256"]).claims)


@pytest.mark.requirement(
    "OpenID Connect Core 1.0 §3.1", "the code flow gives an ID token and an access token for the claims"
)
def test_a_citizen_signs_in_with_a_wallet_on_another_device(
    party: Party, wallet: Wallet, certificate: Credential
) -> None:
    answer = party.sign_in(wallet)
    assert answer.keys() == {"code", "state", "iss"}
    assert (answer["state"], answer["iss"]) == ("abc&=#", ISSUER)
    response = party.redeem(answer["code"])
    assert response.status_code == 200, response.content
    assert response["Cache-Control"] == "no-store"
    tokens = response.json()
    assert (tokens["token_type"], tokens["expires_in"], tokens["scope"]) == ("Bearer", 300, "openid")
    claims = claims_in(tokens["id_token"])
    now = time.time()
    assert now - 30 < claims.pop("iat") <= now < claims.pop("exp") <= now + 300
    assert now - 30 < claims.pop("auth_time") <= now
    subject = claims.pop("sub")
    assert len(subject) == 64
    assert certificate.number not in str(tokens)
    assert claims == {
        "iss": ISSUER,
        "aud": party.row.client_id,
        "nonce": "n-1",
        "acr": f"{ISSUER}/acr/presentation",
        "amr": ["pop"],
        "at_hash": hash_token(tokens["access_token"]),
        "name": "李嘉敏",
        "age_over_18": True,
    }
    info = party.userinfo(tokens["access_token"])
    assert info.json() == {"sub": subject, "name": "李嘉敏", "age_over_18": True}
    assert info["Cache-Control"] == "no-store"


def test_a_citizen_signs_in_with_a_wallet_on_the_same_device(party: Party, wallet: Wallet) -> None:
    login = party.begin()
    started = party.browser.post(f"{party.page(login)}here")
    assert started["Location"] == party.page(login)
    login.refresh_from_db()
    assert login.device_session is not None
    link = wallet_link(login.device_session)
    assert f'href="{link.replace("&", "&amp;")}"' in party.browser.get(party.page(login)).content.decode()
    back = urlsplit(wallet.answer(wallet.open_link(link)).json()["redirect_uri"])
    assert back.path == f"{party.page(login)}return"
    (code,) = parse_qs(back.fragment)["response_code"]
    assert party.browser.get(party.page(login)).status_code == 200, "without the code the page only waits"
    assert party.browser.get(back.path).status_code == 200
    answer = party.browser.post(back.path, {"response_code": code}, content_type="application/json")
    told_client = parse_qs(urlsplit(answer.json()["url"]).query)
    assert party.redeem(told_client["code"][0]).status_code == 200


def test_starting_on_this_device_twice_asks_once(party: Party) -> None:
    login = party.begin()
    for _ in range(2):
        party.browser.post(f"{party.page(login)}here")
    assert PresentationSession.objects.count() == 2


@pytest.mark.requirement("OpenID Connect Core 1.0 §8.1", "each client knows the same person under another subject")
def test_the_subject_is_pairwise_and_lasts(party: Party, wallet: Wallet) -> None:
    again = [claims_in(party.redeem(party.sign_in(wallet)["code"]).json()["id_token"])["sub"] for _ in range(2)]
    other = Party(*cast.relying_party(template=party.row.template))
    elsewhere = claims_in(other.redeem(other.sign_in(wallet)["code"]).json()["id_token"])["sub"]
    assert again[0] == again[1] != elsewhere


def test_the_page_says_who_asks_for_what_and_works_without_script(party: Party) -> None:
    login = party.begin()
    page = party.browser.get(party.page(login))
    text = page.content.decode()
    assert page["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    for shown in ("Customer portal", cast.bank().name["zh-hant"], "開立銀行賬戶時核實身份", "data:image/svg+xml"):
        assert shown in text
    assert f'href="{party.page(login)}"' in text, "a link looks for the answer"
    assert f'href="{party.page(login)}cancel"' in text


def test_the_page_watches_for_the_wallet(party: Party, wallet: Wallet) -> None:
    login = party.begin()
    state = f"{party.page(login)}state"
    assert party.browser.get(state).json() == {"state": "waiting"}
    asked = wallet.open_link(wallet_link(login.session))
    assert party.browser.get(state).json() == {"state": "fetched"}
    wallet.answer(asked)
    assert party.browser.get(state).json() == {"state": "answered"}


@pytest.mark.requirement(
    "OpenID Connect Core 1.0 §3.1.2.6", "a refusal, a cancellation and silence come as access_denied"
)
def test_no_sign_in_comes_back_as_denied(party: Party, wallet: Wallet) -> None:
    refused = party.begin()
    wallet.refuse(wallet.open_link(wallet_link(refused.session)))
    assert party.continue_to(refused)["error"] == "access_denied"
    cancelled = party.begin()
    assert told(party.browser.get(f"{party.page(cancelled)}cancel"))["error"] == "access_denied"
    silent = party.begin()
    with time_machine.travel(time.time() + 601, tick=False):
        assert party.continue_to(silent)["error"] == "access_denied"
    assert set(BridgeLogin.objects.values_list("outcome", flat=True)) == {"access_denied"}


def test_whichever_wallet_was_not_used_has_nothing_to_answer(party: Party, wallet: Wallet) -> None:
    login = party.begin()
    party.browser.post(f"{party.page(login)}here")
    login.refresh_from_db()
    assert login.device_session is not None
    late = wallet.open_link(wallet_link(login.device_session))
    wallet.answer(wallet.open_link(wallet_link(login.session)))
    party.continue_to(login)
    assert wallet.answer(late).status_code == 400
    assert PresentationRequest.objects.filter(state="pending", expires_at__gt=login.created_at).count() == 1


def test_what_could_not_be_checked_signs_nobody_in(party: Party, wallet: Wallet) -> None:
    login = party.begin()
    wallet.answer(wallet.open_link(wallet_link(login.session)))
    PresentationSession.objects.filter(pk=login.session_id).update(verdict="undetermined")
    answer = party.continue_to(login)
    assert (answer["error"], "code" in answer) == ("temporarily_unavailable", False)
    login.refresh_from_db()
    assert (login.code_digest, bytes(login.claims_ciphertext), login.subject) == ("", b"", "")


def test_nothing_of_a_presentation_stays(party: Party, wallet: Wallet) -> None:
    tokens = party.redeem(party.sign_in(wallet)["code"]).json()
    login = BridgeLogin.objects.get()
    assert login.session.presentation_ciphertext is None, "read once and destroyed"
    assert "李嘉敏".encode() not in bytes(login.claims_ciphertext)
    assert (purge(), party.userinfo(tokens["access_token"]).status_code) == (0, 200)
    with time_machine.travel(time.time() + 301, tick=False):
        assert party.userinfo(tokens["access_token"]).status_code == 401
        assert purge() == 1
    login.refresh_from_db()
    assert bytes(login.claims_ciphertext) == b""
    with time_machine.travel(time.time() + timedelta(days=2).total_seconds(), tick=False):
        purge()
    assert not BridgeLogin.objects.exists()


def test_an_answer_that_nobody_came_back_for_is_destroyed(party: Party, wallet: Wallet) -> None:
    login = party.begin()
    wallet.answer(wallet.open_link(wallet_link(login.session)))
    with time_machine.travel(time.time() + 601, tick=False):
        purge()
    assert PresentationSession.objects.get(pk=login.session_id).presentation_ciphertext is None


def test_a_sign_in_leaves_a_trace_that_the_citizen_sees(party: Party, wallet: Wallet, lei: cast.Citizen) -> None:
    party.sign_in(wallet)
    events = AuditEvent.objects.filter(weid=lei.weid).order_by("sequence").values_list("action", flat=True)
    assert list(events)[-3:] == ["presentation.received", "presentation.read", "login.completed"]


def test_what_was_shown_at_a_sign_in_is_no_result_of_a_request(party: Party, wallet: Wallet) -> None:
    """Else the organisation read what is not passed on, and the sign-in of the citizen came to nothing."""
    login = party.begin()
    assert wallet.answer(wallet.open_link(wallet_link(login.session))).status_code == 200
    key = create_api_key(organisation=login.session.request.organisation, label="server")[1]
    bank = Client(headers={"authorization": f"Bearer {key}"})
    answer = bank.get(f"/api/v1/requests/{login.session.request_id}/result", {"include": "presentation"})
    assert (answer.status_code, answer.json()["code"]) == (404, "presentation_session_missing")
    assert told(party.browser.get(party.page(login))).keys() == {"code", "state", "iss"}
