"""What programs read and ask: verification, status lists, type and issuer metadata, the trust bundle.

Plain Django views: verification is the busiest endpoint of the service, and its cost is to be the signatures.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.translation import get_language_from_request
from django.views.decorators.csrf import csrf_exempt

from credentials.admission import admit_anonymous, admit_api_key
from credentials.bundle_export import export_bundle
from credentials.catalog import type_metadata
from credentials.check_texts import sentence
from credentials.errors import MediaTypeError, MethodError, NotAcceptableError, VerifyRequestError
from credentials.log_evidence import default_quorum
from credentials.models import CredentialType
from credentials.policy import parse_policy
from credentials.sources import Versions, database_sources, read_versions
from credentials.status import status_token
from credentials.verification import Report, verify
from identity.models import Agency
from identity.trust import agency_issuers, issuer_identifier
from identity.views.authentication import client_address
from protocol.encoding import json_dumps, json_object
from protocol.errors import NotFoundError, TooLargeError
from protocol.status_list import MEDIA_TYPE

MAX_BODY_BYTES = 1 << 20
MAX_TEXT = 2048
# Where a view leaves its verdict in the request for whoever counts them.
VERDICT = "chancela.verdict"
_TEXT_MEMBERS = ("audience", "nonce", "vct")
_MEMBERS = frozenset({"presentation", "policy", *_TEXT_MEMBERS})
# Anyone may read these from any page: they say nothing about who asks.
_PUBLIC = {"Access-Control-Allow-Origin": "*"}

_P = ParamSpec("_P")
_View = Callable[Concatenate[HttpRequest, _P], HttpResponseBase]


def open_to_all(view: _View[_P]) -> _View[_P]:
    """Mark a view that needs no sign-in, as the access matrix reads it."""
    marked: Any = view
    marked.audience = "public"
    return view


def readable(view: _View[_P]) -> _View[_P]:
    """Let anyone in with GET and HEAD."""

    @wraps(view)
    def gate(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
        if request.method not in {"GET", "HEAD"}:
            raise MethodError(allow="GET, HEAD")
        return view(request, *args, **kwargs)

    return open_to_all(csrf_exempt(gate))


@open_to_all
@csrf_exempt
def verify_presentation(request: HttpRequest) -> HttpResponse:
    """POST /api/v1/verify. Any presentation is answered with 200 and a verdict; 4xx is for a bad request alone."""
    if request.method != "POST":
        raise MethodError(allow="POST")
    admit(request)
    asked = read_verify_request(request)
    report = verify(
        asked["presentation"],
        sources=database_sources().as_sources(),
        now=datetime.now(UTC),
        policy=parse_policy(asked.get("policy"), default_quorum=default_quorum),
        audience=asked.get("audience"),
        nonce=asked.get("nonce"),
        vct=asked.get("vct"),
    )
    request.META[VERDICT] = report.verdict
    return _json(describe_report(report, get_language_from_request(request)), {"Cache-Control": "no-store"})


def admit(request: HttpRequest) -> None:
    """Raises ApiKeyInvalidError for a wrong key, RateLimitedError without one."""
    header = request.META.get("HTTP_AUTHORIZATION")
    if header:
        admit_api_key(header)
    else:
        admit_anonymous(client_address(request))


def describe_report(report: Report, language: str) -> dict[str, Any]:
    return {
        "verdict": report.verdict,
        "claims": report.claims,
        "issuer": report.issuer,
        "vct": report.vct,
        "checks": [
            {
                "step": check.step,
                "code": check.code,
                "outcome": check.outcome,
                "message": sentence(check.code, step=check.step, language=language),
                "evidence": check.evidence,
            }
            for check in report.checks
        ],
    }


@readable
def show_status_list(request: HttpRequest, list_id: UUID) -> HttpResponse:
    """GET /status/<id>: the whole list, signed, the same for everyone, so that nobody learns who asks about whom."""
    if not request.accepts(MEDIA_TYPE):
        raise NotAcceptableError(MEDIA_TYPE)
    token = status_token(list_id)
    headers = {"ETag": token.etag, "Cache-Control": f"public, max-age={token.max_age}", "Vary": "Accept", **_PUBLIC}
    if request.META.get("HTTP_IF_NONE_MATCH") == token.etag:
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(token.text, content_type=MEDIA_TYPE, headers=headers)


@readable
def show_type(request: HttpRequest, slug: str, version: int) -> HttpResponse:
    """GET /types/<slug>/<version>: SD-JWT VC type metadata; a version never changes."""
    found = CredentialType.objects.filter(slug=slug, version=version).first()
    if found is None:
        raise NotFoundError("type")
    return _json(type_metadata(found), {"Cache-Control": "public, max-age=86400", **_PUBLIC})


@readable
def show_issuer(request: HttpRequest, slug: str) -> HttpResponse:
    """GET /.well-known/jwt-vc-issuer/issuers/<slug>: the keys with which an agency's certificates verify."""
    agency = Agency.objects.filter(slug=slug).first()
    issuer = agency_issuers().get(issuer_identifier(agency)) if agency else None
    if issuer is None:
        raise NotFoundError("issuer")
    keys = [
        {**jwk, "kid": kid, "use": "sig", "alg": "ES256", "x5c": issuer.x5c[kid]} for kid, jwk in issuer.keys.items()
    ]
    metadata = {"issuer": issuer.identifier, "jwks": {"keys": keys}}
    return _json(metadata, {"Cache-Control": "public, max-age=300", **_PUBLIC})


# At most one: the newest.
_bundles: dict[tuple[int, Versions], bytes] = {}


def forget_bundle() -> None:
    _bundles.clear()


@readable
def show_trust_bundle(request: HttpRequest) -> HttpResponse:
    """GET /api/v1/trust-bundle: what the offline verifier needs. Made anew once per period and change, whoever asks."""
    made_of = (int(time.time()) // settings.STATUS_TOKEN_TTL, read_versions())
    body = _bundles.get(made_of)
    if body is None:
        body = json_dumps(export_bundle(now=datetime.now(UTC)))
        _bundles.clear()
        _bundles[made_of] = body
    headers = {"Cache-Control": f"public, max-age={settings.STATUS_TOKEN_TTL}", **_PUBLIC}
    return HttpResponse(body, content_type="application/json", headers=headers)


def read_verify_request(request: HttpRequest) -> dict[str, Any]:
    """Return the members of the request. Raises MediaTypeError, TooLargeError, JsonError, VerifyRequestError."""
    if request.content_type != "application/json":
        raise MediaTypeError("application/json expected")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        raise TooLargeError(f"at most {MAX_BODY_BYTES} bytes")
    body = json_object(request.body, max_bytes=MAX_BODY_BYTES)
    wrong = {name: ["unknown member"] for name in body.keys() - _MEMBERS}
    if not isinstance(body.get("presentation"), str) or not body["presentation"]:
        wrong["presentation"] = ["text, required"]
    for name in _TEXT_MEMBERS:
        if name in body and not (isinstance(body[name], str) and 0 < len(body[name]) <= MAX_TEXT):
            wrong[name] = [f"text of 1 to {MAX_TEXT} characters"]
    if wrong:
        raise VerifyRequestError(", ".join(sorted(wrong)), fields=wrong)
    return body


def _json(value: dict[str, Any], headers: dict[str, str]) -> HttpResponse:
    try:
        body = orjson.dumps(value)
    except TypeError:
        # Integers beyond 64 bits are legal JSON, and orjson does not write them.
        body = json_dumps(value)
    return HttpResponse(body, content_type="application/json", headers=headers)
