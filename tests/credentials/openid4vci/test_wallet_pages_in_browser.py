"""The pages about wallets in a real Chromium: accessible, no sideways scroll, without scripts too, and back to the wallet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from credentials.models import Application, Credential, WalletGrant
from credentials.openid4vci.offers import Options, make_offer
from identity.models import Account
from identity.views.access import PERSONA_SESSION_KEY
from tests import cast
from tests.config.browser import chromium, complaints_of, overflow, violations
from tests.credentials.openid4vci.steps import receive
from tests.simulators.wallet import Wallet

pytestmark = pytest.mark.django_db(transaction=True)

SCREENS = os.environ.get("SCREENS_DIR", "")
LANGUAGES = ("zh-hant", "zh-hans", "pt", "en")


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, chromium() as started:
        # Playwright's loop runs in this thread, which Django takes for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield started


@pytest.fixture
def lei() -> cast.Citizen:
    return cast.lei()


@pytest.fixture
def credential(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


def signed_in(browser: Browser, server: LiveServer, account: Account, *, scripts: bool = True) -> BrowserContext:
    door = Client()
    door.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    session = door.session
    session[PERSONA_SESSION_KEY] = account.pk
    session.save()
    viewport = {"width": 390, "height": 844}
    context = browser.new_context(viewport=viewport, base_url=server.url, java_script_enabled=scripts)  # type: ignore[arg-type]
    cookies = {"django_language": "en", settings.SESSION_COOKIE_NAME: door.cookies[settings.SESSION_COOKIE_NAME].value}
    context.add_cookies([{"name": name, "value": value, "url": server.url} for name, value in cookies.items()])
    return context


def looks_right(page: Page, name: str) -> None:
    """At both widths: nothing that axe objects to, nothing to scroll for sideways."""
    for width in (320, 390, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert (name, width, overflow(page), violations(page)) == (name, width, 0, [])
        if SCREENS:
            page.screenshot(path=Path(SCREENS) / f"{name}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})


def offer_to_lei(credential: Credential) -> Wallet:
    application = Application.objects.select_related("agency", "credential_type").get(credential=credential)
    wallet, _ = receive(make_offer(application=application, options=Options(), actor="system"), count=2)
    return wallet


def test_a_citizen_invites_a_wallet_and_takes_the_certificate_away(
    browser: Browser, live_server: LiveServer, lei: cast.Citizen, credential: Credential
) -> None:
    offer_to_lei(credential)
    page = signed_in(browser, live_server, lei.account).new_page()
    complaints = complaints_of(page)
    page.goto(f"/portal/certificates/{credential.pk}/")
    page.get_by_role("link", name="Add to another wallet").click()
    expect(page.get_by_text("2 copies")).to_be_visible()
    looks_right(page, "portal-wallets")
    page.get_by_role("button", name="Add to another wallet").click()
    expect(page.get_by_role("img", name="QR code for the wallet")).to_be_visible()
    looks_right(page, "portal-wallet-invitation")
    page.goto(f"/portal/certificates/{credential.pk}/wallets/")
    page.get_by_role("link", name="Take it away").click()
    looks_right(page, "portal-wallet-withdraw")
    page.get_by_role("button", name="Yes, take it away").click()
    expect(page.get_by_text("The copies in that wallet are no longer valid.")).to_be_visible()
    assert complaints == []


@pytest.mark.parametrize("scripts", [True, False])
def test_yes_leads_back_to_the_wallet_whatever_the_policy_of_pages_says(
    browser: Browser, live_server: LiveServer, lei: cast.Citizen, credential: Credential, scripts: bool
) -> None:
    wallet = Wallet()
    # Another origin than the page's own, as every wallet's address is.
    back = f"{live_server.url.replace('localhost', '127.0.0.1')}/problems/"
    pushed = wallet.push(redirect_uri=back).json()["request_uri"]
    page = signed_in(browser, live_server, lei.account, scripts=scripts).new_page()
    page.goto(wallet.page_for(pushed))
    if scripts:
        looks_right(page, "portal-wallet-request")
    page.get_by_role("button", name="Yes, let it hold the certificate").click()
    page.wait_for_url(f"{back}?**")
    assert wallet.exchange(page.url, redirect_uri=back).status_code == 200
    assert WalletGrant.objects.count() == 1


def test_a_citizen_without_the_certificate_reads_so(
    browser: Browser, live_server: LiveServer, lei: cast.Citizen
) -> None:
    cast.credential_type()
    wallet = Wallet()
    page = signed_in(browser, live_server, lei.account).new_page()
    page.goto(wallet.page_for(wallet.push().json()["request_uri"]))
    expect(page.get_by_text("You have no such certificate")).to_be_visible()
    looks_right(page, "portal-wallet-request-nothing")


def test_a_clerk_offers_a_certificate_and_an_administrator_makes_a_key(
    browser: Browser, live_server: LiveServer, credential: Credential
) -> None:
    page = signed_in(browser, live_server, cast.ana()).new_page()
    page.goto(f"/clerk/credentials/{credential.pk}/")
    looks_right(page, "clerk-credential-with-offer")
    page.get_by_role("link", name="Offer to a wallet").click()
    looks_right(page, "clerk-credential-offer")
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="The code for the citizen")).to_be_visible()
    looks_right(page, "clerk-credential-offered")
    keys = signed_in(browser, live_server, cast.administrator()).new_page()
    keys.goto("/clerk/keys/")
    keys.get_by_label("What the key is for").fill("Registry software")
    keys.get_by_role("button", name="Make an API key").click()
    looks_right(keys, "clerk-api-key")
    keys.get_by_role("link", name="Go to all keys").click()
    expect(keys.get_by_role("term")).to_have_text("Registry software")
    looks_right(keys, "clerk-keys")


def test_the_link_of_a_mail_opens_in_every_language(
    browser: Browser, live_server: LiveServer, credential: Credential
) -> None:
    application = Application.objects.select_related("agency", "credential_type").get(credential=credential)
    made = make_offer(application=application, options=Options(by_reference=True), actor="system")
    page = browser.new_context(base_url=live_server.url).new_page()
    for language in LANGUAGES:
        page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
        page.goto(f"/invitation/identification/{made.reference}/")
        assert page.get_attribute("html", "lang") == language
        looks_right(page, f"wallet-invitation-{language}")
