"""The OpenAPI document and the page to try it on. Each app describes its own operations; here they become one."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from config.openapi_problems import PROBLEM_SCHEMA, describe_problems

_DESCRIPTION = """
Check certificates, ask citizens for what you need to know, and read the public log.

**Refusals** are problem details (RFC 9457) of the type `application/problem+json`. Decide by `code`, which never
changes; every code has a page at [/problems/](/problems/). A method that an address does not have is answered with
405 `method_not_allowed`; while the database is away, the answer is 503 `unavailable`.

**Languages.** Titles, details and the messages of checks come in Traditional Chinese (`zh-Hant`, the default),
Simplified Chinese (`zh-Hans`), Portuguese (`pt`) or English (`en`), by `Accept-Language`. Codes and names of members
are the same in all of them.

**API key.** An organisation, or a department for its offers, makes its keys under “Keys” and sends one as
`Authorization: Bearer ck_…`. Addresses without a padlock need none.

**Webhooks.** Your server is told of what happens, in the form under “Webhooks” below. Verify every message with a
library of [Standard Webhooks](https://www.standardwebhooks.com/), answer with 2xx, and expect it more than once.
""".strip()
_TAGS = {
    "verify": "Judge a presentation",
    "offers": "Offer certificates to wallets",
    "wallets": "What wallets call, as OpenID4VCI 1.0 with its OAuth, and OpenID4VP 1.0, prescribe",
    "requests": "Ask a citizen, and fetch what they agreed to share",
    "sign-in": "Let citizens sign in by showing a certificate (OpenID Connect)",
    "redemptions": "Certificates that are used up: a prescription dispensed once",
    "webhooks": "Be told, instead of asking: by the Standard Webhooks specification",
    "published": "What checking needs, online or offline: keys, types, status lists",
    "log": "The public log: checkpoint, tiles and proofs (C2SP)",
    "identifiers": "DID resolution",
    "service": "For probes",
}


def _probe(operation: str, summary: str, state: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["status"],
        "properties": {"status": {"type": "string", "enum": [state]}},
        "example": {"status": state},
    }
    answer = {"description": summary, "content": {"application/json": {"schema": schema}}}
    return {"operationId": operation, "summary": summary, "tags": ["service"], "security": [{}],
            "responses": {"200": answer}}  # fmt: skip


_CODES = {"type": "array", "items": {"type": "string", "pattern": "^[a-z0-9_]+$"}}


def _log_probe() -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": ["status", "errors", "warnings"],
        "properties": {
            "status": {"type": "string", "enum": ["fine", "failing"]},
            "errors": {**_CODES, "description": "What keeps the log or a ledger from working until someone acts"},
            "warnings": {**_CODES, "description": "What someone should look at"},
        },
    }
    answers = {
        "200": ("No error stands", {"status": "fine", "errors": [], "warnings": ["ledger_behind"]}),
        "503": ("An error stands", {"status": "failing", "errors": ["log_rolled_back"], "warnings": []}),
    }
    responses = {
        status: {"description": text, "content": {"application/json": {"schema": schema, "example": example}}}
        for status, (text, example) in answers.items()
    }
    return {"operationId": "report_anchoring", "summary": "The log and its ledgers need nobody", "tags": ["service"],
            "security": [{}], "responses": responses}  # fmt: skip


def _metrics() -> dict[str, Any]:
    content = {"text/plain": {"schema": {"type": "string"}, "example": "chancela_log_size 2.0\n"},
               "application/openmetrics-text": {"schema": {"type": "string"}}}  # fmt: skip
    return {"operationId": "read_metrics", "summary": "Figures for Prometheus", "tags": ["service"], "security": [{}],
            "description": "Only for whoever sends the operator's token as `Authorization: Bearer`, or asks from a "
                           "network that the operator named.",
            "responses": {"200": {"description": "Figures", "content": content}}}  # fmt: skip


def complete_document(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add what concerns all apps: introduction, server, problems, probes (a drf-spectacular post-processing hook)."""
    result["info"]["description"] = _DESCRIPTION
    result["servers"] = [{"url": settings.PUBLIC_URL}]
    result["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
    result["components"].setdefault("schemas", {})["Problem"] = dict(PROBLEM_SCHEMA)
    result["paths"] |= {
        "/health/alive": {"get": _probe("report_alive", "The process answers", "alive")},
        "/health/ready": {"get": _probe("report_ready", "The database answers too", "ready")},
        "/health/anchoring": {"get": _log_probe()},
        "/metrics": {"get": _metrics()},
    }
    with translation.override("en"):
        for path in result["paths"].values():
            for operation in path.values():
                describe_problems(operation)
    completed: dict[str, Any] = _with_null_types(result)
    return completed


def _with_null_types(part: Any) -> Any:
    """Return *part* of the document with OpenAPI 3.0's `nullable` said as 3.1 does, which is how JSON Schema says it."""
    if isinstance(part, list):
        return [_with_null_types(item) for item in part]
    if not isinstance(part, dict):
        return part
    inner = {name: _with_null_types(value) for name, value in part.items() if name != "nullable"}
    # A member that happens to be called so has a schema for its value, not a truth.
    if "nullable" not in part or not isinstance(part["nullable"], bool):
        return {**inner, **({"nullable": _with_null_types(part["nullable"])} if "nullable" in part else {})}
    return {"anyOf": [inner, {"type": "null"}]} if part["nullable"] else inner


def document() -> dict[str, Any]:
    """Return the whole document."""
    generator: Any = SchemaGenerator
    with translation.override("en"):
        made: dict[str, Any] = generator().get_schema(request=None, public=True)
        return made


@lru_cache(maxsize=4)
def _document(public_url: str) -> bytes:
    return json.dumps(document(), ensure_ascii=False).encode()


@csrf_exempt
@require_safe
@cache_control(public=True, max_age=300)
def show_document(request: HttpRequest) -> HttpResponse:
    """GET /api/openapi.json, readable by anyone from anywhere."""
    body = _document(settings.PUBLIC_URL)
    return HttpResponse(body, content_type="application/json", headers={"Access-Control-Allow-Origin": "*"})


@require_safe
def show_try_it_page(request: HttpRequest) -> HttpResponse:
    """GET /api/docs/: Swagger UI from its own files, nothing inline, so that the strict CSP holds."""
    return render(request, "api_docs.html")
