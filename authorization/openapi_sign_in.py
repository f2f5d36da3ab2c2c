"""What relying parties' systems call, in the OpenAPI document: plain views in the forms of OpenID Connect."""

from __future__ import annotations

from typing import Any

from authorization.models import RelyingParty
from protocol.client_assertion import ASSERTION_TYPE

_FORM = "application/x-www-form-urlencoded"
_TEXT = {"type": "string"}
_ERROR = {
    "type": "object",
    "description": "A refusal in the form of OAuth (RFC 6749 §5.2). Programs decide by `error`, which never changes.",
    "required": ["error"],
    "properties": {"error": _TEXT, "error_description": _TEXT},
}


def describe_sign_in(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the routes of relying parties to the generated document (a drf-spectacular post-processing hook)."""
    result["components"].setdefault("schemas", {})["SignInError"] = dict(_ERROR)
    found = "Where everything is, and what is spoken (OpenID Connect Discovery 1.0 §3)"
    result["paths"] |= {
        "/oidc/.well-known/openid-configuration": {"get": _published("read_sign_in_configuration", found)},
        "/.well-known/oauth-authorization-server/oidc": {
            "get": _published("read_sign_in_metadata", "The same, at the address of RFC 8414 §3.1")
        },
        "/oidc/keys": {"get": _published("read_sign_in_keys", "The keys that verify ID tokens, as a JWK set")},
        "/oidc/token": {"post": _token()},
        "/oidc/userinfo": {
            "get": _userinfo("read_sign_in_claims", "The claims of a sign-in (OpenID Connect Core 1.0 §5.3)"),
            "post": _userinfo("read_sign_in_claims_by_post", "The same, by POST"),
        },
    }
    return result


def _published(operation: str, summary: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}, "example": {}}}
    return {**_operation(operation, summary), "responses": {"200": {"description": "As published", "content": content}}}


def _token() -> dict[str, Any]:
    tokens = {
        "schema": {
            "type": "object",
            "required": ["access_token", "token_type", "expires_in", "id_token"],
            "properties": {
                "access_token": _TEXT,
                "token_type": {"enum": ["Bearer"]},
                "expires_in": {"type": "integer"},
                "scope": _TEXT,
                "id_token": _TEXT,
            },
        },
        "example": {"access_token": "…", "token_type": "Bearer", "expires_in": 300, "scope": "openid", "id_token": "…"},
    }
    return {
        **_operation("create_sign_in_tokens", "A code for an ID token (OpenID Connect Core 1.0 §3.1.3)"),
        "description": f"A client proves itself by one of {', '.join(RelyingParty.Method.values)}, as it registered.",
        "requestBody": _form(),
        "responses": {
            "200": {"description": "Tokens of the sign-in", "content": {"application/json": tokens}},
            "400": _refusal("The request or the code is not right", "invalid_grant"),
            "401": _refusal("The client did not prove itself", "invalid_client"),
        },
    }


def _form() -> dict[str, Any]:
    properties = {
        "grant_type": {"enum": ["authorization_code"]},
        "code": _TEXT,
        "redirect_uri": {"type": "string", "format": "uri"},
        "code_verifier": {"type": "string", "pattern": "^[A-Za-z0-9._~-]{43,128}$"},
        "client_id": _TEXT,
        "client_assertion": _TEXT,
        "client_assertion_type": {"enum": [ASSERTION_TYPE]},
    }
    required = ["grant_type", "code", "redirect_uri", "code_verifier"]
    schema = {"type": "object", "required": required, "properties": properties}
    return {"required": True, "content": {_FORM: {"schema": schema}}}


def _userinfo(operation: str, summary: str) -> dict[str, Any]:
    claims = {
        "schema": {"type": "object", "required": ["sub"], "properties": {"sub": _TEXT}},
        "example": {"sub": "5a1f…", "name": "李嘉敏"},
    }
    return {
        **_operation(operation, summary),
        "description": "With the access token: `Authorization: Bearer …`.",
        "responses": {
            "200": {"description": "The claims that were disclosed", "content": {"application/json": claims}},
            "401": _refusal("No access token, or one that is unknown or expired", "invalid_token"),
        },
    }


def _operation(operation: str, summary: str) -> dict[str, Any]:
    return {"operationId": operation, "summary": summary, "tags": ["sign-in"], "security": [{}], "parameters": []}


def _refusal(description: str, error: str) -> dict[str, Any]:
    answer = {"schema": {"$ref": "#/components/schemas/SignInError"}, "example": {"error": error}}
    return {"description": description, "content": {"application/json": answer}}
