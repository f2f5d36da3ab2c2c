"""Answer a request to verify: the verdict, whether the policy accepts it, and whatever else was asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings

from credentials.errors import ApiKeyMissingError
from credentials.evidence_export import gather
from credentials.facts import Sources
from credentials.models import KeptReport
from credentials.retention import keep
from credentials.signed_report import report_claims, sign_report
from credentials.sources import database_sources
from credentials.stored_policies import Ruling, resolve_policy
from credentials.verification import Report, verify
from credentials.verify_request import Question, VerifyRequest
from identity.keystore import StoredSigner, signer_for
from identity.models import Organisation, SigningKey


@dataclass(frozen=True, slots=True)
class Answer:
    """*accepted* is None where the verdict is open and the policy leaves it to the caller.

    *signed* is the report as JWS, *evidence* the bundle's bytes, *kept* where the report can be read again.
    """

    report: Report
    ruling: Ruling
    accepted: bool | None
    signed: str | None = None
    evidence: bytes | None = None
    kept: KeptReport | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """What does not change from one presentation to the next; *signer* is there when reports are to be signed."""

    ruling: Ruling
    sources: Sources
    now: datetime
    signer: StoredSigner | None = None
    trust_version: int = 0

    def answer(self, question: Question) -> Answer:
        report = verify(
            question.presentation,
            sources=self.sources,
            now=self.now,
            policy=self.ruling.policy,
            audience=question.audience,
            nonce=question.nonce,
            vct=question.vct,
        )
        accepted = self.ruling.policy.accepts(report.verdict)
        signed = self._sign(question, report, accepted, self.signer) if self.signer else None
        return Answer(report, self.ruling, accepted, signed)

    def _sign(self, question: Question, report: Report, accepted: bool | None, signer: StoredSigner) -> str:
        claims = report_claims(
            service=settings.PUBLIC_URL,
            now=self.now,
            presentation=question.presentation,
            demands=question.demands(),
            report=report,
            accepted=accepted,
            policy=self.ruling.describe(),
            rules=self.ruling.rules,
            trust_version=self.trust_version,
        )
        return sign_report(claims, signer=signer, key_id=signer.key_id, x5c=signer.x5c)


def appoint(ruling: Ruling, *, sources: Sources, now: datetime, is_signing: bool) -> Judge:
    """Raises KeyStateError when reports are to be signed and there is no key for it."""
    if not is_signing:
        return Judge(ruling, sources, now)
    signer = signer_for(purpose=SigningKey.Purpose.RECEIPT)
    return Judge(ruling, sources, now, signer, database_sources().trust_version())


def answer(asked: VerifyRequest, *, organisation: Organisation | None, now: datetime) -> Answer:
    """Judge one presentation. *organisation* is who asks, None for a stranger.

    Raises as resolve_policy, ApiKeyMissingError for a stranger who wants something kept, RetentionError and
    KeyStateError.
    """
    ruling = resolve_policy(asked.policy, organisation=organisation)
    # A bundle is of a whole second.
    now = now.replace(microsecond=0) if asked.has_evidence else now
    is_signing = asked.is_signed or asked.retain_days is not None
    judge = appoint(ruling, sources=database_sources().as_sources(), now=now, is_signing=is_signing)
    given = judge.answer(asked.question)
    if asked.retain_days is not None:
        given = replace(given, kept=_keep(asked, given, organisation, asked.retain_days, now))
    return replace(given, evidence=_gather(asked, given, now)) if asked.has_evidence else given


def _keep(
    asked: VerifyRequest, given: Answer, organisation: Organisation | None, days: int, now: datetime
) -> KeptReport:
    if organisation is None:
        raise ApiKeyMissingError("only an organisation keeps reports")
    return keep(
        organisation=organisation,
        presentation=asked.question.presentation,
        report=given.report,
        signed_report=given.signed or "",
        ruling=given.ruling,
        days=days,
        now=now,
    )


def _gather(asked: VerifyRequest, given: Answer, now: datetime) -> bytes:
    return gather(
        report=given.report,
        presentation=asked.question.presentation,
        demands=asked.question.demands(),
        policy=given.ruling.rules,
        now=now,
    )
