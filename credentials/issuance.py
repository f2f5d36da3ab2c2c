"""From an approved application to a credential, exactly once, whatever is killed on the way.

1. An intent is committed: identity, number, key, WeID and status entry are fixed. Nothing has been signed.
2. The credential is signed. A crash here loses a signature that nobody has seen.
3. Credential, application state and log leaf are stored in one transaction, under the lock on the application.

A second run, or a second worker, finds the intent and uses it, or finds the credential and returns it: the identity is
the same, the status entry is the same, and at most one signature is ever released. The sweeper repeats what a dead
worker left.
"""

from __future__ import annotations

import logging
import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from anchoring import events, outbox
from anchoring.crashpoint import reach
from anchoring.models import LogEntry
from credentials import revocation
from credentials.applications import lock, read_claims
from credentials.errors import ApplicationStateError, NotRestorableError, WeidMissingError
from credentials.models import Application, Credential, CredentialType, IssuanceIntent
from credentials.signing import Plan, Signed, draw_number, sign_credential, validity
from credentials.status import draw_index, list_uri
from identity import vault
from identity.audit import report
from identity.keystore import signer_for, signer_of
from identity.models import SigningKey, WeID
from identity.trust import issuer_identifier
from identity.weid import device_keys, weid_of
from protocol.errors import CodedError

logger = logging.getLogger(__name__)

SWEEP_LIMIT = 200


def issue(*, application: Application) -> Credential:
    """Return the one credential of an approved application, issuing it now if need be.

    Raises ApplicationStateError, NotRestorableError, WeidMissingError, KeyStateError, UnreadableError. Must not run
    inside a transaction: the intent has to be committed before anything is signed.
    """
    issued = Credential.objects.filter(application=application).first()
    if issued is not None:
        return issued
    refuse_void_replacement(application)
    reach("issue.begun")
    intent = _commit_intent(application)
    reach("issue.intent_committed")
    signed = _sign(intent)
    reach("issue.signed")
    credential = _store(intent, signed)
    reach("issue.stored")
    return credential


def resume_issuance() -> int:
    """Issue whatever was approved and is not issued yet, up to a limit; those that fail do not hold up the others."""
    approved = Application.objects.filter(state=Application.State.APPROVED).order_by("decided_at")
    issued = 0
    # What would replace a suspended certificate waits until that is reinstated, or revoked.
    for application in approved.exclude(replaces__state=Credential.State.SUSPENDED):
        issued += _resume(application)
        if issued == SWEEP_LIMIT:
            break
    return issued


def _resume(application: Application) -> bool:
    try:
        issue(application=application)
    except CodedError as error:
        logger.warning("application %s is not issued yet: %s", application.pk, error.code)
        return False
    return True


@transaction.atomic(durable=True)
def _commit_intent(application: Application) -> IssuanceIntent:
    locked = lock(application)
    intent = IssuanceIntent.objects.filter(application=locked).first()
    if intent is not None and locked.state == Application.State.ISSUED:
        # Another worker was faster. An intent never changes once its credential is stored.
        return intent
    _check_approved(locked)
    if intent is None:
        return _plan_intent(locked)
    # Changed between intent and signature: what signs, and what it is bound to, must stand in the intent first.
    if intent.signing_key.state != SigningKey.State.ACTIVE:
        intent.signing_key = _active_key(locked)
    if intent.weid.deactivated_at is not None:
        intent.weid = _active_weid(locked)
    intent.save(update_fields=["signing_key", "weid"])
    return intent


def _active_weid(application: Application) -> WeID:
    weid = weid_of(application.person)
    if weid is None:
        raise WeidMissingError("no active WeID")
    return weid


def _plan_intent(application: Application) -> IssuanceIntent:
    weid = _active_weid(application)
    status_list, status_index = draw_index(application.agency)
    return IssuanceIntent.objects.create(
        application=application,
        weid=weid,
        signing_key=_active_key(application),
        number=draw_number(application.credential_type, timezone.now()),
        status_list=status_list,
        status_index=status_index,
    )


def _active_key(application: Application) -> SigningKey:
    key_id = signer_for(purpose=SigningKey.Purpose.CREDENTIAL, agency=application.agency).key_id
    return SigningKey.objects.get(key_id=key_id)


def _sign(intent: IssuanceIntent) -> Signed:
    application = intent.application
    issued_at, expires_at = _dates(intent)
    plan = Plan(
        credential_id=intent.credential_id,
        number=intent.number,
        issuer=issuer_identifier(application.agency),
        credential_type=application.credential_type,
        holder_jwk=holder_jwk(intent.weid),
        claims=read_claims(application),
        status_list_id=intent.status_list_id,
        status_uri=list_uri(intent.status_list_id),
        status_index=intent.status_index,
        issued_at=issued_at,
        expires_at=expires_at,
    )
    return sign_credential(plan, signer=signer_of(intent.signing_key))


