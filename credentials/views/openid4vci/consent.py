"""The page on which a citizen lets a foreign wallet hold a certificate, or does not."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from credentials.errors import WalletRequestError
from credentials.models import WalletAuthorization
from credentials.openid4vci import authorization
from credentials.openid4vci.holding import is_pending
from credentials.views.openid4vci.answers import find_agency
from identity.views.access import (
    CitizenRequest,
    citizen,
    confirmation_address,
    is_recently_confirmed,
    require_recent_confirmation,
)
from protocol import oauth
from protocol.errors import OAuthError


@require_http_methods(["GET", "HEAD", "POST"])
@citizen
def authorize(request: CitizenRequest, slug: str) -> HttpResponse:
    """What the wallet pushed before decides where the answer goes: until it is found, nothing is redirected."""
    asked = _asked(request, slug)
    # What this leads to can show the certificate without us: a session left open is not enough.
    if request.method == "POST":
        require_recent_confirmation(request)
        agrees = request.POST.get("decision") == "agree"
        target = authorization.decide(authorization=asked, account=request.user, person=request.person, agrees=agrees)
        return _redirect(target)
    if not is_recently_confirmed(request):
        return redirect(confirmation_address(request, back=request.get_full_path()))
    application = authorization.application_for(authorization=asked, person=request.person)
    context = {
        "asked": asked,
        "target": _origin(asked.redirect_uri),
        "application": application,
        "is_pending": application is not None and is_pending(application),
    }
    return _may_post_to(render(request, "portal/wallet_request.html", context), asked.redirect_uri)


def _asked(request: HttpRequest, slug: str) -> WalletAuthorization:
    """Raises WalletRequestError for whatever is not a reference to a pushed request, and NotFoundError."""
    agency = find_agency(slug)
    try:
        reference = oauth.parse_pushed_reference(_pairs(request))
    except OAuthError as error:
        raise WalletRequestError(error.detail) from None
    if reference is None:
        raise WalletRequestError("not pushed before")
    return authorization.find_request(agency=agency, client_id=reference.client_id, request_uri=reference.request_uri)


def _pairs(request: HttpRequest) -> list[tuple[str, str]]:
    return [(name, value) for name, values in request.GET.lists() for value in values]


def _redirect(target: str) -> HttpResponse:
    # Django's own redirect knows no schemes of apps; this address was checked when it was pushed.
    return HttpResponse(status=303, headers={"Location": target, "Cache-Control": "no-store"})


def _origin(redirect_uri: str) -> str:
    """Return as much of the address as tells a person whose it is: the host, or the name of an app's scheme."""
    parts = urlsplit(redirect_uri)
    return parts.netloc if parts.scheme in {"http", "https"} else f"{parts.scheme}:"


def _may_post_to(response: HttpResponse, redirect_uri: str) -> HttpResponse:
    """Browsers hold a form's redirect to form-action too: of all addresses, this answer may go to one more."""
    parts = urlsplit(redirect_uri)
    source = f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else f"{parts.scheme}:"
    vars(response)["_csp_update"] = {"form-action": [source]}
    return response
