"""Draft 13 is translated on the way in and out, and nothing else knows of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from protocol import openid4vci_draft13 as draft
from protocol.errors import (
    CredentialConfigurationError,
    CredentialDeniedError,
    CredentialRequestError,
    KeyProofError,
    KeyProofNonceError,
    OAuthError,
)
from protocol.oauth import error_response
from protocol.openid4vci import (
    CredentialRequest,
    ResponseEncryption,
    credential_configuration,
    credential_response,
    deferred_response,
    issuer_metadata,
    parse_credential_request,
)
from tests.protocol.test_issuance_messages import JWK

SOURCE = "OpenID4VCI draft 13"
CLAIMS: list[dict[str, Any]] = [
    {"path": ["name"], "display": [{"name": "Nome", "locale": "pt"}]},
    {"path": ["address", "street"], "mandatory": True},
    {"path": ["children", None, "name"]},
]
CONFIGURATIONS = {
    "health_1": credential_configuration(credential_format="dc+sd-jwt", scope="h", parameters={"vct": "urn:h"}, display=[{"name": "H"}]),
    "birth_1": credential_configuration(
        credential_format="dc+sd-jwt", scope="b", parameters={"vct": "urn:b"}, display=[{"name": "B"}], claims=CLAIMS
    ),
}  # fmt: skip
PROOF = {"proof_type": "jwt", "jwt": "a.b.c"}


def read(body: Any) -> CredentialRequest:
    upgraded = draft.upgrade_credential_request(body, configurations=CONFIGURATIONS)
    return parse_credential_request(upgraded, was_encrypted=True)


@pytest.mark.requirement(f"{SOURCE} §7.2", "one proof, and a credential asked for by format and type, are understood")
@pytest.mark.parametrize("credential_format", ["vc+sd-jwt", "dc+sd-jwt"])
def test_a_request_of_the_draft_is_understood(credential_format: str) -> None:
    body = {"format": credential_format, "vct": "urn:b", "proof": PROOF}
    assert read(body) == read(json.dumps(body).encode()) == CredentialRequest("birth_1", None, "jwt", ("a.b.c",), None)


@pytest.mark.requirement(f"{SOURCE} §7.2", "the algorithm for the answer stands beside the key")
def test_the_algorithm_beside_the_key_is_understood() -> None:
    key = {name: value for name, value in JWK.items() if name != "alg"}
    asked = {"jwk": key, "alg": "ECDH-ES", "enc": "A256GCM"}
    found = read({"credential_identifier": "i", "proof": PROOF, "credential_response_encryption": asked})
    assert found.response_encryption == ResponseEncryption(JWK, "A256GCM")
    assert found.identifier == "i"


def test_a_request_of_1_0_stays_as_it_is() -> None:
    body = {
        "credential_configuration_id": "birth_1",
        "proofs": {"jwt": ["a"]},
        "credential_response_encryption": {"jwk": JWK},
    }
    assert draft.upgrade_credential_request(body, configurations=CONFIGURATIONS) == body


REFUSED: dict[str, tuple[Any, type[OAuthError]]] = {
    "no JSON": (b"{", CredentialRequestError),
    "unknown type": ({"format": "vc+sd-jwt", "vct": "urn:x", "proof": PROOF}, CredentialConfigurationError),
    "no type": ({"format": "vc+sd-jwt", "proof": PROOF}, CredentialConfigurationError),
    "unknown format": ({"format": "mso_mdoc", "vct": "urn:b", "proof": PROOF}, CredentialConfigurationError),
    "format a number": ({"format": 1, "vct": "urn:b"}, CredentialRequestError),
    "type a list": ({"format": "vc+sd-jwt", "vct": ["urn:b"]}, CredentialRequestError),
    "asked twice": ({"format": "vc+sd-jwt", "vct": "urn:b", "credential_identifier": "i"}, CredentialRequestError),
    "proof and proofs": ({"credential_identifier": "i", "proof": PROOF, "proofs": {"jwt": ["a"]}}, KeyProofError),
    "proof text": ({"credential_identifier": "i", "proof": "a.b.c"}, KeyProofError),
    "proof without type": ({"credential_identifier": "i", "proof": {"jwt": "a"}}, KeyProofError),
    "proof without token": ({"credential_identifier": "i", "proof": {"proof_type": "jwt"}}, KeyProofError),
    "unknown proof": ({"credential_identifier": "i", "proof": {"proof_type": "cwt", "cwt": "a"}}, KeyProofError),
    "encryption text": ({"credential_identifier": "i", "credential_response_encryption": "x"}, CredentialRequestError),
}


@pytest.mark.requirement(f"{SOURCE} §7.3.2", "what the draft does not allow is refused as by 1.0")
@pytest.mark.parametrize("name", REFUSED)
def test_an_unsound_request_is_refused(name: str) -> None:
    body, error = REFUSED[name]
    with pytest.raises(error):
        read(body)


@pytest.mark.requirement(f"{SOURCE} §7.3", "answers hold the credential itself and the next nonce")
def test_answers_are_those_of_the_draft() -> None:
    nonce = {"c_nonce": "n", "c_nonce_expires_in": 60}
    fixed: Any = {"c_nonce": "n", "expires_in": 60}
    one = draft.downgrade_credential_response(credential_response(["a~"], notification_id="x"), **fixed)
    assert one == {"credential": "a~", "notification_id": "x", **nonce}
    assert draft.downgrade_credential_response(credential_response(["a~", "b~"]), **fixed) == {
        "credentials": ["a~", "b~"],
        **nonce,
    }
    assert draft.downgrade_credential_response(deferred_response("t", interval=5), **fixed) == {
        "transaction_id": "t",
        **nonce,
    }
    assert draft.downgrade_token_response({"access_token": "a"}, **fixed) == {"access_token": "a", **nonce}


@pytest.mark.requirement(f"{SOURCE} §7.3.2", "a refused proof comes with a nonce to try again")
@pytest.mark.parametrize("error", [KeyProofError("x"), KeyProofNonceError("x")])
def test_a_refused_proof_comes_with_a_nonce(error: OAuthError) -> None:
    answer = draft.downgrade_error(error, error_response(error), c_nonce="n", expires_in=60)
    assert answer == {"error": "invalid_proof", "error_description": "x", "c_nonce": "n", "c_nonce_expires_in": 60}
    denied = CredentialDeniedError()
    assert draft.downgrade_error(denied, error_response(denied), c_nonce="n", expires_in=60) == error_response(denied)


@pytest.mark.requirement(f"{SOURCE} §11.2.3", "metadata has display and claims where the draft looks for them")
def test_metadata_is_that_of_the_draft() -> None:
    metadata = issuer_metadata(
        issuer="https://i.example", credential_endpoint="https://c", nonce_endpoint="https://n", configurations=CONFIGURATIONS,
        request_encryption_keys=[JWK],
    )  # fmt: skip
    found = draft.downgrade_metadata(metadata)
    assert {"nonce_endpoint", "credential_request_encryption"}.isdisjoint(found)
    assert "credential_response_encryption" in found
    birth = found["credential_configurations_supported"]["birth_1"]
    assert (birth["format"], birth["vct"], birth["display"]) == ("vc+sd-jwt", "urn:b", [{"name": "B"}])
    assert birth["claims"] == {"name": {"display": CLAIMS[0]["display"]}, "address": {"street": {"mandatory": True}}}
    assert "credential_metadata" not in birth
    assert "claims" not in found["credential_configurations_supported"]["health_1"]
    assert metadata["credential_configurations_supported"]["birth_1"]["format"] == "dc+sd-jwt"
