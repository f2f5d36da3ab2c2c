"""System checks of this app: what an operator must know before callers do."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from credentials.openid4vci.providers import keys_in_file
from protocol.errors import CodedError, QuorumPolicyError
from protocol.quorum import parse_policy


def check_wallet_providers(**_: Any) -> list[CheckMessage]:
    """A file that cannot be read would be found out by the first wallet that brings an attestation."""
    try:
        keys_in_file(settings.TRUSTED_WALLET_PROVIDERS)
    except (OSError, LookupError, CodedError) as error:
        return [Error(f"TRUSTED_WALLET_PROVIDERS is not a file of a JWK Set: {error}", id="credentials.E002")]
    return []


def check_quorum_policy(**_: Any) -> list[CheckMessage]:
    """A recommended policy that cannot be read would be every caller's fault but the operator's."""
    if not settings.QUORUM_POLICY:
        return []
    try:
        parse_policy(settings.QUORUM_POLICY)
    except QuorumPolicyError as error:
        return [Error(f"QUORUM_POLICY is not a quorum policy: {error.detail}", id="credentials.E001")]
    return []


def check_vc_api(**_: Any) -> list[CheckMessage]:
    """The door for test suites has no business in a service that citizens use."""
    if not settings.VC_API or settings.DEMO:
        return []
    return [CheckWarning("VC_API is on outside the demonstration: it is for test suites", id="credentials.W001")]
