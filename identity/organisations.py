"""Agencies that issue and organisations that verify, from their first day."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from identity.audit import report
from identity.keystore import create_key
from identity.models import Account, Agency, Membership, Organisation, SigningKey


@transaction.atomic
def open_agency(*, slug: str, name: Mapping[str, str]) -> Agency:
    """Create an agency with its keys for certificates and status lists. Needs the issuing authority."""
    agency = Agency.objects.create(slug=slug, name=dict(name))
    create_key(purpose=SigningKey.Purpose.CREDENTIAL, agency=agency)
    create_key(purpose=SigningKey.Purpose.STATUS, agency=agency)
    report(actor="system", action="agency.opened", subject=f"agency:{slug}")
    return agency


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
    subject = f"organisation:{organisation.slug}"
    report(actor="system", action="organisation.approved", subject=subject, organisation=organisation)


def add_member(*, organisation: Organisation, account: Account) -> Membership:
    return Membership.objects.get_or_create(organisation=organisation, account=account)[0]
