"""Texts stored once per language code, as names of agencies and purposes are."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.utils.translation import get_language

LANGUAGE_CODES: tuple[str, ...] = tuple(code for code, _ in settings.LANGUAGES)


def localised(texts: Mapping[str, str]) -> str:
    """Return the text of the current language, else Traditional Chinese, else any that is not empty."""
    preferred = (get_language() or settings.LANGUAGE_CODE, settings.LANGUAGE_CODE, *LANGUAGE_CODES)
    return next((texts[code] for code in preferred if texts.get(code)), "")
