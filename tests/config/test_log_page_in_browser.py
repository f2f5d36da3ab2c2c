"""The operator's page in a real browser: readable at both widths, within the policy, and of use without a script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from anchoring.models import Attestation, LedgerPause
from identity import personas
from tests.config import log_scenes
from tests.config.browser import chromium, overflow, violations
from tests.journeys.people import DESK, PHONE, entered

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/operations/log/"


@pytest.mark.parametrize("scene", ["quiet", "troubled"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_page_can_be_read_by_everyone(live_server: LiveServer, scene: str, width: int) -> None:
    personas.seed()
    getattr(log_scenes, scene)()
    with chromium() as browser, entered(browser, live_server.url, "operator", width=width) as desk:
        desk.open(PAGE)
        desk.look(f"operations-log-{scene}" if scene == "troubled" else "operations-log")
        desk.open(f"{PAGE}embedded/pause/")
        desk.look("operations-pause")
        desk.press("Pause the ledger")
        desk.page.wait_for_selector(".govuk-error-summary")
        desk.look("operations-pause-errors")


def test_orders_are_given_without_a_script(live_server: LiveServer) -> None:
    personas.seed()
    log_scenes.troubled()
    with chromium() as browser:
        page = signed_in_without_script(browser, live_server.url)
        page.goto(PAGE)
        page.locator("#ledger-contract-guangdong").get_by_role("link", name="Try again").click()
        page.fill("textarea[name=reason]", "The account has funds again")
        page.get_by_role("button", name="Try again").click()
        assert "The ledger is being asked now." in page.inner_text("main")
        page.locator("#ledger-time-stamp").get_by_role("link", name="Resume").click()
        page.fill("textarea[name=reason]", "New certificate installed")
        page.get_by_role("button", name="Resume the ledger").click()
        assert "The ledger is at work again." in page.inner_text("main")
        assert "time-stamp is paused" not in page.inner_text("main")
        page.locator("#ledger-embedded").get_by_role("link", name="Pause").click()
        page.fill("textarea[name=reason]", "Trial")
        page.get_by_role("button", name="Pause the ledger").click()
        assert "embedded is paused" in page.inner_text("main")
    assert [(pause.ledger_id, pause.reason) for pause in LedgerPause.objects.all()] == [("embedded", "Trial")]
    assert not Attestation.objects.filter(state=Attestation.State.DEAD).exists()


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans", "pt"])
def test_the_page_holds_in_the_other_languages(live_server: LiveServer, language: str) -> None:
    personas.seed()
    log_scenes.troubled()
    with chromium() as browser:
        page = signed_in_without_script(browser, live_server.url, language=language)
        page.goto(PAGE)
        assert page.locator("html").get_attribute("lang") == language.lower()
        assert violations(page) == []
        assert overflow(page) <= 0


def signed_in_without_script(browser: Browser, url: str, *, language: str = "en") -> Page:
    context = browser.new_context(
        viewport={"width": PHONE, "height": 844}, base_url=url, locale=language, java_script_enabled=language != "en"
    )
    page = context.new_page()
    page.goto("/demo/")
    page.locator("form[action$='/demo/operator/'] button").click()
    page.wait_for_url(f"**{PAGE}")
    return page
