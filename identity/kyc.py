"""Proof of identity: a case from what someone states about themselves to a decision by a clerk or a provider.

What was stated and uploaded is sealed under a service key until the decision, then destroyed: the statement at once,
the images after KYC_DOCUMENT_DAYS. Only outcome, method, assurance and kinds of evidence stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from identity import vault
from identity.access import has_role
from identity.audit import account_actor, report
from identity.documents import normalise_number
from identity.errors import (
    CaseIncompleteError,
    CaseOpenError,
    CaseStateError,
    DocumentImageError,
    OwnCaseError,
    RoleMissingError,
)
from identity.models import Account, Agency, KycCase, KycDocument, Role
from identity.people import IDENTITY_FIELDS, register_person
from identity.providers.base import KycProvider, provider_named
from protocol.encoding import json_dumps, json_loads
from protocol.errors import InvalidInputError

MAX_DOCUMENTS = 4
MAX_DOCUMENT_BYTES = 5 * 1024 * 1024
ABANDONED_AFTER = timedelta(days=30)
DECIDING_ROLES = (Role.Name.MAKER, Role.Name.CHECKER)

_MAX_NAME_CHARACTERS = 120
_IMAGE_TYPES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def recording_agency() -> Agency:
    """Return the agency that keeps the record where no clerk decides: the oldest. Raises CaseStateError without any."""
    agency = Agency.objects.order_by("pk").first()
    if agency is None:
        raise CaseStateError("no agency is open")
    return agency


def undecided_case(applicant: Account) -> KycCase | None:
    states = (KycCase.State.OPEN, KycCase.State.SUBMITTED)
    return KycCase.objects.filter(applicant=applicant, state__in=states).select_related("agency").first()


@transaction.atomic
def open_case(*, applicant: Account, agency: Agency, provider: str) -> KycCase:
    """Return a new case, or the one still being filled in. Raises CaseOpenError while one waits for its decision."""
    provider_named(provider)
    case = undecided_case(applicant)
    if case is None:
        try:
            with transaction.atomic():
                return KycCase.objects.create(applicant=applicant, agency=agency, provider=provider)
        except IntegrityError:
            raise CaseOpenError("opened at the same moment") from None
    if case.state != KycCase.State.OPEN:
        raise CaseOpenError(str(case.pk))
    case.agency, case.provider = agency, provider
    case.save(update_fields=["agency", "provider"])
    return case


@transaction.atomic
def state_identity(case: KycCase, identity: Mapping[str, Any]) -> None:
    """Keep what the applicant or provider states. Raises InvalidInputError with the fields at fault, CaseStateError."""
    locked = _lock(case, KycCase.State.OPEN)
    stated = json_dumps(_checked_identity(identity))
    case.stated_ciphertext = locked.stated_ciphertext = vault.seal_for_service(stated, context=_context(case))
    locked.save(update_fields=["stated_ciphertext"])


def read_stated_identity(case: KycCase) -> dict[str, str] | None:
    """Return what was stated, or None before it was and after the decision."""
    if not case.stated_ciphertext:
        return None
    stated = json_loads(vault.unseal_for_service(case.stated_ciphertext, context=_context(case)))
    return {name: str(stated.get(name, "")) for name in IDENTITY_FIELDS}


@transaction.atomic
def attach_document(case: KycCase, *, kind: str, content: bytes) -> KycDocument:
    """Seal and keep one image, judged by its content alone. Raises DocumentImageError, CaseStateError."""
    locked = _lock(case, KycCase.State.OPEN)
    content_type = check_image(content)
    if locked.documents.count() >= MAX_DOCUMENTS:
        raise DocumentImageError("too many", fields={"images": [_("You can upload up to 4 images")]})
    document = KycDocument(case=locked, kind=kind, content_type=content_type)
    document.ciphertext = vault.seal_for_service(content, context=_document_context(document))
    document.save()
    return document


def check_image(content: bytes) -> str:
    """Return the content type of a JPEG or PNG. Raises DocumentImageError for anything else and for a large one."""
    if len(content) > MAX_DOCUMENT_BYTES:
        raise DocumentImageError("too large", fields={"images": [_("Each image must be smaller than 5 MB")]})
    for magic, content_type in _IMAGE_TYPES.items():
        if content.startswith(magic):
            return content_type
    raise DocumentImageError("not an image", fields={"images": [_("Each image must be a JPEG or PNG file")]})


def read_document(document: KycDocument) -> bytes:
    """Return the image. Raises UnreadableError once it was destroyed."""
    return vault.unseal_for_service(document.ciphertext or b"", context=_document_context(document))


@transaction.atomic
def remove_documents(case: KycCase) -> None:
    """Let the applicant start over with the images."""
    _lock(case, KycCase.State.OPEN).documents.all().delete()


@transaction.atomic
def submit(case: KycCase) -> KycCase:
    """Hand the case to the agency's clerks. Raises CaseIncompleteError, CaseStateError."""
    locked = _lock(case, KycCase.State.OPEN)
    if not locked.stated_ciphertext:
        raise CaseIncompleteError("no identity stated")
    if provider_named(locked.provider).is_decided_by_clerk and not locked.documents.exists():
        raise CaseIncompleteError("no image", fields={"images": [_("Upload at least one image of the document")]})
    locked.state = KycCase.State.SUBMITTED
    locked.save(update_fields=["state"])
    return locked


