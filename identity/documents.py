"""Identity documents: their kinds, and one spelling per number, so that equal numbers meet."""

from __future__ import annotations

import re
import unicodedata

from django.db.models import TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from protocol.errors import InvalidInputError


class DocumentKind(TextChoices):
    RESIDENT_CARD = "resident_card", _("Macao resident identity card")
    PASSPORT = "passport", _("Passport")


# The rule of the card's last, bracketed digit is not published, so the form alone is checked: 1, 5 or 7 comes first.
_RESIDENT_CARD = re.compile(r"[157][0-9]{7}\Z")
_PASSPORT = re.compile(r"[A-Z0-9]{5,20}\Z")
_SEPARATORS = re.compile(r"[\s()/.-]+")


def normalise_number(*, document_kind: str, identity_number: str) -> str:
    """Return the number as stored and looked up. Raises InvalidInputError when no document has such a number."""
    text = unicodedata.normalize("NFKC", identity_number)
    number = _SEPARATORS.sub("", text).upper()
    pattern = _RESIDENT_CARD if document_kind == DocumentKind.RESIDENT_CARD else _PASSPORT
    if document_kind not in DocumentKind.values or not pattern.match(number):
        raise InvalidInputError(
            "identity number", fields={"identity_number": [gettext("Enter the number as on the document")]}
        )
    return number


def format_number(*, document_kind: str, identity_number: str) -> str:
    """Return the number as printed on the document; one that no document has stays as it is."""
    try:
        number = normalise_number(document_kind=document_kind, identity_number=identity_number)
    except InvalidInputError:
        return identity_number
    return f"{number[:-1]}({number[-1]})" if document_kind == DocumentKind.RESIDENT_CARD else number
