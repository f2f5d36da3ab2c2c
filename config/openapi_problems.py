"""Which refusals each operation of the API can answer with. The document is completed from this table.

Not listed, because it is the same everywhere: 405 `method_not_allowed`, for a method that an address does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.problems import problem

MEDIA_TYPE = "application/problem+json"
_API_KEY = {401: ("not_authenticated", "api_key_invalid")}
_JSON_ONLY = {406: ("not_acceptable",)}
# NUL in an address, which WellFormedMiddleware refuses.
_ADDRESS = {400: ("invalid_input",)}

PROBLEM_CODES: Mapping[str, Mapping[int, tuple[str, ...]]] = {
    "verify_presentation": {
        400: ("json_invalid", "verify_request_invalid", "policy_invalid"),
        401: ("api_key_invalid",),
        413: ("too_large",),
        415: ("unsupported_media_type",),
        429: ("too_many_requests",),
    },
    "create_evidence": {
        400: ("json_invalid", "verify_request_invalid", "policy_invalid"),
        401: ("api_key_invalid",),
        413: ("too_large",),
        415: ("unsupported_media_type",),
        429: ("too_many_requests",),
    },
    "read_trust_bundle": {},
    "read_type": {**_ADDRESS, 404: ("not_found",)},
    "read_issuer": {**_ADDRESS, 404: ("not_found",)},
    "read_status_list": {**_ADDRESS, 404: ("not_found",), 406: ("not_acceptable",)},
    "create_request": {
        400: ("invalid_input", "json_invalid"),
        **_API_KEY,
        403: ("organisation_unapproved",),
        404: ("template_missing", "not_found"),
        **_JSON_ONLY,
        409: ("template_unusable", "recipient_key_missing"),
        413: ("too_large",),
        415: ("unsupported_media_type",),
    },
    "read_request": {**_ADDRESS, **_API_KEY, 404: ("request_missing", "not_found"), **_JSON_ONLY},
    "read_presentation": {
        **_ADDRESS,
        **_API_KEY,
        403: ("authorization_withdrawn", "authorization_expired", "reads_exhausted"),
        404: ("request_missing", "not_found"),
        **_JSON_ONLY,
        409: ("request_unanswered", "request_refused", "request_expired"),
    },
    "create_redemption": {
        400: ("invalid_input", "json_invalid", "presentation_invalid"),
        **_API_KEY,
        404: ("not_found",),
        **_JSON_ONLY,
        409: (
            "units_exhausted",
            "not_redeemable",
            "presentation_used",
            "idempotency_conflict",
        ),
        413: ("too_large",),
        415: ("unsupported_media_type",),
        503: ("presentation_undetermined",),
    },
    "read_redemption": {**_ADDRESS, **_API_KEY, 404: ("redemption_missing", "not_found"), **_JSON_ONLY},
    "create_reversal": {
        400: ("invalid_input", "json_invalid"),
        **_API_KEY,
        404: ("redemption_missing", "not_found"),
        **_JSON_ONLY,
        409: ("redemption_reversed",),
        413: ("too_large",),
        415: ("unsupported_media_type",),
    },
    "read_receipt": {
        **_ADDRESS,
        404: ("record_not_logged", "not_found"),
        406: ("not_acceptable",),
        409: ("receipt_pending",),
    },
    "read_checkpoint": {404: ("log_resource_not_found",)},
    "read_log_key": {},
    "read_tile": {**_ADDRESS, 404: ("log_resource_not_found", "not_found")},
    "read_entries": {**_ADDRESS, 404: ("log_resource_not_found", "not_found")},
    # 409 is in the standard's own form: the size, as text.
    "create_cosignature": {
        400: ("witness_request_malformed",),
        403: ("witness_checkpoint_unsigned",),
        404: ("witness_origin_unknown", "witness_disabled"),
        413: ("too_large",),
        415: ("unsupported_media_type",),
        422: ("witness_proof_invalid",),
        429: ("too_many_requests",),
        503: ("witness_memory_unsound", "log_guard_unreadable"),
    },
    "read_witness_keys": {404: ("witness_disabled",)},
    "read_cosigned_checkpoint": {**_ADDRESS, 404: ("witnessed_log_missing", "not_found")},
    "read_entered_checkpoint": {**_ADDRESS, 404: ("witnessed_log_missing", "not_found"), 409: ("receipt_pending",)},
    # Besides, DID resolution answers its own errors in its own form, as part of the result (W3C DID Resolution).
    "resolve_did": {**_ADDRESS, 401: ("api_key_invalid",), 429: ("too_many_requests",)},
    "report_alive": {},
    "report_ready": {503: ("unavailable",)},
    "report_anchoring": {503: ("unavailable",)},
    "read_metrics": {403: ("forbidden",), 404: ("not_found",)},
}

PROBLEM_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "description": "Problem details (RFC 9457). Programs decide by `code`, which never changes; people read the rest.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "A page about this code"},
        "title": {"type": "string", "description": "In the language of the request"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What to do next, in the language of the request"},
        "code": {"type": "string", "pattern": "^[a-z0-9_]+$"},
        "fields": {
            "type": "object",
            "description": "What is wrong, by the name of the member",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}
_HEADERS: Mapping[int, Mapping[str, Any]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds"}},
}


def describe_problems(operation: dict[str, Any]) -> None:
    """Complete every refusal of *operation* with its codes, the schema and an example."""
    for status, codes in PROBLEM_CODES.get(operation["operationId"], {}).items():
        response = operation["responses"].setdefault(str(status), {})
        titles = {code: problem(code, status)["title"] for code in codes}
        listed = "\n".join(f"- `{code}`: {title}" for code, title in titles.items())
        response["description"] = f"{response.get('description', '')}\n\n{listed}".strip()
        answer = {"schema": _schema_of(status, codes), "example": problem(codes[0], status)}
        response["content"] = {**response.get("content", {}), MEDIA_TYPE: answer}
        if status in _HEADERS:
            response["headers"] = dict(_HEADERS[status])
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _schema_of(status: int, codes: tuple[str, ...]) -> dict[str, Any]:
    narrowed = {"code": {"type": "string", "enum": list(codes)}, "status": {"type": "integer", "enum": [status]}}
    return {"allOf": [{"$ref": "#/components/schemas/Problem"}, {"type": "object", "properties": narrowed}]}
