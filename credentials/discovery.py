"""Where verifiers elsewhere find the keys of an agency: JWT VC issuer metadata, and a controlled identifier document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from credentials.issuer_keys import key_url
from identity.trust import IssuerTrust

CID_CONTEXT = "https://www.w3.org/ns/cid/v1"


def issuer_metadata(issuer: IssuerTrust) -> dict[str, Any]:
    """Return JWT VC issuer metadata (SD-JWT VC §5). Each key stands there under either name that tokens call it by."""
    return {"issuer": issuer.identifier, "jwks": {"keys": list(_named_keys(issuer))}}


def controlled_identifier(issuer: IssuerTrust) -> dict[str, Any]:
    """Return the document at the issuer's own address (Controlled Identifiers 1.0 §2, VC-JOSE-COSE §4.2).

    Its verification methods are what ``kid`` of a W3C credential leads to.
    """
    methods = [
        {
            "id": key_url(issuer.identifier, kid),
            "type": "JsonWebKey",
            "controller": issuer.identifier,
            "publicKeyJwk": {**jwk, "kid": kid, "alg": "ES256"},
        }
        for kid, jwk in issuer.keys.items()
    ]
    return {
        "@context": [CID_CONTEXT],
        "id": issuer.identifier,
        "verificationMethod": methods,
        "assertionMethod": [method["id"] for method in methods],
    }


def _named_keys(issuer: IssuerTrust) -> Iterator[dict[str, Any]]:
    for kid, jwk in issuer.keys.items():
        for name in (kid, key_url(issuer.identifier, kid)):
            yield {**jwk, "kid": name, "use": "sig", "alg": "ES256", "x5c": issuer.x5c[kid]}
