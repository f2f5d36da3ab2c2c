"""Demonstrating Proof of Possession (RFC 9449): a request signed by the key that its access token is bound to."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from protocol.claims import check_recent, optional_text, required_text
from protocol.encoding import b64u_encode, json_object
from protocol.errors import DpopKeyError, DpopNonceError, DpopProofError
from protocol.errors.issuance import refused_as
from protocol.http_url import normalised
from protocol.jose import own_key, parse_proof, verify_es256
from protocol.keys import jwk_thumbprint, required_members

DPOP_TYPES = frozenset({"dpop+jwt"})
MAX_AGE_SECONDS = 300
MAX_DPOP_BYTES = 1 << 13
MAX_ID_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class DpopProof:
    """A proof that held. ``thumbprint`` names its key (RFC 7638); with ``jti`` it names the proof, to be seen once."""

    thumbprint: str
    jwk: dict[str, str]
    jti: str
    issued_at: float
    nonce: str | None


def verify_proof(
    proof: str,
    *,
    method: str,
    url: str,
    now: float,
    max_age: float = MAX_AGE_SECONDS,
    is_fresh_nonce: Callable[[str], bool] | None = None,
    access_token: str | None = None,
    thumbprint: str | None = None,
) -> DpopProof:
    """Return *proof*, the ``DPoP`` header of a request of *method* to *url*, after the checks of RFC 9449 §4.3.

    *is_fresh_nonce* is given where a nonce of this server is demanded (§8), *access_token* where one is used, and
    *thumbprint* where it is bound to a key. *now* and *max_age* are seconds. That the proof was not seen before is the
    caller's to check (§11.1). Raises DpopProofError, DpopNonceError and DpopKeyError.
    """
    with refused_as(DpopProofError):
        # Checks 1, 2, 4, 5, 7: one token, well-formed, typed, ES256, and no private key. Two headers of one name
        # reach us joined by a comma, which no token holds.
        jws = parse_proof(proof, allowed_types=DPOP_TYPES, max_bytes=MAX_DPOP_BYTES)
        claims = json_object(verify_es256(jws, own_key(jws)))  # 6
        jti, nonce = required_text(claims, "jti", max_length=MAX_ID_CHARACTERS), optional_text(claims, "nonce")  # 3
        _check_target(claims, method, url)  # 8, 9
        if is_fresh_nonce is not None and (nonce is None or not is_fresh_nonce(nonce)):  # 10
            raise DpopNonceError("a fresh nonce of this server is needed")
        issued_at = check_recent(claims, now=now, max_age=max_age)  # 11
        if access_token is not None:  # 12
            _check_token(claims, access_token)
    jwk = required_members(jws.header["jwk"])
    made = DpopProof(jwk_thumbprint(jwk), jwk, jti, issued_at, nonce)
    if thumbprint is not None and not hmac.compare_digest(made.thumbprint, thumbprint):
        raise DpopKeyError("the access token is bound to another key")
    return made


def _check_target(claims: Mapping[str, Any], method: str, url: str) -> None:
    if claims.get("htm") != method:
        raise DpopProofError("htm is another method")
    made_for = normalised(claims.get("htu"))
    if made_for is None or made_for != normalised(url):
        raise DpopProofError("htu is another address")


def _check_token(claims: Mapping[str, Any], access_token: str) -> None:
    expected = b64u_encode(sha256(access_token.encode("utf-8")).digest())
    if not hmac.compare_digest(required_text(claims, "ath").encode("utf-8"), expected.encode("utf-8")):
        raise DpopProofError("ath is the hash of another access token")
