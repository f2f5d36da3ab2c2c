"""The way up to the audit trail, which lives in an upper app: a registry in settings instead of an import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

# Whoever has a shell on the machine: the command line knows no accounts.
OPERATOR = "operator"


def report(*, actor: str, action: str, subject: str, **more: Any) -> None:
    """Record one event through settings.AUDIT_SINK, in the caller's transaction, of which it is the last act.

    *more* is what the trail takes besides: ``details``, and what upper apps know (``weid``, ``organisation``).
    """
    record: Callable[..., Any] = import_string(settings.AUDIT_SINK)
    record(actor=actor, action=action, subject=subject, **more)
