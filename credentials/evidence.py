"""Judge an evidence bundle, offline, today or in twenty years. Pure: no Django, no network.

Two questions, kept apart, because anyone can write a file that agrees with itself:

1. **Is it consistent as of its date?** Every step of a verification is taken again, as of the moment of the report, with
   the keys that the file brings; and the file's own parts must agree: the snapshot was in force then, the report says
   what comes out now, both receipts prove the same leaf.
2. **Does somebody whom I trust vouch for it?** The caller's own trust bundle replaces the issuers and the log's key, the
   caller's own quorum policy the log and whoever must have attested it. The dated status token stays the file's, and must
   have been signed by a key that the caller trusts.

Without the caller's trust the second question stays open, and the verdict is never ``valid``. Each attestation says how
it could be checked. The moment of the report is the word of whoever made the file; the status token bounds it, and so do
the times for which members of the caller's own quorum vouch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from credentials import verification
from credentials.attestations import Tree, Verifier, Weighed, tree_of, weigh
from credentials.evidence_file import EvidenceError, EvidenceFile, parse_evidence
from credentials.policy import Policy, parse_policy
from credentials.presented import read
from credentials.trust_bundle import BundleSources, TrustBundle, leaf_of
from credentials.verification import Check, Report, Verdict
from protocol import cose_receipt
from protocol.checkpoint import VerifierKey
from protocol.errors import CodedError
from protocol.quorum import QuorumPolicy

CLOCK_LEEWAY: Final = timedelta(seconds=60)
NO_VERIFIERS: Final[Mapping[str, Verifier]] = {}

Trusted = Literal["valid", "invalid", "undetermined", "not_asked"]


@dataclass(frozen=True, slots=True)
class EvidenceReport:
    """What became of a file.

    *as_of* answers the first question for the certificate and *file_checks* for the file; *trusted* the second, None
    when nobody was named to trust. *is_snapshot_past* says that the file's keys are no longer in force today, which
    does not matter for its date. *attestations* are weighed under the pins that the file names, so that their times are
    its own word; *attested_by* is the earliest time, POSIX seconds, at which a member of the caller's own quorum is shown
    offline to have seen the certificate in the log.
    """

    made_at: datetime
    as_of: Report
    file_checks: tuple[Check, ...]
    trusted: Report | None
    is_issuer_vouched: bool
    attestations: tuple[Weighed, ...]
    is_snapshot_past: bool

    @property
    def consistency(self) -> Verdict:
        """The answer to the first question."""
        return _worst([self.as_of.verdict, *map(_verdict_of, self.file_checks)])

    @property
    def trust(self) -> Trusted:
        """The answer to the second."""
        if self.trusted is None:
            return "not_asked"
        return self.trusted.verdict if self.is_issuer_vouched else _worst([self.trusted.verdict, "undetermined"])

    @property
    def verdict(self) -> Verdict:
        """Both together: valid only when both are."""
        return _worst([self.consistency, "undetermined" if self.trust == "not_asked" else self.trust])

    @property
    def attested_by(self) -> int | None:
        """The earliest time that a member of the caller's own quorum vouches for, checked offline."""
        checks = self.trusted.checks if self.trusted else ()
        members = (member for check in checks if check.step == "anchor" for member in check.evidence.get("members", ()))
        times = [
            member["attested_at"] for member in members if member["standing"] == "offline" and "attested_at" in member
        ]
        return min(times, default=None)


def verify(
    data: bytes,
    *,
    now: datetime,
    trust: TrustBundle | None = None,
    quorum: QuorumPolicy | None = None,
    verifiers: Mapping[str, Verifier] = NO_VERIFIERS,
) -> EvidenceReport:
    """Return the report on the evidence bundle in *data*.

    *trust* and *quorum* are the caller's own; *verifiers* judge evidence by kind of ledger, witnesses apart, which are
    always understood. Raises EvidenceError for what is no evidence bundle, and nothing else.
    """
    file = parse_evidence(data)
    asked = _policy(file)
    as_of = _judge(file, file.trust, asked, verifiers)
    tree = _tree(file)
    return EvidenceReport(
        made_at=file.made_at,
        as_of=as_of,
        file_checks=tuple(_file_checks(file, as_of, tree, now)),
        trusted=_judge_trust(file, asked, trust, quorum, verifiers),
        is_issuer_vouched=trust is not None,
        attestations=tuple(weigh(item, tree=tree, verifiers=verifiers) for item in file.attestations) if tree else (),
        is_snapshot_past=now >= file.trust.expires_at,
    )


