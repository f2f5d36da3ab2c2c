"""What may be asked, and the asking. A template is registered once, judged by the agency that issues the certificate,
and then fixed; a request names a template and nothing else, so nobody can ask for more than was approved.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from authorization import audit
from authorization.errors import (
    OrganisationUnapprovedError,
    RecipientKeyMissingError,
    TemplateInvalidError,
    TemplateUnusableError,
)
from authorization.items import always_shown, askable_paths
from authorization.models import PresentationRequest, RequestTemplate
from credentials.models import CredentialType
from identity.access import has_role
from identity.audit import account_actor
from identity.errors import RoleMissingError
from identity.languages import LANGUAGE_CODES
from identity.models import Account, ApiKey, Organisation, Role
from identity.trust import bump_trust
from protocol.dcql import CredentialQuery, credential_query, parse_query
from protocol.disclosure import Path

CREDENTIAL_QUERY_ID = "certificate"
LIMITS = {"retention_days": (0, 3650), "access_days": (1, 365), "max_reads": (1, 1000)}
MAX_NAME = 80
MIN_LIFETIME = timedelta(minutes=1)
MAX_LIFETIME = timedelta(days=7)
DEFAULT_LIFETIME = timedelta(hours=24)
MAX_TEXT = 300


@dataclass(frozen=True, slots=True)
class Bounds:
    """For how long what was shown may be kept, and for how long and how often it may be fetched."""

    retention_days: int
    access_days: int
    max_reads: int


@transaction.atomic
def register_template(
    *,
    organisation: Organisation,
    account: Account,
    name: str,
    purpose: Mapping[str, str],
    credential_type: CredentialType,
    required: Iterable[Path],
    optional: Iterable[Path] = (),
    bounds: Bounds,
) -> RequestTemplate:
    """Store what *organisation* wants to ask for; nobody can be asked before the issuing agency approves it.

    Claims that the certificate always shows are required whether or not they were named: what a verifier sees is what
    the citizen is told. Raises TemplateInvalidError with ``fields``.
    """
    needed = list(dict.fromkeys([*always_shown(credential_type), *required]))
    wanted = [path for path in dict.fromkeys(optional) if path not in needed]
    texts = {language: text.strip() for language, text in purpose.items() if text.strip()}
    _check_template(name, texts, bounds)
    _check_claims(credential_type, needed, wanted)
    template = RequestTemplate.objects.create(
        organisation=organisation,
        credential_type=credential_type,
        name=name.strip(),
        purpose=texts,
        dcql_query=credential_query(
            query_id=CREDENTIAL_QUERY_ID, vct=credential_type.vct, required=needed, optional=wanted
        ),
        required_claims=[list(path) for path in needed],
        retention_days=bounds.retention_days,
        access_days=bounds.access_days,
        max_reads=bounds.max_reads,
    )
    _record(template, account, "template.registered")
    return template


@transaction.atomic
def approve_template(*, template: RequestTemplate, administrator: Account) -> RequestTemplate:
    """Let the template be used. Only for an administrator of the issuing agency.

    Raises RoleMissingError, and TemplateUnusableError when it was approved or retired already.
    """
    _check_administrator(template, administrator)
    waiting = RequestTemplate.objects.filter(pk=template.pk, approved_at__isnull=True, retired_at__isnull=True)
    if not waiting.update(approved_at=timezone.now(), approved_by=administrator):
        raise TemplateUnusableError("not waiting for approval")
    template.refresh_from_db()
    bump_trust()
    _record(template, administrator, "template.approved")
    return template


@transaction.atomic
def retire_template(*, template: RequestTemplate, account: Account, is_agency: bool = False) -> RequestTemplate:
    """End the use of a template: for its organisation, or, as a refusal or later, for the issuing agency.

    What was granted before goes on as granted. Raises RoleMissingError. Retiring twice is harmless.
    """
    if is_agency:
        _check_administrator(template, account)
    if RequestTemplate.objects.filter(pk=template.pk, retired_at__isnull=True).update(retired_at=timezone.now()):
        bump_trust()
        _record(template, account, "template.retired")
    template.refresh_from_db()
    return template


@transaction.atomic
def create_request(
    *,
    template: RequestTemplate,
    organisation: Organisation,
    reference: str = "",
    api_key: ApiKey | None = None,
    created_by: Account | None = None,
    lifetime: timedelta = DEFAULT_LIFETIME,
    is_sealed: bool = True,
) -> PresentationRequest:
    """Ask one citizen, whoever opens the link first, for what *template* says.

    What a wallet presents is not *is_sealed* to a recipient key. Raises OrganisationUnapprovedError,
    TemplateUnusableError (also for another organisation's template) and RecipientKeyMissingError.
    """
    check_may_ask(template, organisation)
    if is_sealed and not organisation.recipient_keys.filter(revoked_at__isnull=True).exists():
        raise RecipientKeyMissingError(organisation.slug)
    # Access ends a fixed time after the asking, so the time to answer must not outlast it.
    bounded = min(max(lifetime, MIN_LIFETIME), MAX_LIFETIME, timedelta(days=template.access_days))
    request = PresentationRequest.objects.create(
        template=template,
        organisation=organisation,
        reference=reference,
        nonce=secrets.token_urlsafe(32),
        api_key=api_key,
        created_by=created_by,
        expires_at=timezone.now() + bounded,
    )
    _record_request(request, account_actor(created_by) if created_by else f"organisation:{organisation.slug}")
    return request


def check_may_ask(template: RequestTemplate, organisation: Organisation) -> None:
    """Raises OrganisationUnapprovedError, TemplateUnusableError."""
    if organisation.approved_at is None:
        raise OrganisationUnapprovedError(organisation.slug)
    if template.organisation_id != organisation.pk or not template.is_usable:
        raise TemplateUnusableError(str(template.pk))


def asked_credential(template: RequestTemplate) -> CredentialQuery:
    """Return the query of the one credential that a template asks for."""
    return parse_query(template.dcql_query).credentials[0]


def request_state(request: PresentationRequest) -> str:
    """Return pending, granted, presented, refused or expired."""
    return "expired" if request.is_expired else str(request.state)


def consent_url(request: PresentationRequest) -> str:
    return f"{settings.PUBLIC_URL}/portal/requests/{request.pk}/"


def audience_of(organisation: Organisation) -> str:
    """Return the ``aud`` of every key binding JWT made for *organisation*."""
    return f"{settings.PUBLIC_URL}/organisations/{organisation.slug}"


def _check_template(name: str, purpose: Mapping[str, str], bounds: Bounds) -> None:
    fields: dict[str, list[str]] = {}
    if not 1 <= len(name.strip()) <= MAX_NAME:
        fields["name"] = [_("Enter a name of at most %(most)d characters.") % {"most": MAX_NAME}]
    if settings.LANGUAGE_CODE not in purpose or not set(purpose) <= set(LANGUAGE_CODES):
        fields["purpose"] = [_("Say in Traditional Chinese at least why you ask.")]
    elif any(len(text) > MAX_TEXT for text in purpose.values()):
        fields["purpose"] = [_("Use at most %(most)d characters.") % {"most": MAX_TEXT}]
    for field, (least, most) in LIMITS.items():
        if not least <= getattr(bounds, field) <= most:
            fields[field] = [_("Enter a number from %(least)d to %(most)d.") % {"least": least, "most": most}]
    if fields:
        raise TemplateInvalidError(", ".join(fields), fields=fields)


def _check_claims(credential_type: CredentialType, required: Sequence[Path], optional: Sequence[Path]) -> None:
    paths = [*required, *optional]
    error = ""
    if not required:
        error = _("Choose at least one item that you cannot do without.")
    elif not set(paths) <= {*askable_paths(credential_type), *always_shown(credential_type)}:
        error = _("Choose only items of this type of certificate.")
    elif any(_is_within(inner, outer) for inner in paths for outer in paths):
        error = _("Choose an item or a part of it, not both.")
    if error:
        raise TemplateInvalidError("claims", fields={"claims": [error]})


def _is_within(inner: Path, outer: Path) -> bool:
    return len(inner) > len(outer) and inner[: len(outer)] == outer


def _check_administrator(template: RequestTemplate, account: Account) -> None:
    agency = template.credential_type.agency
    if not has_role(account, agency=agency, names=[Role.Name.ADMINISTRATOR]):
        raise RoleMissingError(Role.Name.ADMINISTRATOR)


def _record(template: RequestTemplate, account: Account, action: str) -> None:
    audit.record(
        actor=account_actor(account),
        action=action,
        subject=f"template:{template.pk}",
        organisation=template.organisation,
    )


def _record_request(request: PresentationRequest, actor: str) -> None:
    audit.record(
        actor=actor,
        action="request.created",
        subject=f"request:{request.pk}",
        organisation=request.organisation,
        details={"template": str(request.template_id)},
    )
