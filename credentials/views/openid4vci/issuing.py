"""The credential issuer's endpoints for programs: nonces, credentials, deferred ones, and reports of what became of them."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest, HttpResponse

from credentials.models import WalletGrant
from credentials.openid4vci import deferral, issuing, notifications
from credentials.openid4vci.addresses import CREDENTIAL, DEFERRED, NOTIFICATION
from credentials.openid4vci.clients import dpop_nonce
from credentials.openid4vci.instances import Handover
from credentials.openid4vci.request_keys import opening_keys
from credentials.views.openid4vci import draft13
from credentials.views.openid4vci.answers import admit, as_json, count, read_body, wallet_endpoint
from identity.models import Agency
from protocol import openid4vci as messages
from protocol.errors import CredentialRequestError, NotificationRequestError

_JSON, _ENCRYPTED = "application/json", "application/jwt"


@wallet_endpoint()
def give_nonce(request: HttpRequest, agency: Agency) -> HttpResponse:
    """POST /issuers/<slug>/nonce: for anyone, and good for one request at this issuer."""
    count(request)
    response = as_json(messages.nonce_response(issuing.give_nonce(agency)))
    # Who will prove keys will prove one more for the token (OpenID4VCI 1.0 §7.2).
    response["DPoP-Nonce"] = dpop_nonce(agency.slug)
    return response


@wallet_endpoint(is_resource=True)
def give_credential(request: HttpRequest, agency: Agency) -> HttpResponse:
    """POST /issuers/<slug>/credential."""
    now = time.time()
    grant = admit(request, agency, CREDENTIAL, now=now)
    body, was_encrypted = _read_message(request, agency)
    if draft13.is_spoken(body):
        return draft13.answer(body, agency, lambda upgraded: _issue(grant, _parse(grant, upgraded), now))
    asked = _parse(grant, body, was_encrypted=was_encrypted)
    return _respond(_issue(grant, asked, now), asked.response_encryption)


@wallet_endpoint(is_resource=True)
def give_deferred_credential(request: HttpRequest, agency: Agency) -> HttpResponse:
    """POST /issuers/<slug>/deferred."""
    grant = admit(request, agency, DEFERRED, now=time.time())
    body, was_encrypted = _read_message(request, agency)
    asked = messages.parse_deferred_request(body, was_encrypted=was_encrypted)
    outcome = deferral.collect(grant=grant, transaction_id=asked.transaction_id)
    return _respond(outcome, asked.response_encryption)


@wallet_endpoint(is_resource=True)
def take_notification(request: HttpRequest, agency: Agency) -> HttpResponse:
    """POST /issuers/<slug>/notification."""
    grant = admit(request, agency, NOTIFICATION, now=time.time())
    body = read_body(request, frozenset({_JSON}), error=NotificationRequestError)
    notifications.receive(grant=grant, notification=messages.parse_notification(body))
    return HttpResponse(status=204)


def _parse(
    grant: WalletGrant, body: bytes | dict[str, Any], *, was_encrypted: bool = False
) -> messages.CredentialRequest:
    most = issuing.most_proofs(grant)
    return messages.parse_credential_request(body, was_encrypted=was_encrypted, max_proofs=most)


def _issue(grant: WalletGrant, asked: messages.CredentialRequest, now: float) -> Handover | deferral.Promise:
    return issuing.issue_copies(grant=grant, request=asked, now=now)


def _read_message(request: HttpRequest, agency: Agency) -> tuple[bytes, bool]:
    """Return the JSON of a request, and whether it came encrypted (§10)."""
    body = read_body(request, frozenset({_JSON, _ENCRYPTED}), error=CredentialRequestError)
    if request.content_type == _ENCRYPTED:
        return messages.open_request(body, opening_keys(agency)), True
    return body, False


def _respond(outcome: Handover | deferral.Promise, encryption: messages.ResponseEncryption | None) -> HttpResponse:
    status = 200 if isinstance(outcome, Handover) else 202
    answer = issuing.answer(outcome)
    if encryption is None:
        return as_json(answer, status=status)
    return HttpResponse(messages.seal_response(answer, encryption), status=status, content_type=_ENCRYPTED)
