"""Who did something, as the audit trail names them."""

from __future__ import annotations

from anchoring.audit_trail import report
from identity.models import Account

__all__ = ["account_actor", "report"]


def account_actor(account: Account) -> str:
    return f"account:{account.pk}"
