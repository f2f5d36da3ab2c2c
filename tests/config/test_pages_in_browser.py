"""Every component and the account pages in a real Chromium: accessible, no sideways scroll, no policy report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.config.browser import chromium, complaints_of, overflow, violations, write_camera_film

pytestmark = [pytest.mark.urls("tests.config.kitchen_sink"), pytest.mark.django_db(transaction=True)]

PATHS = [
    "/",
    "/accessibility/",
    "/problems/",
    "/problems/not_found",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/sink/",
    "/portal/sink/",
    "/clerk/sink/",
    "/scan/",
]
LANGUAGES = ["zh-hant", "zh-hans", "pt", "en"]


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def open_page(
    browser: Browser, live_server: LiveServer, width: int, language: str = "zh-hant", *, scripts: bool = True
) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 844}, base_url=live_server.url, java_script_enabled=scripts
    )
    context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
    return context.new_page()


@pytest.mark.parametrize("width", [320, 1280])
def test_pages_are_accessible(browser: Browser, live_server: LiveServer, width: int) -> None:
    page = open_page(browser, live_server, width)
    complaints = complaints_of(page)
    for path in PATHS:
        page.goto(path)
        assert (path, violations(page), overflow(page), complaints) == (path, [], 0, [])


def test_pages_fit_the_narrowest_phone_in_every_language(browser: Browser, live_server: LiveServer) -> None:
    for language in LANGUAGES:
        page = open_page(browser, live_server, 320, language)
        for path in PATHS:
            page.goto(path)
            assert (path, overflow(page), page.get_attribute("html", "lang")) == (path, 0, language)


def test_error_summary_takes_the_focus_and_leads_to_the_field(browser: Browser, live_server: LiveServer) -> None:
    page = open_page(browser, live_server, 390)
    page.goto("/sink/")
    page.click("main .govuk-button-group button")
    assert page.evaluate("document.activeElement.className") == "govuk-error-summary"
    assert violations(page) == []
    for link in page.locator(".govuk-error-summary a").all():
        link.click()
        target = (link.get_attribute("href") or "")[1:]
        assert page.evaluate("document.activeElement.id") == target


def test_forms_and_languages_work_without_scripts(browser: Browser, live_server: LiveServer) -> None:
    page = open_page(browser, live_server, 390, scripts=False)
    page.goto("/sink/?keep=1")
    page.fill("#id_name", "陳大文")
    page.click("main .govuk-button-group button")
    assert page.input_value("#id_name") == "陳大文"
    page.goto("/sink/?keep=1")
    page.click("button[value=pt]")
    assert page.get_attribute("html", "lang") == "pt"
    assert page.url.endswith("/sink/?keep=1")
    assert page.is_visible(".govuk-service-navigation__link >> nth=0")


def test_chinese_is_never_drawn_with_japanese_faces(browser: Browser, live_server: LiveServer) -> None:
    for language in LANGUAGES:
        page = open_page(browser, live_server, 1280, language)
        page.goto("/sink/")
        session = page.context.new_cdp_session(page)
        session.send("DOM.enable")
        session.send("CSS.enable")
        root = session.send("DOM.getDocument")["root"]["nodeId"]
        node = session.send("DOM.querySelector", {"nodeId": root, "selector": ".organisation__name"})["nodeId"]
        fonts = {font["familyName"] for font in session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]}
        assert not [name for name in fonts if name.endswith(("JP", "KR"))], (language, fonts)


def test_camera_reads_a_code_and_sends_it(live_server: LiveServer, tmp_path: Path) -> None:
    film = tmp_path / "camera.y4m"
    write_camera_film(film, "https://example.org/v/1#secret")
    camera = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    )
    with chromium(*camera) as browser:
        page = open_page(browser, live_server, 390)
        complaints = complaints_of(page)
        page.goto("/scan/")
        page.click("[data-scan-start]")
        page.wait_for_selector("output", timeout=10_000)
        assert (page.inner_text("output"), complaints) == ("https://example.org/v/1#secret", [])


def test_a_refused_camera_leaves_the_other_ways(browser: Browser, live_server: LiveServer) -> None:
    page = open_page(browser, live_server, 390)
    page.goto("/scan/")
    page.click("[data-scan-start]")
    expect(page.locator("[data-scan-status]")).to_have_text(re.compile(".{20}"))
    assert page.is_visible("[data-scan-picture]")
    assert page.is_visible("#id_presentation")
