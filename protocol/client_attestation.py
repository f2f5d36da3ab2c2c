"""OAuth 2.0 Attestation-Based Client Authentication, draft 07, which OpenID4VCI 1.0 appendix E and HAIP 1.0 name.

A wallet's provider attests a key of one installation of the wallet; the installation signs each request's proof with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protocol.attester_keys import verify_by_trusted
from protocol.claims import check_recent, check_validity, optional_object, optional_text, required_text
from protocol.encoding import json_object
from protocol.errors import (
    ClaimFormatError,
    ClientAttestationChallengeError,
    ClientAttestationError,
    ClientAttestationStaleError,
    ExpiredError,
)
from protocol.errors.issuance import refused_as
from protocol.jose import parse_compact, verify_es256
from protocol.keys import jwk_thumbprint, p256_from_jwk, required_members

ATTESTATION_HEADER = "OAuth-Client-Attestation"
PROOF_HEADER = "OAuth-Client-Attestation-PoP"
CHALLENGE_HEADER = "OAuth-Client-Attestation-Challenge"
AUTHENTICATION_METHOD = "attest_jwt_client_auth"
ATTESTATION_TYPES = frozenset({"oauth-client-attestation+jwt"})
PROOF_TYPES = frozenset({"oauth-client-attestation-pop+jwt"})
MAX_AGE_SECONDS = 300
MAX_PROOF_BYTES = 1 << 13
MAX_ID_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class ClientAttestation:
    """A wallet that authenticated. ``jwk`` is the installation's key, ``attester`` the thumbprint of its provider's.

    ``thumbprint`` (of ``jwk``) with ``jti`` names the proof, to be seen once. ``status`` is the provider's own status
    reference, if it gave one, and not looked at here.
    """

    client_id: str
    issuer: str
    jwk: dict[str, str]
    thumbprint: str
    attester: str
    expires_at: float
    jti: str
    challenge: str | None
    wallet_name: str | None
    wallet_link: str | None
    status: Mapping[str, Any] | None


def verify(
    attestation: str,
    proof: str,
    *,
    keys: Sequence[Mapping[str, Any]],
    audience: str,
    now: float,
    max_age: float = MAX_AGE_SECONDS,
    client_id: str | None = None,
    is_fresh_challenge: Callable[[str], bool] | None = None,
) -> ClientAttestation:
    """Return the client that the two headers of a request authenticate, after the checks of draft 07 §8.

    *keys* are the public P-256 JWKs of trusted providers, *audience* the issuer identifier of this authorization
    server, *client_id* the parameter of the request if it had one; *is_fresh_challenge* is given where a challenge is
    demanded. *max_age*, in seconds, bounds the proof. Raises ClientAttestationError, ClientAttestationStaleError for an
    attestation that has expired, and ClientAttestationChallengeError.
    """
    with refused_as(ClientAttestationError):
        # Checks 1, 2, 4, 5: each header one well-formed token, and the attestation a trusted provider's.
        jws, attester = verify_by_trusted(attestation, keys=keys, allowed_types=ATTESTATION_TYPES)
        claims = json_object(jws.payload)
        jwk = _confirmed_key(claims)  # 6
        _check_fresh(claims, now)  # 11
        proven = _proven(proof, jwk)  # 3, 4, 7
        name = required_text(claims, "sub", max_length=MAX_ID_CHARACTERS)
        if proven.get("iss") != name or client_id not in (None, name):  # 13
            raise ClaimFormatError("attestation, proof and request are of different clients")
        if proven.get("aud") not in (audience, [audience]):  # 10
            raise ClaimFormatError("aud is another server")
        challenge = _challenge(proven, is_fresh_challenge)  # 8
        check_recent(proven, now=now, max_age=max_age)  # 9
        return ClientAttestation(
            client_id=name,
            issuer=required_text(claims, "iss"),
            jwk=jwk,
            thumbprint=jwk_thumbprint(jwk),
            attester=attester,
            expires_at=claims["exp"],
            jti=required_text(proven, "jti", max_length=MAX_ID_CHARACTERS),
            challenge=challenge,
            wallet_name=optional_text(claims, "wallet_name"),
            wallet_link=optional_text(claims, "wallet_link"),
            status=optional_object(claims, "status"),
        )


def _confirmed_key(claims: Mapping[str, Any]) -> dict[str, str]:
    jwk = optional_object(optional_object(claims, "cnf") or {}, "jwk")
    if jwk is None:
        raise ClaimFormatError("cnf holds no jwk")
    p256_from_jwk(jwk)
    return required_members(jwk)


def _check_fresh(claims: Mapping[str, Any], now: float) -> None:
    if "exp" not in claims:
        raise ClaimFormatError("exp is missing")
    try:
        check_validity(claims, now=now)
    except ExpiredError:
        raise ClientAttestationStaleError("the attestation has expired") from None


def _proven(proof: str, jwk: Mapping[str, str]) -> dict[str, Any]:
    jws = parse_compact(proof, allowed_types=PROOF_TYPES, max_bytes=MAX_PROOF_BYTES)
    return json_object(verify_es256(jws, p256_from_jwk(jwk)))


def _challenge(proven: Mapping[str, Any], is_fresh_challenge: Callable[[str], bool] | None) -> str | None:
    # Up to draft 05 the claim was called nonce; wallets of that age are about.
    challenge = optional_text(proven, "challenge") or optional_text(proven, "nonce")
    if is_fresh_challenge is not None and (challenge is None or not is_fresh_challenge(challenge)):
        raise ClientAttestationChallengeError("a fresh challenge of this server is needed")
    return challenge