def _policy(file: EvidenceFile) -> Policy:
    try:
        return parse_policy(file.policy)
    except CodedError as error:
        raise EvidenceError(f"policy: {error.detail}") from None


def _judge(file: EvidenceFile, trust: TrustBundle, policy: Policy, verifiers: Mapping[str, Verifier]) -> Report:
    sources = BundleSources(trust, receipt=file.receipt, attestations=file.attestations, verifiers=verifiers)
    return verification.verify(
        file.presentation,
        sources=sources.as_sources(),
        now=file.made_at,
        policy=policy,
        audience=file.audience,
        nonce=file.nonce,
        vct=file.vct,
    )


def _judge_trust(
    file: EvidenceFile,
    asked: Policy,
    trust: TrustBundle | None,
    quorum: QuorumPolicy | None,
    verifiers: Mapping[str, Verifier],
) -> Report | None:
    if trust is None and quorum is None:
        return None
    # The status of that day comes from the file; who may have signed it does not. The file's own quorum names logs and
    # witnesses that nobody here has chosen, so that only the caller's may replace it.
    vouching = replace(trust or file.trust, tokens=file.trust.tokens)
    policy = replace(asked, quorum=quorum, require_anchor=asked.demands_anchor)
    return _judge(file, vouching, policy, verifiers)


def _tree(file: EvidenceFile) -> Tree | None:
    """Return the tree of the file's receipt under the file's log key, or None where that does not verify."""
    if file.receipt is None:
        return None
    try:
        return tree_of(file.receipt, leaf=_leaf(file), log_keys=[VerifierKey.from_vkey(file.trust.log_vkey)])
    except CodedError:
        return None


def _leaf(file: EvidenceFile) -> bytes:
    return leaf_of(read(file.presentation).jws.digest)


def _file_checks(file: EvidenceFile, as_of: Report, tree: Tree | None, now: datetime) -> Iterator[Check]:
    yield _check_date(file, now)
    yield _check_recorded(file, as_of)
    yield _check_cose(file, tree)


def _check_date(file: EvidenceFile, now: datetime) -> Check:
    times: dict[str, Any] = {
        "made_at": file.made_at.isoformat(),
        "generated_at": file.trust.generated_at.isoformat(),
        "expires_at": file.trust.expires_at.isoformat(),
    }
    if file.made_at > now + CLOCK_LEEWAY:
        return Check("snapshot", "evidence_from_future", "fail", times)
    if not file.trust.generated_at <= file.made_at < file.trust.expires_at:
        return Check("snapshot", "snapshot_of_another_time", "fail", times)
    return Check("snapshot", "snapshot_in_force", "pass", times)


def _check_recorded(file: EvidenceFile, as_of: Report) -> Check:
    """What could be checked again must come out as recorded; what only the service could know is its word."""
    recorded = {check.step: (check.code, check.outcome) for check in file.checks}
    differing = [
        check.step
        for check in as_of.checks
        if check.step not in recorded
        or (check.outcome != "unknown" and recorded[check.step] != (check.code, check.outcome))
    ]
    if differing or len(file.checks) != len(as_of.checks):
        return Check("report", "report_differs", "fail", {"steps": differing})
    unchecked = [
        check.step for check in as_of.checks if check.outcome == "unknown" and recorded[check.step][1] == "pass"
    ]
    return Check("report", "report_repeated", "pass", {"unchecked": unchecked})


def _check_cose(file: EvidenceFile, tree: Tree | None) -> Check:
    if file.cose_receipt is None:
        return Check("cose_receipt", "cose_receipt_absent", "not_applicable", {})
    if tree is None:
        return Check("cose_receipt", "cose_receipt_unproven", "fail", {})
    try:
        receipt = cose_receipt.parse_receipt(file.cose_receipt)
        proven = cose_receipt.verify_receipt(
            receipt, leaf_hash=_leaf(file), keys=tree.log_keys, checkpoint=tree.checkpoint
        )
    except CodedError as error:
        return Check("cose_receipt", error.code, "fail", {})
    if proven.index != tree.index:
        return Check("cose_receipt", "cose_receipt_unproven", "fail", {})
    return Check("cose_receipt", "cose_receipt_valid", "pass", {"leaf_index": proven.index, "tree_size": proven.size})


def _verdict_of(check: Check) -> Verdict:
    return "invalid" if check.outcome == "fail" else "valid"


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    held = set(verdicts)
    if "invalid" in held:
        return "invalid"
    return "undetermined" if "undetermined" in held else "valid"
