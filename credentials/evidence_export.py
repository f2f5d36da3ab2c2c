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
from credentials.log_evidence import default_quorum, read_attestations, record_of, spelled_out
from credentials.policy import parse_policy
from credentials.presented import Presented, read
from credentials.sources import database_sources
from credentials.trust_bundle import leaf_of
from credentials.verification import Report, verify
from protocol.errors import CodedError


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
    demands = {"audience": audience, "nonce": nonce, "vct": vct}
    report = verify(presentation, sources=database_sources().as_sources(), now=now, policy=rules, **demands)
    return gather(report=report, presentation=presentation, demands=demands, policy=spelled_out(policy), now=now)


def gather(
    *,
    report: Report,
    presentation: str,
    demands: Mapping[str, str | None],
    policy: Mapping[str, Any] | None,
    now: datetime,
) -> bytes:
    """Return the evidence bundle of a verification that was made as of *now*, a whole second.

    *demands* are audience, nonce and vct; *policy* is as in a request, with every name in it spelled out.
    """
    parsed = _parse(presentation)
    standing = _standing(parsed)
    return write_evidence(
        made_at=now,
        presentation=presentation,
        asked=demands,
        policy=policy,
        trust=export_snapshot(issuer=_issuer(parsed), status_uri=_status_uri(parsed), now=now),
        receipt=standing.receipt if standing else None,
        cose_receipt=_cose_receipt(standing),
        attestations=_attestations(parsed, standing),
        report=_describe(report),
    )


def _parse(presentation: str) -> Presented | None:
    try:
        return read(presentation)
    except CodedError:
        return None


def _issuer(parsed: Presented | None) -> str | None:
    identifier = parsed.issuer if parsed else None
    return identifier if isinstance(identifier, str) else None


def _status_uri(parsed: Presented | None) -> str | None:
    try:
        reference = parsed.status_reference() if parsed else None
    except CodedError:
        return None
    return reference[1] if reference else None


def _standing(parsed: Presented | None) -> RecordStanding | None:
    name = record_of(parsed.jws.digest) if parsed else None
    standing = standing_of(name) if name else None
    return standing if standing and standing.receipt else None


def _cose_receipt(standing: RecordStanding | None) -> bytes | None:
    # A checkpoint signed before COSE signatures were made has none, and the other receipt says the same.
    return standing.cose_receipt() if standing and standing.signed_root else None


def _attestations(parsed: Presented | None, standing: RecordStanding | None) -> list[Attestation]:
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
