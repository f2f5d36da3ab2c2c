"""The pages of a sign-in by presentation, open to anyone whom a relying party sent; a cookie tells who began which."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.encoding import iri_to_uri
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from anchoring.throttle import count_request
from authorization.models import BridgeLogin
from authorization.oidc.logins import (
    LIFETIME,
    begin,
    end,
    find_login,
    login_state,
    settle,
    settle_here,
    trusted_party,
    use_this_device,
)
from authorization.oidc.provider import issuer
from authorization.openid4vp.request_objects import wallet_link
from authorization.openid4vp.sessions import session_state
from authorization.views.pages import template_items, wallet_page
from identity.views.authentication import client_address
from protocol.encoding import json_object
from protocol.errors import AuthorizationDeniedError, InvalidInputError, JsonError, OAuthError
from protocol.oauth import authorization_response_url, parse_form, redirect_target
from protocol.openid_connect import parse_authentication_request

COOKIE = "sign_in"


@csrf_exempt
@require_http_methods(["GET", "POST"])
@never_cache
def authorize(request: HttpRequest) -> HttpResponse:
    """The client's request, by GET or POST (OpenID Connect Core §3.1.2.1)."""
    pairs = parse_form(request.body if request.method == "POST" else request.META["QUERY_STRING"].encode())
    target = redirect_target(pairs)
    # Up to here a refusal is a page of ours: the address to send it to is not known to be the client's.
    party = trusted_party(target)
    count_request(client_address(request), name="SIGN_IN_RATE", rate=settings.SIGN_IN_RATE)
    try:
        login, browser = begin(party=party, request=parse_authentication_request(pairs))
    except OAuthError as error:
        url = authorization_response_url(target.redirect_uri, issuer=issuer(), state=target.state, error=error)
        return _send_to_client(url)
    response = redirect("sign_in", login_id=login.pk)
    response.set_cookie(
        COOKIE,
        browser,
        max_age=LIFETIME,
        # Each sign-in has its own, so that two at once do not meet.
        path=reverse("sign_in", args=[login.pk]),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


@require_GET
@never_cache
@wallet_page
def show_login(request: HttpRequest, login_id: uuid.UUID) -> HttpResponse:
    """QR code and link while no wallet has answered; afterwards the way back to the client."""
    login = _find(request, login_id)
    url = settle(login)
    if url is not None:
        return _send_to_client(url)
    return render(request, "oidc/login.html", _context(login))


@require_GET
@never_cache
def show_login_state(request: HttpRequest, login_id: uuid.UUID) -> HttpResponse:
    return JsonResponse({"state": login_state(_find(request, login_id))})


@require_POST
@never_cache
def start_on_this_device(request: HttpRequest, login_id: uuid.UUID) -> HttpResponse:
    use_this_device(login=_find(request, login_id))
    return redirect("sign_in", login_id=login_id)


@require_http_methods(["GET", "POST"])
@never_cache
@wallet_page
def come_back(request: HttpRequest, login_id: uuid.UUID) -> HttpResponse:
    """Where a wallet on the same device leads: the page reads the code behind ``#``, which no server sees, and posts it."""
    login = _find(request, login_id)
    if request.method == "POST":
        url = settle_here(login, response_code=_response_code(request.body))
        return JsonResponse({"url": url})
    back = {"url": reverse("sign_in_return", args=[login.pk]), "csrf": get_token(request)}
    return render(request, "oidc/return.html", {"login": login, "back": back})


@require_GET
@never_cache
def cancel_login(request: HttpRequest, login_id: uuid.UUID) -> HttpResponse:
    return _send_to_client(end(_find(request, login_id), AuthorizationDeniedError("cancelled by the person")))


def _find(request: HttpRequest, login_id: uuid.UUID) -> BridgeLogin:
    return find_login(login_id, browser=request.COOKIES.get(COOKIE, ""))


def _context(login: BridgeLogin) -> dict[str, Any]:
    here = login.device_session
    return {
        "login": login,
        "template": login.party.template,
        "items": template_items(login.party.template),
        "link": wallet_link(login.session),
        "device_link": wallet_link(here) if here and session_state(here) in {"waiting", "fetched"} else "",
        "is_fetched": "fetched" in login_state(login),
        "watch": {"state": login_state(login), "state_url": reverse("sign_in_state", args=[login.pk])},
    }


def _response_code(body: bytes) -> str:
    try:
        code = json_object(body).get("response_code")
    except JsonError as error:
        raise InvalidInputError(error.detail) from None
    if not isinstance(code, str):
        raise InvalidInputError("response_code is not text")
    return code


def _send_to_client(url: str) -> HttpResponse:
    """To an address that the client registered, in whatever scheme: an app may have one of its own."""
    return HttpResponse(status=302, headers={"Location": iri_to_uri(url), "Cache-Control": "no-store"})
