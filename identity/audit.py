"""The way up to the audit trail, which lives in an upper app: a registry in settings instead of an import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from identity.models import Account


def report(*, actor: str, action: str, subject: str, **details: Any) -> None:
    """Record one event through settings.AUDIT_SINK, in the caller's transaction."""
    record: Callable[..., Any] = import_string(settings.AUDIT_SINK)
    record(actor=actor, action=action, subject=subject, **details)


def account_actor(account: Account) -> str:
    return f"account:{account.pk}"
