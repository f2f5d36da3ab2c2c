"""Draft 13 of OpenID4VCI, for wallets that still speak it: translated to 1.0 on the way in, and back on the way out.

Nothing else in the project knows of the draft. It has one ``proof`` where 1.0 has ``proofs``, asks by format and type
where 1.0 asks by configuration, hands out nonces in answers where 1.0 has an endpoint, and calls ``dc+sd-jwt``
``vc+sd-jwt``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from protocol.claims import optional_object, optional_text, required_text
from protocol.encoding import json_object
from protocol.errors import CredentialConfigurationError, CredentialRequestError, KeyProofError, OAuthError
from protocol.errors.issuance import refused_as
from protocol.openid4vci.messages import MAX_REQUEST_BYTES

FORMATS = {"dc+sd-jwt": "vc+sd-jwt"}

_SINCE_1_0 = ("nonce_endpoint", "credential_request_encryption")


def upgrade_credential_request(
    body: bytes | str | Mapping[str, Any], *, configurations: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the credential request in *body* (draft 13 §7.2) as 1.0 would have it, for parse_credential_request.

    *configurations* are ``credential_configurations_supported`` of 1.0. A request that is in the form of 1.0 comes out
    as it went in. Raises CredentialRequestError, KeyProofError, and CredentialConfigurationError.
    """
    with refused_as(CredentialRequestError):
        members = dict(body) if isinstance(body, Mapping) else json_object(body, max_bytes=MAX_REQUEST_BYTES)
        if "format" in members:
            if "credential_identifier" in members or "credential_configuration_id" in members:
                raise CredentialRequestError("a credential asked for in two ways")
            members["credential_configuration_id"] = _configuration_of(members, configurations)
        if "proof" in members:
            if "proofs" in members:
                raise KeyProofError("proof and proofs in one request")
            members["proofs"] = _upgrade_proof(members.pop("proof"))
        encryption = optional_object(members, "credential_response_encryption")
        if encryption is not None:
            members["credential_response_encryption"] = _upgrade_encryption(encryption)
        return members


def downgrade_credential_response(response: Mapping[str, Any], *, c_nonce: str, expires_in: int) -> dict[str, Any]:
    """Return *response* of 1.0 as draft 13 §7.3 has it; *expires_in* of the next nonce in seconds.

    One credential is ``credential``; several are an array of themselves, as in the batches of draft 14.
    """
    members = {name: value for name, value in response.items() if name not in ("credentials", "interval")}
    credentials = [item["credential"] for item in response.get("credentials", ())]
    if len(credentials) == 1:
        members["credential"] = credentials[0]
    elif credentials:
        members["credentials"] = credentials
    return {**members, **_nonce(c_nonce, expires_in)}


def downgrade_token_response(response: Mapping[str, Any], *, c_nonce: str, expires_in: int) -> dict[str, Any]:
    """Return *response* of the token endpoint with the first nonce in it (draft 13 §6.2)."""
    return {**response, **_nonce(c_nonce, expires_in)}


def downgrade_error(error: OAuthError, response: Mapping[str, Any], *, c_nonce: str, expires_in: int) -> dict[str, Any]:
    """Return the *response* to *error* as draft 13 §7.3.2 has it: every refused proof comes with a nonce to try again."""
    if error.oauth_error not in ("invalid_proof", "invalid_nonce"):
        return dict(response)
    return {**response, "error": "invalid_proof", **_nonce(c_nonce, expires_in)}


def downgrade_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return issuer *metadata* of 1.0 as draft 13 §11.2.3 has it: no nonce endpoint, display and claims further up."""
    members = {name: value for name, value in metadata.items() if name not in _SINCE_1_0}
    configurations = metadata["credential_configurations_supported"]
    members["credential_configurations_supported"] = {
        name: _downgrade_configuration(value) for name, value in configurations.items()
    }
    return members


def _configuration_of(members: Mapping[str, Any], configurations: Mapping[str, Mapping[str, Any]]) -> str:
    asked, vct = required_text(members, "format"), optional_text(members, "vct")
    for name, value in configurations.items():
        known = value["format"]
        if asked in (known, FORMATS.get(known)) and value.get("vct") == vct:
            return name
    raise CredentialConfigurationError("no credential of this format and type")


def _upgrade_proof(proof: Any) -> dict[str, list[Any]]:
    if not isinstance(proof, dict) or not isinstance(proof.get("proof_type"), str):
        raise KeyProofError("proof has no proof_type")
    return {proof["proof_type"]: [proof.get(proof["proof_type"])]}


def _upgrade_encryption(encryption: Mapping[str, Any]) -> dict[str, Any]:
    jwk = encryption.get("jwk")
    if isinstance(jwk, dict) and "alg" in encryption:
        return {**encryption, "jwk": {"alg": encryption["alg"], **jwk}}
    return dict(encryption)


def _downgrade_configuration(configuration: Mapping[str, Any]) -> dict[str, Any]:
    members = {name: value for name, value in configuration.items() if name != "credential_metadata"}
    shown = configuration["credential_metadata"]
    members["format"] = FORMATS.get(members["format"], members["format"])
    members["display"] = shown["display"]
    if "claims" in shown:
        members["claims"] = _claims_tree(shown["claims"])
    return members


def _claims_tree(claims: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return claims, each with its path, as objects within objects; what is inside an array has no place there."""
    tree: dict[str, Any] = {}
    for claim in claims:
        node = tree
        if all(isinstance(step, str) for step in claim["path"]):
            for step in claim["path"]:
                node = node.setdefault(step, {})
            node.update({name: value for name, value in claim.items() if name != "path"})
    return tree


def _nonce(c_nonce: str, expires_in: int) -> dict[str, Any]:
    return {"c_nonce": c_nonce, "c_nonce_expires_in": expires_in}
