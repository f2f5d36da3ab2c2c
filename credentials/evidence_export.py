"""The evidence bundle as this service makes it: everything it knows of one presentation, at one moment, in one file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from anchoring.log_key import log_key
from anchoring.receipts import RecordStanding, standing_of
from credentials.attestations import Attestation, tree_of
from credentials.bundle_export import export_snapshot
from credentials.evidence_file import write_evidence
from credentials.log_evidence import default_quorum, read_attestations, record_of
from credentials.policy import DEFAULT_QUORUM, parse_policy
from credentials.sources import database_sources
from credentials.trust_bundle import leaf_of
from credentials.verification import Report, verify
from protocol import sd_jwt_vc, status_list
from protocol.errors import CodedError
from protocol.sd_jwt_vc import ParsedPresentation


def collect(
    *,
    presentation: str,
    now: datetime,
    policy: Mapping[str, Any] | None = None,
    audience: str | None = None,
    nonce: str | None = None,
    vct: str | None = None,
) -> bytes:
    """Return the evidence bundle of *presentation*: the report that verification gives, with what it rests on.

    Whatever the presentation, there is a bundle: one of a certificate that is not valid says so. Raises
    PolicyInvalidError.
    """
    rules = parse_policy(policy, default_quorum=default_quorum)
    now = now.replace(microsecond=0)
    asked = {"audience": audience, "nonce": nonce, "vct": vct}
    sources = database_sources().as_sources()
    report = verify(presentation, sources=sources, now=now, policy=rules, **asked)
    parsed = _parse(presentation)
    standing = _standing(parsed)
    return write_evidence(
        made_at=now,
        presentation=presentation,
        asked=asked,
        policy=_spelled_out(policy),
        trust=export_snapshot(issuer=_issuer(parsed), status_uri=_status_uri(parsed), now=now),
        receipt=standing.receipt if standing else None,
        cose_receipt=_cose_receipt(standing),
        attestations=_attestations(parsed, standing),
        report=_describe(report),
    )


def _spelled_out(policy: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    # The file says what is asked for in full: what "default" meant is to be known in twenty years, too.
    if policy is not None and policy.get("quorum") == DEFAULT_QUORUM:
        return {**policy, "quorum": default_quorum()}
    return policy


def _parse(presentation: str) -> ParsedPresentation | None:
    try:
        return sd_jwt_vc.parse(presentation)
    except CodedError:
        return None


def _issuer(parsed: ParsedPresentation | None) -> str | None:
    identifier = parsed.payload.get("iss") if parsed else None
    return identifier if isinstance(identifier, str) else None


def _status_uri(parsed: ParsedPresentation | None) -> str | None:
    try:
        reference = (
            status_list.status_reference(parsed.payload, allowed_schemes=frozenset({"https", "http"}))
            if parsed
            else None
        )
    except CodedError:
        return None
    return reference[1] if reference else None


def _standing(parsed: ParsedPresentation | None) -> RecordStanding | None:
    name = record_of(parsed.jws.digest) if parsed else None
    standing = standing_of(name) if name else None
    return standing if standing and standing.receipt else None


def _cose_receipt(standing: RecordStanding | None) -> bytes | None:
    # A checkpoint signed before COSE signatures were made has none, and the other receipt says the same.
    return standing.cose_receipt() if standing and standing.signed_root else None


def _attestations(parsed: ParsedPresentation | None, standing: RecordStanding | None) -> list[Attestation]:
    if parsed is None or standing is None or standing.receipt is None:
        return []
    tree = tree_of(standing.receipt, leaf=leaf_of(parsed.jws.digest), log_keys=[log_key()])
    return [item for item in read_attestations(tree) if not item.is_pending]


def _describe(report: Report) -> dict[str, Any]:
    """Return the report without claims, which the presentation shows, and without sentences, which readers have."""
    checks = [
        {"step": check.step, "code": check.code, "outcome": check.outcome, "evidence": check.evidence}
        for check in report.checks
    ]
    return {"verdict": report.verdict, "issuer": report.issuer, "vct": report.vct, "checks": checks}
