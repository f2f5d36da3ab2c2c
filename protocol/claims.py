"""Registered JWT claims whose form is the same wherever they appear (RFC 7519 §2, §4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protocol.errors import ClaimFormatError

# 9999-12-31, the last day that dates elsewhere in the system can hold.
MAX_NUMERIC_DATE = 253_402_300_799
_NUMBERS = frozenset({int, float})


def numeric_date(claims: Mapping[str, Any], name: str) -> int | float | None:
    """Return the NumericDate *name* in seconds since 1970, or None when absent (RFC 7519 §2).

    Raises ClaimFormatError for text, booleans, null and numbers that are no date.
    """
    if name not in claims:
        return None
    value: int | float = claims[name]
    # The exact type: bool is an int in Python, and true would be one second past midnight in 1970.
    if type(value) not in _NUMBERS or not 0 <= value <= MAX_NUMERIC_DATE:
        raise ClaimFormatError(f"{name} is not a number of seconds")
    return value


def optional_text(claims: Mapping[str, Any], name: str) -> str | None:
    """Return the text of *name*, or None when absent. Raises ClaimFormatError for anything else and for empty text."""
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, str) or not value:
        raise ClaimFormatError(f"{name} is not text")
    return value
