"""What anyone may read of an issuer: its metadata, signed or not, and an offer behind its reference."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from credentials.openid4vci import metadata, offers
from credentials.views.gates import readable
from credentials.views.openid4vci.answers import NO_STORE, as_json, count, find_agency

_SIGNED = "application/jwt"
_HEADERS = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}


@readable
def show_issuer_metadata(request: HttpRequest, slug: str) -> HttpResponse:
    """GET /.well-known/openid-credential-issuer/issuers/<slug>, as a signed JWT for who asks for one."""
    agency = find_agency(slug)
    if request.get_preferred_type(["application/json", _SIGNED]) == _SIGNED:
        body = metadata.signed_issuer_metadata(agency)
        return HttpResponse(body, content_type=_SIGNED, headers={**_HEADERS, "Vary": "Accept"})
    response = as_json(metadata.issuer_metadata(agency))
    for name, value in {**_HEADERS, "Vary": "Accept"}.items():
        response[name] = value
    return response


@readable
def show_server_metadata(_request: HttpRequest, slug: str) -> HttpResponse:
    """GET /.well-known/oauth-authorization-server/issuers/<slug>."""
    response = as_json(metadata.server_metadata(find_agency(slug)))
    for name, value in _HEADERS.items():
        response[name] = value
    return response


@readable
def show_offer(request: HttpRequest, slug: str, reference: str) -> HttpResponse:
    """GET /issuers/<slug>/offers/<reference>: the address itself is the secret, so nobody on the way may keep it."""
    count(request)
    response = as_json(offers.read_offer(agency=find_agency(slug), reference=reference))
    response["Cache-Control"] = NO_STORE
    return response
