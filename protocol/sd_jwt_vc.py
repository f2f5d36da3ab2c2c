"""SD-JWT VC (draft-ietf-oauth-sd-jwt-vc): credentials as SD-JWT, with the pieces of a verifier in the order of use.

1. parse  2. verify_signature, with a key found elsewhere  3. reveal_claims  4. verify_key_binding
5. check_issuer, check_type, check_validity.

Steps 3-5 judge what step 2 made authentic: never use one without the ones before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec

from protocol import key_binding, sd_jwt
from protocol.claims import numeric_date, optional_text
from protocol.disclosure import Claims, Path, SdJwt, hash_of, reveal_with_paths, split
from protocol.encoding import json_object
from protocol.errors import (
    ClaimFormatError,
    CredentialTypeError,
    CredentialTypeMismatchError,
    ExpiredError,
    IssuedInFutureError,
    IssuerMismatchError,
    KeyBindingMissingError,
    NotYetValidError,
    RegisteredClaimError,
)
from protocol.jose import Jws, parse_compact, verify_es256
from protocol.keys import Signer, required_members

CREDENTIAL_TYPE = "dc+sd-jwt"
LEGACY_CREDENTIAL_TYPE = "vc+sd-jwt"
NEVER_DISCLOSABLE = frozenset({"iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status"})
LEEWAY_SECONDS = 60
KEY_BINDING_MAX_AGE_SECONDS = 300

_TYPES = frozenset({CREDENTIAL_TYPE})
_TYPES_WITH_LEGACY = frozenset({CREDENTIAL_TYPE, LEGACY_CREDENTIAL_TYPE})
_REGISTERED = NEVER_DISCLOSABLE | {"iat"}
_SET_HERE = frozenset({"iss", "iat", "nbf", "exp", "vct", "cnf", "status"})


class ParsedPresentation(NamedTuple):
    """A presentation taken apart. Nothing in it is authentic before verify_signature has passed."""

    text: str
    jws: Jws
    payload: Claims
    disclosures: tuple[str, ...]
    key_binding_jwt: str | None

    @property
    def header(self) -> dict[str, Any]:
        """The issuer's protected header: hints for finding the key, never the key itself."""
        return self.jws.header


def issue_credential(
    *,
    claims: Mapping[str, Any],
    vct: str,
    signer: Signer,
    header: Mapping[str, Any],
    issuer: str | None,
    issued_at: int,
    expires_at: int | None = None,
    not_before: int | None = None,
    holder_jwk: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    disclosable: Sequence[Path] = (),
    decoys: sd_jwt.Decoys = 0,
) -> SdJwt:
    """Return a signed credential (SD-JWT VC §3).

    *header* adds ``kid`` or ``x5c`` to the fixed ``typ``. Times are seconds since 1970. *extra* holds registered
    claims that are not set here, such as ``vct#integrity``. Raises ClaimFormatError when *claims* names a registered
    claim, CredentialTypeError for an empty *vct*, RegisteredClaimError when a *disclosable* path starts with one that
    may not be hidden, KeyFormatError for *holder_jwk*, and what sd_jwt.issue raises.
    """
    if not isinstance(vct, str) or not vct:
        raise CredentialTypeError("vct is not text")
    if not _REGISTERED.isdisjoint(claims) or not _SET_HERE.isdisjoint(extra or {}):
        raise ClaimFormatError("registered claims are set by issuing alone")
    _check_disclosable(tuple(disclosable))
    payload: Claims = {"iat": issued_at, "vct": vct}
    if issuer is not None:
        payload["iss"] = issuer
    if not_before is not None:
        payload["nbf"] = not_before
    if expires_at is not None:
        payload["exp"] = expires_at
    if holder_jwk is not None:
        payload["cnf"] = {"jwk": required_members(holder_jwk)}
    if status is not None:
        payload["status"] = status
    payload.update(extra or {})
    payload.update(claims)
    return sd_jwt.issue(
        payload,
        disclosable=disclosable,
        signer=signer,
        header={"typ": CREDENTIAL_TYPE, **header},
        decoys=decoys,
    )


def parse(presentation: str, *, allow_legacy_type: bool = False) -> ParsedPresentation:
    """Step 1. Take *presentation* apart; every rule that needs no key is applied (SD-JWT VC §3.2.1).

    *allow_legacy_type* also accepts ``typ`` ``vc+sd-jwt``, used by drafts before November 2024. Raises what split,
    parse_compact and json_object raise.
    """
    issuer_jwt, disclosures, key_binding_jwt = split(presentation)
    jws = parse_compact(issuer_jwt, allowed_types=_TYPES_WITH_LEGACY if allow_legacy_type else _TYPES)
    return ParsedPresentation(presentation, jws, json_object(jws.payload), disclosures, key_binding_jwt)


