"""Registered JWT claims whose form is the same wherever they appear (RFC 7519 §2, §4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protocol.errors import ClaimFormatError, ExpiredError, IssuedInFutureError, NotYetValidError

FUTURE_SKEW_SECONDS = 60
MAX_TEXT = 2048
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


def required_text(claims: Mapping[str, Any], name: str, *, max_length: int = MAX_TEXT) -> str:
    """Return the text of *name*. Raises ClaimFormatError when it is absent, empty, longer than that, or no text."""
    value = optional_text(claims, name)
    if value is None:
        raise ClaimFormatError(f"{name} is missing")
    if len(value) > max_length:
        raise ClaimFormatError(f"{name} is longer than {max_length} characters")
    return value


def optional_object(claims: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return the object of *name*, or None when absent. Raises ClaimFormatError for anything else."""
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, dict):
        raise ClaimFormatError(f"{name} is not an object")
    return value


def check_recent(claims: Mapping[str, Any], *, now: float, max_age: float) -> float:
    """Return ``iat`` of a token that proves something of this moment: at most *max_age* seconds old, and valid *now*.

    Raises ClaimFormatError without ``iat``, IssuedInFutureError, NotYetValidError and ExpiredError (RFC 7519 §4.1).
    """
    issued_at = numeric_date(claims, "iat")
    if issued_at is None:
        raise ClaimFormatError("iat is missing")
    if issued_at > now + FUTURE_SKEW_SECONDS:
        raise IssuedInFutureError("made later than now")
    if issued_at < now - max_age:
        raise ExpiredError("made too long ago")
    check_validity(claims, now=now)
    return issued_at


def check_validity(claims: Mapping[str, Any], *, now: float) -> None:
    """Check ``nbf`` and ``exp`` where they are stated (RFC 7519 §4.1.4-4.1.5).

    Raises ClaimFormatError, NotYetValidError and ExpiredError.
    """
    not_before, expires_at = numeric_date(claims, "nbf"), numeric_date(claims, "exp")
    if not_before is not None and not_before > now + FUTURE_SKEW_SECONDS:
        raise NotYetValidError("nbf has not come yet")
    if expires_at is not None and expires_at <= now:
        raise ExpiredError("exp has passed")
