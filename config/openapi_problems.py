"""Which refusals each operation of the API can answer with. The document is completed from this table.

Not listed, because it is the same everywhere: 405 `method_not_allowed`, for a method that an address does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.problems import problem

MEDIA_TYPE = "application/problem+json"
_API_KEY = {401: ("not_authenticated", "api_key_invalid")}
# Wallets are refused in the words of OAuth; these are what is not theirs to answer for.
_WALLET = {404: ("not_found",), 415: ("unsupported_media_type",), 429: ("too_many_requests",)}
_WALLET_RESOURCE = {404: ("not_found",), 409: ("signing_key_state",), 415: ("unsupported_media_type",)}
_JSON_ONLY = {406: ("not_acceptable",)}
# NUL in an address, which WellFormedMiddleware refuses.
_ADDRESS = {400: ("invalid_input",)}

PROBLEM_CODES: Mapping[str, Mapping[int, tuple[str, ...]]] = {
    "verify_presentation": {
        400: ("json_invalid", "verify_request_invalid", "policy_invalid"),
        401: ("api_key_invalid", "not_authenticated"),
        403: ("retention_exceeded",),
        404: ("policy_missing",),
        409: ("policy_retired", "signing_key_state"),
        413: ("too_large",),
        415: ("unsupported_media_type",),
        429: ("too_many_requests",),
    },
    "verify_batch": {
        400: ("json_invalid", "verify_request_invalid", "policy_invalid"),
        **_API_KEY,
        404: ("policy_missing",),
        409: ("policy_retired", "signing_key_state"),
        413: ("too_large",),
        415: ("unsupported_media_type",),
    },
    "create_evidence": {
        400: ("json_invalid", "verify_request_invalid", "policy_invalid"),
        401: ("api_key_invalid", "not_authenticated"),
        404: ("policy_missing",),
        409: ("policy_retired", "signing_key_state"),
        413: ("too_large",),
        415: ("unsupported_media_type",),
        429: ("too_many_requests",),
    },
    "read_policies": _API_KEY,
    "create_policy": {
        400: ("json_invalid", "policy_invalid"),
        **_API_KEY,
        409: ("policy_exists", "policy_limit"),
        413: ("too_large",),
        415: ("unsupported_media_type",),
    },
    "read_policy": {**_ADDRESS, **_API_KEY, 404: ("policy_missing", "not_found")},
    "revise_policy": {
        400: ("json_invalid", "policy_invalid", "invalid_input"),
        **_API_KEY,
        404: ("policy_missing", "not_found"),
        409: ("policy_limit",),
        413: ("too_large",),
        415: ("unsupported_media_type",),
    },
    "retire_policy": {**_ADDRESS, **_API_KEY, 404: ("policy_missing", "not_found")},
    "read_verifications": {**_ADDRESS, **_API_KEY},
    "read_verification": {**_ADDRESS, **_API_KEY, 404: ("verification_missing", "not_found")},
    "delete_verification": {**_ADDRESS, **_API_KEY, 404: ("verification_missing", "not_found")},
    "read_service_keys": {},
    "read_trust_bundle": {},
    "read_trust_list": {**_ADDRESS, 404: ("trust_list_unknown", "not_found")},
    "read_type": {**_ADDRESS, 404: ("not_found",)},
    "read_type_context": {**_ADDRESS, 404: ("not_found",)},
    "read_type_schema": {**_ADDRESS, 404: ("not_found",)},
    "read_issuer_document": {**_ADDRESS, 404: ("not_found",)},
    "read_template": {**_ADDRESS, 404: ("not_found",)},
    "read_issuer": {**_ADDRESS, 404: ("not_found",)},
    "read_status_list": {**_ADDRESS, 404: ("not_found",), 406: ("not_acceptable",)},
    "create_request": {
        400: (
            "invalid_input",
            "json_invalid",
            "wallet_options_invalid",
            "dcql_malformed",
            "transaction_data_malformed",
        ),
        **_API_KEY,
        403: ("organisation_unapproved", "over_asking"),
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
        409: ("request_unanswered", "request_refused", "request_expired", "answered_by_wallet"),
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
    "create_offer": {
        400: ("invalid_input", "json_invalid", "offer_invalid"),
        **_API_KEY,
        404: ("not_found",),
        **_JSON_ONLY,
        409: ("offer_subject",),
        413: ("too_large",),
        415: ("unsupported_media_type",),
    },
    "read_offer": {**_ADDRESS, **_API_KEY, 404: ("offer_missing", "not_found"), **_JSON_ONLY},
    "cancel_offer": {
        **_ADDRESS,
        **_API_KEY,
        404: ("offer_missing", "not_found"),
        **_JSON_ONLY,
        409: ("offer_state",),
    },
    "read_issuer_metadata": {**_ADDRESS, 404: ("not_found",), 409: ("signing_key_state",)},
    "read_server_metadata": {**_ADDRESS, 404: ("not_found",)},
    "read_draft_issuer_metadata": {**_ADDRESS, 404: ("not_found",)},
    "read_draft_server_metadata": {**_ADDRESS, 404: ("not_found",)},
    "read_offer_by_reference": {**_ADDRESS, 404: ("offer_missing", "not_found"), 429: ("too_many_requests",)},
    "create_pushed_request": _WALLET,
    "create_token": _WALLET,
    "create_nonce": _WALLET,
    "create_wallet_credential": _WALLET_RESOURCE,
    "create_deferred_credential": _WALLET_RESOURCE,
    "report_notification": {404: ("not_found",), 415: ("unsupported_media_type",)},
    "read_result": {
        400: ("invalid_input",),
        **_API_KEY,
        403: ("response_code_invalid", "authorization_withdrawn", "authorization_expired", "reads_exhausted"),
        404: ("request_missing", "presentation_session_missing", "not_found"),
        **_JSON_ONLY,
        409: ("request_unanswered", "request_refused", "request_expired", "presentation_gone"),
    },
    "read_verifier_did": {**_ADDRESS, 404: ("verifier_missing", "not_found")},
    # Wallets are answered in the form of OAuth instead.
    "read_request_object": {404: ("not_found",)},
    "create_request_object": {404: ("not_found",), 415: ("unsupported_media_type",)},
    "read_digital_request": {404: ("not_found",)},
    "create_digital_response": {404: ("not_found",), 415: ("unsupported_media_type",)},
    "create_wallet_response": {404: ("not_found",), 415: ("unsupported_media_type",)},
    "list_webhooks": {**_API_KEY, **_JSON_ONLY},
    "create_webhook": {
        400: ("webhook_invalid", "invalid_input", "json_invalid"),
        **_API_KEY,
        **_JSON_ONLY,
        409: ("webhook_limit",),
        413: ("too_large",),
        415: ("unsupported_media_type",),
    },
    "read_webhook": {**_ADDRESS, **_API_KEY, 404: ("webhook_missing", "not_found"), **_JSON_ONLY},
    "switch_webhook": {
        400: ("invalid_input", "json_invalid"),
        **_API_KEY,
        404: ("webhook_missing", "not_found"),
        **_JSON_ONLY,
        409: ("webhook_limit",),
        413: ("too_large",),
        415: ("unsupported_media_type",),
    },
    "rotate_webhook_secret": {**_ADDRESS, **_API_KEY, 404: ("webhook_missing", "not_found"), **_JSON_ONLY},
    "test_webhook": {
        **_ADDRESS,
        **_API_KEY,
        404: ("webhook_missing", "not_found"),
        **_JSON_ONLY,
        409: ("webhook_disabled",),
        429: ("too_many_requests",),
    },
    "list_webhook_deliveries": {**_ADDRESS, **_API_KEY, 404: ("webhook_missing", "not_found"), **_JSON_ONLY},
    "replay_webhook_delivery": {
        **_ADDRESS,
        **_API_KEY,
        404: ("webhook_missing", "webhook_delivery_missing", "not_found"),
        **_JSON_ONLY,
        409: ("webhook_disabled",),
        429: ("too_many_requests",),
    },
    # Relying parties too.
    "read_sign_in_configuration": {},
    "read_sign_in_metadata": {},
    "read_sign_in_keys": {},
    "create_sign_in_tokens": {},
    "read_sign_in_claims": {},
    "read_sign_in_claims_by_post": {},
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
