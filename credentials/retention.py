"""Keeping the report on a verification. By default nothing is kept; what is, is sealed, holds no claim, and goes on time.

How long is for the verifier to choose, within three bounds: what its approved templates register for this type, what the
policy it named says, and, where the citizen signed terms, until when those say that it is kept. The citizen sees that it
is, and until when.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from credentials.errors import KeptReportMissingError, RetentionError
from credentials.models import Credential, KeptReport
from credentials.presented import read
from credentials.sources import database_sources
from credentials.stored_policies import Ruling
from credentials.unverified import named_terms
from credentials.verification import Report
from identity.audit import report as record
from identity.models import Organisation, WeID
from identity.vault import seal_for_service, unseal_for_service

# Days that an organisation may keep anything of a type of certificate; of any type, where the type is None.
Longest = Callable[[int, str | None], int]


@transaction.atomic
def keep(
    *,
    organisation: Organisation,
    presentation: str,
    report: Report,
    signed_report: str,
    ruling: Ruling,
    days: int,
    now: datetime,
) -> KeptReport:
    """Keep *signed_report* for *days*. Raises RetentionError when that is longer than it may be."""
    until = now + timedelta(days=days)
    latest = min(_bounds(organisation, presentation, report, ruling, now))
    if until > latest:
        raise RetentionError(most_days=max(0, (latest - now).days))
    kept = KeptReport(organisation=organisation, delete_after=until)
    kept.report_ciphertext = seal_for_service(signed_report.encode(), context=_context(kept.pk))
    kept.save(force_insert=True)
    record(
        actor=f"organisation:{organisation.slug}",
        action="verification.kept",
        subject=f"verification:{kept.pk}",
        weid=_holder(presentation, report),
        organisation=organisation,
        details={"until": until.isoformat(timespec="seconds")},
    )
    return kept


def reports_of(organisation: Organisation) -> QuerySet[KeptReport]:
    """Return what the organisation keeps, newest first. What is past its end is gone, deleted already or not."""
    return organisation.kept_reports.filter(delete_after__gt=timezone.now()).order_by("-created_at", "pk")


def find_report(organisation: Organisation, report_id: uuid.UUID) -> KeptReport:
    """Raises KeptReportMissingError, also for another organisation's, and for one past its end."""
    found = reports_of(organisation).filter(pk=report_id).first()
    if found is None:
        raise KeptReportMissingError(str(report_id))
    return found


def read_kept(kept: KeptReport) -> str:
    """Return the signed report. Raises UnreadableError."""
    return unseal_for_service(kept.report_ciphertext, context=_context(kept.pk)).decode()


def delete_report(kept: KeptReport) -> None:
    """Let go of a report before its time."""
    kept.delete()


def delete_outdated() -> int:
    """Delete every report past its end, and return how many."""
    return KeptReport.objects.filter(delete_after__lte=timezone.now()).delete()[0]


def _bounds(
    organisation: Organisation, presentation: str, report: Report, ruling: Ruling, now: datetime
) -> list[datetime]:
    longest: Longest = import_string(settings.RETENTION_SOURCE)
    days = [longest(organisation.pk, report.vct)]
    if ruling.stored is not None and ruling.stored.retention_days is not None:
        days.append(ruling.stored.retention_days)
    return [now + timedelta(days=min(days)), *_promised(organisation, presentation, now)]


def _promised(organisation: Organisation, presentation: str, now: datetime) -> list[datetime]:
    """Return until when the citizen was told; *now* for terms that are not known here, or of another organisation."""
    # As named, whether or not the holder's signature over it passed: a wrong nonce must not lengthen a promise.
    named = named_terms(presentation)
    facts = database_sources().find_authorizations(named) if named else {}
    known = [facts.get(digest) for digest in named]
    return [
        datetime.fromisoformat(fact.keep_until) if fact and fact.organisation == organisation.slug else now
        for fact in known
    ]


def _holder(presentation: str, report: Report) -> WeID | None:
    """Whose certificate it is, where we issued it and the issuer's signature stands."""
    if report.vct is None:
        return None
    digest = read(presentation).jws.digest
    rows = Credential.objects.select_related("weid")
    # A copy in a wallet is signed anew, and so is one within a presentation of the W3C.
    found = rows.filter(digest=digest).first() or rows.filter(instances__digest=digest).first()
    return found.weid if found else None


def _context(report_id: uuid.UUID) -> str:
    return f"kept report {report_id}"
