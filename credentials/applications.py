"""A certificate on its way from the clerk who drafts it to the clerk who approves it.

draft → submitted → approved → issued, with returned → submitted again, and cancelled from either side of the desk.
Every verb locks the application first, so that two clerks acting at once never both succeed.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from typing import Any

from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from credentials.errors import (
    AgencyMismatchError,
    ApplicationStateError,
    NotTheMakerError,
    OwnWorkError,
    ReasonMissingError,
    WeidMissingError,
)
from credentials.models import Application, CredentialType
from credentials.schemas import check_claims
from identity import vault
from identity.access import has_role
from identity.audit import account_actor, report
from identity.models import Account, Agency, Person, Role
from identity.people import read_identity
from identity.weid import device_keys, weid_of

logger = logging.getLogger(__name__)

ISSUE_TASK = "credentials.issue"
EDITABLE = (Application.State.DRAFT, Application.State.RETURNED)
REASON_LENGTH = 500


@transaction.atomic
def start(*, agency: Agency, maker: Account, person: Person, credential_type: CredentialType) -> Application:
    """Open a draft that holds what proof of identity already established. Raises AgencyMismatchError, OwnWorkError."""
    _check_role(maker, agency, Role.Name.MAKER)
    if credential_type.agency_id != agency.pk or not credential_type.is_active:
        raise AgencyMismatchError("the type is not this agency's")
    if person.account_id == maker.pk:
        raise OwnWorkError("about the maker")
    application = Application(agency=agency, maker=maker, credential_type=credential_type)
    application.person = person
    application.claims_ciphertext = seal_claims(application, known_claims(credential_type, person))
    application.save()
    return application


@transaction.atomic
def draft(
    *, agency: Agency, maker: Account, person: Person, credential_type: CredentialType, claims: Mapping[str, Any]
) -> Application:
    """Open a draft with complete claims. Raises as start and update."""
    application = start(agency=agency, maker=maker, person=person, credential_type=credential_type)
    return update(application=application, maker=maker, claims=claims)


@transaction.atomic
def update(*, application: Application, maker: Account, claims: Mapping[str, Any]) -> Application:
    """Replace the claims. Raises ClaimsInvalidError, NotTheMakerError, ApplicationStateError."""
    locked = _lock_own(application, maker)
    check_claims(locked.credential_type, claims, identity=read_identity(locked.person))
    locked.claims_ciphertext = seal_claims(locked, claims)
    locked.save(update_fields=["claims_ciphertext"])
    return locked


@transaction.atomic
def submit(*, application: Application, maker: Account) -> Application:
    """Hand over for approval. Raises ClaimsInvalidError, WeidMissingError, NotTheMakerError, ApplicationStateError."""
    locked = _lock_own(application, maker)
    check_claims(locked.credential_type, read_claims(locked), identity=read_identity(locked.person))
    require_weid(locked.person)
    locked.state, locked.submitted_at, locked.return_reason = Application.State.SUBMITTED, timezone.now(), ""
    locked.checker = locked.decided_at = None
    locked.save(update_fields=["state", "submitted_at", "return_reason", "checker", "decided_at"])
    _report("application.submitted", locked, maker)
    return locked


@transaction.atomic
def approve(*, application: Application, checker: Account) -> Application:
    """Decide for issuing; the worker is woken when this commits, and the sweeper comes by in any case.

    Raises OwnWorkError, AgencyMismatchError, ApplicationStateError.
    """
    locked = _lock_to_decide(application, checker)
    _decide(locked, checker, Application.State.APPROVED)
    _report("application.approved", locked, checker)
    transaction.on_commit(lambda: ring(locked.pk))
    return locked


@transaction.atomic
def send_back(*, application: Application, checker: Account, reason: str) -> Application:
    """Return to the maker, who may correct and submit again. Raises ReasonMissingError and as approve."""
    text = reason.strip()
    if not text or len(text) > REASON_LENGTH:
        raise ReasonMissingError("1 to 500 characters", fields={"reason": ["1 to 500 characters"]})
    locked = _lock_to_decide(application, checker)
    locked.return_reason = text
    _decide(locked, checker, Application.State.RETURNED)
    _report("application.returned", locked, checker)
    return locked


@transaction.atomic
def cancel(*, application: Application, maker: Account) -> Application:
    """Give up a draft. Raises NotTheMakerError, ApplicationStateError."""
    locked = _lock_own(application, maker)
    locked.state = Application.State.CANCELLED
    locked.save(update_fields=["state"])
    _report("application.cancelled", locked, maker)
    return locked


def read_claims(application: Application) -> dict[str, Any]:
    """Return the claims as entered. Raises UnreadableError after the person's erasure."""
    claims: dict[str, Any] = vault.unseal_json(
        application.person, application.claims_ciphertext, context=claims_context(application.pk)
    )
    return claims


