"""What wallets call (OpenID4VP 1.0): they have no session here and no key, only the link that they were shown.

A refusal is an HTTP error with ``error``, a stable code, and ``error_description``, as OAuth writes them.
"""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from authorization.errors import SessionMissingError
from authorization.openid4vp.request_objects import fetch_digital_request, fetch_request
from authorization.openid4vp.responses import receive
from protocol.errors import CodedError, ResponseFormatError, TooLargeError
from protocol.request_object import MEDIA_TYPE
from protocol.vp_response import MAX_RESPONSE_BYTES, parse_form

FORM = "application/x-www-form-urlencoded"
# Wallets that are web pages call from their own origin; nothing here depends on cookies.
_HEADERS = {"Cache-Control": "no-store", "Access-Control-Allow-Origin": "*"}
_MAX_DESCRIPTION = 200


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def show_request_object(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """GET, or POST with ``wallet_nonce`` and ``wallet_metadata`` (§5.10), of which the latter changes nothing here."""
    try:
        wallet_nonce = parse_form(_read_form(request)).get("wallet_nonce") if request.method == "POST" else None
        token = fetch_request(session_id=session_id, wallet_nonce=wallet_nonce)
    except CodedError as error:
        return _refuse(error)
    return HttpResponse(token, content_type=MEDIA_TYPE, headers=_HEADERS)


@csrf_exempt
@require_POST
def receive_response(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """The wallet's answer (§8.2, §8.3.1); 200 says that it was taken, with where to go on the same device."""
    try:
        redirect_uri = receive(session_id=session_id, body=_read_form(request))
    except CodedError as error:
        return _refuse(error)
    members = {"redirect_uri": redirect_uri} if redirect_uri else {}
    return JsonResponse(members, headers=_HEADERS)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def serve_digital_request(request: HttpRequest, session_id: uuid.UUID) -> HttpResponse:
    """Digital Credentials API (appendix A): GET for what the page asks the browser; POST what the browser gave it."""
    try:
        if request.method != "POST":
            return JsonResponse(fetch_digital_request(session_id=session_id), headers=_HEADERS)
        redirect_uri = receive(session_id=session_id, body=_read_form(request), is_digital=True)
    except CodedError as error:
        return _refuse(error)
    return JsonResponse({"redirect_uri": redirect_uri} if redirect_uri else {}, headers=_HEADERS)


def _read_form(request: HttpRequest) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MAX_RESPONSE_BYTES:
        raise TooLargeError(f"at most {MAX_RESPONSE_BYTES} bytes")
    if request.content_type != FORM:
        raise ResponseFormatError("not a form")
    return request.body


def _refuse(error: CodedError) -> HttpResponse:
    status = HTTPStatus.NOT_FOUND if isinstance(error, SessionMissingError) else HTTPStatus.BAD_REQUEST
    members: dict[str, Any] = {"error": getattr(error, "reason", error.code)}
    if error.detail:
        members["error_description"] = error.detail[:_MAX_DESCRIPTION]
    return JsonResponse(members, status=status, headers=_HEADERS)
