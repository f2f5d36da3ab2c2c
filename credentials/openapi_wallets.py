"""The endpoints that wallets call in the OpenAPI document. What they mean, OpenID4VCI 1.0 and its OAuth say in full."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_ISSUER = "http://localhost:8000/issuers/identification"
_CONFIGURATION = "birth-certificate_1"
_PRE_AUTHORIZED = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
_TEXT: Schema = {"type": "string"}
_OBJECT: Schema = {"type": "object", "additionalProperties": True}
_SLUG: Schema = {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}
_REFERENCE: Schema = {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$", "minLength": 1, "maxLength": 100}
_JSON, _FORM, _JWT = "application/json", "application/x-www-form-urlencoded", "application/jwt"
_TAG = "wallets"
_ENCRYPTED = {"schema": _TEXT, "example": "eyJhbGciOiJFQ0RILUVTIn0..AAAA.c2VhbGVk.AAAA"}

OFFER_EXAMPLE: Schema = {
    "credential_issuer": _ISSUER,
    "credential_configuration_ids": [_CONFIGURATION],
    "grants": {_PRE_AUTHORIZED: {"pre-authorized_code": "9d3f…", "tx_code": {"input_mode": "numeric", "length": 6}}},
}
_ISSUER_EXAMPLE: Schema = {
    "credential_issuer": _ISSUER,
    "authorization_servers": [_ISSUER],
    "credential_endpoint": f"{_ISSUER}/credential",
    "nonce_endpoint": f"{_ISSUER}/nonce",
    "deferred_credential_endpoint": f"{_ISSUER}/deferred",
    "notification_endpoint": f"{_ISSUER}/notification",
    "batch_credential_issuance": {"batch_size": 10},
    "credential_configurations_supported": {
        _CONFIGURATION: {"format": "dc+sd-jwt", "vct": "http://localhost:8000/types/birth-certificate/1"}
    },
}
_SERVER_EXAMPLE: Schema = {
    "issuer": _ISSUER,
    "token_endpoint": f"{_ISSUER}/token",
    "pushed_authorization_request_endpoint": f"{_ISSUER}/par",
    "authorization_endpoint": "http://localhost:8000/portal/wallets/identification/authorize",
    "require_pushed_authorization_requests": True,
}
_TOKEN_EXAMPLE: Schema = {
    "access_token": "oUaB…",
    "token_type": "DPoP",
    "expires_in": 600,
    "refresh_token": "k3Vd…",
    "scope": _CONFIGURATION,
}
_CREDENTIAL_EXAMPLE: Schema = {
    "credentials": [{"credential": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImRjK3NkLWp3dCJ9.e30.c2ln~"}],
    "notification_id": "5d0f6dc4-7a70-4a42-8b3f-6f2d7a9f3b20",
}
_DEFERRED_EXAMPLE: Schema = {"transaction_id": "8xLO…", "interval": 30}
_REQUEST_EXAMPLE: Schema = {
    "credential_configuration_id": _CONFIGURATION,
    "proofs": {"jwt": ["eyJhbGciOiJFUzI1NiIsInR5cCI6Im9wZW5pZDR2Y2ktcHJvb2Yrand0In0.e30.c2ln"]},
}

_CREDENTIAL_REQUEST: Schema = {
    "type": "object",
    "description": "Exactly one of the first two; fresh keys, each proven, as many as copies are wanted (§8.2)",
    "properties": {
        "credential_configuration_id": _TEXT,
        "credential_identifier": _TEXT,
        "proofs": _OBJECT,
        "credential_response_encryption": _OBJECT,
    },
}
_DEFERRED_REQUEST: Schema = {
    "type": "object",
    "required": ["transaction_id"],
    "properties": {"transaction_id": _TEXT, "credential_response_encryption": _OBJECT},
}
_NOTIFICATION: Schema = {
    "type": "object",
    "required": ["notification_id", "event"],
    "properties": {
        "notification_id": _TEXT,
        "event": {"type": "string", "enum": ["credential_accepted", "credential_failure", "credential_deleted"]},
        "event_description": _TEXT,
    },
}
_TOKEN_REQUEST: Schema = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": ["authorization_code", _PRE_AUTHORIZED, "refresh_token"]},
        **dict.fromkeys(
            ["code", "redirect_uri", "code_verifier", "pre-authorized_code", "tx_code", "refresh_token", "client_id"],
            _TEXT,
        ),
    },
}
_PUSHED_REQUEST: Schema = {
    "type": "object",
    "required": ["response_type", "client_id", "redirect_uri", "code_challenge", "code_challenge_method"],
    "properties": {
        "response_type": {"type": "string", "enum": ["code"]},
        "code_challenge_method": {"type": "string", "enum": ["S256"]},
        **dict.fromkeys(
            ["client_id", "redirect_uri", "code_challenge", "scope", "state", "issuer_state", "dpop_jkt"], _TEXT
        ),
    },
}
_OAUTH_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": _TEXT, "error_description": _TEXT},
}


def describe_wallet_routes(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add what wallets call to the generated document (a drf-spectacular post-processing hook)."""
    result["components"].setdefault("securitySchemes", {})["walletToken"] = {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token of this issuer; with the scheme DPoP when it is bound to a key (RFC 9449)",
    }
    issuer = "/issuers/{slug}"
    result["paths"] |= {
        "/.well-known/openid-credential-issuer/issuers/{slug}": {"get": _issuer_metadata()},
        "/.well-known/oauth-authorization-server/issuers/{slug}": {
            "get": _read("read_server_metadata", "An agency as authorization server (RFC 8414)", _SERVER_EXAMPLE)
        },
        f"{issuer}/.well-known/openid-credential-issuer": {
            "get": _read(
                "read_draft_issuer_metadata", "The same for wallets of draft 13, where admitted", _ISSUER_EXAMPLE
            )
        },
        f"{issuer}/.well-known/oauth-authorization-server": {
            "get": _read(
                "read_draft_server_metadata", "The same for wallets of draft 13, where admitted", _SERVER_EXAMPLE
            )
        },
        f"{issuer}/offers/{{reference}}": {
            "get": _read("read_offer_by_reference", "The offer behind a reference", OFFER_EXAMPLE, reference=_REFERENCE)
        },
        f"{issuer}/par": {"post": _pushed()},
        f"{issuer}/token": {"post": _token()},
        f"{issuer}/nonce": {"post": _nonce()},
        f"{issuer}/credential": {"post": _credential()},
        f"{issuer}/deferred": {"post": _deferred()},
        f"{issuer}/notification": {"post": _notification()},
    }
    return result


