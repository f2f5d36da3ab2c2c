"""The record of a consent: what the holder signed, countersigned by the service, its digest a leaf of the log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from django.conf import settings

from anchoring import outbox
from anchoring.models import LogEntry
from authorization import webhooks
from authorization.models import Authorization, PresentationRequest
from authorization.terms import access_ends_at
from credentials.models import Credential
from identity.keystore import signer_for
from identity.models import SigningKey, WeID
from protocol.disclosure import Path
from protocol.encoding import b64u_encode, json_dumps
from protocol.jose import sign_compact
from protocol.openid4vp import hash_transaction_data

RECEIPT_TYPE = "authorization-receipt+jwt"


def store_authorization(
    *,
    request: PresentationRequest,
    weid: WeID,
    credential: Credential,
    terms: str,
    claims: Iterable[Path],
    key_binding_jwt: str,
    granted_at: datetime,
) -> Authorization:
    """Store a consent that has been checked in full, with its receipt and its leaf, in the caller's transaction."""
    authorization = Authorization(
        request=request,
        organisation=request.organisation,
        credential=credential,
        weid=weid,
        terms=terms,
        terms_digest=hash_transaction_data(terms),
        claims=[list(path) for path in claims],
        key_binding_jwt=key_binding_jwt,
        max_reads=request.template.max_reads,
        granted_at=granted_at,
        expires_at=access_ends_at(request),
    )
    authorization.receipt = _countersign(authorization)
    authorization.save(force_insert=True)
    outbox.append(
        record_id=f"authorization:{authorization.pk}",
        kind=LogEntry.Kind.AUTHORIZATION,
        digest=receipt_digest(authorization.receipt),
    )
    webhooks.emit(_event(authorization))
    return authorization


def _event(authorization: Authorization) -> webhooks.Event:
    facts: dict[str, webhooks.Fact] = {
        "authorization": authorization.pk,
        "request": authorization.request_id,
        "state": "active",
        "expires_at": authorization.expires_at,
    }
    return webhooks.Event("authorization.granted", facts, organisation_id=authorization.organisation_id)


def receipt_digest(receipt: str) -> bytes:
    """Return SHA-256 of what the receipt signs. Of high entropy through the salt in the terms; never of signatures."""
    return sha256(receipt.rpartition(".")[0].encode("ascii")).digest()


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
