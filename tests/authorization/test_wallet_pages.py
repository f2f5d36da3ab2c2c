"""The wallet's pages end to end: the citizen's phone and the verifier's counter, in real browsers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from authorization.models import Authorization, PresentationRequest
from identity import personas
from identity.models import RecipientKey
from identity.weid import weid_of
from tests import cast
from tests.config.browser import chromium, complaints_of, overflow, violations
from tests.simulators.device import Device

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, chromium() as started:
        # Playwright's loop runs in this thread, which Django takes for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield started


@dataclass
class Actor:
    """A persona in a browser of their own."""

    page: Page
    complaints: list[str]


def enter(browser: Browser, live_server: LiveServer, slug: str, width: int, **options: Any) -> Actor:
    personas.ensure_persona(slug)
    context = browser.new_context(
        viewport={"width": width, "height": 844}, base_url=live_server.url, locale="en", **options
    )
    context.add_cookies([{"name": "django_language", "value": "en", "url": live_server.url}])
    context.set_default_timeout(8000)
    door = Client()
    assert door.post(f"/demo/{slug}/").status_code == 302
    session = door.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    page = context.new_page()
    return Actor(page, complaints_of(page))


def looks_right(actor: Actor) -> None:
    assert (actor.page.url, violations(actor.page), overflow(actor.page), actor.complaints) == (
        actor.page.url, [], 0, [],
    )  # fmt: skip


def register_device(actor: Actor) -> cast.Citizen:
    actor.page.goto("/portal/weid/")
    actor.page.locator("[data-wallet-action=register]").click()
    actor.page.wait_for_selector("code")
    person = cast.lei_person()
    weid = weid_of(person)
    assert weid is not None
    account = person.account
    assert account is not None
    return cast.Citizen(account=account, person=person, weid=weid, device=Device())


def make_recipient_key(actor: Actor) -> RecipientKey:
    actor.page.goto("/verifier/keys/")
    actor.page.get_by_label("Name of the key").first.fill("Counter 1")
    actor.page.locator("[data-wallet-action=create-recipient-key]").click()
    expect(actor.page.get_by_text("On this browser")).to_be_visible()
    return RecipientKey.objects.get(organisation=cast.bank())


def test_a_citizen_shares_and_the_verifier_reads_until_it_is_withdrawn(
    browser: Browser, live_server: LiveServer
) -> None:
    officer = enter(browser, live_server, "chan", 1280)
    make_recipient_key(officer)
    phone = enter(browser, live_server, "lei", 390)
    lei = register_device(phone)
    cast.issue_certificate(to=lei)
    cast.approved_template()

    officer.page.goto("/verifier/requests/new/")
    officer.page.get_by_label("What you ask for").select_option(label="Open an account")
    officer.page.get_by_role("button", name="Make link and QR code").click()
    looks_right(officer)
    asked = PresentationRequest.objects.get()

    phone.page.goto(f"/portal/requests/{asked.pk}/")
    expect(phone.page.get_by_text("李嘉敏")).to_be_visible()
    for box in phone.page.locator("input[data-claim]").all():
        expect(box).not_to_be_checked()
    looks_right(phone)
    phone.page.get_by_label("Place of birth").check()
    phone.page.get_by_role("button", name="Share selected items (3)").click()
    phone.page.wait_for_url("**/portal/authorizations/**")
    looks_right(phone)
    authorization = Authorization.objects.get()
    assert authorization.claims == [["name_zh"], ["age_over_18"], ["birth_place"]]

    # The counter's page has been open all the time and notices by itself.
    officer.page.locator("[data-wallet-action=open]").click()
    expect(officer.page.locator("[data-wallet-verdict=valid]")).to_be_visible()
    claims = officer.page.locator("[data-wallet-claims]")
    expect(claims).to_contain_text("李嘉敏")
    expect(claims).to_contain_text("Yes")
    expect(claims).not_to_contain_text("Female")
    looks_right(officer)

    phone.page.get_by_role("button", name="Withdraw").click()
    looks_right(phone)
    phone.page.get_by_role("button", name="Withdraw now").click()
    expect(phone.page.get_by_text("Withdrawn on")).to_be_visible()
    authorization.refresh_from_db()
    assert authorization.withdrawal_jwt.count(".") == 2

    officer.page.locator("[data-wallet-action=open]").click()
    expect(officer.page.locator("[data-wallet-message=refused]")).to_contain_text("authorization_withdrawn")


def test_another_browser_says_that_it_lacks_the_key(browser: Browser, live_server: LiveServer) -> None:
    lei = cast.lei()
    cast.issue_certificate(to=lei)
    asked = cast.ask()
    laptop = enter(browser, live_server, "lei", 1280)
    laptop.page.goto(f"/portal/requests/{asked.pk}/")
    expect(laptop.page.locator("[data-wallet-message=missing-key]")).to_be_visible()
    laptop.page.get_by_role("button", name="Share selected items").click()
    expect(laptop.page.locator("[data-wallet-message=missing-key]")).to_be_visible()
    asked.refresh_from_db()
    assert asked.state == PresentationRequest.State.PENDING


def test_without_javascript_refusing_works_and_sharing_is_explained(browser: Browser, live_server: LiveServer) -> None:
    cast.issue_certificate(to=cast.lei())
    asked = cast.ask()
    phone = enter(browser, live_server, "lei", 390, java_script_enabled=False)
    phone.page.goto(f"/portal/requests/{asked.pk}/")
    expect(phone.page.get_by_role("button", name="Share")).to_have_count(0)
    expect(phone.page.get_by_text("Sharing needs JavaScript")).to_be_visible()
    phone.page.get_by_role("button", name="Refuse").click()
    expect(phone.page.get_by_text("You refused")).to_be_visible()
    asked.refresh_from_db()
    assert asked.state == PresentationRequest.State.REFUSED
