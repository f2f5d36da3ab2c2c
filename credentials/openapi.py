"""The plain views of this app in the OpenAPI document: they are not DRF views, so nothing else describes them."""

from __future__ import annotations

from typing import Any

from credentials.openapi_examples import BUNDLE_EXAMPLE, ISSUER_EXAMPLE, TYPE_EXAMPLE
from credentials.openapi_schemas import SCHEMAS
from credentials.openapi_verify import verification_paths
from credentials.openapi_w3c import W3C_SCHEMAS, w3c_paths
from identity.languages import LOCALES

_UUID = {"type": "string", "format": "uuid"}
_SLUG = {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}
_LOCALE = {"type": "string", "enum": list(LOCALES.values())}
_VERSION = {"type": "integer", "minimum": 0, "maximum": 2147483647}


def describe_plain_views(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add this app's machine routes to the generated document (a drf-spectacular post-processing hook)."""
    result["components"].setdefault("schemas", {}).update({**SCHEMAS, **W3C_SCHEMAS})
    result["paths"] |= w3c_paths() | {
        **verification_paths(),
        "/api/v1/trust-bundle": {
            "get": _document(
                "read_trust_bundle", "Everything the offline verifier needs", "TrustBundle", BUNDLE_EXAMPLE
            )
        },
        "/status/{list_id}": {"get": _status_list()},
        "/types/{slug}/{version}": {
            "get": _document(
                "read_type", "SD-JWT VC type metadata", "TypeMetadata", TYPE_EXAMPLE, slug=_SLUG, version=_VERSION
            )
        },
        "/.well-known/jwks.json": {
            "get": _document(
                "read_service_keys",
                "The keys with which the service signs receipts and reports",
                "JwkSet",
                ISSUER_EXAMPLE["jwks"],
            )
        },
        "/types/{slug}/{version}/{locale}.svg": {"get": _template()},
        "/.well-known/jwt-vc-issuer/issuers/{slug}": {
            "get": _document(
                "read_issuer",
                "The keys with which an agency's certificates verify",
                "IssuerMetadata",
                ISSUER_EXAMPLE,
                slug=_SLUG,
            )
        },
    }
    return result


def _status_list() -> dict[str, Any]:
    token = {"schema": {"type": "string"}, "example": "eyJhbGciOiJFUzI1NiIsInR5cCI6InN0YXR1c2xpc3Qrand0In0.e30.c2ln"}
    return {
        **_operation("read_status_list", "A status list, signed, the same for everyone", list_id=_UUID),
        "responses": {
            "200": {"description": "A Status List Token", "content": {"application/statuslist+jwt": token}},
            "304": {"description": "Unchanged since the ETag given in If-None-Match"},
            "406": {"description": "Only application/statuslist+jwt can be had"},
        },
    }


def _template() -> dict[str, Any]:
    content = {"image/svg+xml": {"schema": {"type": "string"}, "example": "<svg>…{{given_name}}…</svg>"}}
    summary = "How a wallet may draw a certificate"
    described = _operation("read_template", summary, slug=_SLUG, version=_VERSION, locale=_LOCALE)
    return {**described, "responses": {"200": {"description": summary, "content": content}}}


def _document(
    operation: str, summary: str, schema: str, example: dict[str, Any], **path: dict[str, Any]
) -> dict[str, Any]:
    return {**_operation(operation, summary, **path), "responses": {"200": _answer(summary, schema, example)}}


def _operation(operation: str, summary: str, **path: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "tags": ["published"],
        "security": [{}],
        "parameters": [{"name": name, "in": "path", "required": True, "schema": kind} for name, kind in path.items()],
    }


def _answer(description: str, schema: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref(schema), "example": example}}}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
