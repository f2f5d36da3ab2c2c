"""The wallet's own modules in a real browser: served from the working tree, on a secure origin, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route

STATIC = Path(__file__).resolve().parents[2] / "static"
ORIGIN = "http://localhost"
MODULES = ("encoding", "keys", "store", "sdjwt", "envelope")


@contextmanager
def wallet_page(browser: Browser) -> Iterator[Page]:
    """An empty page on which the modules are imported as `wallet.<module>`."""
    context = browser.new_context()
    page = context.new_page()
    page.route(f"{ORIGIN}/**", _serve)
    open_empty(page)
    yield page
    context.close()


def open_empty(page: Page) -> None:
    page.goto(f"{ORIGIN}/")
    imports = ",".join(f"{name}: await import('/js/wallet/{name}.js')" for name in MODULES)
    page.evaluate(f"async () => {{ globalThis.wallet = {{ {imports} }}; }}")


def run(page: Page, script: str, argument: Any = None) -> Any:
    """Run the body of an async function of *argument* `input`, and return what it returns."""
    return page.evaluate(f"async (input) => {{ {script} }}", argument)


def _serve(route: Route) -> None:
    path = route.request.url.removeprefix(ORIGIN)
    if path == "/":
        route.fulfill(body="<!doctype html><title>wallet</title>", content_type="text/html")
        return
    content_type = guess_type(path)[0] or "text/plain"
    route.fulfill(body=(STATIC / path.lstrip("/")).read_bytes(), content_type=content_type)
