"""Identities as rows of a summary list, for citizens and clerks alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from identity.documents import DocumentKind, format_number


def identity_rows(identity: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return a stated or proven identity as rows of a summary list."""
    kind = identity.get("document_kind", "")
    number = identity.get("identity_number", "")
    return [
        {"key": _("Name in Chinese"), "value": identity.get("name", ""), "lang": "zh-Hant"},
        {"key": _("Name in Latin letters"), "value": identity.get("name_latin", "")},
        {"key": _("Kind of document"), "value": DocumentKind(kind).label if kind in DocumentKind.values else kind},
        {"key": _("Number of the document"), "value": format_number(document_kind=kind, identity_number=number)},
        {"key": _("Date of birth"), "value": _day(identity.get("birth_date", ""))},
    ]


def _day(text: str) -> str:
    """Return an ISO date in the page's language, the month always in letters or marked."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text
    return date_format(day, "j F Y" if get_language() == "en" else "DATE_FORMAT")
