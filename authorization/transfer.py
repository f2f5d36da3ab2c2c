"""The sealed presentation on its way: deposited as ciphertext, handed out within the granted time and count, destroyed."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from authorization import audit
from authorization.errors import (
    AuthorizationExpiredError,
    AuthorizationMissingError,
    AuthorizationWithdrawnError,
    ReadsExhaustedError,
)
from authorization.models import Authorization, PresentationSession, Transfer
from identity.models import Organisation
from protocol.errors import ForbiddenError

_READ = "presentation.read"


def read(*, authorization: Authorization, organisation: Organisation, actor: str | None = None) -> dict[str, Any]:
    """Return the envelope and count one read. Every read and every refusal is an event that the citizen sees.

    Raises AuthorizationMissingError for another organisation's, AuthorizationWithdrawnError,
    AuthorizationExpiredError and ReadsExhaustedError.
    """
    if authorization.organisation_id != organisation.pk:
        raise AuthorizationMissingError(str(authorization.pk))
    by = actor or f"organisation:{organisation.slug}"
    with transaction.atomic():
        envelope = _take(authorization)
        if envelope is not None:
            _record(authorization, organisation, by, "done")
            return envelope
    refusal = _reason(authorization)
    _record(authorization, organisation, by, refusal.code)
    raise refusal


def count_read(*, authorization: Authorization) -> None:
    """Count one read of what a wallet presented under *authorization*, in the caller's transaction.

    Raises as read; the trace is the caller's to leave.
    """
    if not _count(authorization):
        raise _reason(authorization)


def delete_envelope(authorization: Authorization) -> None:
    """Destroy what was deposited, and what a wallet presented."""
    PresentationSession.objects.filter(request=authorization.request_id).update(presentation_ciphertext=None)
    Transfer.objects.filter(authorization=authorization, deleted_at__isnull=True).update(
        envelope=None, deleted_at=timezone.now()
    )


def purge() -> int:
    """Destroy every envelope that nobody may read any more, and return how many."""
    is_over = Q(authorization__expires_at__lte=timezone.now()) | Q(authorization__withdrawn_at__isnull=False)
    is_used_up = Q(authorization__reads_used__gte=F("authorization__max_reads"))
    kept = Transfer.objects.filter(is_over | is_used_up, deleted_at__isnull=True).values("pk")
    return Transfer.objects.filter(pk__in=kept).update(envelope=None, deleted_at=timezone.now())


def _count(authorization: Authorization) -> bool:
    # One statement counts and decides: a withdrawal that committed before it wins, and no read is counted twice.
    readable = Authorization.objects.filter(
        pk=authorization.pk,
        withdrawn_at__isnull=True,
        expires_at__gt=timezone.now(),
        reads_used__lt=F("max_reads"),
    )
    return readable.update(reads_used=F("reads_used") + 1) == 1


def _take(authorization: Authorization) -> dict[str, Any] | None:
    if not _count(authorization):
        return None
    envelope: dict[str, Any] | None = Transfer.objects.values_list("envelope", flat=True).get(
        authorization=authorization
    )
    return envelope


def _reason(authorization: Authorization) -> ForbiddenError:
    authorization.refresh_from_db()
    if authorization.withdrawn_at is not None:
        return AuthorizationWithdrawnError(str(authorization.pk))
    if not authorization.is_active:
        return AuthorizationExpiredError(str(authorization.pk))
    return ReadsExhaustedError(str(authorization.pk))


def _record(authorization: Authorization, organisation: Organisation, actor: str, outcome: str) -> None:
    audit.record(
        actor=actor,
        action=_READ,
        subject=f"authorization:{authorization.pk}",
        weid=authorization.weid,
        organisation=organisation,
        outcome=outcome,
        details={"authorization": str(authorization.pk)},
    )
