"""What the systems of relying parties call (OpenID Connect Core 1.0): who we are, codes for tokens, claims for a token.

A refusal is JSON with ``error``, as OAuth words it, whatever the input was.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from authorization.oidc.clients import authenticate
from authorization.oidc.provider import describe_provider, public_keys
from authorization.oidc.tokens import read_userinfo, redeem
from protocol.errors import AccessTokenError, GrantTypeError, OAuthClientError, OAuthError, OAuthRequestError
from protocol.oauth import (
    CodeTokenRequest,
    challenge,
    error_response,
    parse_authorization_header,
    parse_form,
    parse_token_request,
)
from protocol.oauth.parameters import MAX_FORM_BYTES, read

FORM = "application/x-www-form-urlencoded"
# Clients that are web pages call from their own origin; nothing here depends on cookies.
_OPEN = {"Access-Control-Allow-Origin": "*"}
_PUBLISHED = {**_OPEN, "Cache-Control": "public, max-age=300"}
_PERSONAL = {**_OPEN, "Cache-Control": "no-store", "Pragma": "no-cache"}


# Exempt, so that a method that is not there is refused as such.
@csrf_exempt
@require_safe
def show_configuration(request: HttpRequest) -> HttpResponse:
    return JsonResponse(describe_provider(), headers=_PUBLISHED)


@csrf_exempt
@require_safe
def show_keys(request: HttpRequest) -> HttpResponse:
    return JsonResponse(public_keys(), headers=_PUBLISHED)


@csrf_exempt
@require_POST
def issue_token(request: HttpRequest) -> HttpResponse:
    """A code for tokens, for the client that proves itself as it registered (§3.1.3)."""
    header = request.META.get("HTTP_AUTHORIZATION")
    try:
        pairs = parse_form(_read_form(request))
        party = authenticate(authorization_header=header, parameters=read(pairs).values)
        asked = parse_token_request(pairs)
        if not isinstance(asked, CodeTokenRequest):
            raise GrantTypeError("grant_type is authorization_code here")
        answer = redeem(party=party, request=asked)
    except OAuthError as error:
        return _refuse(error, 'Basic realm="token"' if isinstance(error, OAuthClientError) else "")
    return JsonResponse(answer, headers=_PERSONAL)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def show_userinfo(request: HttpRequest) -> HttpResponse:
    """What the ID token said of the person, for as long as the access token lives (§5.3)."""
    header = request.META.get("HTTP_AUTHORIZATION")
    try:
        presented = parse_authorization_header(header)
        if presented.scheme != "Bearer":
            raise AccessTokenError("a bearer token is wanted")
        claims = read_userinfo(presented.token)
    except OAuthError as error:
        # Who brought no token at all is told what is needed, and nothing of an error (RFC 6750 §3.1).
        return _refuse(error, challenge(error if header else None, scheme="Bearer"))
    return JsonResponse(claims, headers=_PERSONAL)


def _read_form(request: HttpRequest) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MAX_FORM_BYTES:
        raise OAuthRequestError(f"longer than {MAX_FORM_BYTES} bytes")
    if request.content_type != FORM:
        raise OAuthRequestError("not a form")
    return request.body


def _refuse(error: OAuthError, asked_for: str) -> HttpResponse:
    members: dict[str, Any] = error_response(error)
    headers = {**_PERSONAL, **({"WWW-Authenticate": asked_for} if asked_for else {})}
    return JsonResponse(members, status=error.oauth_status, headers=headers)
