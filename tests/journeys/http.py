"""Plain HTTP to the running service, as `curl` would."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any


def call(url: str, *, key: str = "", body: dict[str, Any] | None = None) -> tuple[int, Any]:
    """Return status and JSON of a GET, or of a POST of *body*; *key* is an API key."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 our own loopback address
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.loads(refusal.read())


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 our own loopback address
        body: bytes = answer.read()
        return body