@transaction.atomic
def approve(*, case: KycCase, clerk: Account) -> KycCase:
    """Decide for the applicant: from now on the account is this person's. A case is decided once.

    Raises CaseStateError, OwnCaseError, RoleMissingError, and as people.register_person.
    """
    locked = _lock(case, KycCase.State.SUBMITTED)
    _check_clerk(locked, clerk)
    return _accept(locked, provider_named(locked.provider), {}, clerk)


@transaction.atomic
def refuse(*, case: KycCase, clerk: Account, reason: str) -> KycCase:
    """Decide against, with a reason that the applicant reads. Raises as approve, and InvalidInputError."""
    locked = _lock(case, KycCase.State.SUBMITTED)
    _check_clerk(locked, clerk)
    if not reason.strip():
        raise InvalidInputError("no reason", fields={"reason": [_("Enter a reason that the applicant can act on")]})
    locked.reason = reason.strip()[:500]
    return _decide(locked, KycCase.State.REFUSED, clerk)


@transaction.atomic
def accept_provider(
    *, applicant: Account, agency: Agency, provider: str, identity: Mapping[str, Any], evidence: Mapping[str, Any]
) -> KycCase:
    """Decide a case on the word of a provider that proves identity itself. Raises as approve."""
    judge = provider_named(provider)
    if judge.is_decided_by_clerk:
        raise CaseStateError("this provider's cases are decided by a clerk")
    case = open_case(applicant=applicant, agency=agency, provider=provider)
    state_identity(case, identity)
    return _accept(submit(case), judge, evidence, None)


def purge_documents() -> int:
    """Destroy images of cases decided more than KYC_DOCUMENT_DAYS ago, and return how many.

    Cases begun and never sent go whole after a month, with everything stated in them. Cases that no clerk decides
    within KYC_UNDECIDED_DAYS of their beginning are refused, and their images destroyed at once.
    """
    refused = sum(map(_give_up, _overdue_cases()))
    abandoned_at = timezone.now() - ABANDONED_AFTER
    KycCase.objects.filter(state=KycCase.State.OPEN, created_at__lte=abandoned_at).delete()
    due_at = timezone.now() - timedelta(days=settings.KYC_DOCUMENT_DAYS)
    due = KycDocument.objects.filter(case__decided_at__lte=due_at, deleted_at__isnull=True)
    return refused + _destroy(due)


def _overdue_cases() -> list[KycCase]:
    overdue_at = timezone.now() - timedelta(days=settings.KYC_UNDECIDED_DAYS)
    return list(KycCase.objects.filter(state=KycCase.State.SUBMITTED, created_at__lte=overdue_at))


