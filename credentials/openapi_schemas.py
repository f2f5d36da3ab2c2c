"""Shapes of this app's answers for the OpenAPI document, with the limits that the code enforces, and an example each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credentials.check_texts import sentence
from credentials.evidence_file import FORMAT as EVIDENCE_FORMAT
from credentials.evidence_file import MAX_ATTESTATIONS
from credentials.policy import DEFAULT_QUORUM, MAX_AGE_SECONDS, MAX_ISSUER_LENGTH, MAX_ISSUERS
from credentials.trust_bundle import FORMAT
from credentials.verification import STEPS
from credentials.views.api import MAX_TEXT
from protocol.quorum import MAX_POLICY_BYTES

Schema = dict[str, Any]


def _object(properties: Schema, *, optional: frozenset[str] = frozenset(), **more: Any) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties, **more}


def _list(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


_STRING: Schema = {"type": "string"}
_ANYTHING: Schema = {"type": "object", "additionalProperties": True}
_SECONDS: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_AGE_SECONDS}
_TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
_KEY = _object({"kty": _STRING, "crv": _STRING, "x": _STRING, "y": _STRING}, description="A public key (RFC 7517)")
_KNOWN_KEY = _object({"kid": _STRING, "jwk": _KEY})
_LOCALE = {"type": "string", "enum": ["zh-Hant", "zh-Hans", "pt", "en"]}
_ISSUER = {"type": "string", "minLength": 1, "maxLength": MAX_ISSUER_LENGTH}

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
    "VerifyRequest": {
        "type": "object",
        "required": ["presentation"],
        "additionalProperties": False,
        "properties": {
            "presentation": {"type": "string", "minLength": 1, "description": "An SD-JWT, with or without key binding"},
            "audience": {**_TEXT, "description": "For whom the holder must have signed it"},
            "nonce": {**_TEXT, "description": "The value that the holder must have signed"},
            "vct": {**_TEXT, "description": "The type it must be"},
            "policy": _ref("VerifyPolicy"),
        },
    },
    "Check": _object(_CHECK),
    "VerifyReport": _object(
        {
            "verdict": _VERDICT,
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
            "display": _list(_object({"locale": _LOCALE, "name": _STRING, "description": _STRING})),
            "claims": _list(
                _object(
                    {
                        "path": _list({**_STRING, "nullable": True}, minItems=1),
                        "display": _list(_object({"locale": _LOCALE, "label": _STRING})),
                        "sd": {"type": "string", "enum": ["always", "never"]},
                        "mandatory": {"type": "boolean"},
                    }
                )
            ),
        },
        description="SD-JWT VC type metadata",
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
                    }
                )
            ),
            "status_lists": _list(_object({"uri": _STRING, "token": _STRING})),
            "log": _object({"origin": _STRING, "vkey": _STRING}),
        }
    ),
}

_RECORDED = {name: _CHECK[name] for name in ("step", "code", "outcome", "evidence")}
_NULLABLE: Schema = {**_STRING, "nullable": True}
SCHEMAS = {
    **SCHEMAS,
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

_AGENCY = "http://localhost:8000/issuers/identification"
_VCT = "http://localhost:8000/types/birth-certificate/1"
_JWK = {
    "kty": "EC",
    "crv": "P-256",
    "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
    "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
}
_PASSED: tuple[tuple[str, str, str, Schema], ...] = (
    ("parse", "parsed", "pass", {"disclosures": 1}),
    ("issuer_key", "issuer_key_found", "pass", {"issuer": _AGENCY, "kid": "identification-1"}),
    ("issuer_trusted", "issuer_trusted", "pass", {"issuer": _AGENCY, "vct": _VCT}),
    ("signature", "signature_valid", "pass", {"algorithm": "ES256"}),
    ("disclosures", "disclosures_valid", "pass", {"disclosed": 1}),
    ("key_binding", "key_binding_absent", "not_applicable", {}),
    ("validity", "within_validity", "pass", {"iat": 1790000000}),
    (
        "status",
        "status_valid",
        "pass",
        {
            "uri": "http://localhost:8000/status/7a0c52a4-6c0e-4a0f-9a55-2f8a7a0f1d11",
            "index": 41,
            "as_of": 1790000600,
        },
    ),
    ("anchor", "anchored", "pass", {"log": "localhost:8000/log", "leaf_index": 1, "tree_size": 2}),
    ("authorization", "authorization_absent", "not_applicable", {}),
)


def describe_report() -> Schema:
    """Return the example of a report, its sentences in the current language."""
    return {
        "verdict": "valid",
        "claims": {"sex": "female"},
        "issuer": _AGENCY,
        "vct": _VCT,
        "checks": [
            {"step": step, "code": code, "outcome": outcome, "message": sentence(code, step=step), "evidence": evidence}
            for step, code, outcome, evidence in _PASSED
        ],
    }


REQUEST_EXAMPLES: Mapping[str, Schema] = {
    "plain": {
        "summary": "The least that can be asked",
        "value": {"presentation": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImRjK3NkLWp3dCJ9.e30.c2lnbmF0dXJl~"},
    },
    "addressed": {
        "summary": "Made by its holder for you, and for this moment",
        "value": {
            "presentation": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImRjK3NkLWp3dCJ9.e30.c2lnbmF0dXJl~",
            "audience": "http://localhost:8000/organisations/daiwan",
            "nonce": "Dk3rFmFz0cVAWy5bq1wAZq3v8CJq0lqO",
            "vct": _VCT,
            "policy": {"require_key_binding": True, "max_key_binding_age": 300},
        },
    },
}
TYPE_EXAMPLE: Schema = {
    "vct": _VCT,
    "name": "Birth certificate",
    "description": "Proof of birth and parentage",
    "display": [{"locale": "pt", "name": "Certidão de nascimento", "description": "Prova do nascimento e da filiação"}],
    "claims": [
        {
            "path": ["birth_date"],
            "display": [{"locale": "pt", "label": "Data de nascimento"}],
            "sd": "always",
            "mandatory": True,
        }
    ],
}
ISSUER_EXAMPLE: Schema = {
    "issuer": _AGENCY,
    "jwks": {
        "keys": [{**_JWK, "kid": "identification-1", "use": "sig", "alg": "ES256", "x5c": ["MIIB…leaf", "MIIB…root"]}]
    },
}
BUNDLE_EXAMPLE: Schema = {
    "format": FORMAT,
    "generated_at": "2026-11-24T03:00:00+00:00",
    "expires_at": "2026-11-25T03:00:00+00:00",
    "issuers": [
        {
            "identifier": _AGENCY,
            "types": [_VCT],
            "keys": [{"kid": "identification-1", "jwk": _JWK}],
            "status_keys": [{"kid": "identification-status-1", "jwk": _JWK}],
        }
    ],
    "status_lists": [
        {"uri": "http://localhost:8000/status/7a0c52a4-6c0e-4a0f-9a55-2f8a7a0f1d11", "token": "eyJhbGciOiJFUzI1NiJ9…"}
    ],
    "log": {"origin": "localhost:8000/log", "vkey": "localhost:8000/log+1a2b3c4d+ARq8…"},
}
EVIDENCE_EXAMPLE: Schema = {
    "format": EVIDENCE_FORMAT,
    "made_at": "2026-11-24T03:00:00+00:00",
    "presentation": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImRjK3NkLWp3dCJ9.e30.c2lnbmF0dXJl~",
    "audience": None,
    "nonce": None,
    "vct": None,
    "policy": None,
    "trust": BUNDLE_EXAMPLE,
    "receipt": "c2sp.org/tlog-proof@v1\nindex 1\nivMvHLSMAV1CDYyT5kcyAn6OATdFB5ZcLyXMMsnqOPs=\n\nlocalhost:8000/log\n2\n…",
    "cose_receipt": None,
    "attestations": [
        {
            "ledger_id": "guangdong",
            "kind": "witness",
            "pins": {"vkey": "guangdong.example/witness+5e6f7a8b+BA…"},
            "checkpoint": "localhost:8000/log\n2\n…",
            "consistency": [],
            "evidence": "",
        }
    ],
    "report": {
        "verdict": "valid",
        "issuer": _AGENCY,
        "vct": _VCT,
        "checks": [
            {"step": step, "code": code, "outcome": outcome, "evidence": evidence}
            for step, code, outcome, evidence in _PASSED
        ],
    },
}
