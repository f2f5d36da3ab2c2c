"""Errors as RFC 9457 problem details (API) or a page (people). The only place where an error meets HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from rest_framework import exceptions as drf
from rest_framework.response import Response

from config.problem_texts import PROBLEM_TEXTS
from protocol import errors

STATUS_OF_KIND: Mapping[type[errors.CodedError], int] = {
    errors.ForbiddenError: 403,
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.UnavailableError: 503,
    errors.InvalidInputError: 400,
    errors.ProtocolError: 400,
    errors.DomainError: 409,
}
CODE_OF_STATUS = {
    400: "invalid_input",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_input",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}
# Codes whose status is finer than their kind's.
STATUS_OF_CODE = {
    "api_key_invalid": 401,
    "not_authenticated": 401,
    "sign_in_required": 401,
    # As C2SP tlog-witness numbers its refusals.
    "witness_checkpoint_unsigned": 403,
    "witness_origin_unknown": 404,
    "witness_size_conflict": 409,
    "witness_proof_invalid": 422,
    **{code: status for status, code in CODE_OF_STATUS.items() if status in {405, 406, 413, 415, 429}},
}
MACHINE_PREFIXES = (
    "/api/",
    "/1.0/",
    "/.well-known/",
    "/issuers/",
    "/vc-api/",
    "/status/",
    "/types/",
    "/trust-lists/",
    "/log/",
    "/witness/",
    "/openid4vp/",
    "/oidc/.well-known/",
    "/oidc/keys",
    "/oidc/token",
    "/oidc/userinfo",
    "/health/",
    "/metrics",
    "/portal/wallet/",
)

# Of a did:web, beside the pages of whom it names.
_DID_DOCUMENT = "/did.json"


def status_of(error: errors.CodedError) -> int:
    by_kind = next((status for kind, status in STATUS_OF_KIND.items() if isinstance(error, kind)), 400)
    return STATUS_OF_CODE.get(error.code, by_kind)


def describe(code: str) -> tuple[str, str]:
    """Return the title and the sentence for *code* in the current language."""
    title, sentence = PROBLEM_TEXTS.get(code) or PROBLEM_TEXTS["refused"]
    return str(title), str(sentence)


def problem(code: str, status: int, *, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the RFC 9457 members: type, title, status, detail, and our `code` and `fields`."""
    title, sentence = describe(code)
    members: dict[str, Any] = {
        "type": f"{settings.PUBLIC_URL}/problems/{code}",
        "title": title,
        "status": status,
        "detail": sentence,
        "code": code,
    }
    if fields:
        members["fields"] = fields
    return members


def wants_json(request: HttpRequest) -> bool:
    if request.path.startswith(MACHINE_PREFIXES) or request.path.endswith(_DID_DOCUMENT):
        return True
    return request.content_type == "application/json" or request.get_preferred_type(
        ["text/html", "application/json", "application/problem+json"]
    ) in {"application/json", "application/problem+json"}


def answer(request: HttpRequest, code: str, status: int, *, fields: Mapping[str, Any] | None = None) -> HttpResponse:
    """Return the problem in the form this client asked for."""
    if wants_json(request):
        return JsonResponse(
            problem(code, status, fields=fields), status=status, content_type="application/problem+json"
        )
    title, sentence = describe(code)
    context = {"code": code, "title": title, "sentence": sentence, "status": status, "fields": fields or {}}
    return render(request, "problem.html", context, status=status)


def answer_outage(request: HttpRequest, code: str, status: int) -> HttpResponse:
    """As answer, without asking who the reader is: the session may be what has failed."""
    request.user = AnonymousUser()
    vars(request).pop("_messages", None)
    return answer(request, code, status)


def answer_error(request: HttpRequest, error: errors.CodedError) -> HttpResponse:
    status = status_of(error)
    response = answer(request, error.code, status, fields=getattr(error, "fields", None))
    for name, value in _headers_of_coded(error, status).items():
        response[name] = value
    return response


def handle_api_exception(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """Django REST Framework's hook: every error of an API view as a problem."""
    if isinstance(exception, errors.CodedError):
        status = status_of(exception)
        members = problem(exception.code, status, fields=getattr(exception, "fields", None))
        return _respond(members, status, _headers_of_coded(exception, status))
    if isinstance(exception, Http404):
        exception = drf.NotFound()
    elif isinstance(exception, PermissionDenied):
        exception = drf.PermissionDenied()
    if not isinstance(exception, drf.APIException):
        return None
    status = exception.status_code
    fields = dict(_flatten(exception.detail)) if isinstance(exception, drf.ValidationError) else None
    return _respond(problem(_code_of(exception), status, fields=fields), status, _headers_of(exception))


def _headers_of_coded(error: errors.CodedError, status: int) -> dict[str, str]:
    headers = {"WWW-Authenticate": 'Bearer realm="api"'} if status == 401 else {}
    for name, attribute in (("Allow", "allow"), ("Retry-After", "retry_after")):
        if value := getattr(error, attribute, None):
            headers[name] = str(value)
    return headers


def _code_of(exception: drf.APIException) -> str:
    if isinstance(exception, drf.ParseError):
        return "json_invalid"
    if isinstance(exception, drf.AuthenticationFailed):
        return str(exception.get_codes())
    return CODE_OF_STATUS.get(exception.status_code, "refused")


def _headers_of(exception: drf.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = str(challenge)
    if wait := getattr(exception, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return headers


def _respond(members: dict[str, Any], status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(members, status=status, headers=headers, content_type="application/problem+json")


def _flatten(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    if isinstance(detail, dict):
        for name, value in detail.items():
            yield from _flatten(value, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        for index, item in enumerate(detail):
            yield from _flatten(item, f"{path}.{index}")
    else:
        yield path or "non_field_errors", [str(item) for item in (detail if isinstance(detail, list) else [detail])]
