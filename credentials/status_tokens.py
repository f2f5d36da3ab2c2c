"""A status list token against an issuer's registered keys; shared by the service and the offline verifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credentials.issuer_keys import candidate_keys
from protocol.errors import SignatureError
from protocol.jose import parse_compact
from protocol.status_list import MAX_TOKEN_BYTES, TOKEN_TYPE, StatusListToken, verify_token

_TYPES = frozenset({TOKEN_TYPE})


def read_status_token(
    text: str, *, uri: str, keys: Mapping[str, dict[str, Any]], now: float, max_age: float | None = None
) -> StatusListToken:
    """Return the verified list. Raises SignatureError when no registered key made it, and as verify_token."""
    header = parse_compact(text, allowed_types=_TYPES, max_bytes=MAX_TOKEN_BYTES).header
    for key in candidate_keys(header, keys):
        try:
            return verify_token(text, key=key, uri=uri, now=now, max_age=max_age)
        except SignatureError:
            continue
    raise SignatureError("made by none of the issuer's keys")
