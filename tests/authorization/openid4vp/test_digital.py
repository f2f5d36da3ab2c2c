"""The Digital Credentials API: the same question asked through the browser, and an answer only we can open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from authorization.models import PresentationSession
from authorization.openid4vp.results import read_result
from authorization.openid4vp.sessions import session_state
from credentials.holdings import read_sd_jwt
from protocol.errors import CodedError
from tests import cast
from tests.authorization.openid4vp.conftest import Asking
from tests.authorization.test_wallet_pages import enter
from tests.config.browser import chromium
from tests.simulators.presenting_wallet import FORM, Wallet

OURS = "http://localhost:8000"


def post(session: PresentationSession, **form: Any) -> Any:
    return Client().post(f"/openid4vp/digital/{session.pk}", urlencode(form), content_type=FORM)


def question(session: PresentationSession) -> Any:
    return Client().get(f"/openid4vp/digital/{session.pk}").json()


def fresh(session: PresentationSession) -> PresentationSession:
    return PresentationSession.objects.select_related("request").get(pk=session.pk)


@pytest.mark.requirement("OpenID4VP 1.0 §A.2", "a signed request names the pages that may ask it")
@pytest.mark.requirement("OpenID4VP 1.0 §A.4", "dc_api.jwt: what comes back is encrypted, and bound to the client id")
@pytest.mark.parametrize(("options", "origin"), [({}, OURS), ({"expected_origins": ["https://bank.example"]}, "https://bank.example")],
                         ids=["ours", "theirs"])  # fmt: skip
def test_a_wallet_answers_through_the_browser(ask: Asking, wallet: Wallet, options: Any, origin: str) -> None:
    session = ask(**options)
    answer = wallet.answer_browser(question(session), origin)
    assert session_state(fresh(session)) == "fetched"
    taken = post(session, response=answer["data"]["response"])
    assert (taken.status_code, taken.json()) == (200, {})
    (shown,) = read_result(session=fresh(session), organisation=cast.bank()).credentials
    assert (shown.verdict, shown.claims["name_zh"]) == ("valid", "李嘉敏")
    assert post(session, response=answer["data"]["response"]).json()["error"] == "presentation_answered"


def test_a_page_that_is_not_named_gets_no_answer(ask: Asking, wallet: Wallet) -> None:
    with pytest.raises(PermissionError):
        wallet.answer_browser(question(ask()), "https://eve.example")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"audience": "origin:http://localhost:8000"}, "key_binding_audience_mismatch"),
        ({"nonce": "n" * 43}, "key_binding_nonce_mismatch"),
        ({"paths": [("name_zh",)]}, "dcql_claim_missing"),
    ],
    ids=["audience", "nonce", "less"],
)
def test_what_comes_through_the_browser_is_judged_alike(
    ask: Asking, wallet: Wallet, changes: dict[str, Any], code: str
) -> None:
    session = ask()
    answer = wallet.answer_browser(question(session), OURS, **changes)
    assert post(session, response=answer["data"]["response"]).json()["error"] == code
    assert fresh(session).presentation_ciphertext is None


def test_nothing_comes_through_the_browser_in_the_clear(ask: Asking, wallet: Wallet) -> None:
    session = ask()
    for form in ({"vp_token": "{}"}, {"vp_token": '{"certificate":["x"]}', "state": "x"}):
        assert post(session, **form).json()["error"] == "vp_response_encryption"
    assert post(session, error="access_denied").json()["error"] == "vp_response_state"


@pytest.mark.parametrize("options", [{"response_mode": "direct_post"}, {"client_id_prefix": "redirect_uri"}], ids=str)
def test_plain_and_unsigned_sessions_are_not_for_the_browser(ask: Asking, options: dict[str, Any]) -> None:
    answer = Client().get(f"/openid4vp/digital/{ask(**options).pk}")
    assert (answer.status_code, answer.json()["error"]) == (404, "presentation_session_missing")


@pytest.mark.parametrize(
    "origin", ["https://bank.example/", "https://bank.example/x", "ftp://bank.example", "null", "*"]
)
def test_only_origins_are_origins(ask: Asking, origin: str) -> None:
    with pytest.raises(CodedError, match="wallet_options_invalid"):
        ask(expected_origins=[origin])


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, chromium() as started:
        # Playwright's loop runs in this thread, which Django takes for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield started


@pytest.mark.django_db(transaction=True)
def test_an_officer_asks_through_the_browser(browser: Browser, live_server: LiveServer) -> None:
    """Chromium has the interface and, without a phone nearby, no wallet: first its refusal, then a wallet in its place."""
    lei = cast.lei()
    wallet = Wallet(lei.device.signer, [read_sd_jwt(cast.issue_certificate(to=lei), lei.person)])
    cast.recipient_key()
    template = cast.approved_template()
    officer = enter(browser, live_server, "chan", 1280)
    assert officer.page.goto("/verifier/requests/new/")
    assert officer.page.evaluate("'DigitalCredential' in globalThis")
    officer.page.get_by_label("What you ask for").select_option(str(template.pk))
    officer.page.get_by_role("button", name="Make link and QR code").click()
    button = officer.page.get_by_role("button", name="Ask through this browser")
    officer.page.evaluate(
        "() => { navigator.credentials.get = () => Promise.reject(new DOMException('no wallet', 'NotAllowedError')); }"
    )
    button.click()
    expect(officer.page.get_by_text("The browser brought no answer")).to_be_visible()

    def answer(asked: Any) -> Any:
        try:
            return wallet.answer_browser(asked, OURS)
        finally:
            # Playwright calls back in a context of its own, which has a connection of its own.
            connection.close()

    officer.page.expose_function("answerAsWallet", answer)
    officer.page.evaluate("() => { navigator.credentials.get = ({ digital }) => answerAsWallet({ digital }); }")
    button.click()
    expect(officer.page.get_by_role("button", name="Read what was shown")).to_be_visible()
    assert PresentationSession.objects.get().verdict == "valid"
