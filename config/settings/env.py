"""The one reader of the environment. Every value is typed; every secret may come from a file named ``<NAME>_FILE``."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import FileAwareEnv

env = FileAwareEnv()

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", None})
MIN_SECRET_LENGTH = 50
MIN_TOKEN_LENGTH = 32


def secret(name: str, *, min_length: int = MIN_SECRET_LENGTH) -> str:
    """Return the secret *name*; a missing or short one stops the start."""
    value: str = env.str(name, "").strip()
    if len(value) < min_length or len(set(value)) < 10:
        raise ImproperlyConfigured(f"{name} (or {name}_FILE) must hold at least {min_length} random characters")
    return value


def key_bytes(name: str) -> bytes:
    """Return the 32-byte key *name*, written as 64 hexadecimal digits."""
    value: str = env.str(name, "").strip()
    try:
        key = bytes.fromhex(value)
    except ValueError:
        key = b""
    if len(key) != 32 or len(set(key)) < 8:
        raise ImproperlyConfigured(f"{name} (or {name}_FILE) must hold 32 random bytes as 64 hexadecimal digits")
    return key


def optional_key_bytes(name: str) -> bytes | None:
    """Return the key *name* as key_bytes does, or None when it is not set at all: a part of the service that is off."""
    return key_bytes(name) if env.str(name, "").strip() else None


def broker_url(name: str, default: str) -> str:
    """Return a broker or cache URL; Redis off loopback needs a password."""
    url: str = env.str(name, default)
    parts = urlsplit(url)
    if parts.scheme.startswith("redis") and parts.hostname not in LOOPBACK_HOSTS and not parts.password:
        raise ImproperlyConfigured(f"{name}: Redis off loopback must have a password")
    return url


def metrics_token(name: str) -> str:
    """Return the bearer token *name*, or an empty text where none is set; a short one stops the start."""
    return secret(name, min_length=MIN_TOKEN_LENGTH) if env.str(name, "").strip() else ""


def networks(name: str, default: list[str]) -> list[IPv4Network | IPv6Network]:
    """Return the networks *name*, given as address/prefix and separated by commas; a false one stops the start."""
    try:
        return [ip_network(text.strip()) for text in env.list(name, default)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}") from None
