"""A presentation in whichever format it comes, as verification reads it: one shape for SD-JWT VC and for W3C credentials.

The ``typ`` that a token states picks its reader, and the reader then insists on everything that this type demands.
Pure: no Django, no I/O. Nothing read here is authentic before the signature has been checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric import ec

from credentials.facts import CouldNotCheckError, FoundPath
from protocol import sd_jwt_vc, status_list, vc_jose
from protocol.encoding import b64u_decode, json_object
from protocol.errors import (
    EncodingError,
    VcdmEnvelopeError,
    VcdmError,
)
from protocol.jose import MAX_HEADER_BYTES, Jws, verify_es256
from protocol.vcdm import CREDENTIAL, enveloped_credentials, party_of, types_of

REGISTERED: Final = frozenset({"iss", "iat", "nbf", "exp", "vct", "vct#integrity", "aka_vcts", "cnf", "status"})
_SCHEMES: Final = frozenset({"https", "http"})
_SUBJECT: Final = "credentialSubject"


class Shown(NamedTuple):
    """``claims`` about the subject, registered ones apart, and the paths among them that were disclosed selectively."""

    claims: dict[str, Any]
    disclosed: tuple[FoundPath, ...]


class Presented(Protocol):
    """What each step of a verification asks of a presentation; every method may raise a ProtocolError."""

    @property
    def jws(self) -> Jws:
        """The issuer's signature, whose digest is the credential's name in the log."""
        ...

    @property
    def disclosures(self) -> tuple[str, ...]: ...

    @property
    def is_bound(self) -> bool:
        """Whether a holder's signature came with it."""
        ...

    @property
    def issuer(self) -> Any:
        """Who it says issued it, as written."""
        ...

    @property
    def types(self) -> tuple[str, ...]:
        """The types it says it is of; empty when it does not say."""
        ...

    def show(self) -> Shown: ...

    def verify_holder(
        self, *, audience: str | None, nonce: str | None, now: float, max_age: float
    ) -> dict[str, Any]: ...

    def check_validity(self, now: float) -> dict[str, Any]:
        """Return the dates, for the evidence."""
        ...

    def status_reference(self) -> tuple[int, str] | None:
        """Return index and address; raises CouldNotCheckError for a kind of status that is not understood here."""
        ...


class SdJwtVc:
    """``dc+sd-jwt``: an SD-JWT VC."""

    __slots__ = ("_parsed", "disclosures", "is_bound", "jws")

    def __init__(self, text: str) -> None:
        self._parsed = sd_jwt_vc.parse(text)
        self.jws, self.disclosures = self._parsed.jws, self._parsed.disclosures
        self.is_bound = self._parsed.key_binding_jwt is not None

    @property
    def issuer(self) -> Any:
        return self._parsed.payload.get("iss")

    @property
    def types(self) -> tuple[str, ...]:
        vct = self._parsed.payload.get("vct")
        return (vct,) if isinstance(vct, str) else ()

    def show(self) -> Shown:
        claims, paths = sd_jwt_vc.reveal_claims_with_paths(self._parsed)
        return Shown({name: value for name, value in claims.items() if name not in REGISTERED}, paths)

    def verify_holder(self, *, audience: str | None, nonce: str | None, now: float, max_age: float) -> dict[str, Any]:
        return sd_jwt_vc.verify_key_binding(self._parsed, audience=audience, nonce=nonce, now=now, max_age=max_age)

    def check_validity(self, now: float) -> dict[str, Any]:
        payload = self._parsed.payload
        sd_jwt_vc.check_validity(payload, now=now)
        return {name: payload[name] for name in ("iat", "nbf", "exp") if name in payload}

    def status_reference(self) -> tuple[int, str] | None:
        return status_list.status_reference(self._parsed.payload, allowed_schemes=_SCHEMES)


