"""Staff roles: given and taken by an administrator of the same agency, never to oneself; the first by the operator."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from identity.access import has_role
from identity.audit import account_actor, report
from identity.errors import OwnRoleError, RoleMissingError, RoleTakenError
from identity.models import Account, Agency, Role


@transaction.atomic
def grant_role(*, account: Account, agency: Agency, name: str, by: Account | None = None) -> Role:
    """Give a role; without *by*, as the set-up does. Raises RoleMissingError, OwnRoleError, RoleTakenError."""
    _check_grantor(account, agency, by)
    try:
        with transaction.atomic():
            role = Role.objects.create(account=account, agency=agency, name=Role.Name(name))
    except IntegrityError:
        raise RoleTakenError(name) from None
    _report("role.granted", role, by)
    return role


@transaction.atomic
def withdraw_role(*, role: Role, by: Account | None = None) -> None:
    """Take a role away, effective with the next request; without *by*, as the operator. Raises as grant_role."""
    _check_grantor(role.account, role.agency, by)
    _report("role.withdrawn", role, by)
    role.delete()


def _check_grantor(account: Account, agency: Agency, by: Account | None) -> None:
    if by is None:
        return
    if not has_role(by, agency=agency, names=[Role.Name.ADMINISTRATOR]):
        raise RoleMissingError("not an administrator of this agency")
    if by.pk == account.pk:
        raise OwnRoleError(role_subject(account))


def _report(action: str, role: Role, by: Account | None) -> None:
    actor = account_actor(by) if by else "system"
    details = {"agency": role.agency.slug, "role": role.name}
    report(actor=actor, action=action, subject=role_subject(role.account), details=details)


def role_subject(account: Account) -> str:
    return f"account:{account.pk}"
