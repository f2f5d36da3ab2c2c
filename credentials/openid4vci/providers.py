"""Whose word counts about wallets, and about the keys inside them: providers named by the operator, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from credentials.errors import WalletProviderError, WalletProviderUnknownError
from credentials.models import WalletProvider
from protocol.encoding import json_object
from protocol.errors import ProtocolError
from protocol.keys import required_members

Purpose = WalletProvider.Purpose


def trust(*, name: str, public_jwks: Iterable[Mapping[str, Any]], purposes: Iterable[str]) -> WalletProvider:
    """Trust a provider's keys for *purposes*; what is given replaces what was known. Raises WalletProviderError."""
    keys = [_check_key(jwk) for jwk in public_jwks]
    chosen = sorted({Purpose(purpose).value for purpose in purposes})
    if not keys or not chosen or not name.strip():
        raise WalletProviderError("a name, a key and a purpose")
    values = {"public_jwks": keys, "purposes": chosen, "removed_at": None}
    return WalletProvider.objects.update_or_create(name=name.strip(), defaults=values)[0]


def remove(*, name: str) -> None:
    """Stop trusting a provider. Raises WalletProviderUnknownError."""
    trusted = WalletProvider.objects.filter(name=name, removed_at__isnull=True)
    if not trusted.update(removed_at=timezone.now()):
        raise WalletProviderUnknownError(name)


def trusted_keys(purpose: Purpose) -> list[dict[str, Any]]:
    """Return the public JWKs of every provider trusted for *purpose*, those of TRUSTED_WALLET_PROVIDERS included."""
    stored = WalletProvider.objects.filter(removed_at__isnull=True).order_by("pk")
    # Asked of each row: SQLite cannot look inside a JSON list.
    rows = [jwk for provider in stored if purpose in provider.purposes for jwk in provider.public_jwks]
    return [*rows, *keys_in_file(settings.TRUSTED_WALLET_PROVIDERS)]


@lru_cache(maxsize=4)
def keys_in_file(path: str) -> list[dict[str, Any]]:
    """Return the keys of a JWK Set (RFC 7517 §5), trusted for every purpose: for tests and the demonstration.

    Raises OSError, KeyError, EncodingError and WalletProviderError.
    """
    if not path:
        return []
    return [_check_key(jwk) for jwk in json_object(Path(path).read_bytes())["keys"]]


def _check_key(jwk: Mapping[str, Any]) -> dict[str, Any]:
    try:
        key: dict[str, Any] = dict(required_members(jwk))
    except ProtocolError as error:
        raise WalletProviderError(error.detail) from None
    return {**key, "kid": jwk["kid"]} if isinstance(jwk.get("kid"), str) else key
