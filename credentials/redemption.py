"""A certificate that is used up: a prescription dispensed once, a voucher spent in parts, and never more than it grants.

Whoever redeems shows that the holder was there: a presentation bound to the organisation and to a nonce of its own,
which serves once. Counting, leaf and audit event are one transaction under the lock on the certificate. Asked again
under the same idempotency key, the same redemption is returned, whatever was lost on the way.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils import timezone

from anchoring import outbox
from anchoring.models import LogEntry
from credentials.errors import (
    IdempotencyConflictError,
    NotRedeemableError,
    PresentationInvalidError,
    PresentationUndeterminedError,
    PresentationUsedError,
    RedemptionMissingError,
    RedemptionReversedError,
    UnitsExhaustedError,
)
from credentials.models import Credential, CredentialInstance, Redemption
from credentials.policy import Policy
from credentials.sources import database_sources
from credentials.verification import Report, verify
from identity.audit import report
from identity.models import Organisation
from protocol import sd_jwt_vc
from protocol.encoding import canonical_json

MAX_UNITS: Final = 1_000_000
MAX_KEY: Final = 64
MAX_REASON: Final = 200
_POLICY: Final = Policy(require_key_binding=True)
_LEAF_DOMAIN: Final = b"chancela/redemption@v1\n"


def redeem(
    *, presentation: str, organisation: Organisation, audience: str, nonce: str, idempotency_key: str, units: int = 1
) -> Redemption:
    """Take *units* of the certificate presented for *audience* and *nonce*.

    Raises PresentationInvalidError, PresentationUndeterminedError, NotRedeemableError, PresentationUsedError,
    UnitsExhaustedError, and IdempotencyConflictError where the key stands for another request.
    """
    asked = sha256(canonical_json([presentation, audience, nonce, units])).digest()
    done = _done_before(organisation, idempotency_key, asked)
    if done is not None:
        return done
    _check_presentation(presentation, audience, nonce)
    parsed = sd_jwt_vc.parse(presentation)
    credential = _presented(parsed.jws.digest)
    redemption = Redemption(
        organisation=organisation,
        idempotency_key=idempotency_key,
        request_digest=asked,
        # Over what the holder signed, not over the signature: r, n-s is as good a signature as r, s.
        presentation_digest=sha256(str(parsed.key_binding_jwt).rpartition(".")[0].encode("ascii")).digest(),
        units=units,
        salt=secrets.token_bytes(16),
    )
    try:
        return _store(redemption, credential)
    except IntegrityError:
        # one_redemption_per_key: used at once for two certificates.
        raise IdempotencyConflictError(idempotency_key) from None


@transaction.atomic
def reverse(*, redemption: Redemption, organisation: Organisation, reason: str) -> Redemption:
    """Give the units back, for the organisation that took them. Raises RedemptionMissingError, RedemptionReversedError."""
    if redemption.organisation_id != organisation.pk:
        raise RedemptionMissingError(str(redemption.pk))
    standing = Redemption.objects.filter(pk=redemption.pk, reversed_at__isnull=True)
    if not standing.update(reversed_at=timezone.now(), reversal_reason=reason[:MAX_REASON]):
        raise RedemptionReversedError(str(redemption.pk))
    redemption.refresh_from_db()
    outbox.append(
        record_id=reversal_record_id(redemption), kind=LogEntry.Kind.REDEMPTION, digest=reversal_digest(redemption)
    )
    _report("credential.redemption_reversed", redemption, reason=redemption.reversal_reason)
    return redemption


def find_redemption(*, organisation: Organisation, redemption_id: UUID) -> Redemption:
    """Raises RedemptionMissingError, also for another organisation's."""
    rows = Redemption.objects.select_related("credential__credential_type", "credential__weid", "organisation")
    redemption = rows.filter(pk=redemption_id, organisation=organisation).first()
    if redemption is None:
        raise RedemptionMissingError(str(redemption_id))
    return redemption


def units_left(credential: Credential) -> int | None:
    """Return how often the certificate can still be used; None where it is not used up at all."""
    granted = credential.credential_type.units
    return None if granted is None else granted - units_redeemed(credential)


def units_redeemed(credential: Credential) -> int:
    """Return what was taken of it, and of those that it was issued again for."""
    standing = Redemption.objects.filter(credential__in=_lineage(credential), reversed_at__isnull=True)
    return standing.aggregate(total=Sum("units"))["total"] or 0


