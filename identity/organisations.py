"""Agencies that issue and organisations that verify, from their first day."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from identity.accreditation import Terms, accredit
from identity.audit import report
from identity.grants import EVERY_TYPE, Kind
from identity.keystore import create_key
from identity.models import Account, Agency, Membership, Organisation, SigningKey
from identity.trust import bump_trust


@transaction.atomic
def open_agency(*, slug: str, name: Mapping[str, str]) -> Agency:
    """Create an agency with its keys for certificates and status lists, accredited for every type that it is given.

    Needs the issuing authority.
    """
    agency = Agency.objects.create(slug=slug, name=dict(name))
    create_key(purpose=SigningKey.Purpose.CREDENTIAL, agency=agency)
    create_key(purpose=SigningKey.Purpose.STATUS, agency=agency)
    accredit(party=agency, kind=Kind.ISSUER, terms=Terms(types=EVERY_TYPE))
    report(actor="system", action="agency.opened", subject=f"agency:{slug}")
    return agency


@transaction.atomic
def set_haip(*, agency: Agency, is_on: bool) -> None:
    """Switch the OpenID4VC High Assurance Interoperability Profile 1.0 for an agency's certificates on or off."""
    agency.haip = is_on
    agency.save(update_fields=["haip"])
    report(actor="system", action=f"agency.haip_{'on' if is_on else 'off'}", subject=f"agency:{agency.slug}")


@transaction.atomic
def register_organisation(*, slug: str, name: Mapping[str, str]) -> Organisation:
    """Create a verifier organisation; it can do nothing until approved."""
    organisation = Organisation.objects.create(slug=slug, name=dict(name))
    report(actor="system", action="organisation.registered", subject=f"organisation:{slug}", organisation=organisation)
    return organisation


@transaction.atomic
def approve_organisation(*, organisation: Organisation) -> None:
    organisation.approved_at = timezone.now()
    organisation.save(update_fields=["approved_at"])
    bump_trust()
    subject = f"organisation:{organisation.slug}"
    report(actor="system", action="organisation.approved", subject=subject, organisation=organisation)


def add_member(*, organisation: Organisation, account: Account) -> Membership:
    return Membership.objects.get_or_create(organisation=organisation, account=account)[0]
