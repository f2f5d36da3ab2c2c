"""Which client calls the token endpoint: by its secret, by a signature of its own key, or, without either, by its name."""

from __future__ import annotations

import re
import time
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_plus

from django.db import transaction

from authorization.errors import RelyingPartyMissingError
from authorization.models import RelyingParty
from authorization.oidc.parties import find_party, is_secret_of
from authorization.oidc.provider import endpoints, issuer
from identity.errors import OneTimeValueError
from identity.nonces import remember
from protocol.client_assertion import ASSERTION_TYPE, ClientAssertion, claimed_client, verify
from protocol.errors import OAuthClientError, OAuthRequestError

_BASIC = re.compile(r"[Bb][Aa][Ss][Ii][Cc] +([A-Za-z0-9+/]{1,2048}={0,2})\Z")
_ASSERTED = "client_assertion"


def authenticate(*, authorization_header: str | None, parameters: Mapping[str, str]) -> RelyingParty:
    """Return the client of a token request, in the one way that it registered (RFC 6749 §2.3, OIDC Core §9).

    Raises OAuthClientError, and OAuthRequestError for two ways at once.
    """
    if authorization_header is not None and _ASSERTED in parameters:
        raise OAuthRequestError("one way of authentication at a time")
    if authorization_header is not None:
        party = _by_secret(authorization_header)
    elif _ASSERTED in parameters:
        party = _by_assertion(parameters)
    else:
        party = _find(parameters.get("client_id", ""), RelyingParty.Method.NONE)
    if parameters.get("client_id", party.client_id) != party.client_id:
        raise OAuthClientError("client_id is another client")
    return party


def _by_secret(header: str) -> RelyingParty:
    client_id, secret = _parse_basic(header)
    party = _find(client_id, RelyingParty.Method.SECRET)
    if not is_secret_of(party, secret):
        raise OAuthClientError("another secret")
    return party


def _parse_basic(header: str) -> tuple[str, str]:
    """Both halves are form-encoded before they are joined (RFC 6749 §2.3.1)."""
    match = _BASIC.match(header)
    try:
        pair = b64decode(match[1], validate=True).decode() if match else ""
    except ValueError:
        pair = ""
    client_id, colon, secret = pair.partition(":")
    if not colon:
        raise OAuthClientError("not HTTP Basic")
    return unquote_plus(client_id), unquote_plus(secret)


def _by_assertion(parameters: Mapping[str, str]) -> RelyingParty:
    if parameters.get("client_assertion_type") != ASSERTION_TYPE:
        raise OAuthClientError("client_assertion_type is not that of a JWT")
    assertion = parameters[_ASSERTED]
    party = _find(claimed_client(assertion), RelyingParty.Method.KEY)
    keys: list[dict[str, Any]] = party.keys
    audiences = {issuer(), endpoints().token}
    proven = verify(assertion, client_id=party.client_id, keys=keys, audiences=audiences, now=time.time())
    _use_once(proven)
    return party


def _use_once(proven: ClientAssertion) -> None:
    try:
        with transaction.atomic():
            until = datetime.fromtimestamp(proven.expires_at, UTC)
            remember(f"{proven.client_id}\x00{proven.jti}", purpose="client-assertion", until=until)
    except OneTimeValueError:
        raise OAuthClientError("an assertion is used once") from None


def _find(client_id: str, method: str) -> RelyingParty:
    """A client that could prove more than it does is not let in on less."""
    try:
        party = find_party(client_id)
    except RelyingPartyMissingError:
        raise OAuthClientError("unknown client") from None
    if party.method != method:
        raise OAuthClientError("registered for another way of authentication")
    return party
