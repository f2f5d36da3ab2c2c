"""What the organisation reads of an answer: within the retention that the citizen was told, and once where it said so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from authorization import audit, transfer
from authorization.errors import (
    PresentationGoneError,
    RequestExpiredError,
    RequestRefusedError,
    RequestUnansweredError,
    ResponseCodeError,
    SessionMissingError,
)
from authorization.models import Authorization, PresentationSession
from authorization.openid4vp.responses import digest_of_code, presentation_context
from credentials.verification import REGISTERED
from identity.models import Organisation
from identity.vault import unseal_for_service
from protocol.encoding import json_loads
from protocol.errors import ForbiddenError
from protocol.sd_jwt_vc import parse, reveal_claims

_READ = "presentation.read"


@dataclass(frozen=True, slots=True)
class PresentedResult:
    """One credential as it was shown. ``claims`` are without the registered ones; ``checks`` are as verification's."""

    query_id: str
    verdict: str
    issuer: str | None
    vct: str | None
    claims: Mapping[str, Any]
    checks: tuple[Mapping[str, Any], ...]
    # The steps that could not be checked.
    missing: tuple[str, ...]
    presentation: str


@dataclass(frozen=True, slots=True)
class Result:
    """``verdict`` is valid or undetermined; what is invalid was refused when it came."""

    verdict: str
    credentials: tuple[PresentedResult, ...]
    answered_at: datetime
    retained_until: datetime


def read_result(
    *,
    session: PresentationSession,
    organisation: Organisation,
    response_code: str | None = None,
    actor: str | None = None,
) -> Result:
    """Return what was presented, and record the reading.

    On the same device it takes the *response_code* that the wallet led the browser back with, once: whoever merely
    began the session in another browser learns nothing. Raises SessionMissingError for another organisation's,
    RequestUnansweredError, RequestRefusedError, RequestExpiredError, ResponseCodeError, PresentationGoneError, and
    where terms were signed, AuthorizationWithdrawnError, AuthorizationExpiredError and ReadsExhaustedError.
    """
    if session.request.organisation_id != organisation.pk:
        raise SessionMissingError(str(session.pk))
    _check_answered(session)
    by = actor or f"organisation:{organisation.slug}"
    authorization: Authorization | None = getattr(session.request, "authorization", None)
    try:
        with transaction.atomic():
            _redeem_code(session, response_code)
            if authorization is not None:
                transfer.count_read(authorization=authorization)
            presentations = _take(session)
            _record(session, by)
    except (ForbiddenError, PresentationGoneError) as refusal:
        # The refusal undid everything else; that someone tried is for the citizen to see.
        _record(session, by, refusal.code)
        raise
    return _describe(session, presentations)


def purge() -> int:
    """Destroy what nobody may keep any more, and the keys of sessions that ended unanswered; return how many."""
    now = timezone.now()
    kept = PresentationSession.objects.filter(retained_until__lte=now, presentation_ciphertext__isnull=False)
    destroyed = kept.update(presentation_ciphertext=None)
    ended = PresentationSession.objects.filter(answered_at__isnull=True, request__expires_at__lte=now)
    unsealed = ended.exclude(secrets_ciphertext=b"").values("pk")
    return destroyed + PresentationSession.objects.filter(pk__in=unsealed).update(secrets_ciphertext=b"")


def _check_answered(session: PresentationSession) -> None:
    if session.outcome == PresentationSession.Outcome.REFUSED:
        raise RequestRefusedError(str(session.pk))
    if not session.outcome:
        raise (RequestExpiredError if session.request.is_expired else RequestUnansweredError)(str(session.pk))


def _redeem_code(session: PresentationSession, response_code: str | None) -> None:
    if not session.redirect_uri:
        return
    unspent = PresentationSession.objects.filter(
        pk=session.pk, response_code_digest=digest_of_code(response_code or ""), code_redeemed_at__isnull=True
    )
    if unspent.update(code_redeemed_at=timezone.now()) != 1:
        raise ResponseCodeError(str(session.pk))


def _take(session: PresentationSession) -> list[list[str]]:
    now = timezone.now()
    kept = PresentationSession.objects.filter(
        pk=session.pk, presentation_ciphertext__isnull=False, retained_until__gt=now
    )
    sealed = kept.values_list("presentation_ciphertext", flat=True).first()
    if sealed is None:
        raise PresentationGoneError(str(session.pk))
    # Of two that read at once, one gets what is not to be kept.
    if session.keep == PresentationSession.Keep.FIRST_READ and kept.update(presentation_ciphertext=None) != 1:
        raise PresentationGoneError(str(session.pk))
    presentations: list[list[str]] = json_loads(unseal_for_service(sealed, context=presentation_context(session.pk)))
    return presentations


def _describe(session: PresentationSession, presentations: list[list[str]]) -> Result:
    if session.answered_at is None or session.retained_until is None:
        raise RequestUnansweredError(str(session.pk))
    credentials = tuple(
        _describe_one(report, text) for report, (_, text) in zip(session.report, presentations, strict=True)
    )
    return Result(session.verdict, credentials, session.answered_at, session.retained_until)


def _describe_one(report: Mapping[str, Any], text: str) -> PresentedResult:
    # Judged when it came; what was stored since is what was judged.
    claims = reveal_claims(parse(text)) if report["issuer"] else {}
    return PresentedResult(
        query_id=report["query_id"],
        verdict=report["verdict"],
        issuer=report["issuer"],
        vct=report["vct"],
        claims={name: value for name, value in claims.items() if name not in REGISTERED},
        checks=tuple(report["checks"]),
        missing=tuple(report["missing"]),
        presentation=text,
    )


def _record(session: PresentationSession, actor: str, outcome: str = "done") -> None:
    audit.record(
        actor=actor,
        action=_READ,
        subject=f"request:{session.request_id}",
        weid=session.weid,
        organisation=session.request.organisation,
        outcome=outcome,
        details={"session": str(session.pk)},
    )
