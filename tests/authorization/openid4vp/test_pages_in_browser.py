"""The pages about wallets in a real browser: they look right at both widths, and change when a wallet answers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from authorization.models import PresentationSession
from authorization.openid4vp.request_objects import wallet_link
from credentials.holdings import read_sd_jwt
from tests import cast
from tests.authorization.test_wallet_pages import Actor, enter
from tests.config.browser import chromium, overflow, violations
from tests.simulators.presenting_wallet import Wallet

pytestmark = pytest.mark.django_db(transaction=True)

PICTURES = os.environ.get("SCREENS_DIR", "")


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, chromium() as started:
        # Playwright's loop runs in this thread, which Django takes for asynchronous code.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        yield started


def look(actor: Actor, name: str) -> None:
    for width in (390, 1280):
        actor.page.set_viewport_size({"width": width, "height": 844})
        assert (name, width, violations(actor.page), overflow(actor.page), actor.complaints) == (name, width, [], 0, [])
        take_picture(actor.page, f"{name}-{width}.png")


def take_picture(page: Page, name: str) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{PICTURES}/{name}", full_page=True)


def test_an_officer_watches_a_wallet_answer(browser: Browser, live_server: LiveServer) -> None:
    lei = cast.lei()
    certificate = cast.issue_certificate(to=lei)
    cast.recipient_key()
    template = cast.approved_template()
    officer = enter(browser, live_server, "chan", 1280)
    officer.page.goto("/verifier/requests/new/")
    officer.page.get_by_label("What you ask for").select_option(str(template.pk))
    officer.page.get_by_role("button", name="Make link and QR code").click()
    expect(officer.page.get_by_role("heading", name="Or with any wallet")).to_be_visible()
    look(officer, "verifier-request-wallet")
    wallet = Wallet(lei.device.signer, [read_sd_jwt(certificate, lei.person)])
    asked = wallet.open_link(wallet_link(PresentationSession.objects.select_related("request__organisation").get()))
    expect(officer.page.get_by_text("A wallet has opened the request")).to_be_visible()
    wallet.answer(asked, audience="another")
    expect(officer.page.get_by_text("key_binding_audience_mismatch")).to_be_visible()
    look(officer, "verifier-request-wallet-refused")
    wallet.answer(asked)
    expect(officer.page.get_by_role("button", name="Read what was shown")).to_be_visible()
    look(officer, "verifier-request-answered")
    officer.page.get_by_role("button", name="Read what was shown").click()
    expect(officer.page.get_by_text("李嘉敏")).to_be_visible()
    look(officer, "verifier-request-shown")
    anyone = enter(browser, live_server, "eve", 390)
    anyone.page.goto("/verifiers/daiwan/")
    expect(anyone.page.get_by_text("0 times in the last 90 days")).to_be_visible()
    look(anyone, "verifiers-register")