class W3cCredential:
    """``vc+jwt`` and ``vc+sd-jwt``: a document of the W3C data model, secured with JOSE."""

    __slots__ = ("_secured", "disclosures", "is_bound", "jws")

    def __init__(self, text: str) -> None:
        self._secured = vc_jose.parse(text)
        self.jws, self.disclosures = self._secured.jws, self._secured.disclosures
        self.is_bound = self._secured.key_binding_jwt is not None

    @property
    def issuer(self) -> Any:
        return party_of(self._secured.payload.get("issuer"))

    @property
    def types(self) -> tuple[str, ...]:
        try:
            return tuple(item for item in types_of(self._secured.payload) if item != CREDENTIAL)
        except VcdmError:
            return ()

    def show(self) -> Shown:
        document, paths = vc_jose.reveal_document(self._secured)
        subject = document[_SUBJECT]
        claims = subject if isinstance(subject, dict) else {_SUBJECT: subject}
        return Shown(claims, tuple([_within_subject(path) for path in paths]))

    def verify_holder(self, *, audience: str | None, nonce: str | None, now: float, max_age: float) -> dict[str, Any]:
        return vc_jose.verify_key_binding(self._secured, audience=audience, nonce=nonce, now=now, max_age=max_age)

    def check_validity(self, now: float) -> dict[str, Any]:
        payload = self._secured.payload
        vc_jose.check_validity(payload, now=now)
        return {name: payload[name] for name in ("validFrom", "validUntil", "iat", "nbf", "exp") if name in payload}

    def status_reference(self) -> tuple[int, str] | None:
        payload = self._secured.payload
        # Ignoring it, as other verifiers may, would call a revoked credential valid.
        if "credentialStatus" in payload:
            raise CouldNotCheckError("status_unsupported")
        return status_list.status_reference(payload, allowed_schemes=_SCHEMES)


class W3cPresentation(W3cCredential):
    """``vp+jwt`` around one ``vc+jwt``: the holder's signature over an audience, a nonce and the credential."""

    __slots__ = ("_outer",)

    def __init__(self, text: str) -> None:
        self._outer = vc_jose.parse(text, kind=vc_jose.PRESENTATION)
        enclosed = enveloped_credentials(self._outer.payload)
        if len(enclosed) != 1 or enclosed[0].media_type != "application/vc+jwt":
            raise VcdmEnvelopeError("not exactly one credential of type vc+jwt")
        super().__init__(enclosed[0].token)
        self.is_bound = True

    def verify_holder(self, *, audience: str | None, nonce: str | None, now: float, max_age: float) -> dict[str, Any]:
        return vc_jose.verify_holder_proof(
            self._outer, credential=self._secured, audience=audience, nonce=nonce, now=now, max_age=max_age
        )


_READERS: Final[Mapping[str, type[SdJwtVc | W3cCredential]]] = {
    sd_jwt_vc.CREDENTIAL_TYPE: SdJwtVc,
    vc_jose.CREDENTIAL.jwt_type: W3cCredential,
    vc_jose.CREDENTIAL.sd_jwt_type: W3cCredential,
    vc_jose.PRESENTATION.jwt_type: W3cPresentation,
}


def read(text: str) -> Presented:
    """Take *text* apart. Raises what the parser of its format raises, that of SD-JWT VC for what states no format."""
    stated = _stated_type(text.partition(".")[0]) if isinstance(text, str) else ""
    return _READERS.get(stated, SdJwtVc)(text)


def verify_signature(presented: Presented, key: ec.EllipticCurvePublicKey) -> None:
    """Check the issuer's signature with *key*, found by the caller's own means. Raises SignatureError."""
    verify_es256(presented.jws, key)


# Keyed by the exact bytes: issuers repeat their headers for every credential.
@lru_cache(maxsize=256)
def _stated_type(header: str) -> str:
    try:
        stated = json_object(b64u_decode(header[: MAX_HEADER_BYTES + 1]), max_bytes=MAX_HEADER_BYTES).get("typ")
    except EncodingError:
        return ""
    return stated if isinstance(stated, str) else ""


def _within_subject(path: FoundPath) -> FoundPath:
    """Paths lead from the subject; None in front marks one that does not, which no consent to a claim covers."""
    return path[1:] if path[0] == _SUBJECT else (None, *path)
