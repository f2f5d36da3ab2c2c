"""Who may do what, as plain predicates. Decorators for views are in views/access.py."""

from __future__ import annotations

from collections.abc import Iterable

from allauth.account.models import EmailAddress
from django.conf import settings

from identity.models import Account, Agency, Membership, Organisation, Person, Role


def roles_of(account: Account) -> list[Role]:
    """Return every role of an active account with its agency, in a stable order."""
    if not account.is_active:
        return []
    return list(Role.objects.filter(account=account).select_related("agency").order_by("agency_id", "name"))


def agencies_for(roles: Iterable[Role], *, names: Iterable[str]) -> list[Agency]:
    """Return the agencies at which one of the roles *names* is held, in order."""
    wanted = frozenset(names)
    return list({role.agency_id: role.agency for role in roles if role.name in wanted}.values())


def has_role(account: Account, *, agency: Agency, names: Iterable[str]) -> bool:
    held = Role.objects.filter(account=account, agency=agency, name__in=list(names))
    return account.is_active and held.exists()


def needs_second_factor(account: Account) -> bool:
    """Whether the account acts for others: as operator, as staff, or for a verifier organisation."""
    return (
        account.is_staff
        or Role.objects.filter(account=account).exists()
        or Membership.objects.filter(account=account).exists()
    )


def is_address_proven(account: Account) -> bool:
    """Whether whoever signed up could read mail at the address. Anyone can sign up under a clerk's address first."""
    if settings.ACCOUNT_EMAIL_VERIFICATION != "mandatory":
        return True
    proven = EmailAddress.objects.filter(user=account, email__iexact=account.email, verified=True)
    return bool(proven.exists())


def person_for(account: Account) -> Person | None:
    return Person.objects.filter(account=account).first()


def organisation_for(account: Account) -> Organisation | None:
    """Return the approved organisation that the account acts for."""
    memberships = Membership.objects.filter(account=account, organisation__approved_at__isnull=False)
    membership = memberships.select_related("organisation").order_by("pk").first()
    return membership.organisation if membership else None
