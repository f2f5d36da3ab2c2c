"""What each person does in their own browser. Texts are English: the languages have tests of their own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.config.browser import complaints_of, overflow, violations

PHONE, DESK = 390, 1280
SCREENS = os.environ.get("SCREENS_DIR", "")
# What Chromium reports of answers that a page means to give.
EXPECTED = ("status of 422", "status of 404")


@dataclass
class Desk:
    """One person's browser, and what it complained of."""

    page: Page
    url: str
    width: int
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(path if path.startswith("http") else self.url + path)

    def look(self, name: str) -> None:
        """Judge the page as it is: accessible, no wider than the screen, silent console; and keep its picture."""
        assert (name, violations(self.page)) == (name, [])
        for width in (PHONE, DESK):
            self.page.set_viewport_size({"width": width, "height": 844})
            assert overflow(self.page) <= 0, f"{name} at {width}"
            if SCREENS:
                Path(SCREENS).mkdir(parents=True, exist_ok=True)
                # A window as tall as the page, or a bar that sticks to its edge would lie across the middle.
                height = self.page.evaluate("document.documentElement.scrollHeight")
                self.page.set_viewport_size({"width": width, "height": height})
                self.page.screenshot(path=f"{SCREENS}/{name}-{width}.png", full_page=True)
        self.page.set_viewport_size({"width": self.width, "height": 844})
        assert (name, self.faults()) == (name, [])

    def faults(self) -> list[str]:
        """What the console complained of, but for the status of a form with errors or of a page that is not there."""
        return [complaint for complaint in self.complaints if not any(words in complaint for words in EXPECTED)]

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name).first.click()

    def sees(self, text: str | re.Pattern[str]) -> None:
        found = self.page.locator("main").get_by_text(text).locator("visible=true")
        expect(found.first).to_be_visible(timeout=20_000)


