"""The demonstration's citizen with a lost phone: a key on the new one, one press, and the certificate can be shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from authorization.models import Authorization, RequestTemplate
from authorization.requests import create_request
from config import demo
from credentials.models import Credential
from tests import cast
from tests.config.browser import chromium, complaints_of, overflow, violations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, chromium() as started:
        # Playwright's loop runs in this thread, which Django takes for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield started


@pytest.fixture
def phone(browser: Browser, live_server: LiveServer) -> Iterator[Page]:
    """Wong's new phone, signed in."""
    demo.seed()
    door = Client()
    assert door.post("/demo/wong/").status_code == 302
    cookies = {"django_language": "en", settings.SESSION_COOKIE_NAME: door.cookies[settings.SESSION_COOKIE_NAME].value}
    context = browser.new_context(viewport={"width": 390, "height": 844}, base_url=live_server.url)
    context.add_cookies([{"name": name, "value": value, "url": live_server.url} for name, value in cookies.items()])
    page = context.new_page()
    page.set_default_timeout(8000)
    complaints = complaints_of(page)
    yield page
    assert complaints == []
    context.close()


def looks_right(page: Page) -> None:
    assert (page.url, violations(page), overflow(page)) == (page.url, [], 0)


def test_a_lost_phone_costs_one_key_and_one_press(phone: Page) -> None:
    cast.recipient_key()
    template = RequestTemplate.objects.select_related("organisation").get()
    asked = create_request(template=template, organisation=template.organisation)
    old = Credential.objects.get()

    phone.goto("/portal/weid/")
    phone.locator("[data-wallet-action=register]").click()
    expect(phone.locator("[data-wallet-message=working]")).to_be_hidden()
    phone.goto(f"/portal/requests/{asked.pk}/")
    expect(phone.get_by_text("This certificate is bound to a device that you no longer use.")).to_be_visible()
    looks_right(phone)

    phone.get_by_role("link", name="Restore it to this device first").click()
    expect(phone.get_by_role("heading", name="1 certificate is bound to your earlier device")).to_be_visible()
    looks_right(phone)
    phone.get_by_role("button", name="Restore to this device").click()
    expect(phone.get_by_text("1 certificate was restored.")).to_be_visible()
    expect(phone.get_by_text("This device holds all of them.")).to_be_visible()
    expect(phone.get_by_text(old.number)).to_be_hidden()
    phone.get_by_text("Earlier certificates").click()
    expect(phone.get_by_text(old.number)).to_be_visible()
    looks_right(phone)

    phone.goto(f"/portal/requests/{asked.pk}/")
    phone.locator("[data-wallet-action=share]").click()
    phone.wait_for_url("**/portal/authorizations/**")
    shared = Authorization.objects.select_related("credential__application").get()
    assert shared.credential.application is not None
    assert shared.credential.application.replaces == old
