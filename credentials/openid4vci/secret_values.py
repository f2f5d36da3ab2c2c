"""Codes and tokens of this issuer: drawn at random, shown once, found again by a keyed digest."""

from __future__ import annotations

import secrets

from identity.models import Agency
from identity.vault import lookup_hmac

_DIGITS = "0123456789"


def draw() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(32)


def draw_digits(length: int) -> str:
    return "".join(secrets.choice(_DIGITS) for _ in range(length))


def digest(purpose: str, agency: Agency, value: str) -> str:
    """Return what is stored of *value*: without LOOKUP_KEY no guess can be tried, and each agency has its own."""
    return lookup_hmac(f"openid4vci-{purpose}", f"{agency.pk}\x00{value}")


def derive(purpose: str, agency: Agency, value: str) -> str:
    """Return a second secret that follows from *value*, for us alone: it need not be stored to be shown again."""
    return lookup_hmac(f"openid4vci-derived-{purpose}", f"{agency.pk}\x00{value}")
