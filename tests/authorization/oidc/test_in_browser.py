"""The pages of a sign-in on a phone, and the browser that a wallet leads back, in Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from authorization.models import BridgeLogin
from authorization.openid4vp.request_objects import wallet_link
from credentials.holdings import read_sd_jwt
from tests import cast
from tests.authorization.oidc.relying_party import Party
from tests.config.browser import chromium, complaints_of, overflow, violations
from tests.simulators.presenting_wallet import Wallet

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, chromium() as started:
        # Playwright's loop runs in this thread, which Django takes for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield started


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, settings: Settings) -> Iterator[Page]:
    settings.PUBLIC_URL = live_server.url
    context = browser.new_context(viewport={"width": 390, "height": 844}, base_url=live_server.url)
    context.add_cookies([{"name": "django_language", "value": "en", "url": live_server.url}])
    opened = context.new_page()
    opened.set_default_timeout(10_000)
    complaints = complaints_of(opened)
    yield opened
    assert complaints == []
    context.close()


@pytest.fixture
def wallet(page: Page) -> Wallet:
    lei = cast.lei()
    return Wallet(lei.device.signer, [read_sd_jwt(cast.issue_certificate(to=lei), lei.person)])


@pytest.fixture
def party(page: Page, live_server: LiveServer) -> Party:
    """Its address is a page that is there, so that the browser arrives."""
    return Party(*cast.relying_party(redirect_uris=[f"{live_server.url}/accessibility/?from=portal"]))


def begin(page: Page, party: Party) -> BridgeLogin:
    page.goto(f"/oidc/authorize?{urlencode(party.parameters())}")
    expect(page.get_by_role("heading", name="Sign in to Customer portal")).to_be_visible()
    assert (violations(page), overflow(page)) == ([], 0)
    return BridgeLogin.objects.select_related("session__request").get()


BACK = re.compile(r"/accessibility/\?from=portal&code=[A-Za-z0-9_-]{43}&")


def test_the_page_goes_back_by_itself_once_the_wallet_has_answered(page: Page, wallet: Wallet, party: Party) -> None:
    login = begin(page, party)
    wallet.answer(wallet.open_link(wallet_link(login.session)))
    expect(page).to_have_url(BACK)


def test_a_wallet_on_the_device_leads_the_browser_back(page: Page, wallet: Wallet, party: Party) -> None:
    begin(page, party)
    page.get_by_role("button", name="Use a wallet on this device").click()
    link = page.get_by_role("button", name="Open the wallet").get_attribute("href")
    assert link is not None
    assert (violations(page), overflow(page)) == ([], 0)
    back = wallet.answer(wallet.open_link(link)).json()["redirect_uri"]
    page.goto(back)
    expect(page).to_have_url(BACK)


def test_without_the_code_the_browser_is_not_signed_in(page: Page, wallet: Wallet, party: Party) -> None:
    login = begin(page, party)
    page.get_by_role("button", name="Use a wallet on this device").click()
    page.goto(f"/oidc/login/{login.pk}/return#response_code=")
    expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    assert (violations(page), overflow(page)) == ([], 0)
    page.get_by_role("link", name="Go to the sign-in").click()
    expect(page.get_by_role("heading", name="Sign in to Customer portal")).to_be_visible()
