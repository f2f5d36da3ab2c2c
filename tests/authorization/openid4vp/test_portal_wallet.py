"""The portal answers as any wallet does: through the same link, the same address and the same checks."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect
from pytest_django.live_server_helper import LiveServer

from authorization.errors import WalletLinkError
from authorization.models import Authorization, PresentationSession
from authorization.openid4vp.portal_wallet import prepare_answer, read_link
from authorization.openid4vp.request_objects import wallet_link
from authorization.openid4vp.results import read_result
from authorization.openid4vp.sessions import WalletOptions, ask_wallet, request_uri
from identity import personas
from protocol.errors import CodedError
from tests import cast
from tests.authorization.openid4vp.conftest import Asking
from tests.authorization.openid4vp.test_pages_in_browser import look
from tests.authorization.test_wallet_pages import Actor, enter, register_device
from tests.config.browser import chromium

SignIn = Callable[[str], Client]


@pytest.fixture
def sign_in(db: None) -> SignIn:
    def sign_in(slug: str) -> Client:
        personas.ensure_persona(slug)
        client = Client(headers={"accept-language": "en"})
        assert client.post(f"/demo/{slug}/").status_code == 302
        return client

    return sign_in


def test_what_is_shown_is_proven_first(ask: Asking, lei: cast.Citizen, certificate: Any) -> None:
    for prefix in ("x509_hash", "x509_san_dns", "decentralized_identifier"):
        session_id, client_id = read_link(wallet_link(ask(client_id_prefix=prefix)))
        offer = prepare_answer(session_id=session_id, client_id=client_id, person=lei.person, weid=lei.weid)
        (answer,) = offer.answers
        assert [len(choice.paths) for choice in answer.choices] == [2, 4]
        assert answer.held.claims["name_zh"] == "李嘉敏"
        assert answer.held.key_thumbprint == lei.device.thumbprint


@pytest.mark.requirement(
    "OpenID4VP 1.0 §5.9", "our own wallet, too, refuses a request that is not the client's of the link"
)
def test_another_client_than_the_links_is_refused(ask: Asking, lei: cast.Citizen, certificate: Any) -> None:
    session = ask()
    for client_id in ("", "x509_hash:x", "x509_san_dns:localhost", "redirect_uri:http://localhost:8000/"):
        with pytest.raises(CodedError, match="request_object_client"):
            prepare_answer(session_id=session.pk, client_id=client_id, person=lei.person, weid=lei.weid)


@pytest.mark.requirement(
    "OpenID4VP 1.0 §8.4", "a wallet does not sign transaction data of a kind that it does not know"
)
def test_unknown_transaction_data_are_not_signed(ask: Asking, lei: cast.Citizen, certificate: Any) -> None:
    session = ask(transaction_data=[{"type": "urn:bank:payment", "credential_ids": ["certificate"]}])
    with pytest.raises(WalletLinkError):
        prepare_answer(session_id=session.pk, client_id=session.client_id, person=lei.person, weid=lei.weid)


@pytest.mark.parametrize(
    "link",
    [
        "", "openid4vp://", "https://eve.example", "openid4vp://?client_id=a&request_uri=https://eve.example/x",
        "openid4vp://?" + urlencode({"client_id": "a", "request_uri": "https://eve.example/" + "0" * 32}),
        "openid4vp://?request_uri=" + "0" * 32, "openid4vp://[",
    ],
)  # fmt: skip
def test_links_of_others_are_refused(link: str) -> None:
    with pytest.raises(WalletLinkError):
        read_link(link)


def test_a_pasted_link_leads_to_the_request(sign_in: SignIn, ask: Asking, lei: cast.Citizen, certificate: Any) -> None:
    session, client = ask(), sign_in("lei")
    answer = client.post("/portal/present/", {"link": f"  {wallet_link(session)}\n"})
    assert answer.status_code == 302
    page = html.unescape(client.get(answer["Location"]).content.decode())
    assert all(words in page for words in ("Daiwan Bank", "To check who opens a bank account", "李嘉敏", "90 days"))
    assert "require-trusted-types-for 'script'" in client.get(answer["Location"])["Content-Security-Policy"]
    wrong = client.post("/portal/present/", {"link": request_uri(session.pk)})
    assert wrong.status_code == 422
    session.refresh_from_db()
    assert session.request.weid == lei.weid


def test_the_consent_page_gives_way_where_nobody_could_open_what_it_seals(
    sign_in: SignIn, ask: Asking, lei: cast.Citizen, certificate: Any
) -> None:
    session = ask()
    answer = sign_in("lei").get(f"/portal/requests/{session.request_id}/")
    assert answer["Location"].startswith(f"/portal/present/{session.pk}/?client_id=x509_hash")


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, chromium() as started:
        # Playwright's loop runs in this thread, which Django takes for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield started


def asked_in_the_portal(browser: Browser, live_server: LiveServer, **options: Any) -> tuple[Actor, PresentationSession]:
    phone = enter(browser, live_server, "lei", 390)
    cast.issue_certificate(to=register_device(phone))
    session = ask_wallet(template=cast.approved_template(), organisation=cast.bank(), options=WalletOptions(**options))
    phone.page.goto("/portal/present/")
    look(phone, "portal-present-link")
    phone.page.set_viewport_size({"width": 390, "height": 844})
    phone.page.get_by_label("Link of the request").fill(wallet_link(session))
    phone.page.get_by_role("button", name="See what is asked").click()
    expect(phone.page.get_by_text("The organisation will see")).to_be_visible()
    return phone, session


def fresh(session: PresentationSession) -> PresentationSession:
    return PresentationSession.objects.select_related("request__authorization").get(pk=session.pk)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("response_mode", ["direct_post", "direct_post.jwt"])
def test_a_citizen_answers_from_the_browser(browser: Browser, live_server: LiveServer, response_mode: str) -> None:
    phone, session = asked_in_the_portal(browser, live_server, response_mode=response_mode, terms=True)
    look(phone, "portal-present")
    phone.page.get_by_label("What is required, and more").check()
    phone.page.get_by_role("button", name="Show this").click()
    expect(phone.page.get_by_text("You showed items with a wallet")).to_be_visible()
    (shown,) = read_result(session=fresh(session), organisation=cast.bank()).credentials
    assert (shown.verdict, shown.claims["name_zh"]) == ("valid", "李嘉敏")
    assert shown.claims["certificate_number"]
    assert Authorization.objects.get().request_id == session.request_id


@pytest.mark.django_db(transaction=True)
def test_a_citizen_shows_no_more_than_is_required_and_is_led_back(browser: Browser, live_server: LiveServer) -> None:
    phone, session = asked_in_the_portal(browser, live_server, redirect_uri=f"{live_server.url}/accessibility/")
    phone.page.get_by_role("button", name="Show this").click()
    phone.page.wait_for_url("**/accessibility/#response_code=*")
    code = phone.page.url.partition("response_code=")[2]
    (shown,) = read_result(session=fresh(session), organisation=cast.bank(), response_code=code).credentials
    assert "certificate_number" not in shown.claims


@pytest.mark.django_db(transaction=True)
def test_a_citizen_refuses_from_the_browser(browser: Browser, live_server: LiveServer) -> None:
    phone, session = asked_in_the_portal(browser, live_server)
    phone.page.get_by_role("button", name="Refuse").click()
    phone.page.wait_for_url("**/portal/activity/")
    assert fresh(session).outcome == "refused"
