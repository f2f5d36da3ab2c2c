"""The citizen's decision: see, grant, refuse, withdraw.

A grant is a signature of the citizen's device over the terms and over exactly what will be shown. The service checks
both, countersigns, and logs; it can neither make a grant itself nor widen one, and cannot read what it passes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from authorization import audit
from authorization.envelopes import check_envelope
from authorization.errors import (
    RequestDecidedError,
    RequestExpiredError,
    RequestMissingError,
    RequestRefusedError,
)
from authorization.evidence import check_evidence
from authorization.models import Authorization, PresentationRequest, Transfer
from authorization.offers import ConsentOffer, CredentialOffer, prepare
from authorization.receipts import RECEIPT_TYPE, receipt_digest, store_authorization
from authorization.withdrawal import withdraw
from identity.models import Person, WeID

__all__ = [
    "RECEIPT_TYPE",
    "ConsentOffer",
    "CredentialOffer",
    "authorization_facts",
    "grant",
    "open_request",
    "prepare",
    "receipt_digest",
    "refuse",
    "state_of",
    "withdraw",
]


@transaction.atomic
def open_request(*, request: PresentationRequest, weid: WeID) -> PresentationRequest:
    """Bind the request to the first WeID that opens it. Raises RequestMissingError for every other one."""
    unbound = PresentationRequest.objects.filter(
        pk=request.pk, weid__isnull=True, state=PresentationRequest.State.PENDING, expires_at__gt=timezone.now()
    )
    is_first = unbound.update(weid=weid) == 1
    request.refresh_from_db(fields=["weid", "state", "expires_at"])
    if request.weid_id != weid.pk:
        # Nobody learns of another citizen's request; one that nobody opened in time may be told about.
        raise RequestExpiredError(str(request.pk)) if request.is_expired else RequestMissingError(str(request.pk))
    if is_first:
        _record("request.opened", request, weid)
    return request


@transaction.atomic
def grant(
    *,
    request: PresentationRequest,
    person: Person,
    weid: WeID,
    terms: str,
    key_binding_jwt: str,
    envelope: Mapping[str, Any],
) -> Authorization:
    """Accept the citizen's signed consent and the sealed presentation, once.

    Raises RequestMissingError, RequestExpiredError, RequestDecidedError, RequestRefusedError, the errors of
    check_evidence, and EnvelopeSealingError. Of parallel grants exactly one succeeds.
    """
    _check_open(request, weid)
    evidence = check_evidence(request=request, person=person, weid=weid, terms=terms, key_binding_jwt=key_binding_jwt)
    key_ids = request.organisation.recipient_keys.filter(revoked_at__isnull=True).values_list("thumbprint", flat=True)
    sealed = check_envelope(dict(envelope), key_ids=list(key_ids))
    now = timezone.now()
    # One statement decides, after every check and in the transaction of the effect.
    _decide(request, PresentationRequest.State.GRANTED, now)
    authorization = store_authorization(
        request=request,
        weid=weid,
        credential=evidence.credential,
        terms=evidence.terms,
        claims=evidence.claims,
        key_binding_jwt=evidence.key_binding_jwt,
        granted_at=now,
    )
    Transfer.objects.create(authorization=authorization, envelope=sealed)
    details = {"authorization": str(authorization.pk), "claims": authorization.claims}
    _record("authorization.granted", request, weid, details)
    return authorization


@transaction.atomic
def refuse(*, request: PresentationRequest, weid: WeID) -> PresentationRequest:
    """Answer no. Raises as grant for a request that is not open to this citizen."""
    _check_open(request, weid)
    _decide(request, PresentationRequest.State.REFUSED, timezone.now())
    _record("request.refused", request, weid)
    request.refresh_from_db(fields=["state", "decided_at"])
    return request


def authorization_facts(terms_digests: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what a verifier may know of the consents with these terms, by digest; what is unknown is left out.

    Of each: state, claims, organisation, its end, and until when what was shown may be kept.
    """
    known = Authorization.objects.filter(terms_digest__in=list(terms_digests))
    return {row.terms_digest: _fact(row) for row in known.select_related("organisation", "request__template")}


def _fact(authorization: Authorization) -> dict[str, Any]:
    return {
        "state": state_of(authorization),
        "claims": authorization.claims,
        "organisation": authorization.organisation.slug,
        "expires_at": authorization.expires_at.isoformat(),
        # As the terms say that the citizen signed, counted from the moment of the signature.
        "keep_until": (authorization.granted_at + _retention_of(authorization)).isoformat(),
    }


def _retention_of(authorization: Authorization) -> timedelta:
    return timedelta(days=authorization.request.template.retention_days)


def state_of(authorization: Authorization) -> str:
    """Return active, withdrawn or expired."""
    if authorization.withdrawn_at is not None:
        return "withdrawn"
    return "active" if authorization.is_active else "expired"


def _check_open(request: PresentationRequest, weid: WeID) -> None:
    request.refresh_from_db(fields=["weid", "state", "expires_at"])
    if request.weid_id != weid.pk:
        raise RequestMissingError(str(request.pk))
    if request.state == PresentationRequest.State.REFUSED:
        raise RequestRefusedError(str(request.pk))
    if request.state != PresentationRequest.State.PENDING:
        raise RequestDecidedError(str(request.pk))
    if request.is_expired:
        raise RequestExpiredError(str(request.pk))


def _decide(request: PresentationRequest, state: str, now: datetime) -> None:
    pending = PresentationRequest.objects.filter(
        pk=request.pk, state=PresentationRequest.State.PENDING, expires_at__gt=now
    )
    if pending.update(state=state, decided_at=now) != 1:
        raise RequestDecidedError(str(request.pk))


def _record(action: str, request: PresentationRequest, weid: WeID, details: Mapping[str, Any] | None = None) -> None:
    # The citizen acts under the WeID here: an account id beside it would undo the pseudonymity of the link.
    audit.record(
        actor=f"weid:{weid.did}",
        action=action,
        subject=f"request:{request.pk}",
        weid=weid,
        organisation=request.organisation,
        details=details,
    )
