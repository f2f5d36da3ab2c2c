"""Verification without the service, by its own code and a saved trust bundle.

The rules are those of the service's packages ``protocol`` and ``credentials``, which must be installed: a second set of
rules would sooner or later say something else. Nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chancela_client.answers import Verification, read_verification
from chancela_client.errors import ChancelaError


class OfflineError(ChancelaError):
    """The packages are not installed, or the bundle or policy cannot be used (an expired bundle, for one)."""


def verify_offline(
    presentation: str,
    *,
    trust_bundle: bytes,
    audience: str | None = None,
    nonce: str | None = None,
    type: str | None = None,  # noqa: A002 what it is called
    policy: Mapping[str, Any] | None = None,
    receipt: str | None = None,
    now: datetime | None = None,
) -> Verification:
    """Judge *presentation* by *trust_bundle*. *receipt* is the certificate's proof from the log (``.tlog-proof``).

    Whether a citizen's consent still stands is known to the service alone: such a verdict is undetermined here. Raises
    OfflineError.
    """
    try:
        from credentials.policy import parse_policy
        from credentials.trust_bundle import BundleSources, parse_bundle
        from credentials.verification import verify
        from protocol.errors import CodedError
        from protocol.proof import parse_receipt
    except ImportError as error:
        raise OfflineError("the service's packages are not installed") from error
    moment = now or datetime.now(UTC)
    try:
        bundle, rules = parse_bundle(trust_bundle, now=moment), parse_policy(policy)
        proof = parse_receipt(receipt) if receipt else None
    except CodedError as error:
        raise OfflineError(str(error)) from error
    sources = BundleSources(bundle, receipt=proof).as_sources()
    report = verify(presentation, sources=sources, now=moment, policy=rules, audience=audience, nonce=nonce, vct=type)
    checks = [{**check._asdict(), "message": check.message} for check in report.checks]
    accepted = rules.accepts(report.verdict)
    return read_verification({**report._asdict(), "checks": checks, "accepted": accepted, "policy": None})
