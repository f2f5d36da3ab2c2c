"""An example of each body and answer of this app for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from credentials.check_texts import sentence
from credentials.evidence_file import FORMAT as EVIDENCE_FORMAT
from credentials.trust_bundle import FORMAT

Schema = dict[str, Any]

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
        "missing": [],
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
    "signed": {
        "summary": "With a signed report and the evidence, and no word on an open verdict",
        "value": {
            "presentation": "eyJhbGciOiJFUzI1NiIsInR5cCI6ImRjK3NkLWp3dCJ9.e30.c2lnbmF0dXJl~",
            "policy": {"accepted_types": [_VCT], "undetermined": "reject"},
            "report": "jws",
            "include": ["evidence"],
        },
    },
}
POLICY_EXAMPLE: Schema = {
    "name": "counter",
    "version": 1,
    "rules": {"accepted_types": [_VCT], "require_key_binding": True, "undetermined": "reject"},
    "retention_days": 30,
    "created_at": "2026-11-24T03:00:00+00:00",
    "retired_at": None,
}
KEPT_EXAMPLE: Schema = {
    "id": "0b9f6c1e-53a7-4a52-9a8e-0a6f0b0f7c11",
    "url": "/api/v1/verifications/0b9f6c1e-53a7-4a52-9a8e-0a6f0b0f7c11",
    "created_at": "2026-11-24T03:00:00+00:00",
    "delete_after": "2026-12-24T03:00:00+00:00",
}
TYPE_EXAMPLE: Schema = {
    "vct": _VCT,
    "name": "Birth certificate",
    "description": "Proof of birth and parentage",
    "display": [
        {
            "locale": "pt",
            "name": "Certidão de nascimento",
            "description": "Prova do nascimento e da filiação",
            "rendering": {"svg_templates": [{"uri": f"{_VCT}/pt.svg", "uri#integrity": "sha256-9d3f…"}]},
        }
    ],
    "claims": [
        {
            "path": ["birth_date"],
            "display": [{"locale": "pt", "label": "Data de nascimento"}],
            "sd": "always",
            "mandatory": True,
            "svg_id": "birth_date",
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
    "trust_chains": [],
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
