"""Requests and answers of the credential, deferred, nonce and notification endpoints (OpenID4VCI 1.0 §7-§11).

Members that the standard does not name are ignored, as it demands; those it names are read strictly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from protocol.claims import optional_object, optional_text, required_text
from protocol.encoding import json_dumps, json_object
from protocol.envelope import CONTENT_KEY_BYTES, DIRECT, compact_header, open_envelope, seal_compact
from protocol.errors import (
    ClaimFormatError,
    CredentialRequestError,
    KeyProofError,
    NotificationRequestError,
    ResponseEncryptionError,
)
from protocol.errors.issuance import refused_as
from protocol.keys import p256_from_jwk

ENCRYPTIONS = tuple(CONTENT_KEY_BYTES)
PROOF_TYPES = ("jwt", "attestation")
EVENTS = ("credential_accepted", "credential_failure", "credential_deleted")
MAX_REQUEST_BYTES = 1 << 20
MAX_ID_CHARACTERS = 512

_DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{0,1000}\Z")

Body = bytes | str | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ResponseEncryption:
    """To whom an answer is sealed, and with which content cipher (§8.2)."""

    jwk: dict[str, Any]
    enc: str


@dataclass(frozen=True, slots=True)
class CredentialRequest:
    """A credential request (§8.2): exactly one of ``configuration_id`` and ``identifier``; proofs of one type."""

    configuration_id: str | None
    identifier: str | None
    proof_type: str | None
    proofs: tuple[str, ...]
    response_encryption: ResponseEncryption | None


@dataclass(frozen=True, slots=True)
class DeferredRequest:
    """A request for what was not ready before (§9.1)."""

    transaction_id: str
    response_encryption: ResponseEncryption | None


@dataclass(frozen=True, slots=True)
class Notification:
    """What became of the credentials of one answer in the wallet (§11.1); ``event`` is one of EVENTS."""

    notification_id: str
    event: str
    description: str | None


def parse_credential_request(body: Body, *, was_encrypted: bool, max_proofs: int = 1) -> CredentialRequest:
    """Return the credential request in *body*, JSON or what was parsed of it (§8.2).

    *was_encrypted* says whether it came sealed: without that, a key for the answer could have been exchanged on the
    way and is refused. Raises CredentialRequestError, KeyProofError for the form of ``proofs`` and for more than
    *max_proofs*, and ResponseEncryptionError.
    """
    with refused_as(CredentialRequestError):
        members = _members(body)
        configuration_id = optional_text(members, "credential_configuration_id")
        identifier = optional_text(members, "credential_identifier")
        if (configuration_id is None) == (identifier is None):
            raise ClaimFormatError("not exactly one of credential_identifier and credential_configuration_id")
        proof_type, proofs = _parse_proofs(members, max_proofs)
        encryption = parse_response_encryption(members, was_encrypted=was_encrypted)
        return CredentialRequest(configuration_id, identifier, proof_type, proofs, encryption)


def parse_deferred_request(body: Body, *, was_encrypted: bool) -> DeferredRequest:
    """Return the deferred credential request in *body* (§9.1); *was_encrypted* as in parse_credential_request.

    Raises CredentialRequestError and ResponseEncryptionError.
    """
    with refused_as(CredentialRequestError):
        members = _members(body)
        transaction_id = required_text(members, "transaction_id", max_length=MAX_ID_CHARACTERS)
        return DeferredRequest(transaction_id, parse_response_encryption(members, was_encrypted=was_encrypted))


def parse_notification(body: Body) -> Notification:
    """Return the notification in *body* (§11.1). Raises NotificationRequestError."""
    with refused_as(NotificationRequestError):
        members = _members(body)
        description = optional_text(members, "event_description")
        if members.get("event") not in EVENTS:
            raise ClaimFormatError(f"event is none of {', '.join(EVENTS)}")
        if description is not None and not _DESCRIPTION.match(description):
            raise ClaimFormatError("event_description is not short plain ASCII")
        identifier = required_text(members, "notification_id", max_length=MAX_ID_CHARACTERS)
        return Notification(identifier, members["event"], description)


def parse_response_encryption(members: Mapping[str, Any], *, was_encrypted: bool) -> ResponseEncryption | None:
    """Return whom the answer to a request with these *members* is to be sealed to, None for nobody (§8.2, §10).

    Raises ResponseEncryptionError for a key that is no public P-256 key for ECDH-ES, another ``enc``, any ``zip``, and
    for a request that was not sealed itself.
    """
    with refused_as(ResponseEncryptionError):
        asked = optional_object(members, "credential_response_encryption")
        if asked is None:
            return None
        jwk, enc = optional_object(asked, "jwk"), asked.get("enc")
        if jwk is None or jwk.get("alg") != DIRECT:
            raise ClaimFormatError(f"jwk is no key for {DIRECT}")
        p256_from_jwk(jwk, use="enc")
        if enc not in ENCRYPTIONS:
            raise ClaimFormatError(f"enc is none of {', '.join(ENCRYPTIONS)}")
        if "zip" in asked:
            raise ClaimFormatError("compression is not offered")
        if not was_encrypted:
            raise ClaimFormatError("a request that names a key for the answer is encrypted itself")
        return ResponseEncryption(jwk, enc)


def open_request(jwe: bytes | str, keys: Mapping[str, ec.EllipticCurvePrivateKey]) -> bytes:
    """Return the JSON that a request sealed as compact JWE holds (§10). *keys* are the issuer's, by ``kid``.

    Raises ResponseEncryptionError for other algorithms, compression, an unknown ``kid``, and what does not open.
    """
    with refused_as(ResponseEncryptionError):
        text = jwe.decode("ascii", "replace") if isinstance(jwe, bytes) else jwe
        header = compact_header(text)
        name = header.get("kid")
        if not isinstance(name, str) or name not in keys:
            raise ClaimFormatError("sealed to no key of this issuer")
        if header.get("alg") != DIRECT:
            raise ClaimFormatError(f"alg is not {DIRECT}, which the key is for")
        return open_envelope(text, keys[name], name)


def seal_response(response: Mapping[str, Any], encryption: ResponseEncryption) -> str:
    """Return *response* as the compact JWE that was asked for, media type ``application/jwt`` (§10)."""
    return seal_compact(json_dumps(dict(response)), encryption.jwk, encryption=encryption.enc)


def credential_response(
    credentials: Sequence[str | Mapping[str, Any]], *, notification_id: str | None = None
) -> dict[str, Any]:
    """Return the answer with issued *credentials*, HTTP status 200 (§8.3)."""
    response: dict[str, Any] = {"credentials": [{"credential": credential} for credential in credentials]}
    return response if notification_id is None else {**response, "notification_id": notification_id}


def deferred_response(transaction_id: str, *, interval: int) -> dict[str, Any]:
    """Return the answer that asks for patience, HTTP status 202; *interval* in seconds, at least 1 (§8.3, §9.2)."""
    return {"transaction_id": transaction_id, "interval": max(interval, 1)}


def nonce_response(c_nonce: str) -> dict[str, str]:
    """Return the answer of the nonce endpoint (§7.2)."""
    return {"c_nonce": c_nonce}


def _members(body: Body) -> Mapping[str, Any]:
    return body if isinstance(body, Mapping) else json_object(body, max_bytes=MAX_REQUEST_BYTES)


def _parse_proofs(members: Mapping[str, Any], max_proofs: int) -> tuple[str | None, tuple[str, ...]]:
    if "proofs" not in members:
        return None, ()
    proofs = members["proofs"]
    if not isinstance(proofs, dict) or len(proofs) != 1:
        raise KeyProofError("proofs is not an object with exactly one proof type")
    ((proof_type, values),) = proofs.items()
    if proof_type not in PROOF_TYPES:
        raise KeyProofError(f"the proof type is none of {', '.join(PROOF_TYPES)}")
    most = max_proofs if proof_type == "jwt" else 1
    if not isinstance(values, list) or not 1 <= len(values) <= most:
        raise KeyProofError(f"not an array of 1 to {most} proofs")
    if not all(isinstance(value, str) for value in values):
        raise KeyProofError("a proof is text")
    return proof_type, tuple(values)
