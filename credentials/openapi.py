"""The plain views of this app in the OpenAPI document: they are not DRF views, so nothing else describes them."""

from __future__ import annotations

from typing import Any

from django.utils import translation

from credentials.evidence_file import MEDIA_TYPE
from credentials.openapi_schemas import (
    BUNDLE_EXAMPLE,
    EVIDENCE_EXAMPLE,
    ISSUER_EXAMPLE,
    REQUEST_EXAMPLES,
    SCHEMAS,
    TYPE_EXAMPLE,
    describe_report,
)

_UUID = {"type": "string", "format": "uuid"}
_SLUG = {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}
_VERSION = {"type": "integer", "minimum": 0, "maximum": 2147483647}


def describe_plain_views(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add this app's machine routes to the generated document (a drf-spectacular post-processing hook)."""
    result["components"].setdefault("schemas", {}).update(SCHEMAS)
    result["paths"] |= {
        "/api/v1/verify": {"post": _verify()},
        "/api/v1/evidence": {"post": _evidence()},
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


def _verify() -> dict[str, Any]:
    with translation.override("en"):
        report = describe_report()
    asked = {"schema": _ref("VerifyRequest"), "examples": dict(REQUEST_EXAMPLES)}
    return {
        "operationId": "verify_presentation",
        "summary": "Judge a presentation",
        "description": (
            "Any presentation is answered with 200 and a verdict; 4xx is for a bad request alone. "
            "Without an API key the rate is limited. The messages follow Accept-Language. "
            "Try it out: leave the example, which is not a certificate, or paste one."
        ),
        "tags": ["verify"],
        "security": [{"apiKey": []}, {}],
        "requestBody": {"required": True, "content": {"application/json": asked}},
        "responses": {
            "200": _answer("The report: ten checks, in order", "VerifyReport", report),
            "400": {"description": "The body is not the JSON object described; `fields` says where"},
            "401": {"description": "The API key is unknown or revoked"},
            "413": {"description": "The body is longer than 1 MiB"},
            "415": {"description": "The body is not application/json"},
            "429": {"description": "Too many requests without an API key; see Retry-After"},
        },
    }


def _evidence() -> dict[str, Any]:
    """The same question as verification's, with the same refusals; the answer is a file."""
    asked = {**_verify(), "operationId": "create_evidence", "summary": "Judge a presentation, and keep the evidence"}
    asked["description"] = (
        "As `/api/v1/verify`, answered with one file that holds the presentation, the report, and all it rests on: "
        "keys, dated status, proof from the log, and what ledgers said. Anyone can verify it again, offline, with the "
        "command line or the page at `/verifier.html`."
    )
    answer = {"schema": _ref("Evidence"), "example": EVIDENCE_EXAMPLE}
    asked["responses"] = {
        **asked["responses"],
        "200": {
            "description": "An evidence bundle",
            "headers": {"Content-Disposition": {"schema": {"type": "string"}, "description": "A file name"}},
            "content": {MEDIA_TYPE: answer},
        },
    }
    return asked


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
