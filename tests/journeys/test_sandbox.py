"""The sandbox, walked by its own words: every command on the page is run as it stands there, without a script."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.config.browser import chromium, complaints_of
from tests.journeys import stack
from tests.journeys.people import DESK, Desk

pytestmark = pytest.mark.xdist_group("journeys")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[stack.Stack]:
    with stack.running("embedded", tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(service: stack.Stack, browser: Browser) -> Iterator[Page]:
    """A browser that runs no script."""
    context = browser.new_context(locale="en", java_script_enabled=False)
    opened = context.new_page()
    opened.goto(f"{service.url}/sandbox/")
    yield opened
    context.close()


def run(service: stack.Stack, page: Page, name: str) -> str:
    """What the command *name* of the page prints, in the folder of the project."""
    command = page.locator(f"#command-{name}").inner_text().replace(".venv/bin/python", sys.executable)
    shell = ["/bin/sh", "-c", command]
    done = subprocess.run(shell, cwd=stack.ROOT, env=service.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_from_zero_to_a_verified_presentation_by_the_commands_of_the_page(service: stack.Stack, page: Page) -> None:
    assert json.loads(run(service, page, "verify"))["verdict"] == "valid"
    assert json.loads(run(service, page, "offer"))["state"] == "OFFERED"
    assert json.loads(run(service, page, "request"))["wallet"]["state"] == "waiting"

    page.locator("form[action='/sandbox/offer'] button").click()
    assert "Kept birth-certificate_1" in run(service, page, "accept")
    page.locator("form[action='/sandbox/request'] button").click()
    assert "name_zh, age_over_18" in run(service, page, "present")

    result = json.loads(run(service, page, "result"))
    assert (result["verdict"], result["credentials"][0]["claims"]["name_zh"]) == ("valid", "黃美")
    assert wait_for(page, f"{service.url}/sandbox/inbox/", "presentation.verified")
    assert "Signature verified" in page.content()
    assert "Signature not verified" not in page.content()


def wait_for(page: Page, address: str, words: str) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        page.goto(address)
        if words in page.content():
            return True
        time.sleep(0.5)
    return False


def test_an_offer_and_an_answer_work_once(service: stack.Stack, page: Page) -> None:
    page.locator("form[action='/sandbox/offer'] button").click()
    run(service, page, "accept")
    with pytest.raises(AssertionError, match="refused with 400"):
        run(service, page, "accept")
    page.locator("form[action='/sandbox/request'] button").click()
    run(service, page, "present")
    with pytest.raises(AssertionError, match="refused with"):
        run(service, page, "present")


def test_its_pages_are_accessible_and_no_wider_than_a_phone(service: stack.Stack, browser: Browser) -> None:
    context = browser.new_context(locale="en")
    opened = context.new_page()
    desk = Desk(opened, service.url, DESK, complaints_of(opened))
    desk.open("/sandbox/")
    desk.press("Or make an offer here")
    desk.press("Or make a request here")
    assert opened.get_by_role("button", name="Copy the command").count() >= 6
    desk.look("sandbox")
    desk.open("/sandbox/inbox/")
    desk.look("sandbox-inbox")
    context.close()


def test_the_keys_are_readable_by_the_owner_alone(service: stack.Stack) -> None:
    kept = Path(service.environment["VAR_DIR"]) / "sandbox.json"
    assert kept.stat().st_mode & 0o077 == 0
