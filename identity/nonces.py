"""Nonces for whoever asks, even namelessly: nothing is stored when one is given out, only when it is used.

Purpose, subject and end stand in the value itself, under a keyed digest. So the door that gives nonces out cannot be
used to fill a table, and a nonce of one purpose or subject is worth nothing for another.
"""

from __future__ import annotations

import hmac
import re
import secrets
import time
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

from identity.errors import OneTimeValueError
from identity.models import OneTimeValue
from identity.vault import lookup_hmac

_FORM = re.compile(r"([0-9]{10,12})\.[A-Za-z0-9_-]{22}\.[0-9a-f]{32}\Z", re.ASCII)
_MAC_DIGITS = 32


def give(*, purpose: str, subject: str, lifetime: timedelta) -> str:
    """Return a fresh 128-bit value that whoever deals with *subject* may use for *purpose* within *lifetime*."""
    body = f"{int(time.time() + lifetime.total_seconds())}.{secrets.token_urlsafe(16)}"
    return f"{body}.{_mac(purpose, subject, body)}"


def is_fresh(value: str, *, purpose: str, subject: str) -> bool:
    """Whether *value* was given out for this and has not ended. It may have been used."""
    if not _FORM.match(value):
        return False
    body, _, mac = value.rpartition(".")
    return hmac.compare_digest(mac, _mac(purpose, subject, body)) and _end_of(value) > time.time()


def consume(value: str, *, purpose: str, subject: str) -> None:
    """Use up *value*. Call it last, inside the transaction of the effect: a rolled-back effect gives the value back.

    Raises OneTimeValueError unless it is fresh and of this purpose and subject.
    """
    if not is_fresh(value, purpose=purpose, subject=subject):
        raise OneTimeValueError(purpose)
    remember(value, purpose=purpose, until=datetime.fromtimestamp(_end_of(value), UTC))


def remember(value: str, *, purpose: str, until: datetime) -> None:
    """Note that *value* was used, in the caller's transaction. Raises OneTimeValueError when it was used before."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("a one-time value is consumed in the transaction that uses it")
    now = datetime.now(UTC)
    try:
        with transaction.atomic():
            # The unique digest decides: a parallel use of the same value waits here until this transaction ends.
            OneTimeValue.objects.create(
                purpose=purpose, digest=lookup_hmac(purpose, value), subject="", expires_at=until, consumed_at=now
            )
    except IntegrityError:
        raise OneTimeValueError(purpose) from None


def forget_ended() -> int:
    """Delete what was used and has ended, and return how much that was."""
    return OneTimeValue.objects.filter(expires_at__lte=datetime.now(UTC), consumed_at__isnull=False).delete()[0]


def _mac(purpose: str, subject: str, body: str) -> str:
    return lookup_hmac(f"nonce:{purpose}", f"{subject}\x00{body}")[:_MAC_DIGITS]


def _end_of(value: str) -> int:
    return int(value.partition(".")[0])
