"""OpenID Connect Core 1.0 as a provider of the authorization code flow speaks it: requests, ID tokens, metadata.

Every sign-in asks the person anew, so the provider has no session: ``prompt=none`` can never succeed, and ``max_age``
is always kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from protocol.encoding import b64u_encode, json_dumps
from protocol.errors import (
    LoginRequiredError,
    OAuthRequestError,
    RegistrationParameterError,
    RequestUriParameterError,
    ScopeError,
)
from protocol.jose import sign_compact
from protocol.keys import Signer
from protocol.oauth.authorization import parse_authorization_request
from protocol.oauth.parameters import Pairs, Parameters, read
from protocol.oauth.tokens import AUTHORIZATION_CODE_GRANT
from protocol.pkce import METHOD

SCOPE = "openid"
MAX_NONCE_CHARACTERS = 512
# Proof of possession of a key (RFC 8176 §2): what a presentation with key binding is.
AUTHENTICATION_METHODS = ("pop",)
# What a token says of itself; no claim that somebody disclosed may stand in for it.
PROTOCOL_CLAIMS = frozenset(
    {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "nonce", "auth_time", "acr", "amr", "azp", "at_hash", "c_hash",
     "s_hash", "sid", "cnf", "sub_jwk", "events", "_claim_names", "_claim_sources"}
)  # fmt: skip

_CLAIM_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_:/.#~-]{0,99}\Z")
_SECONDS = re.compile(r"[0-9]{1,9}\Z")
_PROMPTS = frozenset({"none", "login", "consent", "select_account"})


@dataclass(frozen=True, slots=True)
class AuthenticationRequest:
    """A client's wish that somebody sign in. ``code_challenge`` is one of S256."""

    client_id: str
    redirect_uri: str
    code_challenge: str
    state: str | None
    nonce: str | None


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The addresses of a provider."""

    authorization: str
    token: str
    userinfo: str
    keys: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """What an ID token tells of one sign-in; ``at`` in seconds since 1970. ``claims`` are what was disclosed."""

    subject: str
    at: int
    acr: str
    nonce: str | None
    claims: Mapping[str, Any]


def parse_authentication_request(pairs: Pairs) -> AuthenticationRequest:
    """Return the request in *pairs* (OpenID Connect Core §3.1.2.1), once its redirect_uri is trusted.

    Raises as parse_authorization_request of protocol.oauth, ScopeError without ``openid``, LoginRequiredError,
    RequestUriParameterError and RegistrationParameterError. ``claims``, ``acr_values``, hints and further scopes are
    read and change nothing: what is disclosed was registered beforehand.
    """
    items = list(pairs)
    parameters = read(items)
    if "request_uri" in parameters.values:
        raise RequestUriParameterError("requests by reference are not read here")
    if "registration" in parameters.values:
        raise RegistrationParameterError("clients are registered beforehand")
    request = parse_authorization_request(items)
    if SCOPE not in request.scopes:
        raise ScopeError("scope has no openid")
    _check_prompt(parameters)
    max_age = parameters.optional("max_age")
    if max_age is not None and not _SECONDS.match(max_age):
        raise OAuthRequestError("max_age is not a number of seconds")
    nonce = parameters.optional("nonce", max_length=MAX_NONCE_CHARACTERS)
    return AuthenticationRequest(request.client_id, request.redirect_uri, request.code_challenge, request.state, nonce)


def is_claim_name(name: str) -> bool:
    """Whether a disclosed claim may be passed on under *name*: short, plain, and none of the token's own."""
    return _CLAIM_NAME.match(name) is not None and name not in PROTOCOL_CLAIMS


def sign_id_token(
    sign_in: SignIn, *, issuer: str, client_id: str, access_token: str, now: int, lifetime: int, signer: Signer
) -> str:
    """Return the ID token of *sign_in*, valid for *lifetime* seconds (OpenID Connect Core §2, §3.1.3.6)."""
    payload = {
        **sign_in.claims,
        "iss": issuer,
        "sub": sign_in.subject,
        "aud": client_id,
        "iat": now,
        "exp": now + lifetime,
        "auth_time": sign_in.at,
        "acr": sign_in.acr,
        "amr": list(AUTHENTICATION_METHODS),
        "at_hash": hash_token(access_token),
        **({"nonce": sign_in.nonce} if sign_in.nonce is not None else {}),
    }
    return sign_compact(json_dumps(payload), signer=signer, header={"typ": "JWT", "kid": signer.key_id})


def hash_token(token: str) -> str:
    """Return the ``at_hash`` of *token*: the left half of its SHA-256 (OpenID Connect Core §3.1.3.6)."""
    return b64u_encode(sha256(token.encode("ascii")).digest()[:16])


def provider_metadata(
    *, issuer: str, endpoints: Endpoints, acr: str, client_authentication: Sequence[str], claims: Sequence[str]
) -> dict[str, Any]:
    """Return the metadata of *issuer* (OpenID Connect Discovery §3, RFC 8414 §2, RFC 9207 §3)."""
    return {
        "issuer": issuer,
        "authorization_endpoint": endpoints.authorization,
        "token_endpoint": endpoints.token,
        "userinfo_endpoint": endpoints.userinfo,
        "jwks_uri": endpoints.keys,
        "scopes_supported": [SCOPE],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [AUTHORIZATION_CODE_GRANT],
        "acr_values_supported": [acr],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": list(client_authentication),
        "token_endpoint_auth_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": [METHOD],
        "prompt_values_supported": sorted(_PROMPTS - {"none"}),
        "claim_types_supported": ["normal"],
        "claims_supported": list(claims),
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
    }


def _check_prompt(parameters: Parameters) -> None:
    prompts = (parameters.optional("prompt") or "").split(" ") if "prompt" in parameters.values else []
    if not _PROMPTS.issuperset(prompts) or ("none" in prompts and len(prompts) > 1):
        raise OAuthRequestError("prompt is not one of those in the metadata")
    if prompts == ["none"]:
        raise LoginRequiredError("every sign-in asks the person")
