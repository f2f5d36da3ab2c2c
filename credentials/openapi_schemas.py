"""Shapes of this app's bodies and answers for the OpenAPI document, with the limits that the code enforces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credentials.evidence_file import FORMAT as EVIDENCE_FORMAT
from credentials.evidence_file import MAX_ATTESTATIONS
from credentials.policy import (
    DEFAULT_QUORUM,
    HANDLINGS,
    MAX_AGE_SECONDS,
    MAX_ISSUER_LENGTH,
    MAX_ISSUERS,
    MAX_TYPE_LENGTH,
    MAX_TYPES,
)
from credentials.trust_bundle import FORMAT
from credentials.verification import MISSABLE, STEPS
from credentials.verify_request import INCLUDES, MAX_ID, MAX_ITEMS, MAX_RETAIN_DAYS, MAX_TEXT, REPORT_FORMS
from protocol.quorum import MAX_POLICY_BYTES

Schema = dict[str, Any]


def _object(properties: Schema, *, optional: frozenset[str] = frozenset(), **more: Any) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties, **more}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _closed(properties: Schema, *, required: list[str], **more: Any) -> Schema:
    """An object that may have no other members."""
    return {
        "type": "object", "required": required, "properties": properties, "additionalProperties": False, **more,
    }  # fmt: skip


_STRING: Schema = {"type": "string"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_POLICY_VERSION: Schema = {"type": "integer", "minimum": 1, "maximum": 1000}
_ANYTHING: Schema = {"type": "object", "additionalProperties": True}
_SECONDS: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_AGE_SECONDS}
_TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
_KEY = _object({"kty": _STRING, "crv": _STRING, "x": _STRING, "y": _STRING}, description="A public key (RFC 7517)")
_KNOWN_KEY = _object({"kid": _STRING, "jwk": _KEY})
_LOCALE = {"type": "string", "enum": ["zh-Hant", "zh-Hans", "pt", "en"]}
_NO_NUL = "^[^\\u0000]*$"
_ISSUER = {"type": "string", "minLength": 1, "maxLength": MAX_ISSUER_LENGTH, "pattern": _NO_NUL}

_MOMENT: Schema = {"type": "integer", "minimum": 0, "description": "Seconds since 1970"}
_STANDING: Schema = _object(
    {
        "lists": _list({**_STRING, "description": "Addresses of the trust lists that vouch for it, the root's first"}),
        "valid_from": _MOMENT,
        "valid_until": _MOMENT,
        "fresh_until": {**_MOMENT, "nullable": True, "description": "Past it nothing can be said of the issuer"},
        "withdrawn_at": {**_MOMENT, "nullable": True},
    },
    description="The issuer's accreditation, where it has bounds",
)
_CHAIN: Schema = _object(
    {
        "identifier": _STRING,
        "list": {**_STRING, "description": "Address of the root's list"},
        "keys": _list(_KEY),
        "types": _list({**_STRING, "description": "A vct, or * for all"}),
        "lists": _list(
            _object({"uri": _STRING, "token": {**_STRING, "description": "The signed list (trust-list+jwt)"}})
        ),
    },
    description="A pinned root elsewhere, and the evidence for the issuers beneath it",
)

_CHECK: Schema = {
    "step": {"type": "string", "enum": list(STEPS)},
    "code": {"type": "string", "description": "Stable; for programs"},
    "outcome": {"type": "string", "enum": ["pass", "fail", "unknown", "not_applicable"]},
    "message": {"type": "string", "description": "The same for a person, in the language of the request"},
    "evidence": {**_ANYTHING, "description": "What the answer rests on; never the value of a claim"},
}
_VERDICT: Schema = {
    "type": "string",
    "enum": ["valid", "invalid", "undetermined"],
    "description": "undetermined: something could not be checked, which says nothing against it",
}

_QUESTION: Schema = {
    "presentation": {"type": "string", "minLength": 1, "description": "An SD-JWT, with or without key binding"},
    "audience": {**_TEXT, "description": "For whom the holder must have signed it"},
    "nonce": {**_TEXT, "description": "The value that the holder must have signed"},
    "vct": {**_TEXT, "description": "The type it must be"},
}
_POLICY_NAME: Schema = {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,59}$"}
_POLICY: Schema = {
    "oneOf": [
        _ref("VerifyPolicy"),
        {**_POLICY_NAME, "description": "A stored policy of yours, in its newest version"},
        _closed({"name": _POLICY_NAME, "version": _POLICY_VERSION}, required=["name"]),
    ],
    "description": "What must hold beyond the rules that always do: in full, or by the name of a stored policy",
}
_REPORT_FORM: Schema = {
    "type": "string",
    "enum": list(REPORT_FORMS),
    "description": "Answer with the report signed by the service as well (JWS of type verification-report+jwt)",
}

SCHEMAS: Mapping[str, Schema] = {
    "VerifyPolicy": {
        "type": "object",
        "nullable": True,
        "description": "What must hold beyond the rules that always do",
        "additionalProperties": False,
        "properties": {
            "require_anchor": {"type": "boolean", "default": False, "description": "It must stand in the public log"},
            "require_key_binding": {"type": "boolean", "default": False, "description": "Its holder must sign it"},
            "max_status_age": {**_SECONDS, "description": "How old the knowledge of its status may be, in seconds"},
            "max_key_binding_age": {**_SECONDS, "default": 300, "description": "How old the holder's signature may be"},
            "accepted_issuers": _list(_ISSUER, minItems=1, maxItems=MAX_ISSUERS),
            "accepted_types": _list(
                {"type": "string", "minLength": 1, "maxLength": MAX_TYPE_LENGTH, "pattern": _NO_NUL},
                minItems=1,
                maxItems=MAX_TYPES,
            ),
            "undetermined": {
                "type": "string",
                "enum": list(HANDLINGS),
                "default": "report",
                "description": "What `accepted` says of an open verdict: null (yours to decide), or false",
            },
            "quorum": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_POLICY_BYTES,
                "description": (
                    "Which logs, witnesses and ledgers are enough: a policy text (C2SP tlog-policy with `ledger` lines), "
                    f"or `{DEFAULT_QUORUM}` for the one that this service recommends"
                ),
                "example": DEFAULT_QUORUM,
            },
        },
    },
    "EvidenceRequest": _closed({**_QUESTION, "policy": _POLICY}, required=["presentation"]),
    "VerifyRequest": _closed(
        {
            **_QUESTION,
            "policy": _POLICY,
            "report": _REPORT_FORM,
            "include": _list({"type": "string", "enum": list(INCLUDES)}, description="What else to answer with"),
            "retain": _closed(
                {"days": {"type": "integer", "minimum": 1, "maximum": MAX_RETAIN_DAYS}},
                required=["days"],
                description=(
                    "Keep the signed report, which holds no claim, for you: no longer than your templates are registered "
                    "for, than your policy says, and than the citizen was told. Without it, nothing is stored."
                ),
            ),
        },
        required=["presentation"],
    ),
    "BatchRequest": _closed(
        {
            "presentations": _list(
                {
                    "type": "object",
                    "properties": {
                        "id": {"type": "string", "minLength": 1, "maxLength": MAX_ID, "description": "Echoed"},
                        **_QUESTION,
                    },
                },
                minItems=1,
                maxItems=MAX_ITEMS,
            ),
            "policy": _POLICY,
            "report": _REPORT_FORM,
        },
        required=["presentations"],
    ),
    "Check": _object(_CHECK),
    "VerifyReport": _object(
        {
            "verdict": _VERDICT,
            "missing": _list(
                {"type": "string", "enum": list(MISSABLE)},
                description="What could not be checked, where that leaves the verdict undetermined; otherwise empty",
            ),
            "claims": {**_ANYTHING, "description": "What the issuer signed and the holder shows; empty if not signed"},
            "issuer": {**_STRING, "nullable": True},
            "vct": {**_STRING, "nullable": True},
            "checks": _list(
                _ref("Check"), minItems=len(STEPS), maxItems=len(STEPS), description="One of each step, in order"
            ),
        }
    ),
    "TypeMetadata": _object(
        {
            "vct": _STRING,
            "name": _STRING,
            "description": _STRING,
            "display": _list(
                _object({"locale": _LOCALE, "name": _STRING, "description": _STRING, "rendering": _ANYTHING})
            ),
            "claims": _list(
                _object(
                    {
                        "path": _list({**_STRING, "nullable": True}, minItems=1),
                        "display": _list(_object({"locale": _LOCALE, "label": _STRING})),
                        "sd": {"type": "string", "enum": ["always", "never"]},
                        "mandatory": {"type": "boolean"},
                        "svg_id": _STRING,
                    },
                    optional=frozenset({"svg_id"}),
                )
            ),
        },
        description="SD-JWT VC type metadata; the same bytes for ever, whose digest certificates hold",
    ),
    "IssuerMetadata": _object(
        {
            "issuer": {**_STRING, "format": "uri"},
            "jwks": _object(
                {"keys": _list({"allOf": [_KEY, _object({"kid": _STRING, "x5c": _list(_STRING, minItems=1)})]})}
            ),
        },
        description="SD-JWT VC issuer metadata",
    ),
    "TrustBundle": _object(
        {
            "format": {"type": "string", "enum": [FORMAT]},
            "generated_at": {"type": "string", "format": "date-time"},
            "expires_at": {"type": "string", "format": "date-time", "description": "Do not trust it after this"},
            "issuers": _list(
                _object(
                    {
                        "identifier": _STRING,
                        "types": _list({**_STRING, "description": "A vct, or * for all"}),
                        "keys": _list(_KNOWN_KEY),
                        "status_keys": _list(_KNOWN_KEY),
                        "standing": _STANDING,
                    },
                    optional=frozenset({"standing"}),
                )
            ),
            "trust_chains": _list(_CHAIN),
            "status_lists": _list(_object({"uri": _STRING, "token": _STRING})),
            "log": _object({"origin": _STRING, "vkey": _STRING}),
        }
    ),
}

_KEPT: Schema = {
    "id": {"type": "string", "format": "uuid"},
    "url": _STRING,
    "created_at": _TIME,
    "delete_after": {**_TIME, "description": "When it is deleted"},
}
_REVISION: Schema = {
    "rules": _ref("PolicyRules"),
    "retention_days": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_RETAIN_DAYS,
        "nullable": True,
        "description": "The longest that a report made under it may be kept; null sets no limit of its own",
    },
}
_RECORDED = {name: _CHECK[name] for name in ("step", "code", "outcome", "evidence")}
_NULLABLE: Schema = {**_STRING, "nullable": True}
SCHEMAS = {
    **SCHEMAS,
    # As VerifyPolicy, and never null.
    "PolicyRules": {name: value for name, value in SCHEMAS["VerifyPolicy"].items() if name != "nullable"},
    "VerifyAnswer": {
        "allOf": [
            _ref("VerifyReport"),
            _object(
                {
                    "accepted": {
                        "type": "boolean",
                        "nullable": True,
                        "description": "Whether the policy takes it; null where the verdict is open, and that is yours",
                    },
                    "policy": {
                        **_object({"name": _STRING, "version": _POLICY_VERSION}),
                        "nullable": True,
                        "description": "The stored policy that was followed",
                    },
                    "report": {**_STRING, "description": "The signed report, if asked for"},
                    "kept": {**_object(_KEPT), "description": "Where the report is kept, if asked for"},
                    "evidence": _ref("Evidence"),
                },
                optional=frozenset({"report", "kept", "evidence"}),
            ),
        ]
    },
    "PolicyInput": _closed({"name": _POLICY_NAME, **_REVISION}, required=["name", "rules"]),
    "PolicyRevision": _closed(_REVISION, required=["rules"]),
    "StoredPolicy": _object(
        {
            "name": _STRING,
            "version": _POLICY_VERSION,
            **_REVISION,
            "created_at": _TIME,
            "retired_at": {**_TIME, "nullable": True},
        }
    ),
    "PolicyList": _object({"policies": _list(_ref("StoredPolicy"))}),
    "KeptReportList": _object(
        {"verifications": _list(_object(_KEPT)), "next_page": {"type": "integer", "nullable": True}}
    ),
    "KeptReportWithText": _object({**_KEPT, "report": {**_STRING, "description": "The signed report"}}),
    "JwkSet": _object({"keys": _list(_KEY)}, description="A JWK Set (RFC 7517)"),
    "Evidence": _object(
        {
            "format": {"type": "string", "enum": [EVIDENCE_FORMAT]},
            "made_at": {"type": "string", "format": "date-time", "description": "As of when everything is judged"},
            "presentation": _STRING,
            "audience": _NULLABLE,
            "nonce": _NULLABLE,
            "vct": _NULLABLE,
            "policy": _ref("VerifyPolicy"),
            "trust": _ref("TrustBundle"),
            "receipt": {**_NULLABLE, "description": "C2SP tlog-proof, null while the log has none"},
            "cose_receipt": {**_NULLABLE, "description": "COSE Receipt of the same path, base64"},
            "attestations": _list(
                _object(
                    {
                        "ledger_id": _STRING,
                        "kind": _STRING,
                        "pins": {"type": "object", "additionalProperties": _STRING},
                        "checkpoint": {**_STRING, "description": "The signed note that was attested"},
                        "consistency": _list({**_STRING, "description": "base64, from it to the receipt's or back"}),
                        "evidence": {**_STRING, "description": "base64, in the ledger's own form"},
                    }
                ),
                maxItems=MAX_ATTESTATIONS,
            ),
            "report": _object(
                {
                    "verdict": _VERDICT,
                    "issuer": _NULLABLE,
                    "vct": _NULLABLE,
                    "checks": _list(_object(_RECORDED), minItems=len(STEPS), maxItems=len(STEPS)),
                }
            ),
        },
        description="Everything about one certificate at one moment, to be verified again by anyone",
    ),
}
