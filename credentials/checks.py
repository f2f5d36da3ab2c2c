"""System checks of this app: what an operator must know before callers do."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from protocol.errors import QuorumPolicyError
from protocol.quorum import parse_policy


def check_quorum_policy(**_: Any) -> list[CheckMessage]:
    """A recommended policy that cannot be read would be every caller's fault but the operator's."""
    if not settings.QUORUM_POLICY:
        return []
    try:
        parse_policy(settings.QUORUM_POLICY)
    except QuorumPolicyError as error:
        return [Error(f"QUORUM_POLICY is not a quorum policy: {error.detail}", id="credentials.E001")]
    return []
