"""Securing VCDM 2.0 documents with JOSE and SD-JWT (VC-JOSE-COSE §3.1, §3.2), with the pieces of a verifier in order.

1. parse  2. verify_signature, with a key found elsewhere  3. reveal_document  4. verify_key_binding  5. check_validity.

The document and the registered JWT claims share one JSON object. Where both say the same thing (``iss`` and ``issuer``)
they must agree, or two readers of one credential would come to two answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from protocol import key_binding, sd_jwt
from protocol.claims import numeric_date
from protocol.disclosure import Claims, Path, SdJwt, hash_of, reveal_with_paths, split
from protocol.encoding import json_dumps, json_object
from protocol.errors import (
    ClaimFormatError,
    ExpiredError,
    IssuedInFutureError,
    KeyBindingMissingError,
    KeyBindingSignatureError,
    NotYetValidError,
    RegisteredClaimError,
    SignatureError,
    TokenTypeError,
    VcClaimError,
    VcConflictError,
    VcdmMemberError,
)
from protocol.jose import Jws, parse_compact, sign_compact, verify_es256
from protocol.jws_algorithms import PublicKey, algorithm_of, verify
from protocol.keys import Signer, required_members
from protocol.vcdm import (
    CREDENTIAL_MEMBERS,
    PRESENTATION_MEMBERS,
    check_credential,
    check_presentation,
    instant,
    party_of,
)

LEEWAY_SECONDS = 60
KEY_BINDING_MAX_AGE_SECONDS = 300
# What judging needs must not be hidden (VC-JOSE-COSE §3.2.1).
NEVER_DISCLOSABLE = frozenset(
    {
        "@context", "type", "issuer", "validFrom", "validUntil", "credentialStatus", "credentialSchema",
        "relatedResource", "termsOfUse", "iss", "iat", "nbf", "exp", "cnf", "status", "vc", "vp",
    }
)  # fmt: skip
REGISTERED = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "cnf", "status", "nonce"})
_OLD_CLAIMS = ("vc", "vp")


class Kind(NamedTuple):
    """Credential or presentation: its ``cty``, its two ``typ`` values, its members, its rules."""

    content_type: str
    jwt_type: str
    sd_jwt_type: str
    members: frozenset[str]
    check: Callable[[Mapping[str, Any]], None]
    party: str


CREDENTIAL = Kind("vc", "vc+jwt", "vc+sd-jwt", CREDENTIAL_MEMBERS, check_credential, "issuer")
PRESENTATION = Kind("vp", "vp+jwt", "vp+sd-jwt", PRESENTATION_MEMBERS, check_presentation, "holder")


class Secured(NamedTuple):
    """A secured document taken apart. Nothing in it is authentic before verify_signature has passed."""

    text: str
    kind: Kind
    jws: Jws
    payload: Claims
    disclosures: tuple[str, ...]
    key_binding_jwt: str | None

    @property
    def header(self) -> dict[str, Any]:
        """The protected header: hints for finding the key, never the key itself."""
        return self.jws.header

    @property
    def media_type(self) -> str:
        """The media type that an envelope states, for example ``application/vc+jwt``."""
        return f"application/{self.header['typ']}"


def registered_claims(
    *,
    issuer: str,
    issued_at: int,
    expires_at: int | None = None,
    holder_jwk: Mapping[str, Any] | None = None,
    status: Mapping[str, Any] | None = None,
) -> Claims:
    """Return the claims that stand beside a document (VC-JOSE-COSE §3.1.3, RFC 7800 §3.2).

    *status* is the claim that a Token Status List gives (§6.1 there): one reference, where every JOSE credential of
    ours has it. ``credentialStatus`` would be a second, which could contradict it. Raises KeyFormatError.
    """
    claims: Claims = {"iss": issuer, "iat": issued_at}
    if expires_at is not None:
        claims["exp"] = expires_at
    if holder_jwk is not None:
        claims["cnf"] = {"jwk": required_members(holder_jwk)}
    if status is not None:
        claims["status"] = dict(status)
    return claims


def secure_with_jwt(
    document: Mapping[str, Any],
    *,
    signer: Signer,
    header: Mapping[str, Any],
    registered: Mapping[str, Any] | None = None,
    kind: Kind = CREDENTIAL,
) -> str:
    """Return *document* as ``vc+jwt`` or ``vp+jwt`` (VC-JOSE-COSE §3.1.1, §3.1.2).

    *header* adds ``kid`` or ``x5c``. Raises VcdmError for a document that its own verifier would refuse,
    VcdmMemberError for a top-level member that nobody would understand, and VcConflictError.
    """
    payload = _signable(document, registered or {}, kind)
    return sign_compact(json_dumps(payload), signer=signer, header=_header(kind.jwt_type, kind, header))


def secure_with_sd_jwt(
    document: Mapping[str, Any],
    *,
    disclosable: Sequence[Path],
    signer: Signer,
    header: Mapping[str, Any],
    registered: Mapping[str, Any] | None = None,
    decoys: sd_jwt.Decoys = 0,
    kind: Kind = CREDENTIAL,
) -> SdJwt:
    """Return *document* as ``vc+sd-jwt`` or ``vp+sd-jwt`` (VC-JOSE-COSE §3.2.1, §3.2.2).

    Raises as secure_with_jwt, RegisteredClaimError for a *disclosable* path that must stay open, and what sd_jwt.issue
    raises.
    """
    payload = _signable(document, registered or {}, kind)
    if kind is CREDENTIAL and any(path and path[0] in NEVER_DISCLOSABLE for path in disclosable):
        raise RegisteredClaimError("a disclosable path starts with a member that must stay open")
    return sd_jwt.issue(
        payload, disclosable=disclosable, signer=signer, header=_header(kind.sd_jwt_type, kind, header), decoys=decoys
    )


def parse(text: str, *, kind: Kind = CREDENTIAL, algorithm: str = "ES256") -> Secured:
    """Step 1. Take *text* apart; every rule that needs no key is applied, those of the document excepted.

    *algorithm* is that of the key with which the caller will verify; the service itself accepts ES256 alone.
    Raises what split, parse_compact and json_object raise, TokenTypeError also for ``cty`` of another content.
    """
    is_sd_jwt = isinstance(text, str) and "~" in text
    issuer_jwt, disclosures, key_binding_jwt = split(text) if is_sd_jwt else (text, (), None)
    expected = frozenset({kind.sd_jwt_type if is_sd_jwt else kind.jwt_type})
    jws = parse_compact(issuer_jwt, allowed_types=expected, algorithm=algorithm)
    if jws.header.get("cty", kind.content_type) != kind.content_type:
        raise TokenTypeError(f"cty is not {kind.content_type}")
    return Secured(text, kind, jws, json_object(jws.payload), disclosures, key_binding_jwt)


def verify_signature(secured: Secured, key: PublicKey) -> Claims:
    """Step 2. Check the signature with *key*, found by the caller's own means, of the algorithm given to parse.

    Raises SignatureError.
    """
    if algorithm_of(key) != secured.header["alg"]:
        raise SignatureError("a key of another algorithm")
    signing_input = secured.text.partition("~")[0].rpartition(".")[0]
    verify(signing_input.encode("ascii"), secured.jws.signature, key)
    return secured.payload


def reveal_document(secured: Secured) -> tuple[Claims, tuple[Path, ...]]:
    """Step 3. Return document and claims as shown, and the paths of what was disclosed (VC-JOSE-COSE §5.1, §5.2).

    Raises as sd_jwt.reveal, RegisteredClaimError for a disclosure of what must stay open, VcClaimError,
    VcConflictError, and VcdmError for a document that breaks the data model as it is shown.
    """
    claims = secured.payload
    paths: tuple[Path, ...] = ()
    if secured.header["typ"] == secured.kind.sd_jwt_type:
        claims, found = reveal_with_paths(secured.payload, secured.disclosures)
        paths = tuple([path for path, _ in found])
    if secured.kind is CREDENTIAL and not NEVER_DISCLOSABLE.isdisjoint([path[0] for path in paths]):
        raise RegisteredClaimError("what must stay open came from a disclosure")
    _check_claims(claims, secured.kind)
    return claims, paths


def verify_key_binding(
    secured: Secured,
    *,
    audience: str | None,
    nonce: str | None,
    now: float,
    max_age: float = KEY_BINDING_MAX_AGE_SECONDS,
) -> Claims:
    """Step 4. Check the holder's signature over exactly this presentation and return its claims (RFC 9901 §7.3).

    Raises KeyBindingMissingError, and as key_binding.verify_key_binding.
    """
    if secured.key_binding_jwt is None:
        raise KeyBindingMissingError("no key binding was presented")
    return key_binding.verify_key_binding(
        secured.text,
        issuer_payload=secured.payload,
        key_binding_jwt=secured.key_binding_jwt,
        audience=audience,
        nonce=nonce,
        now=now,
        max_age=max_age,
        hash_name=hash_of(secured.payload),
    )


def verify_holder_proof(
    presentation: Secured,
    *,
    credential: Secured,
    audience: str | None,
    nonce: str | None,
    now: float,
    max_age: float = KEY_BINDING_MAX_AGE_SECONDS,
) -> Claims:
    """Step 4 for a ``vp+jwt``: the key that *credential* names signed *presentation*, for this audience and nonce.

    The credential must be verified: its ``cnf.jwk`` is the key and nothing else (RFC 7800 §3.2). Returns the claims of
    the presentation. Wallets leave ``iat`` out: then it was made *now*, if it answers a *nonce* of the caller's. Raises VcdmError for one that breaks the data model, and as key_binding.verify_key_binding.
    """
    key = key_binding.holder_key(credential.payload)
    try:
        verify_es256(presentation.jws, key)
    except SignatureError:
        raise KeyBindingSignatureError("not made by the holder key") from None
    claims, _ = reveal_document(presentation)
    key_binding.check_addressee(claims, audience=audience, nonce=nonce)
    if nonce is not None:
        claims = {"iat": int(now), **claims}
    key_binding.check_times(claims, now=now, max_age=max_age)
    return claims


def check_validity(claims: Mapping[str, Any], *, now: float, leeway: float = LEEWAY_SECONDS) -> None:
    """Step 5. Check the period of the document, and that of the signature, which is another (VC-JOSE-COSE §3.1.3).

    Raises ExpiredError, NotYetValidError, IssuedInFutureError, VcdmValidityError and ClaimFormatError.
    """
    ends = [end for end in (instant(claims, "validUntil"), numeric_date(claims, "exp")) if end is not None]
    begins = [begin for begin in (instant(claims, "validFrom"), numeric_date(claims, "nbf")) if begin is not None]
    if ends and now >= min(ends) + leeway:
        raise ExpiredError("validUntil or exp has passed")
    if begins and now < max(begins) - leeway:
        raise NotYetValidError("validFrom or nbf has not come")
    # Issuers write iat as text, the W3C's own vectors among them; it informs and decides nothing (RFC 7519 §4.1.6).
    issued_at = None if isinstance(claims.get("iat"), str) else numeric_date(claims, "iat")
    if issued_at is not None and now < issued_at - leeway:
        raise IssuedInFutureError("iat has not come")


def _header(token_type: str, kind: Kind, header: Mapping[str, Any]) -> dict[str, Any]:
    return {"typ": token_type, "cty": kind.content_type, **header}


def _signable(document: Mapping[str, Any], registered: Mapping[str, Any], kind: Kind) -> Claims:
    unknown = document.keys() - kind.members
    if unknown.intersection(_OLD_CLAIMS):
        raise VcClaimError("vc and vp belong to another version of the data model")
    if unknown or not registered.keys() <= REGISTERED:
        raise VcdmMemberError("a member that no verifier would understand")
    payload = {**document, **registered}
    _check_claims(payload, kind)
    return payload


def _check_claims(claims: Mapping[str, Any], kind: Kind) -> None:
    if any(name in claims for name in _OLD_CLAIMS):
        raise VcClaimError("vc and vp belong to another version of the data model")
    kind.check(claims)
    for name in ("exp", "nbf"):
        numeric_date(claims, name)
    for name in ("cnf", "status"):
        if name in claims and not isinstance(claims[name], dict):
            raise ClaimFormatError(f"{name} is not an object")
    _check_agreement(claims, kind)


def _check_agreement(claims: Mapping[str, Any], kind: Kind) -> None:
    subject = claims.get("credentialSubject")
    twins = {"iss": party_of(claims.get(kind.party)), "jti": claims.get("id"), "sub": party_of(subject)}
    for name, twin in twins.items():
        # A hidden or missing property says nothing, and so contradicts nothing; the issuer is never hidden.
        if name in claims and twin is not None and not isinstance(twin, list) and claims[name] != twin:
            raise VcConflictError(f"{name} says something else than the document")