def known_claims(credential_type: CredentialType, person: Person) -> dict[str, Any]:
    """Return the claims of this type that proof of identity established."""
    identity = read_identity(person)
    origins = {spec["path"][0]: spec.get("source") or spec.get("initial") for spec in credential_type.claims}
    return {name: identity[origin] for name, origin in origins.items() if origin and identity.get(origin)}


def source_claims(credential_type: CredentialType, person: Person) -> dict[str, Any]:
    """Return the claims that nobody may enter otherwise than proof of identity established them."""
    identity = read_identity(person)
    return {
        spec["path"][0]: identity[spec["source"]]
        for spec in credential_type.claims
        if identity.get(spec.get("source", ""))
    }


def require_weid(person: Person) -> None:
    """Raises WeidMissingError where there is no device key to bind a certificate to."""
    weid = weid_of(person)
    if weid is None or not device_keys(weid):
        raise WeidMissingError("no active device key")


def claims_context(application_id: uuid.UUID) -> str:
    return f"application:{application_id}:claims"


def ring(application_id: uuid.UUID) -> None:
    """Wake a worker. A lost message costs one interval of the sweeper, nothing else."""
    try:
        current_app.send_task(ISSUE_TASK, args=[str(application_id)], retry=False)
    except OperationalError as error:
        logger.warning("broker unreachable, the sweeper will issue: %s", type(error.__cause__ or error).__name__)


def lock(application: Application) -> Application:
    """Return the row, locked; its type and agency come with it, unlocked."""
    rows = Application.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("credential_type", "agency").get(pk=application.pk)


def _lock_own(application: Application, maker: Account) -> Application:
    locked = lock(application)
    if locked.maker_id != maker.pk:
        raise NotTheMakerError("drafted by another clerk")
    _check_role(maker, locked.agency, Role.Name.MAKER)
    _check_state(locked, *EDITABLE)
    return locked


def _lock_to_decide(application: Application, checker: Account) -> Application:
    locked = lock(application)
    # Whoever drafted it, or is named in it, cannot be its second pair of eyes.
    if checker.pk in {locked.maker_id, locked.person.account_id}:
        raise OwnWorkError("the checker made it, or it is about the checker")
    _check_role(checker, locked.agency, Role.Name.CHECKER)
    _check_state(locked, Application.State.SUBMITTED)
    return locked


def _decide(application: Application, checker: Account, state: Application.State) -> None:
    application.state, application.checker, application.decided_at = state, checker, timezone.now()
    application.save(update_fields=["state", "checker", "decided_at", "return_reason"])


def _check_role(account: Account, agency: Agency, name: Role.Name) -> None:
    if not has_role(account, agency=agency, names=[name]):
        raise AgencyMismatchError(f"not a {name} of this agency")


def _check_state(application: Application, *allowed: str) -> None:
    if application.state not in allowed:
        raise ApplicationStateError(f"is {application.state}")


def seal_claims(application: Application, claims: Mapping[str, Any]) -> bytes:
    """Return the ciphertext of *claims* for this application, under its person's key."""
    return vault.seal_json(application.person, dict(claims), context=claims_context(application.pk))


def _report(action: str, application: Application, actor: Account) -> None:
    report(actor=account_actor(actor), action=action, subject=f"application:{application.pk}")
