"""Credential issuer metadata (OpenID4VCI 1.0 §12.2), plain and signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from protocol.encoding import json_dumps
from protocol.envelope import DIRECT
from protocol.jose import sign_compact
from protocol.keys import Signer
from protocol.openid4vci.messages import ENCRYPTIONS, PROOF_TYPES

ISSUER_SUFFIX = "openid-credential-issuer"
AUTHORIZATION_SERVER_SUFFIX = "oauth-authorization-server"
SIGNED_METADATA_TYPE = "openidvci-issuer-metadata+jwt"
ALGORITHMS = ["ES256"]


def well_known_url(issuer: str, suffix: str) -> str:
    """Return where metadata of *issuer* is published: *suffix* between host and path (§12.2.2, RFC 8414 §3.1)."""
    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}/.well-known/{suffix}{parts.path.rstrip('/')}"


def credential_configuration(
    *,
    credential_format: str,
    scope: str,
    parameters: Mapping[str, Any],
    display: Sequence[Mapping[str, Any]],
    claims: Sequence[Mapping[str, Any]] = (),
    proof_types: Sequence[str] = PROOF_TYPES,
    key_attestations_required: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return one of ``credential_configurations_supported`` (§12.2.4), for a credential that is bound to a key.

    *parameters* are those of the format, such as ``vct`` (appendix A). *key_attestations_required* may be empty; None
    demands no attestation. ``credential_metadata`` is always there: wallets tell 1.0 from its drafts by it.
    """
    proof: dict[str, Any] = {"proof_signing_alg_values_supported": ALGORITHMS}
    if key_attestations_required is not None:
        proof["key_attestations_required"] = dict(key_attestations_required)
    metadata: dict[str, Any] = {"display": [dict(item) for item in display]}
    if claims:
        metadata["claims"] = [dict(item) for item in claims]
    return {
        "format": credential_format,
        "scope": scope,
        "cryptographic_binding_methods_supported": ["jwk"],
        "credential_signing_alg_values_supported": ALGORITHMS,
        "proof_types_supported": dict.fromkeys(proof_types, proof),
        "credential_metadata": metadata,
        **parameters,
    }


def issuer_metadata(
    *,
    issuer: str,
    credential_endpoint: str,
    nonce_endpoint: str,
    configurations: Mapping[str, Mapping[str, Any]],
    display: Sequence[Mapping[str, Any]] = (),
    deferred_endpoint: str | None = None,
    notification_endpoint: str | None = None,
    authorization_servers: Sequence[str] = (),
    batch_size: int = 1,
    request_encryption_keys: Sequence[Mapping[str, Any]] = (),
    encryption_required: bool = False,
) -> dict[str, Any]:
    """Return the metadata of *issuer* (§12.2.4). Without *authorization_servers* it is its own.

    *request_encryption_keys* are public P-256 JWKs with ``kid``; with them requests may be, and answers are on demand,
    encrypted, and must be with *encryption_required*. A *batch_size* of 1 is no batch and is not stated.
    """
    optional = {
        "authorization_servers": list(authorization_servers),
        "deferred_credential_endpoint": deferred_endpoint,
        "notification_endpoint": notification_endpoint,
        "batch_credential_issuance": {"batch_size": batch_size} if batch_size > 1 else None,
        "display": [dict(item) for item in display],
        **_encryption(request_encryption_keys, required=encryption_required),
    }
    return {
        "credential_issuer": issuer,
        "credential_endpoint": credential_endpoint,
        "nonce_endpoint": nonce_endpoint,
        **{name: value for name, value in optional.items() if value},
        "credential_configurations_supported": {name: dict(value) for name, value in configurations.items()},
    }


def sign_issuer_metadata(
    metadata: Mapping[str, Any],
    *,
    signer: Signer,
    issued_at: int,
    expires_at: int | None = None,
    header: Mapping[str, Any] | None = None,
) -> str:
    """Return *metadata* as signed metadata, media type ``application/jwt`` (§12.2.3). *header* adds ``kid``, ``x5c``.

    Times are seconds since 1970. Raises as sign_compact.
    """
    claims = {**metadata, "iss": metadata["credential_issuer"], "sub": metadata["credential_issuer"], "iat": issued_at}
    if expires_at is not None:
        claims["exp"] = expires_at
    return sign_compact(json_dumps(claims), signer=signer, header={**(header or {}), "typ": SIGNED_METADATA_TYPE})


def _encryption(keys: Sequence[Mapping[str, Any]], *, required: bool) -> dict[str, Any]:
    if not keys:
        return {}
    usable = [{**jwk, "use": "enc", "alg": DIRECT} for jwk in keys]
    shared = {"enc_values_supported": list(ENCRYPTIONS), "encryption_required": required}
    return {
        "credential_request_encryption": {"jwks": {"keys": usable}, **shared},
        "credential_response_encryption": {"alg_values_supported": [DIRECT], **shared},
    }
