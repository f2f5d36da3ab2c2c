"""The accounts library in our look: every page of signing in and of the second step, as a person meets it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from identity.models import Account
from tests.config.browser import chromium, complaints_of, overflow, violations

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "correct horse battery"
PAGES = [
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/2fa/webauthn/add/",
    "/accounts/2fa/webauthn/",
    "/accounts/reauthenticate/",
]


@pytest.fixture
def account() -> Account:
    account = Account.objects.create_user("lei", "lei@example.org", PASSWORD)
    EmailAddress.objects.create(user=account, email=account.email, verified=True, primary=True)
    return account


@pytest.fixture
def page(live_server: LiveServer, account: Account) -> Iterator[Page]:
    with chromium() as browser:
        yield signed_in(browser, live_server)


def signed_in(browser: Browser, live_server: LiveServer) -> Page:
    # WebAuthn takes a name, not an address, for the relying party.
    address = live_server.url.replace("127.0.0.1", "localhost")
    page = browser.new_context(viewport={"width": 390, "height": 844}, base_url=address).new_page()
    page.goto("/accounts/login/")
    page.fill("#id_login", "lei@example.org")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url(is_start_page)
    page.goto("/accounts/reauthenticate/?next=/accounts/2fa/")
    page.fill("#id_password", PASSWORD)
    page.press("#id_password", "Enter")
    page.wait_for_url("**/2fa/")
    return page


def is_start_page(url: str) -> bool:
    return urlsplit(url).path == "/"


def add_virtual_authenticator(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_account_pages_are_accessible_and_within_the_policy(page: Page) -> None:
    complaints = complaints_of(page)
    for path in PAGES:
        response = page.goto(path)
        assert response is not None
        assert page.url.endswith(path)
        assert (path, response.status, violations(page), overflow(page), complaints) == (path, 200, [], 0, [])
        assert page.locator("h1").count() == 1


def test_a_wrong_password_is_named_beside_the_form(page: Page) -> None:
    page.context.clear_cookies()
    page.goto("/accounts/login/")
    page.fill("#id_login", "lei@example.org")
    page.fill("#id_password", "wrong")
    page.press("#id_password", "Enter")
    page.wait_for_selector(".govuk-error-summary")
    assert page.input_value("#id_login") == "lei@example.org"
    assert violations(page) == []


def test_a_passkey_is_added_and_then_signs_in(page: Page) -> None:
    complaints = complaints_of(page)
    add_virtual_authenticator(page)
    page.goto("/accounts/2fa/webauthn/add/")
    assert page.is_checked("#id_passwordless")
    page.click("#mfa_webauthn_add")
    page.wait_for_url("**/2fa/recovery-codes/**")
    assert (violations(page), overflow(page)) == ([], 0)
    page.goto("/accounts/2fa/webauthn/")
    assert page.locator(".setting").count() == 1
    page.goto("/accounts/2fa/webauthn/reauthenticate/?next=/accounts/2fa/")
    assert (violations(page), overflow(page)) == ([], 0)
    page.click("#mfa_webauthn_reauthenticate")
    page.wait_for_url(lambda url: urlsplit(url).path == "/accounts/2fa/")
    page.goto("/accounts/logout/")
    page.click("main form button")
    page.goto("/accounts/login/")
    page.click("#passkey_login")
    page.wait_for_url(is_start_page)
    page.goto("/accounts/2fa/")
    assert violations(page) == []
    assert complaints == []
