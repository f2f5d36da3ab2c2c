"""What an authorization server and a protected resource answer: errors, tokens, redirects, metadata (RFC 8414)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from protocol.errors import OAuthError
from protocol.oauth.parameters import CREDENTIAL_DETAILS
from protocol.oauth.tokens import AUTHORIZATION_CODE_GRANT
from protocol.pkce import METHOD

ALGORITHMS = ["ES256"]

# What error_description may not hold (RFC 6749 §4.1.2.1, §5.2).
_UNFIT = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")


def error_response(error: OAuthError) -> dict[str, str]:
    """Return the JSON of *error*, to be sent with its ``oauth_status`` (RFC 6749 §5.2, OpenID4VCI 1.0 §8.3.1)."""
    return {"error": error.oauth_error, **_description(error)}


def challenge(error: OAuthError | None = None, *, scheme: str = "DPoP") -> str:
    """Return ``WWW-Authenticate`` of a protected resource (RFC 6750 §3, RFC 9449 §7.1).

    Without *error* it only says what is needed, as for a request that brought no token at all. *scheme* is ``DPoP`` or
    ``Bearer``.
    """
    members = {} if error is None else error_response(error)
    if scheme == "DPoP":
        members["algs"] = " ".join(ALGORITHMS)
    stated = [f'{name}="{value}"' for name, value in members.items()]
    return f"{scheme} {', '.join(stated)}" if stated else scheme


def authorization_response_url(
    redirect_uri: str,
    *,
    issuer: str,
    state: str | None,
    code: str | None = None,
    error: OAuthError | None = None,
) -> str:
    """Return where the browser is sent with *code* or *error*; *issuer* tells the wallet from whom (RFC 9207 §2).

    *redirect_uri* must be trusted already, and has no fragment (RFC 6749 §4.1.2).
    """
    members = {"code": code} if error is None else error_response(error)
    members |= {"state": state, "iss": issuer}
    query = urlencode({name: value for name, value in members.items() if value is not None})
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"


def token_response(
    *,
    access_token: str,
    token_type: str,
    expires_in: int,
    refresh_token: str | None = None,
    scopes: Sequence[str] = (),
    credential_identifiers: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Return the answer of the token endpoint (RFC 6749 §5.1, OpenID4VCI 1.0 §6.2).

    *token_type* is ``Bearer`` or ``DPoP``, *expires_in* in seconds. *credential_identifiers* maps each configuration
    that was asked for by ``authorization_details`` to the identifiers to request it by.
    """
    response: dict[str, Any] = {"access_token": access_token, "token_type": token_type, "expires_in": expires_in}
    if refresh_token is not None:
        response["refresh_token"] = refresh_token
    if scopes:
        response["scope"] = " ".join(scopes)
    if credential_identifiers:
        response["authorization_details"] = [
            {
                "type": CREDENTIAL_DETAILS,
                "credential_configuration_id": configuration_id,
                "credential_identifiers": list(identifiers),
            }
            for configuration_id, identifiers in credential_identifiers.items()
        ]
    return response


def pushed_response(request_uri: str, *, expires_in: int) -> dict[str, Any]:
    """Return the answer to a pushed request, HTTP status 201; *expires_in* in seconds (RFC 9126 §2.2)."""
    return {"request_uri": request_uri, "expires_in": expires_in}


def authorization_server_metadata(
    *,
    issuer: str,
    token_endpoint: str,
    grant_types: Sequence[str],
    authorization_endpoint: str | None = None,
    pushed_endpoint: str | None = None,
    requires_pushed: bool = False,
    challenge_endpoint: str | None = None,
    client_authentication: Sequence[str] = ("none",),
    scopes: Sequence[str] = (),
    is_anonymous_allowed: bool = True,
) -> dict[str, Any]:
    """Return the metadata of authorization server *issuer* (RFC 8414 §2, RFC 9126 §5, OpenID4VCI 1.0 §12.3).

    *is_anonymous_allowed* says that a pre-authorized code needs no client; *client_authentication* holds the methods
    of the token endpoint, such as ``attest_jwt_client_auth``.
    """
    optional = {
        "authorization_endpoint": authorization_endpoint,
        "pushed_authorization_request_endpoint": pushed_endpoint,
        "require_pushed_authorization_requests": requires_pushed,
        "challenge_endpoint": challenge_endpoint,
        "scopes_supported": list(scopes),
    }
    return {
        "issuer": issuer,
        "token_endpoint": token_endpoint,
        **{name: value for name, value in optional.items() if value},
        **_fixed_metadata(grant_types, client_authentication),
        "pre-authorized_grant_anonymous_access_supported": is_anonymous_allowed,
    }


def _fixed_metadata(grant_types: Sequence[str], client_authentication: Sequence[str]) -> dict[str, Any]:
    members: dict[str, Any] = {
        "response_types_supported": ["code"] if AUTHORIZATION_CODE_GRANT in grant_types else [],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(grant_types),
        "code_challenge_methods_supported": [METHOD],
        "token_endpoint_auth_methods_supported": list(client_authentication),
        "dpop_signing_alg_values_supported": ALGORITHMS,
        "authorization_details_types_supported": [CREDENTIAL_DETAILS],
        "authorization_response_iss_parameter_supported": True,
    }
    if "attest_jwt_client_auth" in client_authentication:
        members["client_attestation_signing_alg_values_supported"] = ALGORITHMS
        members["client_attestation_pop_signing_alg_values_supported"] = ALGORITHMS
    return members


def _description(error: OAuthError) -> dict[str, str]:
    text = _UNFIT.sub("", error.detail)
    return {"error_description": text} if text else {}