@contextmanager
def entered(browser: Browser, url: str, persona: str, *, width: int = DESK) -> Iterator[Desk]:
    """A fresh browser in which *persona* has come in by the demonstration's door."""
    context = browser.new_context(viewport={"width": width, "height": 844}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(15_000)
    desk = Desk(page, url, width, complaints_of(page))
    desk.open("/demo/")
    page.locator(f"form[action$='/demo/{persona}/'] button").click()
    page.wait_for_load_state()
    yield desk
    assert desk.faults() == []
    context.close()


def register_device(lei: Desk) -> str:
    """Make the key in this browser and return the WeID."""
    lei.open("/portal/weid/")
    lei.look("portal-weid-new")
    lei.press("Create my key on this device")
    lei.sees("did:weid:")
    lei.look("portal-weid")
    found = re.search(r"did:weid:\d+:0x[0-9a-f]{40}", lei.page.locator("main").inner_text().replace("\n", ""))
    assert found
    return found.group()


def draft_certificate(ana: Desk) -> str:
    """Draft and submit a birth certificate for Lei; return the application's address."""
    ana.look("clerk-home")
    ana.open("/clerk/applications/new/")
    ana.look("clerk-choose-type")
    ana.page.get_by_label("Birth certificate").check()
    ana.press("Continue")
    ana.page.fill("#id_identity_number", "1234567(8)")
    ana.look("clerk-find-citizen")
    ana.press("Continue")
    ana.press("Continue")
    ana.sees("There is a problem")
    ana.look("clerk-form-errors")
    fill_birth_certificate(ana.page)
    ana.look("clerk-form")
    ana.press("Continue")
    ana.sees("Lei Wai Man")
    ana.look("clerk-check-answers")
    address = ana.page.url.removesuffix("check/")
    ana.page.locator("main form button").last.click()
    ana.page.wait_for_url(re.compile("/submitted/"))
    ana.look("clerk-submitted")
    return address


def fill_birth_certificate(page: Page) -> None:
    texts = {
        "name_zh": "李嘉敏", "family_name": "Lei", "given_name": "Ka Man", "birth_place.locality": "Sé",
        "birth_place.country": "Macau", "parents.0.name": "Lei Wai Man", "registration_number": "1234/1990",
        "registered_on_day": "10", "registered_on_month": "4", "registered_on_year": "1990",
    }  # fmt: skip
    for name, text in texts.items():
        page.locator(f"main [name='{name}']").fill(text)
    page.get_by_label("Female").check()
    page.locator("main select[name='parents.0.relation']").select_option("father")


def approve_certificate(bo: Desk, address: str) -> None:
    bo.open("/clerk/applications/")
    bo.look("clerk-applications")
    bo.open(address)
    bo.look("clerk-approve")
    bo.press("Approve")
    bo.page.wait_for_load_state()


def receive_certificate(lei: Desk) -> None:
    """Wait, as a citizen would by loading again, until the worker has issued it."""
    for _ in range(40):
        lei.open("/portal/")
        if lei.page.get_by_text("Birth certificate").count():
            break
        lei.page.wait_for_timeout(500)
    lei.sees("This device holds all of them")
    lei.look("portal-certificates")
    lei.follow("Birth certificate")
    lei.sees("李嘉敏")
    lei.look("portal-certificate")


def recover(wong: Desk) -> None:
    """A lost phone: register this device, and have the certificates issued to it."""
    wong.open("/portal/")
    wong.sees("They are bound to another device")
    wong.look("portal-other-device")
    wong.follow("Register this device to use them here")
    with wong.page.expect_navigation():
        wong.press("Create my key on this device")
    wong.open("/portal/")
    wong.sees("bound to your earlier device")
    wong.look("portal-restore")
    wong.press("Restore to this device")
    wong.sees("This device holds all of them")
    wong.look("portal-restored")


def make_keys(chan: Desk) -> str:
    """Make the bank's receiving key in this browser, and an API key; return the API key."""
    chan.look("verifier-first-steps")
    chan.open("/verifier/keys/")
    chan.page.fill("#browser-key-label", "Counter 1")
    chan.press("Make a key in this browser")
    chan.sees("On this browser")
    chan.look("verifier-keys")
    chan.page.locator("form[action$='/verifier/keys/api/'] input[type=text]").fill("Core banking")
    chan.press("Make an API key")
    chan.sees("ck_")
    chan.look("verifier-api-key")
    found = re.search(r"ck_[\w-]{43}", chan.page.locator("main").inner_text())
    assert found
    return found.group()


def ask_citizen(chan: Desk) -> str:
    """Make a request from the approved template; return the link for the citizen."""
    chan.open("/verifier/requests/new/")
    chan.page.locator("main form select").first.select_option(index=1)
    chan.look("verifier-new-request")
    chan.page.locator("main form button").last.click()
    chan.page.wait_for_selector("#request-url")
    chan.look("verifier-request-pending")
    return chan.page.locator("#request-url").inner_text()


def share(lei: Desk, link: str) -> None:
    """Read the request, tick one optional item, share."""
    lei.open(link)
    lei.sees("The organisation will see")
    lei.sees("李嘉敏")
    assert lei.page.locator("main input[type=checkbox]:checked").count() == 0
    lei.look("portal-consent")
    lei.page.locator("main label", has_text="Date of birth").click()
    lei.page.locator("[data-wallet-action=share]").click()
    lei.sees("can now fetch what you chose")
    lei.look("portal-shared")


def fetch_and_check(chan: Desk) -> None:
    chan.page.wait_for_selector("[data-wallet-action=open]")
    chan.look("verifier-request-granted")
    chan.page.locator("[data-wallet-action=open]").click()
    chan.sees("It is recorded in the public log")
    chan.sees("1990")
    chan.sees("李嘉敏")
    chan.look("verifier-result")


def withdraw(lei: Desk) -> None:
    """Two taps from the authorization's own page."""
    lei.press("Withdraw")
    lei.look("portal-withdraw")
    lei.press("Withdraw now")
    lei.sees("Withdrawn")
    lei.look("portal-withdrawn")
    lei.open("/portal/activity/")
    lei.sees("Date of birth")
    assert "1990" not in lei.page.locator("main").inner_text()
    lei.look("portal-activity")
