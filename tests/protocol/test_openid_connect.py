from __future__ import annotations

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from protocol import openid_connect
from protocol.encoding import b64u_decode
from protocol.errors import (
    LoginRequiredError,
    OAuthError,
    OAuthRequestError,
    PkceChallengeError,
    RegistrationParameterError,
    RequestObjectError,
    RequestUriParameterError,
    ResponseTypeError,
    ScopeError,
)
from protocol.keys import SoftwareSigner, generate_p256
from protocol.pkce import challenge_of

CHALLENGE = challenge_of("v" * 43)
REQUEST = {
    "client_id": "c",
    "redirect_uri": "https://client.example/callback",
    "response_type": "code",
    "scope": "openid",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def pairs(**changes: str | None) -> list[tuple[str, str]]:
    return [(name, value) for name, value in {**REQUEST, **changes}.items() if value is not None]


@pytest.mark.requirement("OpenID Connect Core 1.0 §3.1.2.1", "an authentication request is read with state and nonce")
def test_a_request_is_read() -> None:
    found = openid_connect.parse_authentication_request(
        pairs(scope="openid profile", state="s", nonce="n", prompt="login consent", max_age="0", display="page")
    )
    address = "https://client.example/callback"
    assert found == openid_connect.AuthenticationRequest("c", address, CHALLENGE, "s", "n")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": None}, ScopeError),
        ({"scope": "openidx"}, ScopeError),
        ({"response_type": "id_token"}, ResponseTypeError),
        ({"code_challenge": None}, PkceChallengeError),
        ({"code_challenge_method": "plain"}, PkceChallengeError),
        ({"prompt": "none"}, LoginRequiredError),
        ({"prompt": "none consent"}, OAuthRequestError),
        ({"prompt": "Login"}, OAuthRequestError),
        ({"max_age": "1.5"}, OAuthRequestError),
        ({"max_age": "9" * 10}, OAuthRequestError),
        ({"nonce": "\n"}, OAuthRequestError),
        ({"request": "x"}, RequestObjectError),
        ({"request_uri": "urn:x"}, RequestUriParameterError),
        ({"registration": "{}"}, RegistrationParameterError),
    ],
    ids=str,
)
def test_a_request_that_cannot_be_met_is_refused(changes: dict[str, str | None], error: type[OAuthError]) -> None:
    with pytest.raises(error):
        openid_connect.parse_authentication_request(pairs(**changes))


@pytest.mark.parametrize("name", ["birthdate", "age_over_18", "https://bank.example/claims/name", "a"])
def test_a_name_for_a_claim(name: str) -> None:
    assert openid_connect.is_claim_name(name)


@pytest.mark.parametrize("name", [*sorted(openid_connect.PROTOCOL_CLAIMS), "", "1a", "a b", "a\n", "名", "a" * 101])
def test_a_name_that_is_taken_or_cannot_be_used(name: str) -> None:
    assert not openid_connect.is_claim_name(name)


def signed(nonce: str | None = "n", **claims: Any) -> dict[str, Any]:
    """The claims of an ID token, as joserfc verifies it."""
    signer = SoftwareSigner(generate_p256(), "key-1")
    token = openid_connect.sign_id_token(
        openid_connect.SignIn(subject="s", at=1_000, acr="urn:acr", nonce=nonce, claims=claims),
        issuer="https://op.example",
        client_id="c",
        access_token="token",
        now=int(time.time()),
        lifetime=300,
        signer=signer,
    )
    decoded = jwt.decode(token, ECKey.import_key(dict[str, str | list[str]](signer.public_jwk)), algorithms=["ES256"])
    assert decoded.header == {"alg": "ES256", "typ": "JWT", "kid": "key-1"}
    return dict(decoded.claims)


@pytest.mark.requirement(
    "OpenID Connect Core 1.0 §2", "an ID token names issuer, subject, audience, times, acr and amr"
)
def test_an_id_token_is_what_joserfc_reads() -> None:
    claims = signed(birthdate="1990-02-28")
    assert claims.pop("exp") - claims.pop("iat") == 300
    assert claims == {
        "iss": "https://op.example",
        "sub": "s",
        "aud": "c",
        "auth_time": 1_000,
        "acr": "urn:acr",
        "amr": ["pop"],
        "nonce": "n",
        "at_hash": openid_connect.hash_token("token"),
        "birthdate": "1990-02-28",
    }
    assert "nonce" not in signed(nonce=None)


def test_no_disclosed_claim_stands_in_for_one_of_the_token() -> None:
    assert signed(sub="mallory", iss="https://evil.example", aud="x")["sub"] == "s"


@pytest.mark.requirement("OpenID Connect Core 1.0 §3.1.3.6", "at_hash is the left half of the token's SHA-256")
def test_a_token_is_hashed_as_in_the_standard() -> None:
    """The example of OpenID Connect Core 1.0 §A.3."""
    assert openid_connect.hash_token("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y") == "77QmUPtjPfzWtF2AnpK9RQ"
    assert len(b64u_decode(openid_connect.hash_token(""))) == 16


@pytest.mark.requirement("OpenID Connect Discovery 1.0 §3", "the metadata say what is spoken, and what is not")
def test_the_metadata_have_every_required_member() -> None:
    endpoints = openid_connect.Endpoints("https://a", "https://t", "https://u", "https://k")
    found = openid_connect.provider_metadata(
        issuer="https://op.example", endpoints=endpoints, acr="urn:acr", client_authentication=["none"], claims=["sub"]
    )
    required = {"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported",
                "subject_types_supported", "id_token_signing_alg_values_supported"}  # fmt: skip
    assert required <= found.keys()
    assert found["request_uri_parameter_supported"] is False, "left out it would mean yes"
    assert (found["subject_types_supported"], found["response_types_supported"]) == (["pairwise"], ["code"])
