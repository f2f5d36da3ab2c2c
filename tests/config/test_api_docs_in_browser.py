"""The page to try the API, in a real Chromium under the policy of the service."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from anchoring import sequencer
from credentials.holdings import read_sd_jwt
from identity.api_keys import create_api_key
from tests import cast
from tests.config.browser import chromium, complaints_of, overflow, violations

pytestmark = pytest.mark.django_db(transaction=True)

VERIFY = "#operations-verify-verify_presentation"
CREATE = "#operations-requests-create_request"


def open_operation(page: Page, operation: str) -> None:
    page.click(f"{operation} button.opblock-summary-control")
    page.click(f"{operation} .try-out__btn")


def execute(page: Page, operation: str, body: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Return the status and the body that the page shows."""
    page.fill(f"{operation} textarea.body-param__text", json.dumps(body))
    page.click(f"{operation} button.execute")
    answer = page.locator(f"{operation} .live-responses-table .response").first
    answer.wait_for()
    status = answer.locator(".response-col_status").inner_text().split()[0]
    return status, json.loads(answer.locator("pre").first.inner_text())


@pytest.mark.parametrize("width", [390, 1280])
def test_a_certificate_is_judged_and_a_citizen_asked_from_the_page(
    live_server: LiveServer, settings: Settings, width: int
) -> None:
    settings.PUBLIC_URL = live_server.url
    lei = cast.lei()
    presentation = read_sd_jwt(cast.issue_certificate(to=lei), lei.person)
    cast.recipient_key()
    template = str(cast.approved_template().pk)
    _, secret = create_api_key(organisation=cast.bank(), label="counter")
    sequencer.sequence()
    with chromium() as browser:
        context = browser.new_context(viewport={"width": width, "height": 844}, base_url=live_server.url)
        page = context.new_page()
        complaints = complaints_of(page)
        page.goto("/api/docs/")
        open_operation(page, VERIFY)
        status, report = execute(page, VERIFY, {"presentation": presentation})
        assert (status, report["verdict"]) == ("200", "valid")
        open_operation(page, CREATE)
        page.click(".btn.authorize")
        page.locator(".auth-container", has_text="apiKey").locator("input").fill(secret)
        assert violations(page) == []
        page.locator(".auth-container", has_text="apiKey").locator(".authorize").click()
        page.locator(".auth-btn-wrapper .btn-done").first.click()
        status, asked = execute(page, CREATE, {"template": template})
        assert (status, asked["state"]) == ("201", "pending")
        assert (violations(page), overflow(page), complaints) == ([], 0, [])