@transaction.atomic
def _give_up(case: KycCase) -> int:
    """Refuse a case for want of a decision, and return how many images went; none if a clerk was faster."""
    try:
        locked = _lock(case, KycCase.State.SUBMITTED)
    except CaseStateError:
        return 0
    with override(locked.applicant.language):
        locked.reason = _("Nobody decided in time. Everything you sent was destroyed. Send it again.")
    destroyed = _destroy(locked.documents.filter(deleted_at__isnull=True))
    _decide(locked, KycCase.State.REFUSED, None)
    return destroyed


def _destroy(images: QuerySet[KycDocument]) -> int:
    return images.update(ciphertext=None, deleted_at=timezone.now())


def _accept(case: KycCase, judge: KycProvider, evidence: Mapping[str, Any], clerk: Account | None) -> KycCase:
    identity = read_stated_identity(case)
    if identity is None:
        raise CaseIncompleteError("no identity stated")
    assurance = judge.assurance(evidence)
    case.person = register_person(account=case.applicant, identity=identity, assurance=assurance)
    case.evidence = [_outcome(case, identity["document_kind"], assurance)]
    return _decide(case, KycCase.State.APPROVED, clerk)


def _decide(case: KycCase, state: str, clerk: Account | None) -> KycCase:
    case.state, case.decided_by, case.decided_at = state, clerk, timezone.now()
    case.stated_ciphertext = None
    case.save()
    if settings.KYC_DOCUMENT_DAYS == 0:
        _destroy(case.documents.filter(deleted_at__isnull=True))
    actor = account_actor(clerk) if clerk else "system"
    details = {"agency": case.agency.slug, "provider": case.provider}
    report(actor=actor, action=f"kyc.{state}", subject=f"kyc:{case.pk}", details=details)
    return case


def _outcome(case: KycCase, document_kind: str, assurance: str) -> dict[str, Any]:
    return {
        "method": case.provider,
        "assurance": assurance,
        "document": document_kind,
        "images": case.documents.count(),
    }


def _check_clerk(case: KycCase, clerk: Account) -> None:
    if clerk.pk == case.applicant_id:
        raise OwnCaseError(str(case.pk))
    if not has_role(clerk, agency=case.agency, names=DECIDING_ROLES):
        raise RoleMissingError("not a clerk of this agency")


def _checked_identity(identity: Mapping[str, Any]) -> dict[str, str]:
    stated = {name: str(identity.get(name, "")).strip() for name in IDENTITY_FIELDS}
    problems: dict[str, list[str]] = {}
    if not (stated["name"] or stated["name_latin"]):
        problems["name"] = [_("Enter the name as on the document")]
    for name in _unprintable(stated, ("name", "name_latin")):
        problems[name] = [_("Enter a name of up to 120 letters, without control characters")]
    try:
        if date.fromisoformat(stated["birth_date"]) > timezone.localdate():
            problems["birth_date"] = [_("Enter a date in the past")]
    except ValueError:
        problems["birth_date"] = [_("Enter the date of birth")]
    try:
        stated["identity_number"] = normalise_number(
            document_kind=stated["document_kind"], identity_number=stated["identity_number"]
        )
    except InvalidInputError as error:
        problems.update(error.fields)
    if problems:
        raise InvalidInputError("identity", fields=problems)
    return {**stated, "name": stated["name"] or stated["name_latin"]}


def _unprintable(stated: Mapping[str, str], names: Iterable[str]) -> list[str]:
    # str.isprintable is false for control and for bidirectional formatting characters.
    return [name for name in names if len(stated[name]) > _MAX_NAME_CHARACTERS or not stated[name].isprintable()]


def _lock(case: KycCase, state: str) -> KycCase:
    locked = KycCase.objects.select_for_update(of=("self",)).select_related("agency", "applicant").get(pk=case.pk)
    if locked.state != state:
        raise CaseStateError(f"{locked.state} instead of {state}")
    return locked


def _context(case: KycCase) -> str:
    return f"kyc:{case.pk}"


def _document_context(document: KycDocument) -> str:
    return f"kyc-document:{document.pk}"
