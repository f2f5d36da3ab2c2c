"""The plain views of this app in the OpenAPI document: they are not DRF views, so nothing else describes them."""

from __future__ import annotations

from typing import Any

from protocol.trust_list import MEDIA_TYPE

_SLUG = {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$", "example": "root"}
_DESCRIPTION = (
    "Who is accredited for what, as a JWS of the type `trust-list+jwt`: `root` is this government's own list, "
    "`verifiers` the register of organisations that ask for certificates, and every accrediting body has one under its "
    "name. Pin the root's key by another way than this address. `version` rises with every list; refuse one that is "
    "lower than the last, and rely on none past its `exp`."
)


def describe_plain_views(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add this app's machine routes to the generated document (a drf-spectacular post-processing hook)."""
    result["paths"] |= {"/trust-lists/{slug}.jwt": {"get": _trust_list()}}
    return result


def _trust_list() -> dict[str, Any]:
    token = {"schema": {"type": "string"}, "example": "eyJhbGciOiJFUzI1NiIsInR5cCI6InRydXN0LWxpc3Qrand0In0.e30.c2ln"}
    return {
        "operationId": "read_trust_list",
        "summary": "A signed trust list",
        "description": _DESCRIPTION,
        "tags": ["published"],
        "security": [{}],
        "parameters": [{"name": "slug", "in": "path", "required": True, "schema": _SLUG}],
        "responses": {
            "200": {"description": "The newest version", "content": {MEDIA_TYPE: token}},
            "304": {"description": "Unchanged since the ETag given in If-None-Match"},
        },
    }
