"""Who asks: the client identifiers of an organisation (OpenID4VP 1.0 §5.9), each provable by the organisation's own key."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings

from authorization.errors import WalletOptionsError
from identity.keystore import StoredSigner
from identity.models import Organisation
from identity.trust import verifier_identifier
from protocol.request_object import DID, X509_HASH, X509_SAN_DNS
from protocol.x5c import leaf_hash

# BCP 47 tags as wallets match them, of the language codes used here.
_LANGUAGE_TAGS = {"zh-hant": "zh-Hant", "zh-hans": "zh-Hans", "pt": "pt", "en": "en"}


def client_id_of(prefix: str, organisation: Organisation, signer: StoredSigner) -> str:
    """Return the whole client id, prefix included. Raises WalletOptionsError where it would prove nothing."""
    if prefix == X509_HASH:
        return f"{prefix}:{leaf_hash(b64decode(signer.x5c[0]))}"
    if prefix == X509_SAN_DNS:
        return f"{prefix}:{_host_name()}"
    return f"{DID}:{did_of(organisation)}"


def key_header(client_id: str, organisation: Organisation, signer: StoredSigner) -> dict[str, Any]:
    """Return what tells a wallet which key signed: certificates, or the key's id in the DID document."""
    if client_id.startswith(f"{DID}:"):
        return {"kid": _method_id(organisation, signer.key_id)}
    return {"x5c": signer.x5c}


def did_of(organisation: Organisation) -> str:
    """Return the did:web of *organisation*; its document lies beside the register page of that name."""
    parts = urlsplit(verifier_identifier(organisation))
    path = ":".join(quote(step, safe="") for step in parts.path.strip("/").split("/"))
    return f"did:web:{quote(parts.netloc, safe='')}:{path}"


def did_document(organisation: Organisation, keys: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the DID document (DID Core 1.0 §5) with *keys*, public JWKs by key id."""
    did = did_of(organisation)
    methods = [
        {"id": _method_id(organisation, key_id), "type": "JsonWebKey2020", "controller": did, "publicKeyJwk": dict(jwk)}
        for key_id, jwk in keys.items()
    ]
    context = ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1"]
    names = [method["id"] for method in methods]
    return {
        "@context": context,
        "id": did,
        "verificationMethod": methods,
        "authentication": names,
        "assertionMethod": names,
    }


def names_of(organisation: Organisation) -> dict[str, str]:
    """Return the organisation's name by language tag."""
    return {_LANGUAGE_TAGS[code]: text for code, text in organisation.name.items() if code in _LANGUAGE_TAGS and text}


def _method_id(organisation: Organisation, key_id: str) -> str:
    return f"{did_of(organisation)}#{key_id}"


def _host_name() -> str:
    host = urlsplit(settings.PUBLIC_URL).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host
    raise WalletOptionsError("client_id_prefix", fields={"client_id_prefix": ["this service has no host name"]})
