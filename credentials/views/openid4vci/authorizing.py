"""The authorization server's endpoints for programs: pushed requests and tokens."""

from __future__ import annotations

import time

from django.http import HttpRequest, HttpResponse

from credentials.openid4vci import authorization, tokens
from credentials.openid4vci.addresses import PUSHED, TOKEN
from credentials.openid4vci.clients import Wallet, identify
from credentials.openid4vci.pre_authorized import redeem_offer
from credentials.views.openid4vci import draft13
from credentials.views.openid4vci.answers import as_json, count, headers_of, read_body, wallet_endpoint
from identity.models import Agency
from protocol import oauth
from protocol.errors import OAuthRequestError

_FORM = frozenset({"application/x-www-form-urlencoded"})


@wallet_endpoint()
def push_request(request: HttpRequest, agency: Agency) -> HttpResponse:
    """POST /issuers/<slug>/par (RFC 9126)."""
    count(request)
    asked = oauth.parse_pushed_request(_read_form(request))
    wallet = _identify(request, agency, PUSHED, asked.client_id)
    pushed = authorization.push(agency=agency, request=asked, wallet=wallet)
    return as_json(oauth.pushed_response(pushed.request_uri, expires_in=pushed.expires_in), status=201)


@wallet_endpoint()
def give_token(request: HttpRequest, agency: Agency) -> HttpResponse:
    """POST /issuers/<slug>/token: for a code of either kind, or a refresh token."""
    count(request)
    asked = oauth.parse_token_request(_read_form(request))
    wallet = _identify(request, agency, TOKEN, asked.client_id)
    given, details = _redeem(agency, asked, wallet)
    response = tokens.describe(given, asked=asked.configuration_ids or details)
    return as_json(draft13.with_nonce(response, agency))


def _redeem(
    agency: Agency,
    asked: oauth.CodeTokenRequest | oauth.PreAuthorizedTokenRequest | oauth.RefreshTokenRequest,
    wallet: Wallet,
) -> tuple[tokens.Tokens, tuple[str, ...]]:
    """Return the tokens, and the configuration ids of the authorization details that led to them."""
    authorization.check_target(agency, asked.resources)
    if isinstance(asked, oauth.PreAuthorizedTokenRequest):
        return redeem_offer(agency=agency, code=asked.code, tx_code=asked.tx_code, wallet=wallet), ()
    if isinstance(asked, oauth.CodeTokenRequest):
        given = authorization.redeem_code(agency=agency, request=asked, wallet=wallet)
        reason = given.grant.authorization
        return given, tuple(reason.details) if reason else ()
    return tokens.refresh(agency=agency, refresh_token=asked.refresh_token, wallet=wallet), ()


def _identify(request: HttpRequest, agency: Agency, name: str, client_id: str | None) -> Wallet:
    return identify(headers_of(request, agency, name), agency=agency, client_id=client_id, now=time.time())


def _read_form(request: HttpRequest) -> list[tuple[str, str]]:
    return oauth.parse_form(read_body(request, _FORM, error=OAuthRequestError))
