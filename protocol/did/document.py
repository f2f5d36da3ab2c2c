"""DID documents: building them, and checking that one keeps the rules of DID Core §5 (§6.3 for JSON-LD)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protocol.did.syntax import parse_did, parse_did_url
from protocol.encoding import canonical_json
from protocol.errors import DidDocumentError, DidSyntaxError, JsonError

DID_CONTEXT = "https://www.w3.org/ns/did/v1"
JWK_CONTEXT = "https://w3id.org/security/jwk/v1"

MAX_DOCUMENT_BYTES = 1 << 16

RELATIONSHIPS = ("authentication", "assertionMethod", "keyAgreement", "capabilityInvocation", "capabilityDelegation")
SIGNING = ("authentication", "assertionMethod")

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class VerificationMethod:
    """One public key of a document: *fragment* (without ``#``), its JWK, and what it may be used for.

    *purposes* are names of RELATIONSHIPS; a key for opening envelopes has ``keyAgreement`` alone.
    """

    fragment: str
    jwk: Mapping[str, Any] = field(hash=False)
    purposes: tuple[str, ...] = SIGNING

    def describe(self, did: str) -> dict[str, Any]:
        """Return the method as it stands in the document of *did* (DID Core §5.2; type JsonWebKey)."""
        return {
            "id": f"{did}#{self.fragment}",
            "type": "JsonWebKey",
            "controller": did,
            "publicKeyJwk": dict(self.jwk),
        }


def build_document(
    did: str,
    methods: Sequence[VerificationMethod],
    *,
    controller: str | None = None,
    services: Sequence[dict[str, Any]] = (),
    contexts: Sequence[str] = (DID_CONTEXT, JWK_CONTEXT),
) -> dict[str, Any]:
    """Return a DID document with *methods* in order. Raises DidDocumentError if the result breaks DID Core."""
    document: dict[str, Any] = {"@context": list(contexts), "id": did}
    if controller is not None:
        document["controller"] = controller
    if methods:
        document["verificationMethod"] = [method.describe(did) for method in methods]
    for relationship in RELATIONSHIPS:
        references = [f"{did}#{method.fragment}" for method in methods if relationship in method.purposes]
        if references:
            document[relationship] = references
    if services:
        document["service"] = [dict(service) for service in services]
    check_document(document)
    return document


def check_document(document: object) -> None:
    """Raise DidDocumentError for the first rule of DID Core that *document* (parsed JSON) breaks.

    Beyond the letter of DID Core, a reference to a method of this same document must lead somewhere.
    """
    if not isinstance(document, Mapping):
        raise DidDocumentError("a document is a map")
    _check_size(document)
    did = document.get("id")
    _require(_is_did(did), "id is not a DID")
    _check_context(document)
    for controller in _set_or_one(document, "controller"):
        _require(_is_did(controller), "controller is not a DID")
    for alias in _ordered_set(document, "alsoKnownAs"):
        _require(_is_uri(alias), "alsoKnownAs is not a URI")
    identifiers = _check_methods(document)
    _check_references(document, identifiers)
    _check_services(document)


def _check_size(document: Mapping[str, Any]) -> None:
    try:
        size = len(canonical_json(document))
    except (JsonError, RecursionError):
        raise DidDocumentError("a document is JSON without floats") from None
    _require(size <= MAX_DOCUMENT_BYTES, "the document is too large")


def _check_context(document: Mapping[str, Any]) -> None:
    contexts = _set_or_one(document, "@context")
    _require(bool(contexts) and contexts[0] == DID_CONTEXT, "@context does not begin with that of DID Core")
    _require(all(isinstance(item, str | Mapping) for item in contexts), "@context holds something else than contexts")


def _check_methods(document: Mapping[str, Any]) -> set[str]:
    """Return the identifiers of all methods, those embedded in a relationship included; none may occur twice."""
    methods = list(_ordered_set(document, "verificationMethod"))
    for relationship in RELATIONSHIPS:
        methods += [entry for entry in _ordered_set(document, relationship) if not isinstance(entry, str)]
    for method in methods:
        _check_method(method)
    identifiers = {method["id"] for method in methods}
    _require(len(identifiers) == len(methods), "two verification methods with one id")
    return identifiers


def _check_method(method: object) -> None:
    if not isinstance(method, Mapping):
        raise DidDocumentError("a verification method is a map")
    _require(_is_did_url(method.get("id")), "the id of a verification method is not a DID URL")
    _require(_is_text(method.get("type")), "the type of a verification method is not text")
    _require(_is_did(method.get("controller")), "the controller of a verification method is not a DID")
    _require(not ("publicKeyJwk" in method and "publicKeyMultibase" in method), "one key in two forms")
    if "publicKeyMultibase" in method:
        _require(_is_text(method["publicKeyMultibase"]), "publicKeyMultibase is not text")
    if "publicKeyJwk" in method:
        jwk = method["publicKeyJwk"]
        _require(isinstance(jwk, Mapping) and _is_text(jwk.get("kty")), "publicKeyJwk is not a JWK")
        _require(not _PRIVATE_MEMBERS & jwk.keys(), "publicKeyJwk holds private members")


def _check_references(document: Mapping[str, Any], identifiers: set[str]) -> None:
    for relationship in RELATIONSHIPS:
        _require(document.get(relationship, True) != [], f"{relationship} is a set of one or more")
        for entry in _ordered_set(document, relationship):
            if isinstance(entry, str):
                _require(_is_did_url(entry), f"{relationship} holds something else than DID URLs")
                is_own = parse_did_url(entry).did == document["id"]
                _require(not is_own or entry in identifiers, f"{relationship} refers to a method that is not there")


def _check_services(document: Mapping[str, Any]) -> None:
    identifiers: set[str] = set()
    for service in _ordered_set(document, "service"):
        if not isinstance(service, Mapping):
            raise DidDocumentError("a service is a map")
        identifier = service.get("id")
        _require(_is_uri(identifier) and identifier not in identifiers, "the id of a service is not a URI of its own")
        identifiers.add(str(identifier))
        types, endpoints = _set_or_one(service, "type"), _set_or_one(service, "serviceEndpoint")
        _require(bool(types) and all(_is_text(item) for item in types), "the type of a service is not text")
        _require(
            bool(endpoints) and all(isinstance(item, Mapping) or _is_uri(item) for item in endpoints),
            "a service endpoint is neither URI nor map",
        )


def _ordered_set(document: Mapping[str, Any], name: str) -> list[Any]:
    values = document.get(name, [])
    if not isinstance(values, list):
        raise DidDocumentError(f"{name} is not a list")
    _require(len({canonical_json(value) for value in values}) == len(values), f"{name} holds one entry twice")
    return values


def _set_or_one(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name, [])
    return _ordered_set(document, name) if isinstance(value, list) else [value]


def _is_did(value: object) -> bool:
    try:
        parse_did(value)
    except DidSyntaxError:
        return False
    return True


def _is_did_url(value: object) -> bool:
    try:
        parse_did_url(value)
    except DidSyntaxError:
        return False
    return True


def _is_uri(value: object) -> bool:
    return isinstance(value, str) and bool(_URI.match(value))


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _require(condition: bool, rule: str) -> None:
    if not condition:
        raise DidDocumentError(rule)