@transaction.atomic(durable=True)
def _store(intent: IssuanceIntent, signed: Signed) -> Credential:
    application = lock(intent.application)
    stored = Credential.objects.filter(application=application).first()
    if stored is not None:
        return stored
    _check_approved(application)
    _check_unchanged(intent)
    credential = _credential_row(application, intent, signed)
    credential.save(force_insert=True)
    application.state = Application.State.ISSUED
    application.save(update_fields=["state"])
    if application.replaces is not None:
        # The new one and the end of the old one are one fact: never two valid certificates, never none.
        revocation.supersede(credential=application.replaces)
    # No credential without its leaf, no leaf without its credential.
    outbox.append(record_id=record_id(credential.pk), kind=LogEntry.Kind.CREDENTIAL, digest=signed.digest)
    events.emit(
        issued_event(
            credential_id=credential.pk,
            application_id=application.pk,
            credential_type=application.credential_type,
            dates=(credential.issued_at, credential.expires_at),
        )
    )
    report(
        actor="system",
        action="credential.issued",
        subject=f"credential:{credential.pk}",
        weid=intent.weid,
        details={"type": application.credential_type.slug},
    )
    return credential


def issued_event(
    *,
    credential_id: uuid.UUID,
    application_id: uuid.UUID,
    credential_type: CredentialType,
    dates: tuple[datetime, datetime],
) -> events.Event:
    """Return what the agency is told of a certificate that it has issued; *dates* are issue and end."""
    facts: dict[str, events.Fact] = {
        "credential": credential_id,
        "application": application_id,
        "type": credential_type.slug,
        "state": Credential.State.VALID.value,
        "issued_at": dates[0],
        "expires_at": dates[1],
    }
    return events.Event("credential.issued", facts, agency_id=credential_type.agency_id)


def _check_approved(application: Application) -> None:
    if application.state != Application.State.APPROVED:
        raise ApplicationStateError(f"is {application.state}")


def _check_unchanged(intent: IssuanceIntent) -> None:
    """What was signed is what the intent says now: another worker may have met a change of keys since."""
    columns = ("signing_key_id", "weid_id")
    if IssuanceIntent.objects.values_list(*columns).get(pk=intent.pk) != (intent.signing_key_id, intent.weid_id):
        raise ApplicationStateError("a key changed while it was signed")


def _credential_row(application: Application, intent: IssuanceIntent, signed: Signed) -> Credential:
    issued_at, expires_at = _dates(intent)
    return Credential(
        id=intent.credential_id,
        application=application,
        credential_type=application.credential_type,
        agency=application.agency,
        weid=intent.weid,
        number=intent.number,
        sd_jwt_ciphertext=vault.seal(
            application.person.wrapped_data_key, signed.text.encode(), context=sd_jwt_context(intent.credential_id)
        ),
        digest=signed.digest,
        signing_key=intent.signing_key,
        status_list=intent.status_list,
        status_index=intent.status_index,
        issued_at=issued_at,
        expires_at=expires_at,
    )


def _dates(intent: IssuanceIntent) -> tuple[datetime, datetime]:
    """Return issue and end times; a replacement ends no later than what it replaces."""
    issued_at, expires_at = validity(intent.application.credential_type, intent.created_at)
    replaced = intent.application.replaces
    return issued_at, min(expires_at, replaced.expires_at) if replaced else expires_at


def refuse_void_replacement(application: Application) -> None:
    """Raises ApplicationStateError, and gives the application up, once what it would replace is revoked or over.

    Raises NotRestorableError, and nothing is given up, while that is suspended.
    """
    if application.replaces_id is None:
        return
    # One statement: where it has been replaced by another worker meanwhile, the application is not pending any more.
    pending = Application.objects.filter(pk=application.pk, state=Application.State.APPROVED)
    is_void = Q(replaces__state=Credential.State.REVOKED) | Q(replaces__expires_at__lte=timezone.now())
    if pending.filter(is_void).update(state=Application.State.CANCELLED):
        raise ApplicationStateError("what it would replace is revoked or over")
    if pending.filter(replaces__state=Credential.State.SUSPENDED).exists():
        raise NotRestorableError("what it would replace is suspended")


def holder_jwk(weid: WeID) -> dict[str, str]:
    """Return the newest active device key. Raises WeidMissingError."""
    keys = device_keys(weid)
    if not keys:
        raise WeidMissingError("no active device key")
    jwk: dict[str, str] = keys[0].public_jwk
    return jwk


def record_id(credential_id: uuid.UUID) -> str:
    """Return the name of the credential's leaf in the log."""
    return f"credential:{credential_id}"


def copy_record_id(instance_id: uuid.UUID) -> str:
    """Return the name of the leaf of a copy of a certificate in a wallet."""
    return f"instance:{instance_id}"


def sd_jwt_context(credential_id: uuid.UUID) -> str:
    return f"credential:{credential_id}:sd-jwt"
