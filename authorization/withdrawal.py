"""Taking a consent back: effective with the next read, logged like the grant, and the ciphertext destroyed."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from anchoring import outbox
from anchoring.models import LogEntry
from authorization import audit, webhooks
from authorization.errors import AuthorizationMissingError, WithdrawalProofError
from authorization.models import Authorization
from authorization.transfer import delete_envelope
from identity.models import Person
from identity.weid import device_keys, weid_of
from protocol.encoding import b64u_encode, canonical_json, json_object
from protocol.errors import EncodingError, SignatureError
from protocol.jose import Jws, parse_compact, verify_es256
from protocol.keys import p256_from_jwk

WITHDRAWAL_TYPE = "authorization-withdrawal+jwt"
PROOF_WINDOW_SECONDS = 600
MAX_PROOF_BYTES = 4096


@transaction.atomic
def withdraw(*, authorization: Authorization, person: Person, proof: str | None = None) -> Authorization:
    """Withdraw, by a signature of the citizen's device or, without one, by the signed-in citizen.

    Raises AuthorizationMissingError for another citizen's, WithdrawalProofError and ProtocolError for a bad proof.
    Withdrawing twice is harmless: the first one stands.
    """
    weid = weid_of(person)
    if weid is None or authorization.weid_id != weid.pk:
        raise AuthorizationMissingError(str(authorization.pk))
    if proof is not None:
        check_proof(authorization, proof)
    now = timezone.now().replace(microsecond=0)
    standing = Authorization.objects.filter(pk=authorization.pk, withdrawn_at__isnull=True)
    is_first = standing.update(withdrawn_at=now, withdrawal_jwt=proof or "") == 1
    authorization.refresh_from_db()
    if is_first:
        delete_envelope(authorization)
        outbox.append(
            record_id=f"withdrawal:{authorization.pk}",
            kind=LogEntry.Kind.WITHDRAWAL,
            digest=withdrawal_digest(authorization, now),
        )
        webhooks.emit(_event(authorization, now))
        audit.record(
            actor=f"weid:{weid.did}",
            action="authorization.withdrawn",
            subject=f"authorization:{authorization.pk}",
            weid=weid,
            organisation=authorization.organisation,
            details={"authorization": str(authorization.pk)},
        )
    return authorization


def withdrawal_digest(authorization: Authorization, withdrawn_at: datetime) -> bytes:
    """Return SHA-256 over the withdrawal. Of high entropy through the digest of the salted terms."""
    signed_input = authorization.withdrawal_jwt.rpartition(".")[0].encode("ascii")
    statement = {
        "authorization_id": str(authorization.pk),
        "terms_digest": authorization.terms_digest,
        "withdrawn_at": int(withdrawn_at.timestamp()),
        "proof_digest": b64u_encode(sha256(signed_input).digest()) if signed_input else None,
    }
    return sha256(canonical_json(statement)).digest()


def _event(authorization: Authorization, withdrawn_at: datetime) -> webhooks.Event:
    facts: dict[str, webhooks.Fact] = {
        "authorization": authorization.pk,
        "request": authorization.request_id,
        "state": "withdrawn",
        "withdrawn_at": withdrawn_at,
    }
    return webhooks.Event("authorization.withdrawn", facts, organisation_id=authorization.organisation_id)


def check_proof(authorization: Authorization, proof: str) -> None:
    """Raises WithdrawalProofError unless a device key of the WeID signed this withdrawal, for us, just now."""
    jws = parse_compact(proof, allowed_types=frozenset({WITHDRAWAL_TYPE}), max_bytes=MAX_PROOF_BYTES)
    if not any(_is_signed_by(jws, method.public_jwk) for method in device_keys(authorization.weid)):
        raise WithdrawalProofError("not signed by a device of this WeID")
    try:
        claims = json_object(jws.payload)
    except EncodingError:
        raise WithdrawalProofError("payload is not a JSON object") from None
    stated = (claims.get("authorization_id"), claims.get("terms_digest"), claims.get("aud"))
    if stated != (str(authorization.pk), authorization.terms_digest, settings.PUBLIC_URL):
        raise WithdrawalProofError("of another authorization or service")
    issued_at = claims.get("iat")
    if type(issued_at) is not int or abs(issued_at - timezone.now().timestamp()) > PROOF_WINDOW_SECONDS:
        raise WithdrawalProofError("made at another time")


def _is_signed_by(jws: Jws, public_jwk: dict[str, str]) -> bool:
    try:
        verify_es256(jws, p256_from_jwk(public_jwk))
    except SignatureError:
        return False
    return True
