"""The key binding JWT of SD-JWT (RFC 9901 §4.3, §7.3): the holder signs exactly what is shown, and to whom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from protocol.claims import numeric_date
from protocol.disclosure import DEFAULT_HASH, sd_hash, without_key_binding
from protocol.encoding import json_dumps, json_object
from protocol.errors import (
    ClaimFormatError,
    HolderKeyError,
    KeyBindingAudienceError,
    KeyBindingFormatError,
    KeyBindingFutureError,
    KeyBindingHashError,
    KeyBindingNonceError,
    KeyBindingSignatureError,
    KeyBindingStaleError,
    KeyFormatError,
    SdJwtFormatError,
    SignatureError,
)
from protocol.jose import parse_compact, sign_compact, verify_es256
from protocol.keys import Signer, p256_from_jwk

KEY_BINDING_TYPE = "kb+jwt"
KEY_BINDING_TYPES = frozenset({KEY_BINDING_TYPE})
FUTURE_SKEW_SECONDS = 60
_OWN_CLAIMS = frozenset({"iat", "aud", "nonce", "sd_hash"})


def create_key_binding(
    presentation: str,
    *,
    signer: Signer,
    audience: str,
    nonce: str,
    issued_at: int,
    extra: Mapping[str, Any] | None = None,
    hash_name: str = DEFAULT_HASH,
) -> str:
    """Return *presentation* (ending with its last tilde) followed by a key binding JWT over it (RFC 9901 §4.3).

    *issued_at* is in seconds since 1970; *extra* adds claims such as ``transaction_data_hashes``. *hash_name* is the
    one the issuer's payload states. Raises SdJwtFormatError when *presentation* is bound already, and
    KeyBindingFormatError when *extra* names a claim that is set here.
    """
    if not presentation.endswith("~"):
        raise SdJwtFormatError("a presentation to be bound ends with a tilde")
    if not _OWN_CLAIMS.isdisjoint(extra or {}):
        raise KeyBindingFormatError("extra claims may not replace iat, aud, nonce or sd_hash")
    claims = {"iat": issued_at, "aud": audience, "nonce": nonce, "sd_hash": sd_hash(presentation, hash_name)}
    payload = json_dumps({**claims, **(extra or {})})
    return presentation + sign_compact(payload, signer=signer, header={"typ": KEY_BINDING_TYPE})


def verify_key_binding(
    presentation: str,
    *,
    issuer_payload: Mapping[str, Any],
    key_binding_jwt: str,
    audience: str | None,
    nonce: str | None,
    now: float,
    max_age: float,
    hash_name: str = DEFAULT_HASH,
    future_skew: float = FUTURE_SKEW_SECONDS,
) -> dict[str, Any]:
    """Return the claims of *key_binding_jwt* after every check of RFC 9901 §7.3.

    *issuer_payload* must be verified: the key is its ``cnf.jwk`` and nothing else. *audience* and *nonce* None leave
    that value uncompared, never the signature, hash or time. *now*, *max_age*, *future_skew* are seconds. Raises
    HolderKeyError, KeyBindingSignatureError, KeyBindingFormatError, KeyBindingHashError, KeyBindingAudienceError,
    KeyBindingNonceError, KeyBindingStaleError, KeyBindingFutureError, and what parse_compact raises.
    """
    key = holder_key(issuer_payload)
    jws = parse_compact(key_binding_jwt, allowed_types=KEY_BINDING_TYPES)
    try:
        claims = json_object(verify_es256(jws, key))
    except SignatureError:
        raise KeyBindingSignatureError("not made by the holder key") from None
    _check_hash(claims, sd_hash(without_key_binding(presentation), hash_name))
    check_addressee(claims, audience=audience, nonce=nonce)
    check_times(claims, now=now, max_age=max_age, future_skew=future_skew)
    return claims


def holder_key(issuer_payload: Mapping[str, Any]) -> ec.EllipticCurvePublicKey:
    """Return the P-256 key in ``cnf.jwk`` of a verified payload (RFC 7800 §3.2). Raises HolderKeyError."""
    cnf = issuer_payload.get("cnf")
    if not isinstance(cnf, dict) or not isinstance(cnf.get("jwk"), dict):
        raise HolderKeyError("the issuer bound no key")
    try:
        return p256_from_jwk(cnf["jwk"])
    except KeyFormatError as error:
        raise HolderKeyError(error.detail) from None


def check_addressee(claims: Mapping[str, Any], *, audience: str | None, nonce: str | None) -> None:
    """Compare ``aud`` and ``nonce`` of a holder's signed claims; None leaves a value uncompared, never unchecked in form.

    Raises KeyBindingFormatError, KeyBindingAudienceError, KeyBindingNonceError.
    """
    for name in ("aud", "nonce"):
        if not isinstance(claims.get(name), str):
            raise KeyBindingFormatError(f"{name} is not text")
    if audience is not None and claims["aud"] != audience:
        raise KeyBindingAudienceError("made for another verifier")
    if nonce is not None and claims["nonce"] != nonce:
        raise KeyBindingNonceError("made for another transaction")


def check_times(
    claims: Mapping[str, Any], *, now: float, max_age: float, future_skew: float = FUTURE_SKEW_SECONDS
) -> None:
    """Check ``iat``, ``nbf`` and ``exp`` of a holder's signed claims against *now*, all in seconds.

    Raises KeyBindingFormatError, KeyBindingFutureError, KeyBindingStaleError.
    """
    try:
        issued_at = numeric_date(claims, "iat")
        not_before, expires_at = numeric_date(claims, "nbf"), numeric_date(claims, "exp")
    except ClaimFormatError as error:
        raise KeyBindingFormatError(error.detail) from None
    if issued_at is None:
        raise KeyBindingFormatError("iat is missing")
    if max(issued_at, not_before or issued_at) > now + future_skew:
        raise KeyBindingFutureError("not made yet")
    if issued_at < now - max_age or (expires_at is not None and expires_at <= now):
        raise KeyBindingStaleError("made too long ago")


def _check_hash(claims: Mapping[str, Any], expected: str) -> None:
    if not isinstance(claims.get("sd_hash"), str):
        raise KeyBindingFormatError("sd_hash is not text")
    if claims["sd_hash"] != expected:
        raise KeyBindingHashError("signed over another presentation")