def _issuer_metadata() -> Schema:
    operation = _read("read_issuer_metadata", "An agency as credential issuer (OpenID4VCI 1.0 §12.2)", _ISSUER_EXAMPLE)
    operation["responses"]["200"]["content"][_JWT] = {
        "schema": _TEXT,
        "example": "eyJ0eXAiOiJvcGVuaWR2Y2ktaXNzdWVyLW1ldGFkYXRhK2p3dCJ9.e30.c2ln",
    }
    return operation


def _pushed() -> Schema:
    answer = {"request_uri": "urn:ietf:params:oauth:request_uri:Dk3r…", "expires_in": 600}
    responses = {"201": _json("What to open in the browser", answer), "400": _oauth("invalid_request")}
    responses["401"] = _oauth("invalid_client")
    asked = {
        "response_type": "code",
        "client_id": "wallet.example",
        "redirect_uri": "https://wallet.example/back",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "scope": _CONFIGURATION,
    }
    body = {_FORM: {"schema": _PUSHED_REQUEST, "example": asked}}
    return _post("create_pushed_request", "Push an authorization request (RFC 9126)", body, responses)


def _token() -> Schema:
    responses = {
        "200": _json("Tokens", _TOKEN_EXAMPLE),
        "400": _oauth("invalid_grant"),
        "401": _oauth("invalid_client"),
    }
    asked = {"grant_type": _PRE_AUTHORIZED, "pre-authorized_code": "9d3f…", "tx_code": "493536"}
    body = {_FORM: {"schema": _TOKEN_REQUEST, "example": asked}}
    return _post("create_token", "Exchange a code, or refresh (OpenID4VCI 1.0 §6)", body, responses)


def _nonce() -> Schema:
    responses = {"200": _json("For the proofs of one request", {"c_nonce": "1764000000.Dk3r….9a4f…"})}
    return _post("create_nonce", "A nonce for proofs of keys (OpenID4VCI 1.0 §7)", None, responses)


def _credential() -> Schema:
    body = {_JSON: {"schema": _CREDENTIAL_REQUEST, "example": _REQUEST_EXAMPLE}, _JWT: _ENCRYPTED}
    return _resource(
        "create_wallet_credential", "Fetch copies of a certificate (OpenID4VCI 1.0 §8)", body, _issued("invalid_proof")
    )


def _deferred() -> Schema:
    body = {_JSON: {"schema": _DEFERRED_REQUEST, "example": {"transaction_id": "8xLO…"}}, _JWT: _ENCRYPTED}
    responses = _issued("invalid_transaction_id")
    return _resource("create_deferred_credential", "Fetch what was still being made (§9)", body, responses)


def _notification() -> Schema:
    example = {"notification_id": _CREDENTIAL_EXAMPLE["notification_id"], "event": "credential_accepted"}
    body = {_JSON: {"schema": _NOTIFICATION, "example": example}}
    responses = {"204": {"description": "Noted"}, "400": _oauth("invalid_notification_id")}
    return _resource("report_notification", "Say what became of the copies (§11)", body, responses)


def _issued(error: str) -> Schema:
    done, later = _json("The copies", _CREDENTIAL_EXAMPLE), _json("It is still being made", _DEFERRED_EXAMPLE)
    for response in (done, later):
        response["content"][_JWT] = _ENCRYPTED
    return {"200": done, "202": later, "400": _oauth(error)}


def _resource(operation: str, summary: str, body: Schema, responses: Schema) -> Schema:
    responses = {**responses, "401": {**_oauth("invalid_token"), "headers": {"WWW-Authenticate": {"schema": _TEXT}}}}
    return {**_post(operation, summary, body, responses), "security": [{"walletToken": []}]}


def _post(operation: str, summary: str, body: Schema | None, responses: Schema) -> Schema:
    described = {**_operation(operation, summary), "responses": responses}
    return {**described, "requestBody": {"required": True, "content": body}} if body else described


def _read(operation: str, summary: str, example: Schema, **path: Schema) -> Schema:
    return {**_operation(operation, summary, **path), "responses": {"200": _json(summary, example)}}


def _operation(operation: str, summary: str, **path: Schema) -> Schema:
    parameters = [{"name": name, "in": "path", "required": True, "schema": kind} for name, kind in path.items()]
    slug = {"name": "slug", "in": "path", "required": True, "schema": _SLUG}
    return {
        "operationId": operation,
        "summary": summary,
        "tags": [_TAG],
        "security": [{}],
        "parameters": [slug, *parameters],
    }


def _json(description: str, example: Schema) -> Schema:
    return {"description": description, "content": {_JSON: {"schema": _OBJECT, "example": example}}}


def _oauth(error: str) -> Schema:
    content = {_JSON: {"schema": _OAUTH_ERROR, "example": {"error": error}}}
    return {"description": "An OAuth error (RFC 6749 §5.2, OpenID4VCI 1.0)", "content": content}
