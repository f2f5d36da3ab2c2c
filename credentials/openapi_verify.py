"""Verification in the OpenAPI document: one presentation, a batch, evidence, stored policies, kept reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Final

from django.utils import translation

from credentials.evidence_file import MEDIA_TYPE
from credentials.openapi_examples import (
    EVIDENCE_EXAMPLE,
    KEPT_EXAMPLE,
    POLICY_EXAMPLE,
    REQUEST_EXAMPLES,
    describe_report,
)

Described = dict[str, Any]

_NAME: Final = {
    "name": "name",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"},
    "example": "counter",
}
_REPORT_ID: Final = {
    "name": "report_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}
_VERSION: Final = {
    "name": "version",
    "in": "query",
    "required": False,
    "description": "The newest one without it",
    "schema": {"type": "integer", "minimum": 1, "maximum": 999999999},
}
_PAGE: Final = {
    "name": "page",
    "in": "query",
    "required": False,
    "schema": {"type": "integer", "minimum": 1, "maximum": 10000, "default": 1},
}
_WITH_KEY: Final[list[Described]] = [{"apiKey": []}]


def verification_paths() -> dict[str, Described]:
    """Return the operations by path and method."""
    paths = {
        "/api/v1/verify": {"post": _verify()},
        "/api/v1/verify/batch": {"post": _batch()},
        "/api/v1/evidence": {"post": _evidence()},
        "/api/v1/policies": {"get": _read_policies(), "post": _create_policy()},
        "/api/v1/policies/{name}": {"get": _read_policy(), "put": _revise_policy(), "delete": _retire_policy()},
        "/api/v1/verifications": {"get": _read_verifications()},
        "/api/v1/verifications/{report_id}": {"get": _read_verification(), "delete": _delete_verification()},
    }
    # Each operation has its own answers: whoever completes the document writes into them.
    return {path: {method: deepcopy(one) for method, one in item.items()} for path, item in paths.items()}


def _verify() -> Described:
    return {
        "operationId": "verify_presentation",
        "summary": "Judge a presentation",
        "description": (
            "Any presentation is answered with 200 and a verdict; 4xx is for a bad request alone. `accepted` is what "
            "your policy makes of the verdict. Nothing is stored unless you ask for it with `retain`. "
            "Without an API key the rate is limited. The messages follow Accept-Language. "
            "Try it out: leave the example, which is not a certificate, or paste one."
        ),
        "tags": ["verify"],
        "security": [{"apiKey": []}, {}],
        "requestBody": _body("VerifyRequest", examples=dict(REQUEST_EXAMPLES)),
        "responses": {
            "200": _answer("The report: ten checks, in order", "VerifyAnswer", _answer_example()),
            **_REFUSED,
        },
    }


_REFUSED: Final[dict[str, Described]] = {
    "400": {"description": "The body is not the JSON object described; `fields` says where"},
    "401": {"description": "The API key is unknown or revoked, or there is none, and this needs one"},
    "403": {"description": "The report may not be kept for so long"},
    "404": {"description": "Your organisation has no policy of this name and version"},
    "409": {"description": "The policy is retired, or the service has no key to sign a report with"},
    "413": {"description": "The body is longer than 1 MiB"},
    "415": {"description": "The body is not application/json"},
    "429": {"description": "Too many requests without an API key; see Retry-After"},
}


def _answer_example() -> Described:
    with translation.override("en"):
        return {"accepted": True, "policy": None, **describe_report()}


def _batch() -> Described:
    lines = "\n".join(json.dumps({"presentation": text}) for text in ("eyJ…~", "eyJ…~"))
    line = {"index": 0, "id": "a-17", **_answer_example()}
    counted = {"items": 1, "valid": 1, "invalid": 0, "undetermined": 0, "refused": 0, "accepted": 1}
    answered = "\n".join(json.dumps(each, ensure_ascii=False) for each in (line, {"summary": counted})) + "\n"
    body = _body("BatchRequest", example={"presentations": [{"id": "a-17", "presentation": _SHOWN}]})
    body["content"]["application/x-ndjson"] = {
        "schema": {"type": "string", "pattern": "(^|\\n)\\{"},
        "example": lines,
    }
    return {
        "operationId": "verify_batch",
        "summary": "Judge up to 1,000 presentations",
        "description": (
            "Answered line by line (NDJSON), in the order of the question, each line as soon as it is judged, and a last "
            "one with `summary`. A line is an answer of `/api/v1/verify` with `index` and your `id`, or `error` with the "
            "code of what is wrong with that one item; no item spoils another. The question is one JSON object, or NDJSON "
            "as well: an item a line, and before them perhaps one line with `policy` and `report`. At most 16 MiB."
        ),
        "tags": ["verify"],
        "security": _WITH_KEY,
        "requestBody": body,
        "responses": {
            "200": {
                "description": "One line for each presentation, and the summary",
                "content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": answered}},
            },
            **{status: _REFUSED[status] for status in ("400", "401", "404", "409")},
            "413": {"description": "The body is longer than 16 MiB"},
            "415": {"description": "The body is neither application/json nor application/x-ndjson"},
        },
    }


_SHOWN: Final = REQUEST_EXAMPLES["plain"]["value"]["presentation"]


def _evidence() -> Described:
    """The same question as verification's, with the same refusals; the answer is a file."""
    answer = {"schema": _ref("Evidence"), "example": EVIDENCE_EXAMPLE}
    statuses = ("400", "401", "404", "409", "413", "415", "429")
    examples = {name: REQUEST_EXAMPLES[name] for name in ("plain", "addressed")}
    return {
        **_verify(),
        "operationId": "create_evidence",
        "summary": "Judge a presentation, and keep the evidence",
        "description": (
            "As `/api/v1/verify`, answered with one file that holds the presentation, the report, and all it rests on: "
            "keys, dated status, proof from the log, and what ledgers said. Anyone can verify it again, offline, with the "
            "command line or the page at `/verifier.html`."
        ),
        "requestBody": _body("EvidenceRequest", examples=examples),
        "responses": {
            "200": {
                "description": "An evidence bundle",
                "headers": {"Content-Disposition": {"schema": {"type": "string"}, "description": "A file name"}},
                "content": {MEDIA_TYPE: answer},
            },
            **{status: _REFUSED[status] for status in statuses},
        },
    }


