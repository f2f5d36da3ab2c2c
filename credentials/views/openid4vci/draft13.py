"""Wallets that speak draft 13 of OpenID4VCI, where OPENID4VCI_DRAFT_13 admits them: the same verbs, in its words.

A request in the final form is never touched. Metadata for the draft stand where it looks for them, below the issuer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from credentials.openid4vci import deferral, issuing, metadata
from credentials.openid4vci.instances import Handover
from credentials.views.gates import readable
from credentials.views.openid4vci.answers import as_json, find_agency
from identity.models import Agency
from protocol import oauth, openid4vci_draft13
from protocol.encoding import json_object
from protocol.errors import EncodingError, NotFoundError, OAuthError

_Outcome = Handover | deferral.Promise
_DRAFT_MEMBERS = frozenset({"proof", "format"})


def is_spoken(body: bytes) -> bool:
    """Whether a credential request is in the draft's form, and the draft is spoken here."""
    if not settings.OPENID4VCI_DRAFT_13:
        return False
    try:
        return not _DRAFT_MEMBERS.isdisjoint(json_object(body))
    except EncodingError:
        return False


def answer(body: bytes, agency: Agency, issue: Callable[[dict[str, Any]], _Outcome]) -> HttpResponse:
    """Return what *issue* makes of the request once it is translated, with the nonce for the next one in it."""
    configurations = metadata.issuer_metadata(agency)["credential_configurations_supported"]
    try:
        outcome = issue(openid4vci_draft13.upgrade_credential_request(body, configurations=configurations))
    except OAuthError as error:
        refusal = openid4vci_draft13.downgrade_error(error, oauth.error_response(error), **_nonce(agency))
        return as_json(refusal, status=error.oauth_status)
    response = openid4vci_draft13.downgrade_credential_response(issuing.answer(outcome), **_nonce(agency))
    return as_json(response, status=200 if isinstance(outcome, Handover) else 202)


def with_nonce(response: dict[str, Any], agency: Agency) -> dict[str, Any]:
    """Return a token response, with the draft's first nonce where the draft is spoken."""
    if not settings.OPENID4VCI_DRAFT_13:
        return response
    return openid4vci_draft13.downgrade_token_response(response, **_nonce(agency))


@readable
def show_issuer_metadata(_request: HttpRequest, slug: str) -> HttpResponse:
    """GET /issuers/<slug>/.well-known/openid-credential-issuer: behind the path, where 1.0 inserts it before."""
    agency = _admitting(slug)
    return as_json(openid4vci_draft13.downgrade_metadata(metadata.issuer_metadata(agency)))


@readable
def show_server_metadata(_request: HttpRequest, slug: str) -> HttpResponse:
    """GET /issuers/<slug>/.well-known/oauth-authorization-server."""
    return as_json(metadata.server_metadata(_admitting(slug)))


def _admitting(slug: str) -> Agency:
    if not settings.OPENID4VCI_DRAFT_13:
        raise NotFoundError("draft 13 is not spoken here")
    return find_agency(slug)


def _nonce(agency: Agency) -> dict[str, Any]:
    return {"c_nonce": issuing.give_nonce(agency), "expires_in": int(issuing.NONCE_LIFETIME.total_seconds())}
