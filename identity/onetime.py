"""Nonces and codes that work once. The value is shown once; only its digest is stored."""

from __future__ import annotations

import secrets
from datetime import timedelta
from hashlib import sha256

from django.db import transaction
from django.utils import timezone

from identity.errors import OneTimeValueError
from identity.models import OneTimeValue


def issue(*, purpose: str, subject: str, lifetime: timedelta) -> str:
    """Return a fresh 256-bit value that *subject* may use once for *purpose* within *lifetime*."""
    now = timezone.now()
    OneTimeValue.objects.filter(purpose=purpose, subject=subject, expires_at__lte=now).delete()
    value = secrets.token_urlsafe(32)
    OneTimeValue.objects.create(purpose=purpose, subject=subject, digest=_digest(value), expires_at=now + lifetime)
    return value


def consume(*, purpose: str, subject: str, value: str) -> None:
    """Use up *value*. Call it last, inside the transaction of the effect: a rolled-back effect gives the value back.

    Raises OneTimeValueError unless the value is fresh and was issued for this purpose and subject.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("a one-time value is consumed in the transaction that uses it")
    now = timezone.now()
    # One statement decides, so that of parallel uses exactly one succeeds.
    fresh = OneTimeValue.objects.filter(
        purpose=purpose, subject=subject, digest=_digest(value), consumed_at__isnull=True, expires_at__gt=now
    )
    if fresh.update(consumed_at=now) != 1:
        raise OneTimeValueError(purpose)


def _digest(value: str) -> str:
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