def record_id(redemption: Redemption) -> str:
    """Return the name of the redemption's leaf in the log."""
    return f"redemption:{redemption.pk}"


def reversal_record_id(redemption: Redemption) -> str:
    return f"{record_id(redemption)}:reversed"


def leaf_digest(redemption: Redemption) -> bytes:
    """Return what the log holds: without the salt, few certificates and organisations could be guessed from it."""
    return _digest(redemption, event="redeemed", at=redemption.created_at)


def reversal_digest(redemption: Redemption) -> bytes:
    """As leaf_digest. Raises RedemptionMissingError for one that stands."""
    if redemption.reversed_at is None:
        raise RedemptionMissingError(str(redemption.pk))
    return _digest(redemption, event="reversed", at=redemption.reversed_at)


def _digest(redemption: Redemption, *, event: str, at: datetime) -> bytes:
    facts = {
        "event": event,
        "credential": str(redemption.credential_id),
        "organisation": redemption.organisation_id,
        "units": redemption.units,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
    }
    return sha256(_LEAF_DOMAIN + bytes(redemption.salt) + canonical_json(facts)).digest()


def _done_before(organisation: Organisation, idempotency_key: str, asked: bytes) -> Redemption | None:
    rows = Redemption.objects.select_related("credential__credential_type", "organisation")
    done = rows.filter(organisation=organisation, idempotency_key=idempotency_key).first()
    if done is not None and bytes(done.request_digest) != asked:
        raise IdempotencyConflictError(idempotency_key)
    return done


def _check_presentation(presentation: str, audience: str, nonce: str) -> None:
    sources = database_sources().as_sources()
    judged = verify(
        presentation, sources=sources, now=datetime.now(UTC), policy=_POLICY, audience=audience, nonce=nonce
    )
    if judged.verdict == "invalid":
        raise PresentationInvalidError(_decisive(judged, "fail"))
    if judged.verdict != "valid":
        raise PresentationUndeterminedError(_decisive(judged, "unknown"))


def _decisive(judged: Report, outcome: str) -> str:
    return next(check.code for check in judged.checks if check.outcome == outcome)


def _presented(digest: bytes) -> Credential:
    """Return what was presented, be it the portal's own or a copy in some wallet. Raises NotRedeemableError."""
    credential = Credential.objects.filter(digest=digest).first()
    copy = None if credential else CredentialInstance.objects.select_related("credential").filter(digest=digest).first()
    found = copy.credential if copy else credential
    if found is None:
        raise NotRedeemableError("issued elsewhere")
    return found


@transaction.atomic
def _store(redemption: Redemption, credential: Credential) -> Redemption:
    locked = _lock(credential)
    # The same request, sent twice at once: the other one may have been faster.
    done = _done_before(redemption.organisation, redemption.idempotency_key, bytes(redemption.request_digest))
    if done is not None:
        return done
    granted = locked.credential_type.units
    if granted is None:
        raise NotRedeemableError(locked.credential_type.slug)
    # Judged before the lock; withdrawn or replaced since, it serves no more.
    if locked.state != Credential.State.VALID:
        raise PresentationInvalidError(f"credential_{locked.state}")
    if Redemption.objects.filter(presentation_digest=redemption.presentation_digest).exists():
        raise PresentationUsedError(str(locked.pk))
    if redemption.units > granted - units_redeemed(locked):
        raise UnitsExhaustedError(str(locked.pk))
    redemption.credential = locked
    redemption.number = locked.redemptions.count() + 1
    redemption.save(force_insert=True)
    outbox.append(record_id=record_id(redemption), kind=LogEntry.Kind.REDEMPTION, digest=leaf_digest(redemption))
    _report("credential.redeemed", redemption)
    return redemption


def _lock(credential: Credential) -> Credential:
    rows = Credential.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("credential_type", "weid").get(pk=credential.pk)


def _lineage(credential: Credential) -> list[Credential]:
    """Return the certificate and those it replaced, one after the other."""
    line = [credential]
    while (application := line[-1].application) is not None and application.replaces is not None:
        line.append(application.replaces)
    return line


def _report(action: str, redemption: Redemption, **more: str) -> None:
    report(
        actor=f"organisation:{redemption.organisation.slug}",
        action=action,
        subject=f"credential:{redemption.credential_id}",
        weid=redemption.credential.weid,
        organisation=redemption.organisation,
        details={"redemption": str(redemption.pk), "units": redemption.units, **more},
    )
