"""A real Chromium and a real server for tests of pages; the camera shows whatever a test wrote into a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import segno
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SIDE = 480


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *arguments]
        )
        try:
            yield browser
        finally:
            browser.close()


def complaints_of(page: Page) -> list[str]:
    """Return a list that collects what the page logs as errors, Content-Security-Policy reports included."""
    seen: list[str] = []
    page.on("console", lambda message: seen.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.append(str(error)))
    return seen


def violations(page: Page) -> list[Any]:
    return [
        (found["id"], [node["html"] for node in found["nodes"]]) for found in Axe().run(page).response["violations"]
    ]


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def write_camera_film(path: Path, text: str) -> None:
    """Write one grey frame with the QR code of *text*, as Y4M, which Chromium's false camera plays in a loop."""
    matrix = [list(row) for row in segno.make(text, error="m").matrix]
    size = len(matrix) + 8
    scale = SIDE // size
    luma = bytearray([235]) * (SIDE * SIDE)
    for y in range(len(matrix) * scale):
        for x in range(len(matrix) * scale):
            if matrix[y // scale][x // scale]:
                luma[(y + 4 * scale) * SIDE + x + 4 * scale] = 16
    chroma = bytes([128]) * (SIDE * SIDE // 2)
    path.write_bytes(f"YUV4MPEG2 W{SIDE} H{SIDE} F10:1 Ip A1:1 C420jpeg\n".encode() + b"FRAME\n" + bytes(luma) + chroma)
