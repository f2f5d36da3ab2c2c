"""The routes of W3C credentials in the OpenAPI document."""

from __future__ import annotations

from typing import Any

_SLUG = {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}
_VERSION = {"type": "integer", "minimum": 0, "maximum": 2147483647}
_URL = {"type": "string", "format": "uri"}
_OBJECT = {"type": "object", "additionalProperties": True}
_METHOD = {
    "type": "object",
    "required": ["id", "type", "controller", "publicKeyJwk"],
    "properties": {"id": _URL, "type": {"type": "string"}, "controller": _URL, "publicKeyJwk": _OBJECT},
}
_KEY = "http://localhost:8000/issuers/identification#identification-1"
_IDENTIFIER = {
    "@context": ["https://www.w3.org/ns/cid/v1"],
    "id": "http://localhost:8000/issuers/identification",
    "verificationMethod": [
        {
            "id": _KEY,
            "type": "JsonWebKey",
            "controller": "http://localhost:8000/issuers/identification",
            "publicKeyJwk": {"kty": "EC", "crv": "P-256", "x": "…", "y": "…", "kid": "identification-1"},
        }
    ],
    "assertionMethod": [_KEY],
}
_TYPE = "http://localhost:8000/types/birth-certificate/1"
_CONTEXT = {"@context": {"@version": 1.1, "@protected": True, "birth_date": f"{_TYPE}#birth_date"}}
_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": f"{_TYPE}/schema",
    "title": "Birth certificate",
    "type": "object",
    "required": ["credentialSubject"],
    "properties": {"credentialSubject": {"type": "object", "properties": {"birth_date": {"type": "string"}}}},
}
W3C_SCHEMAS: dict[str, Any] = {
    "ControlledIdentifier": {
        "type": "object",
        "required": ["@context", "id", "verificationMethod", "assertionMethod"],
        "properties": {
            "@context": {"type": "array", "items": _URL},
            "id": _URL,
            "verificationMethod": {"type": "array", "items": _METHOD},
            "assertionMethod": {"type": "array", "items": _URL},
        },
    },
    "JsonLdContext": {"type": "object", "required": ["@context"], "properties": {"@context": _OBJECT}},
    "CredentialSchema": {"type": "object", "required": ["$schema", "$id", "properties"], "additionalProperties": True},
}


def w3c_paths() -> dict[str, Any]:
    """Return what W3C credentials refer to, by path."""
    versioned = {"slug": _SLUG, "version": _VERSION}
    return {
        "/types/{slug}/{version}/context": {
            "get": _operation("read_type_context", "JSON-LD context of a type's W3C credentials", **versioned)
            | _answer("application/ld+json", "JsonLdContext", _CONTEXT)
        },
        "/types/{slug}/{version}/schema": {
            "get": _operation("read_type_schema", "JSON Schema of a type's W3C credentials", **versioned)
            | _answer("application/schema+json", "CredentialSchema", _SCHEMA)
        },
        "/issuers/{slug}": {
            "get": _operation("read_issuer_document", "An agency's keys as a controlled identifier", slug=_SLUG)
            | _answer("application/ld+json", "ControlledIdentifier", _IDENTIFIER)
        },
    }


def _operation(operation: str, summary: str, **path: Any) -> dict[str, Any]:
    return {
        "operationId": operation,
        "summary": summary,
        "tags": ["published"],
        "security": [{}],
        "parameters": [{"name": name, "in": "path", "required": True, "schema": kind} for name, kind in path.items()],
    }


def _answer(media_type: str, schema: str, example: Any) -> dict[str, Any]:
    media = {"schema": {"$ref": f"#/components/schemas/{schema}"}, "example": example}
    return {"responses": {"200": {"description": "The document", "content": {media_type: media}}}}