def _read_policies() -> Described:
    answer = _answer("The newest version of each", "PolicyList", {"policies": [POLICY_EXAMPLE]})
    return _keyed("read_policies", "Your verification policies", [], {"200": answer})


def _create_policy() -> Described:
    members = ("name", "rules", "retention_days")
    created = _answer("The policy, in its first version", "StoredPolicy", POLICY_EXAMPLE)
    created["headers"] = {"Location": {"schema": {"type": "string"}, "description": "Its address"}}
    responses = {
        "201": created,
        "400": {"description": "The body is not as described; `fields` says where"},
        "409": {"description": "There is a policy of this name already, or there are too many"},
        **_NO_JSON,
    }
    described = _keyed("create_policy", "Store a verification policy under a name", [], responses)
    example = {name: POLICY_EXAMPLE[name] for name in members}
    return {**described, "requestBody": _body("PolicyInput", example=example)}


def _read_policy() -> Described:
    responses = {
        "200": _answer("The policy", "StoredPolicy", POLICY_EXAMPLE),
        "400": {"description": "The version is not a number"},
        "404": _NO_POLICY,
    }
    return _keyed("read_policy", "One version of a policy", [_NAME, _VERSION], responses)


def _revise_policy() -> Described:
    responses = {
        "200": _answer("The newest version", "StoredPolicy", POLICY_EXAMPLE),
        "400": {"description": "The body is not as described; `fields` says where"},
        "404": _NO_POLICY,
        "409": {"description": "There are too many versions"},
        **_NO_JSON,
    }
    described = _keyed("revise_policy", "Make a new version of a policy", [_NAME], responses)
    described["description"] = (
        "Versions never change: whoever named one goes on getting it. The same rules again are the same version. "
        "A retired policy comes back with its next version."
    )
    example = {name: POLICY_EXAMPLE[name] for name in ("rules", "retention_days")}
    return {**described, "requestBody": _body("PolicyRevision", example=example)}


def _retire_policy() -> Described:
    responses = {"204": {"description": "No verification uses it any more"}, "404": _NO_POLICY}
    return _keyed("retire_policy", "Retire a policy", [_NAME], responses)


def _read_verifications() -> Described:
    listed = _answer("A page, newest first", "KeptReportList", {"verifications": [KEPT_EXAMPLE], "next_page": None})
    responses = {"200": listed, "400": {"description": "The page is not a number in range"}}
    return _keyed("read_verifications", "Reports that you keep here", [_PAGE], responses)


def _read_verification() -> Described:
    example = {**KEPT_EXAMPLE, "report": "eyJhbGciOiJFUzI1NiIsInR5cCI6InZlcmlmaWNhdGlvbi1yZXBvcnQrand0In0.e30.c2ln"}
    responses = {"200": _answer("The signed report", "KeptReportWithText", example), "404": _NO_REPORT}
    return _keyed("read_verification", "A report that you keep here", [_REPORT_ID], responses)


def _delete_verification() -> Described:
    responses = {"204": {"description": "It is gone"}, "404": _NO_REPORT}
    return _keyed("delete_verification", "Let go of a report before its time", [_REPORT_ID], responses)


_NO_POLICY: Final = {"description": "Your organisation has no policy of this name and version"}
_NO_REPORT: Final = {"description": "Your organisation keeps no report of this id, or not any more"}
_NO_JSON: Final[dict[str, Described]] = {
    "413": {"description": "The body is longer than 1 MiB"},
    "415": {"description": "The body is not application/json"},
}


def _keyed(operation: str, summary: str, parameters: list[Described], responses: Mapping[str, Described]) -> Described:
    """Return an operation that only an organisation's key opens."""
    return {
        "operationId": operation,
        "summary": summary,
        "tags": ["verify"],
        "security": _WITH_KEY,
        "parameters": parameters,
        "responses": {**responses, "401": {"description": "No API key, or one that is unknown or revoked"}},
    }


def _body(schema: str, **examples: Any) -> Described:
    return {"required": True, "content": {"application/json": {"schema": _ref(schema), **examples}}}


def _answer(description: str, schema: str, example: Described) -> Described:
    return {"description": description, "content": {"application/json": {"schema": _ref(schema), "example": example}}}


def _ref(name: str) -> Described:
    return {"$ref": f"#/components/schemas/{name}"}