def verify_signature(parsed: ParsedPresentation, key: ec.EllipticCurvePublicKey) -> Claims:
    """Step 2. Check the issuer's signature with *key*, found by the caller's own means, and return the payload.

    Raises SignatureError.
    """
    verify_es256(parsed.jws, key)
    return parsed.payload


def reveal_claims(parsed: ParsedPresentation) -> Claims:
    """Step 3. Return the claims shown (RFC 9901 §7.1, SD-JWT VC §3.2.2).

    Raises as sd_jwt.reveal; RegisteredClaimError when a disclosure supplies a registered claim; CredentialTypeError
    and ClaimFormatError when a registered claim is missing or malformed.
    """
    return reveal_claims_with_paths(parsed)[0]


def reveal_claims_with_paths(parsed: ParsedPresentation) -> tuple[Claims, tuple[Path, ...]]:
    """Step 3, returning also the path of everything that was disclosed selectively. Raises as reveal_claims."""
    claims, found = reveal_with_paths(parsed.payload, parsed.disclosures)
    paths = tuple([path for path, _ in found])
    if not NEVER_DISCLOSABLE.isdisjoint([path[0] for path in paths]):
        raise RegisteredClaimError("a registered claim came from a disclosure")
    vct = claims.get("vct")
    if not isinstance(vct, str) or not vct:
        raise CredentialTypeError("vct is not text")
    _check_registered(claims)
    return claims, paths


def verify_key_binding(
    parsed: ParsedPresentation,
    *,
    audience: str | None,
    nonce: str | None,
    now: float,
    max_age: float = KEY_BINDING_MAX_AGE_SECONDS,
) -> Claims:
    """Step 4. Check the holder's signature over exactly this presentation and return its claims (RFC 9901 §7.3).

    Call it whenever a key binding JWT is there, asked for or not. Raises KeyBindingMissingError, and as
    key_binding.verify_key_binding.
    """
    if parsed.key_binding_jwt is None:
        raise KeyBindingMissingError("no key binding was presented")
    return key_binding.verify_key_binding(
        parsed.text,
        issuer_payload=parsed.payload,
        key_binding_jwt=parsed.key_binding_jwt,
        audience=audience,
        nonce=nonce,
        now=now,
        max_age=max_age,
        hash_name=hash_of(parsed.payload),
    )


def check_issuer(claims: Mapping[str, Any], *, expected: str) -> None:
    """Step 5a. Compare ``iss`` with the issuer whose key was used, character by character (RFC 7519 §4.1.1).

    Raises IssuerMismatchError.
    """
    if claims.get("iss") != expected:
        raise IssuerMismatchError("signed by another issuer")


def check_type(claims: Mapping[str, Any], *, expected: str) -> None:
    """Step 5b. Compare ``vct``, character by character. Raises CredentialTypeMismatchError."""
    if claims.get("vct") != expected:
        raise CredentialTypeMismatchError("a credential of another type")


def check_validity(claims: Mapping[str, Any], *, now: float, leeway: float = LEEWAY_SECONDS) -> None:
    """Step 5c. Check ``exp``, ``nbf`` and ``iat`` against *now* with *leeway*, in seconds (RFC 7519 §4.1).

    Raises ExpiredError, NotYetValidError, IssuedInFutureError, and ClaimFormatError.
    """
    expires_at, not_before = numeric_date(claims, "exp"), numeric_date(claims, "nbf")
    issued_at = numeric_date(claims, "iat")
    if expires_at is not None and now >= expires_at + leeway:
        raise ExpiredError("exp has passed")
    if not_before is not None and now < not_before - leeway:
        raise NotYetValidError("nbf has not come")
    if issued_at is not None and now < issued_at - leeway:
        raise IssuedInFutureError("iat has not come")


# Keyed by the paths, which one type of credential repeats in all its certificates.
@lru_cache(maxsize=256)
def _check_disclosable(paths: tuple[Path, ...]) -> None:
    if any(path and path[0] in NEVER_DISCLOSABLE for path in paths):
        raise RegisteredClaimError("a disclosable path starts with a registered claim")


def _check_registered(claims: Mapping[str, Any]) -> None:
    for name in ("iss", "sub", "vct#integrity"):
        if name in claims:
            optional_text(claims, name)
    for name in ("exp", "nbf", "iat"):
        if name in claims:
            numeric_date(claims, name)
    for name in ("cnf", "status"):
        if name in claims and not isinstance(claims[name], dict):
            raise ClaimFormatError(f"{name} is not an object")
