"""What wallets call, in the OpenAPI document: plain views in the forms of OpenID4VP, so nothing else describes them."""

from __future__ import annotations

from typing import Any

from protocol.request_object import MEDIA_TYPE

_FORM = "application/x-www-form-urlencoded"
_SESSION = {"name": "session_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
_ERROR = {
    "type": "object",
    "description": "A refusal in the form of OAuth (RFC 6749 §5.2). Programs decide by `error`, which never changes.",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
}
_TEXT = {"type": "string", "maxLength": 512}


def describe_plain_views(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the routes of wallets to the generated document (a drf-spectacular post-processing hook)."""
    result["components"].setdefault("schemas", {})["WalletError"] = dict(_ERROR)
    result["paths"] |= {
        "/verifiers/{slug}/did.json": {"get": _did_document()},
        "/openid4vp/request/{session_id}": {
            "get": _request_object("read_request_object", "What the organisation asks, signed (OpenID4VP 1.0 §5)"),
            "post": {
                **_request_object("create_request_object", "The same, with the wallet's own nonce inside (§5.10)"),
                "requestBody": _form(wallet_nonce={**_TEXT, "pattern": "^[ -~]+$"}, wallet_metadata={"type": "string"}),
            },
        },
        "/openid4vp/digital/{session_id}": {"get": _digital_request(), "post": _digital_response()},
        "/openid4vp/response/{session_id}": {"post": _response()},
    }
    return result


def _request_object(operation: str, summary: str) -> dict[str, Any]:
    token = {
        "schema": {"type": "string"},
        "example": "eyJhbGciOiJFUzI1NiIsInR5cCI6Im9hdXRoLWF1dGh6LXJlcStqd3QifQ.e30.c2ln",
    }
    return {
        **_operation(operation, summary),
        "responses": {"200": {"description": "A request object", "content": {MEDIA_TYPE: token}}, **_refusals()},
    }


def _digital_request() -> dict[str, Any]:
    schema = {"type": "object", "required": ["digital"], "properties": {"digital": {"type": "object"}}}
    example = {"digital": {"requests": [{"protocol": "openid4vp-v1-signed", "data": {"request": "eyJ…"}}]}}
    asked = {"description": "For the browser", "content": {"application/json": {"schema": schema, "example": example}}}
    return {
        **_operation(
            "read_digital_request", "What a page hands to navigator.credentials.get (OpenID4VP 1.0 appendix A)"
        ),
        "responses": {"200": asked, **_refusals()},
    }


def _digital_response() -> dict[str, Any]:
    return {
        **_response(),
        "operationId": "create_digital_response",
        "summary": "What the browser gave the page",
        "description": "The member `response` of the credential's data, in a form.",
        "requestBody": _form(response={"type": "string"}),
    }


def _response() -> dict[str, Any]:
    taken = {
        "schema": {"type": "object", "properties": {"redirect_uri": {"type": "string", "format": "uri"}}},
        "example": {},
    }
    return {
        **_operation("create_wallet_response", "What the wallet answers (OpenID4VP 1.0 §8.2, §8.3.1)"),
        "description": "`vp_token` and `state`, or both inside an encrypted `response`; or `error` and `state`.",
        "requestBody": _form(
            response={"type": "string"}, vp_token={"type": "string"}, state=_TEXT, error=_TEXT, error_description=_TEXT
        ),
        "responses": {
            "200": {"description": "Taken; where the browser goes", "content": {"application/json": taken}},
            **_refusals(),
        },
    }


def _did_document() -> dict[str, Any]:
    slug = {"name": "slug", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}}
    document = {"schema": {"type": "object"}, "example": {"id": "did:web:localhost%3A8000:verifiers:daiwan"}}
    return {
        **_operation("read_verifier_did", "The keys with which an organisation asks, as a DID document"),
        "parameters": [slug],
        "responses": {"200": {"description": "A DID document", "content": {"application/did+json": document}}},
    }


def _operation(operation: str, summary: str) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "tags": ["wallets"],
        "security": [{}],
        "parameters": [_SESSION],
    }


def _form(**properties: Any) -> dict[str, Any]:
    return {"required": True, "content": {_FORM: {"schema": {"type": "object", "properties": properties}}}}


def _refusals() -> dict[str, Any]:
    answer = {"schema": {"$ref": "#/components/schemas/WalletError"}, "example": {"error": "vp_response_state"}}
    content = {"application/json": answer}
    return {
        "400": {"description": "Refused; `error` says why, and another answer may follow", "content": content},
        "404": {"description": "No such session", "content": content},
    }
