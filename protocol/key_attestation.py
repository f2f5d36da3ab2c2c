"""Key attestations of OpenID4VCI 1.0 appendix D: a wallet's provider says where keys are kept and who can use them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from protocol.attester_keys import verify_by_trusted
from protocol.claims import check_recent, numeric_date, optional_object, optional_text
from protocol.encoding import json_object
from protocol.errors import ClaimFormatError, KeyAttestationError
from protocol.errors.issuance import refused_as
from protocol.keys import p256_from_jwk, required_members

# The second was the type until draft 15, and libraries still write it.
KEY_ATTESTATION_TYPES = frozenset({"key-attestation+jwt", "keyattestation+jwt"})
RESISTANCES = ("iso_18045_high", "iso_18045_moderate", "iso_18045_enhanced-basic", "iso_18045_basic")
MAX_AGE_SECONDS = 86_400
MAX_KEYS = 64
MAX_VALUES = 16


@dataclass(frozen=True, slots=True)
class KeyAttestation:
    """What a trusted attester says of ``keys``, all P-256 and different, required members only (appendix D.1).

    ``key_ids`` are the names that the attestation gives them, None where it gives none. ``attester`` is the thumbprint
    of the key that signed. ``status`` is the attester's own status reference, not looked at here.
    """

    keys: tuple[dict[str, str], ...]
    key_ids: tuple[str | None, ...]
    key_storage: tuple[str, ...]
    user_authentication: tuple[str, ...]
    nonce: str | None
    issued_at: float
    expires_at: float | None
    certification: str | None
    status: Mapping[str, Any] | None
    attester: str


@dataclass(frozen=True, slots=True)
class AttestationPolicy:
    """What an attestation must say to be enough: one of these values each; empty accepts any (appendix D.2)."""

    key_storage: Collection[str] = ()
    user_authentication: Collection[str] = ()


def verify(
    attestation: str,
    *,
    keys: Sequence[Mapping[str, Any]],
    now: float,
    needs_expiry: bool = False,
    max_age: float = MAX_AGE_SECONDS,
) -> KeyAttestation:
    """Return *attestation* after checking that one of *keys*, public P-256 JWKs, made it and that it is valid *now*.

    *needs_expiry* demands ``exp``, as the ``jwt`` proof type does; *max_age* is in seconds. Its nonce is the caller's
    to judge. Raises KeyAttestationError.
    """
    with refused_as(KeyAttestationError):
        jws, attester = verify_by_trusted(attestation, keys=keys, allowed_types=KEY_ATTESTATION_TYPES)
        claims = json_object(jws.payload)
        issued_at = check_recent(claims, now=now, max_age=max_age)
        if needs_expiry and "exp" not in claims:
            raise ClaimFormatError("exp is missing")
        attested = _attested(claims)
        return KeyAttestation(
            keys=tuple(required_members(jwk) for jwk in attested),
            key_ids=tuple(optional_text(jwk, "kid") for jwk in attested),
            key_storage=_values(claims, "key_storage"),
            user_authentication=_values(claims, "user_authentication"),
            nonce=optional_text(claims, "nonce"),
            issued_at=issued_at,
            expires_at=numeric_date(claims, "exp"),
            certification=optional_text(claims, "certification"),
            status=optional_object(claims, "status"),
            attester=attester,
        )


def check_policy(attestation: KeyAttestation, policy: AttestationPolicy) -> None:
    """Check that *attestation* asserts one of the accepted values of each kind (§12.2.4, key_attestations_required).

    Raises KeyAttestationError.
    """
    pairs = {
        "key_storage": (policy.key_storage, attestation.key_storage),
        "user_authentication": (policy.user_authentication, attestation.user_authentication),
    }
    for name, (accepted, stated) in pairs.items():
        if accepted and set(accepted).isdisjoint(stated):
            raise KeyAttestationError(f"{name} is none of those accepted")


def _attested(claims: Mapping[str, Any]) -> list[dict[str, Any]]:
    attested = claims.get("attested_keys")
    if not isinstance(attested, list) or not 1 <= len(attested) <= MAX_KEYS:
        raise ClaimFormatError(f"attested_keys is not an array of 1 to {MAX_KEYS}")
    for jwk in attested:
        p256_from_jwk(jwk)
    if len({(jwk["x"], jwk["y"]) for jwk in attested}) != len(attested):
        raise ClaimFormatError("one key attested twice")
    return attested


def _values(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    if name not in claims:
        return ()
    values = claims[name]
    if not isinstance(values, list) or not 1 <= len(values) <= MAX_VALUES:
        raise ClaimFormatError(f"{name} is not an array of 1 to {MAX_VALUES}")
    if not all(isinstance(value, str) and value for value in values):
        raise ClaimFormatError(f"{name} holds something other than text")
    return tuple(values)
