"""The citizen's decision: see, grant, refuse, withdraw.

A grant is a signature of the citizen's device over the terms and over exactly what will be shown. The service checks
both, countersigns, and logs; it can neither make a grant itself nor widen one, and cannot read what it passes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from anchoring import outbox
from anchoring.models import LogEntry
from authorization import audit
from authorization.envelopes import check_envelope
from authorization.errors import (
    RequestDecidedError,
    RequestExpiredError,
    RequestMissingError,
    RequestRefusedError,
)
from authorization.evidence import Evidence, check_evidence
from authorization.models import Authorization, PresentationRequest, Transfer
from authorization.offers import ConsentOffer, CredentialOffer, prepare
from authorization.terms import access_ends_at
from authorization.withdrawal import withdraw
from identity.keystore import signer_for
from identity.models import Person, SigningKey, WeID
from protocol.encoding import b64u_encode, json_dumps
from protocol.jose import sign_compact
from protocol.openid4vp import hash_transaction_data

__all__ = [
    "ConsentOffer",
    "CredentialOffer",
    "authorization_fact",
    "grant",
    "open_request",
    "prepare",
    "receipt_digest",
    "refuse",
    "state_of",
    "withdraw",
]

RECEIPT_TYPE = "authorization-receipt+jwt"


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
    authorization = _store(request, weid, evidence, now)
    Transfer.objects.create(authorization=authorization, envelope=sealed)
    outbox.append(
        record_id=f"authorization:{authorization.pk}",
        kind=LogEntry.Kind.AUTHORIZATION,
        digest=receipt_digest(authorization.receipt),
    )
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


def authorization_fact(terms_digest: str) -> dict[str, Any] | None:
    """Return what a verifier may know of the consent with these terms: state, claims, organisation and end."""
    authorization = Authorization.objects.select_related("organisation").filter(terms_digest=terms_digest).first()
    if authorization is None:
        return None
    return {
        "state": state_of(authorization),
        "claims": authorization.claims,
        "organisation": authorization.organisation.slug,
        "expires_at": authorization.expires_at.isoformat(),
    }


def state_of(authorization: Authorization) -> str:
    """Return active, withdrawn or expired."""
    if authorization.withdrawn_at is not None:
        return "withdrawn"
    return "active" if authorization.is_active else "expired"


def receipt_digest(receipt: str) -> bytes:
    """Return SHA-256 of what the receipt signs. Of high entropy through the salt in the terms; never of signatures."""
    return sha256(receipt.rpartition(".")[0].encode("ascii")).digest()


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


def _store(request: PresentationRequest, weid: WeID, evidence: Evidence, now: datetime) -> Authorization:
    authorization = Authorization(
        request=request,
        organisation=request.organisation,
        credential=evidence.credential,
        weid=weid,
        terms=evidence.terms,
        terms_digest=hash_transaction_data(evidence.terms),
        claims=[list(path) for path in evidence.claims],
        key_binding_jwt=evidence.key_binding_jwt,
        max_reads=request.template.max_reads,
        granted_at=now,
        expires_at=access_ends_at(request),
    )
    authorization.receipt = _countersign(authorization)
    authorization.save(force_insert=True)
    return authorization


def _countersign(authorization: Authorization) -> str:
    """Return the service's receipt: that this consent was seen, when, and for whom. It repeats no claim."""
    signer = signer_for(purpose=SigningKey.Purpose.RECEIPT)
    signed_input = authorization.key_binding_jwt.rpartition(".")[0].encode("ascii")
    members = {
        "iss": settings.PUBLIC_URL,
        "authorization_id": str(authorization.pk),
        "organisation": authorization.organisation.slug,
        "terms_digest": authorization.terms_digest,
        # Over what the holder signed, not over the signature: r, n-s is as good a signature as r, s.
        "key_binding_digest": b64u_encode(sha256(signed_input).digest()),
        "granted_at": int(authorization.granted_at.timestamp()),
        "expires_at": int(authorization.expires_at.timestamp()),
    }
    header = {"typ": RECEIPT_TYPE, "kid": signer.key_id, "x5c": signer.x5c}
    return sign_compact(json_dumps(members), signer=signer, header=header)


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
