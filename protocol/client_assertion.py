"""``private_key_jwt``: a client proves itself by a signature of its own (RFC 7523 §3, OpenID Connect Core §9)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protocol.claims import FUTURE_SKEW_SECONDS, check_validity, numeric_date, required_text
from protocol.encoding import json_object
from protocol.errors import OAuthClientError, SignatureError
from protocol.errors.issuance import refused_as
from protocol.jose import Jws, parse_compact, verify_es256
from protocol.keys import p256_from_jwk

METHOD = "private_key_jwt"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_LIFETIME_SECONDS = 600
MAX_ASSERTION_BYTES = 1 << 13

# Most clients state "JWT" or nothing; the last is what RFC 7523's successor asks for.
_TYPES = frozenset({None, "JWT", "client-authentication+jwt"})


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """A verified assertion. ``jti`` must not be seen again before ``expires_at``, seconds since 1970."""

    client_id: str
    jti: str
    expires_at: float


def claimed_client(assertion: str) -> str:
    """Return whose *assertion* it claims to be, so that its keys can be found. Not authentic. Raises OAuthClientError."""
    with refused_as(OAuthClientError):
        return required_text(json_object(_parse(assertion).payload), "sub")


def verify(
    assertion: str,
    *,
    client_id: str,
    keys: Sequence[Mapping[str, Any]],
    audiences: Collection[str],
    now: float,
) -> ClientAssertion:
    """Return the verified *assertion* of *client_id* (RFC 7523 §3). Raises OAuthClientError for whatever is wrong.

    *keys* are the public JWKs registered for the client; ``kid``, where stated, selects among them. *audiences* are our
    issuer identifier and token endpoint. It must expire, and within ten minutes.
    """
    with refused_as(OAuthClientError):
        jws = _parse(assertion)
        _verify_signature(jws, keys)
        claims = json_object(jws.payload)
        return _judge(claims, client_id=client_id, audiences=audiences, now=now)


def _parse(assertion: str) -> Jws:
    return parse_compact(assertion, allowed_types=_TYPES, max_bytes=MAX_ASSERTION_BYTES)


def _verify_signature(jws: Jws, keys: Sequence[Mapping[str, Any]]) -> None:
    key_id = jws.header.get("kid")
    for jwk in keys:
        if key_id is not None and jwk.get("kid") not in (None, key_id):
            continue
        try:
            verify_es256(jws, p256_from_jwk(jwk))
        except SignatureError:
            continue
        return
    raise SignatureError("by none of the client's keys")


def _judge(claims: Mapping[str, Any], *, client_id: str, audiences: Collection[str], now: float) -> ClientAssertion:
    if required_text(claims, "iss") != client_id or required_text(claims, "sub") != client_id:
        raise OAuthClientError("iss and sub are not the client")
    stated = claims.get("aud")
    if not {item for item in (stated if isinstance(stated, list) else [stated]) if isinstance(item, str)} & {
        *audiences
    }:
        raise OAuthClientError("made for another server")
    expires_at = numeric_date(claims, "exp")
    if expires_at is None or expires_at > now + MAX_LIFETIME_SECONDS + FUTURE_SKEW_SECONDS:
        raise OAuthClientError("exp is missing or too far ahead")
    check_validity(claims, now=now)
    return ClientAssertion(client_id, required_text(claims, "jti"), expires_at)
