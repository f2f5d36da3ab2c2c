from __future__ import annotations

from typing import Any

import pytest

from protocol.encoding import json_object
from protocol.jose import verify_compact
from protocol.openid4vci import (
    AUTHORIZATION_SERVER_SUFFIX,
    ISSUER_SUFFIX,
    SIGNED_METADATA_TYPE,
    credential_configuration,
    issuer_metadata,
    sign_issuer_metadata,
    well_known_url,
)
from tests.protocol.issuance_makers import CREDENTIAL_ISSUER, CREDENTIAL_URL, WALLET
from tests.protocol.makers import ISSUER, ISSUER_KEY, NOW

DISPLAY = [{"name": "Certidão", "locale": "pt"}]
CLAIMS = [{"path": ["name"], "display": [{"name": "Nome", "locale": "pt"}]}]
NONCE_URL = f"{CREDENTIAL_ISSUER}/nonce"


def configuration(**members: Any) -> dict[str, Any]:
    fixed = {
        "credential_format": "dc+sd-jwt",
        "scope": "birth_1",
        "parameters": {"vct": "urn:birth"},
        "display": DISPLAY,
    }
    return credential_configuration(**{**fixed, **members})


def metadata(**members: Any) -> dict[str, Any]:
    fixed = {
        "issuer": CREDENTIAL_ISSUER, "credential_endpoint": CREDENTIAL_URL, "nonce_endpoint": NONCE_URL,
        "configurations": {"birth_1": configuration()},
    }  # fmt: skip
    return issuer_metadata(**{**fixed, **members})


@pytest.mark.requirement("OpenID4VCI 1.0 §12.2.2", "the well-known suffix stands between host and path")
@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        ("https://issuer.example", "https://issuer.example/.well-known/openid-credential-issuer"),
        ("https://issuer.example/", "https://issuer.example/.well-known/openid-credential-issuer"),
        ("https://issuer.example:8443/a/b", "https://issuer.example:8443/.well-known/openid-credential-issuer/a/b"),
        ("https://issuer.example/a/", "https://issuer.example/.well-known/openid-credential-issuer/a"),
    ],
)
def test_the_suffix_is_inserted(issuer: str, expected: str) -> None:
    assert well_known_url(issuer, ISSUER_SUFFIX) == expected
    assert well_known_url(issuer, AUTHORIZATION_SERVER_SUFFIX) == expected.replace(
        ISSUER_SUFFIX, AUTHORIZATION_SERVER_SUFFIX
    )


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §12.2.4", "a configuration says format, scope, binding, proofs and how it looks"
)
def test_a_configuration_has_the_members_of_the_standard() -> None:
    proof = {"proof_signing_alg_values_supported": ["ES256"]}
    assert configuration(claims=CLAIMS) == {
        "format": "dc+sd-jwt", "scope": "birth_1", "vct": "urn:birth", "cryptographic_binding_methods_supported": ["jwk"],
        "credential_signing_alg_values_supported": ["ES256"], "proof_types_supported": {"jwt": proof, "attestation": proof},
        "credential_metadata": {"display": DISPLAY, "claims": CLAIMS},
    }  # fmt: skip
    assert configuration()["credential_metadata"] == {"display": DISPLAY}


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §12.2.4", "key_attestations_required stands where an attestation is demanded only"
)
@pytest.mark.parametrize("required", [{}, {"key_storage": ["iso_18045_high"]}])
def test_a_configuration_can_demand_attested_keys(required: dict[str, Any]) -> None:
    found = configuration(key_attestations_required=required, proof_types=("jwt",))["proof_types_supported"]
    assert found == {"jwt": {"proof_signing_alg_values_supported": ["ES256"], "key_attestations_required": required}}


@pytest.mark.requirement("OpenID4VCI 1.0 §12.2.4", "what an issuer does not offer is absent from its metadata")
def test_the_smallest_metadata_is_enough() -> None:
    assert metadata() == {
        "credential_issuer": CREDENTIAL_ISSUER,
        "credential_endpoint": CREDENTIAL_URL,
        "nonce_endpoint": NONCE_URL,
        "credential_configurations_supported": {"birth_1": configuration()},
    }


def test_everything_offered_is_stated() -> None:
    key = {**WALLET.public_jwk, "kid": "e1"}
    found = metadata(
        display=DISPLAY, deferred_endpoint="https://d", notification_endpoint="https://n", batch_size=10,
        request_encryption_keys=[key], encryption_required=True, authorization_servers=["https://as"],
    )  # fmt: skip
    assert found["batch_credential_issuance"] == {"batch_size": 10}
    assert found["deferred_credential_endpoint"] == "https://d"
    assert found["notification_endpoint"] == "https://n"
    assert found["authorization_servers"] == ["https://as"]
    assert found["display"] == DISPLAY
    ciphers = {"enc_values_supported": ["A256GCM", "A128GCM"], "encryption_required": True}
    published = {"keys": [{**key, "use": "enc", "alg": "ECDH-ES"}]}
    assert found["credential_request_encryption"] == {"jwks": published, **ciphers}
    assert found["credential_response_encryption"] == {"alg_values_supported": ["ECDH-ES"], **ciphers}


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §12.2.3", "signed metadata is typed, names its issuer and repeats every member"
)
def test_signed_metadata_holds_the_same() -> None:
    token = sign_issuer_metadata(
        metadata(), signer=ISSUER, issued_at=NOW, expires_at=NOW + 60, header={"kid": "k", "typ": "JWT"}
    )
    jws = verify_compact(token, key=ISSUER_KEY, allowed_types=frozenset({SIGNED_METADATA_TYPE}))
    assert jws.header == {"alg": "ES256", "kid": "k", "typ": "openidvci-issuer-metadata+jwt"}
    times = {"iat": NOW, "exp": NOW + 60}
    assert json_object(jws.payload) == {**metadata(), "iss": CREDENTIAL_ISSUER, "sub": CREDENTIAL_ISSUER, **times}
    assert (
        b'"exp"'
        not in verify_compact(
            sign_issuer_metadata(metadata(), signer=ISSUER, issued_at=NOW),
            key=ISSUER_KEY,
            allowed_types=frozenset({SIGNED_METADATA_TYPE}),
        ).payload
    )
