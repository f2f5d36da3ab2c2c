"""What a client may ask, and where the answer goes: nowhere but to an address that it registered."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import Settings

from authorization.models import BridgeLogin, RelyingParty
from authorization.oidc.parties import remove_party
from authorization.requests import retire_template
from tests import cast
from tests.authorization.oidc.relying_party import FORM, Party, told

# Anything that could lead somewhere else than the client registered.
CALLBACK = "https://portal.bank.example/callback?from=chancela"
OTHER_ADDRESSES = {
    "another site": "https://evil.example/callback",
    "a path beneath": "https://portal.bank.example/callback/more?from=chancela",
    "without the query": "https://portal.bank.example/callback",
    "more query": f"{CALLBACK}&x=1",
    "a fragment": f"{CALLBACK}#x",
    "other letters": CALLBACK.replace("portal", "PORTAL"),
    "another port": CALLBACK.replace(".example", ".example:444"),
    "the registered one as userinfo": "https://portal.bank.example@evil.example/callback",
    "http": CALLBACK.replace("https", "http"),
    "script": "javascript:alert(1)",
    "dots": "https://portal.bank.example/x/../callback?from=chancela",
    "an encoded blank behind": f"{CALLBACK} ",
    "nothing": "",
}


@pytest.mark.requirement(
    "OpenID Connect Core 1.0 §3.1.2.1", "redirect_uri is compared with the registered ones character by character"
)
@pytest.mark.parametrize("address", OTHER_ADDRESSES.values(), ids=OTHER_ADDRESSES.keys())
def test_nothing_is_sent_to_another_address(party: Party, address: str) -> None:
    answer = party.ask(redirect_uri=address)
    assert answer.status_code == 400
    assert "Location" not in answer
    assert not BridgeLogin.objects.exists()


def test_an_unknown_client_gets_a_page(party: Party) -> None:
    for client_id in ("rp_unknown", "", "x" * 600, "\x00"):
        answer = party.ask(client_id=client_id)
        assert answer.status_code in {400, 404}
        assert "Location" not in answer


def test_a_removed_client_signs_nobody_in(party: Party) -> None:
    remove_party(party=party.row, account=cast.chan())
    assert party.ask().status_code == 404


@pytest.mark.requirement(
    "OpenID Connect Core 1.0 §3.1.2.6", "what is wrong with a request is told to the client, with its state"
)
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile email"}, "invalid_scope"),
        ({"scope": "openid\nprofile"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"nonce": "n" * 513}, "invalid_request"),
        ({"nonce": "早"}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example/request"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
    ],
    ids=str,
)
def test_a_wrong_request_is_told_to_the_client(party: Party, changes: dict[str, Any], error: str) -> None:
    answer = told(party.ask(**changes))
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "abc&=#", "http://localhost:8000/oidc")
    assert not BridgeLogin.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"prompt": "login consent"},
        {"max_age": "0"},
        {"scope": "openid profile email"},
        {"state": None},
        {"nonce": None},
        {"claims": '{"id_token":{"birthdate":null}}', "acr_values": "x", "login_hint": "lei", "ui_locales": "pt"},
    ],
    ids=str,
)
def test_what_changes_nothing_is_let_pass(party: Party, changes: dict[str, Any]) -> None:
    assert party.begin(**changes).state == ("" if "state" in changes else "abc&=#")


@pytest.mark.requirement("RFC 6749 §3.1", "a parameter that is stated twice is refused, on a page of ours")
def test_a_parameter_stated_twice_is_refused(party: Party) -> None:
    answer = party.browser.get("/oidc/authorize", {**party.parameters(), "state": ["a", "b"]})
    assert answer.status_code == 400
    assert "Location" not in answer


@pytest.mark.requirement("OpenID Connect Core 1.0 §3.1.2.1", "the authorization endpoint is reached by GET and by POST")
def test_a_request_may_be_posted(party: Party) -> None:
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post("/oidc/authorize", urlencode(party.parameters()), content_type=FORM)
    assert answer["Location"].startswith("/oidc/login/")


@pytest.mark.parametrize("body", [b"\xff", b"a=%ff", b"&".join(b"a%d=1" % n for n in range(100)), b"a"])
def test_a_form_that_cannot_be_read_gets_a_page(db: None, body: bytes) -> None:
    answer = Client().post("/oidc/authorize", body, content_type=FORM)
    assert answer.status_code == 400


def test_a_template_that_was_retired_asks_nobody(party: Party) -> None:
    retire_template(template=party.row.template, account=cast.chan())
    assert told(party.ask())["error"] == "unauthorized_client"


def test_an_address_begins_only_so_many_sign_ins(party: Party, settings: Settings) -> None:
    settings.SIGN_IN_RATE = "2/h"
    assert [party.ask().status_code for _ in range(3)] == [302, 302, 429]


@pytest.mark.requirement("RFC 8252 §7.1", "an app is answered at a private scheme of its own")
def test_an_app_is_answered_at_its_own_scheme(party: Party) -> None:
    app = Party(
        *cast.relying_party(
            template=party.row.template, method=RelyingParty.Method.NONE, redirect_uris=["com.bank.app:/callback"]
        )
    )
    answer = app.ask(prompt="none")
    assert answer["Location"].startswith("com.bank.app:/callback?error=login_required&")


class TestAnotherBrowser:
    """Only the browser that began goes on: whoever learns the address of a sign-in learns nothing else."""

    @pytest.mark.parametrize("step", ["", "state", "cancel", "return"])
    def test_sees_nothing(self, party: Party, step: str) -> None:
        login = party.begin()
        for browser in (Client(), self._with_cookie("x"), self._with_cookie("")):
            assert browser.get(f"{party.page(login)}{step}").status_code == 404

    @pytest.mark.parametrize("step", ["here", "return"])
    def test_does_nothing(self, party: Party, step: str) -> None:
        login = party.begin()
        assert Client().post(f"{party.page(login)}{step}").status_code == 404

    def test_is_not_let_in_by_the_cookie_of_another_sign_in(self, party: Party) -> None:
        first, second = party.begin(), Party(party.row, party.secret)
        other = second.begin()
        cookie = party.browser.cookies["sign_in"]
        assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (party.page(first), True, "Lax")
        assert self._with_cookie(cookie.value).get(party.page(other)).status_code == 404

    @staticmethod
    def _with_cookie(value: str) -> Client:
        client = Client()
        client.cookies["sign_in"] = value
        return client
