"""What the children of the witness's fault tests run: one request, read from a file, and the answer beside it."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from anchoring.witnessing import cosign_checkpoint


def request_file() -> Path:
    return Path(settings.VAR_DIR) / "request"


def answer_file() -> Path:
    return Path(settings.VAR_DIR) / "answer"


def cosign() -> None:
    lines = cosign_checkpoint(request_file().read_bytes())
    answer_file().write_text(lines, encoding="utf-8")
