"""Deliveries of the service, checked as Standard Webhooks says: HMAC-SHA-256 over id, time and body."""

from __future__ import annotations

import binascii
import hmac
import json
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from chancela_client.errors import WebhookError

TOLERANCE_SECONDS = 300
MAX_SIGNATURES = 16
MIN_KEY_BYTES = 24
_PREFIX = "whsec_"
_VERSION = "v1"


@dataclass(frozen=True, slots=True)
class Event:
    """A delivery that is the service's. The same ``id`` may come again: do nothing the second time."""

    id: str
    sent_at: int
    payload: dict[str, Any]


def read_webhook(
    body: bytes,
    headers: Mapping[str, str],
    *,
    secrets: Iterable[str],
    now: float | None = None,
    tolerance: int = TOLERANCE_SECONDS,
) -> Event:
    """Return the event in *body*, exactly as received, signed with one of *secrets* (``whsec_…``).

    Give two secrets while one replaces the other. Raises WebhookError.
    """
    given = {name.lower(): value for name, value in headers.items()}
    event_id, timestamp, signatures = (_header(given, name) for name in ("id", "timestamp", "signature"))
    sent_at = _time(timestamp, time.time() if now is None else now, tolerance)
    signed = f"{event_id}.{timestamp}.".encode() + body
    if not _is_signed(signed, signatures, [_key(secret) for secret in secrets]):
        raise WebhookError("not signed with this secret")
    return Event(event_id, sent_at, _payload(body))


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(f"webhook-{name}", "")
    if not value or not value.isascii():
        raise WebhookError(f"no webhook-{name}")
    return value


def _time(text: str, now: float, tolerance: int) -> int:
    # Digits first, and few: Python refuses to read thousands of them, with an error of its own.
    if not text.isdecimal() or len(text) > 12 or abs(int(text) - now) > tolerance:
        raise WebhookError("sent at another time")
    return int(text)


def _key(secret: str) -> bytes:
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    # A setting that was left empty must not be a key that anyone can sign with.
    if len(key) < MIN_KEY_BYTES:
        raise WebhookError(f"a secret is whsec_ and base64 of at least {MIN_KEY_BYTES} bytes")
    return key


def _is_signed(signed: bytes, signatures: str, keys: list[bytes]) -> bool:
    expected = [b64encode(hmac.digest(key, signed, sha256)).decode() for key in keys]
    given = [value for version, _, value in (each.partition(",") for each in signatures.split(" ")[:MAX_SIGNATURES])
             if version == _VERSION]  # fmt: skip
    # Every pair is compared, in constant time: how long it takes says nothing of which one fits.
    compared = [hmac.compare_digest(one, other) for one in expected for other in given]
    return any(compared)


def _payload(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body)
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise WebhookError("not a JSON object")
    return payload
