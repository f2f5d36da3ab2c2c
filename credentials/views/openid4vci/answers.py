"""The frame of every endpoint that a wallet calls: who is asked, how much is read, and errors as OAuth words them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from anchoring.throttle import count_request
from credentials.errors import MethodError
from credentials.models import WalletGrant
from credentials.openid4vci import clients, tokens
from credentials.openid4vci.addresses import endpoint
from credentials.views.gates import open_to_all
from identity.models import Agency
from identity.views.authentication import client_address
from protocol import oauth
from protocol.client_attestation import ATTESTATION_HEADER, PROOF_HEADER
from protocol.encoding import json_dumps
from protocol.errors import AccessTokenError, CodedError, NotFoundError, OAuthError

MAX_BODY_BYTES = 1 << 18
NO_STORE = "no-store"

_P = ParamSpec("_P")
_Endpoint = Callable[..., HttpResponseBase]
_View = Callable[Concatenate[HttpRequest, Agency, _P], HttpResponse]


def find_agency(slug: str, *, error: type[CodedError] = NotFoundError) -> Agency:
    """Raises *error*."""
    agency = Agency.objects.filter(slug=slug).first()
    if agency is None:
        raise error("no such issuer")
    return agency


def wallet_endpoint(*, is_resource: bool = False) -> Callable[[_View[_P]], _Endpoint]:
    """Take a POST for the agency in the path. A protected resource says with 401 which token it wants."""

    def decorate(view: _View[_P]) -> _Endpoint:
        @wraps(view)
        def gate(request: HttpRequest, slug: str, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponse:
            if request.method != "POST":
                raise MethodError(allow="POST")
            try:
                # No token is good at an issuer that is none.
                agency = find_agency(slug, error=AccessTokenError if is_resource else NotFoundError)
                response = view(request, agency, *args, **kwargs)
            except OAuthError as error:
                response = refuse(error, is_resource=is_resource)
            response["Cache-Control"] = NO_STORE
            # Whoever uses DPoP learns the next nonce with every answer (RFC 9449 §8.2).
            if "HTTP_DPOP" in request.META:
                response["DPoP-Nonce"] = clients.dpop_nonce(slug)
            return response

        return open_to_all(csrf_exempt(gate))

    return decorate


def refuse(error: OAuthError, *, is_resource: bool) -> HttpResponse:
    """Return the error response (RFC 6749 §5.2), with the challenge of a protected resource where one belongs to it."""
    is_about_proof = error.oauth_error in {"use_dpop_nonce", "invalid_dpop_proof"}
    status = 401 if is_resource and is_about_proof else error.oauth_status
    response = as_json(oauth.error_response(error), status=status)
    if status == 401:
        response["WWW-Authenticate"] = oauth.challenge(error)
    return response


def as_json(value: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return HttpResponse(json_dumps(value), status=status, content_type="application/json")


def headers_of(request: HttpRequest, agency: Agency, name: str) -> clients.Headers:
    return clients.Headers(
        method=request.method or "",
        url=endpoint(agency, name),
        dpop=request.META.get("HTTP_DPOP"),
        attestation=request.headers.get(ATTESTATION_HEADER),
        attestation_proof=request.headers.get(PROOF_HEADER),
    )


def admit(request: HttpRequest, agency: Agency, name: str, *, now: float) -> WalletGrant:
    """Return what the access token opens. Raises AccessTokenError, DpopKeyError, DpopProofError, DpopNonceError."""
    presented = oauth.parse_authorization_header(request.META.get("HTTP_AUTHORIZATION"))
    grant = tokens.find_grant(agency=agency, access_token=presented.token)
    clients.check_access(headers_of(request, agency, name), grant=grant, presented=presented, now=now)
    return grant


def read_body(request: HttpRequest, media_types: frozenset[str], *, error: type[OAuthError]) -> bytes:
    """Return the body, of a bounded length and of one of *media_types*. Raises *error*."""
    if request.content_type not in media_types:
        raise error(f"{' or '.join(sorted(media_types))} expected")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        raise error(f"at most {MAX_BODY_BYTES} bytes")
    return request.body


def count(request: HttpRequest) -> None:
    """Count a request that shows no token. Raises RateLimitedError past the rate of settings."""
    rates: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    count_request(client_address(request), name="WALLET_ANONYMOUS_RATE", rate=rates["wallet_anonymous"])
