"""Which certificate a grant stands for now, and which one a citizen has of a type."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from credentials.models import Application, Credential, CredentialType, WalletGrant
from credentials.openid4vci.offers import PENDING
from credentials.subject import subject_hmac
from identity.models import Person
from protocol.errors import CredentialDeniedError

_JOINED = ("agency", "credential_type", "application", "weid")


def certificate_of(grant: WalletGrant) -> Credential | None:
    """Return the valid certificate that *grant* stands for, None while it is being made. Raises CredentialDeniedError.

    What was issued again for another device is followed to the newest: the wallet gets the one that is valid.
    """
    credential = _issued(grant.application)
    while credential is not None and (newer := _replacement(credential)) is not None:
        credential = newer
    if credential is None:
        if not is_pending(grant.application):
            raise CredentialDeniedError("given up")
        return None
    if credential.state != Credential.State.VALID or credential.expires_at <= timezone.now():
        raise CredentialDeniedError("not valid any more")
    return credential


def find_application(*, person: Person, credential_type: CredentialType) -> Application | None:
    """Return what led, or will lead, to the person's current certificate of this type; None if there is nothing."""
    applications = Application.objects.filter(person_hmac=subject_hmac(person), credential_type=credential_type)
    joined = applications.select_related("agency", "credential_type")
    valid = joined.filter(credential__state=Credential.State.VALID, credential__expires_at__gt=timezone.now())
    return valid.order_by("-credential__issued_at", "-pk").first() or _newest_pending(joined)


def is_pending(application: Application) -> bool:
    return application.state in PENDING


def _newest_pending(applications: QuerySet[Application]) -> Application | None:
    return applications.filter(state__in=PENDING).order_by("-created_at").first()


def _issued(application: Application) -> Credential | None:
    return Credential.objects.filter(application=application).select_related(*_JOINED).first()


def _replacement(credential: Credential) -> Credential | None:
    return Credential.objects.filter(application__replaces=credential).select_related(*_JOINED).first()
