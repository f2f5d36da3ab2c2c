"""Texts stored once per language code, as names of agencies and purposes are."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.utils.translation import get_language

# The same languages as BCP 47 names them, for documents that leave the service.
LOCALES: Mapping[str, str] = {"zh-hant": "zh-Hant", "zh-hans": "zh-Hans", "pt": "pt", "en": "en"}
LANGUAGE_CODES: tuple[str, ...] = tuple(code for code, _ in settings.LANGUAGES)


def by_tag(texts: Mapping[str, str]) -> dict[str, str]:
    """Return texts by language code as the world outside names languages: by BCP 47 tag, its scripts capitalised.

    Each becomes one line without hidden characters: readers elsewhere refuse a list that holds any.
    """
    lines = {LOCALES.get(code, code): " ".join(text.split()) for code, text in texts.items()}
    return {tag: "".join(filter(str.isprintable, line)) for tag, line in lines.items() if line}


def by_code(texts: Mapping[str, str]) -> dict[str, str]:
    """Return texts by BCP 47 tag, in any spelling, as they are stored here."""
    return {tag.lower(): text for tag, text in texts.items()}


def localised(texts: Mapping[str, str]) -> str:
    """Return the text of the current language, else Traditional Chinese, else any that is not empty."""
    preferred = (get_language() or settings.LANGUAGE_CODE, settings.LANGUAGE_CODE, *LANGUAGE_CODES)
    return next((texts[code] for code in preferred if texts.get(code)), "")
