"""The one reader of the environment. Every value is typed; every secret may come from a file named ``<NAME>_FILE``."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import FileAwareEnv

env = FileAwareEnv()

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1", None})
MIN_SECRET_LENGTH = 50


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


def broker_url(name: str, default: str) -> str:
    """Return a broker or cache URL; Redis off loopback needs a password."""
    url: str = env.str(name, default)
    parts = urlsplit(url)
    if parts.scheme.startswith("redis") and parts.hostname not in LOOPBACK_HOSTS and not parts.password:
        raise ImproperlyConfigured(f"{name}: Redis off loopback must have a password")
    return url
