from __future__ import annotations

import pytest

from authorization.models import AuditEvent
from identity.access import agencies_for, has_role, organisation_for, roles_of
from identity.errors import OwnRoleError, RoleMissingError, RoleTakenError
from identity.models import Role
from identity.organisations import add_member, register_organisation
from identity.roles import grant_role, withdraw_role
from tests import cast

pytestmark = pytest.mark.django_db
MAKER, ADMINISTRATOR = Role.Name.MAKER, Role.Name.ADMINISTRATOR


def test_an_administrator_gives_and_takes_roles_at_the_own_agency() -> None:
    role = grant_role(account=cast.eve(), agency=cast.agency(), name=MAKER, by=cast.administrator())
    assert has_role(cast.eve(), agency=cast.agency(), names=[MAKER])
    withdraw_role(role=role, by=cast.administrator())
    assert not has_role(cast.eve(), agency=cast.agency(), names=[MAKER])
    actions = AuditEvent.objects.filter(subject=f"account:{cast.eve().pk}").values_list("action", flat=True)
    assert list(actions.order_by("sequence")) == ["role.granted", "role.withdrawn"]


def test_nobody_raises_themselves() -> None:
    administrator = cast.administrator()
    with pytest.raises(OwnRoleError):
        grant_role(account=administrator, agency=cast.agency(), name=Role.Name.CHECKER, by=administrator)
    with pytest.raises(OwnRoleError):
        withdraw_role(role=Role.objects.get(account=administrator), by=administrator)


def test_only_administrators_and_only_at_their_own_agency() -> None:
    with pytest.raises(RoleMissingError):
        grant_role(account=cast.eve(), agency=cast.agency(), name=ADMINISTRATOR, by=cast.ana())
    with pytest.raises(RoleMissingError):
        grant_role(account=cast.eve(), agency=cast.agency("education"), name=MAKER, by=cast.administrator())
    with pytest.raises(RoleMissingError):
        withdraw_role(role=Role.objects.get(account=cast.dora()), by=cast.administrator())


def test_a_role_is_held_once() -> None:
    with pytest.raises(RoleTakenError):
        grant_role(account=cast.ana(), agency=cast.agency(), name=MAKER, by=cast.administrator())


def test_a_disabled_account_holds_nothing() -> None:
    ana = cast.ana()
    assert [agency.slug for agency in agencies_for(roles_of(ana), names=[MAKER])] == ["identification"]
    ana.is_active = False
    assert roles_of(ana) == []
    assert not has_role(ana, agency=cast.agency(), names=[MAKER])


def test_an_organisation_counts_only_once_approved() -> None:
    organisation = register_organisation(slug="new", name={"en": "New"})
    add_member(organisation=organisation, account=cast.eve())
    assert organisation_for(cast.eve()) is None
    assert organisation_for(cast.chan()) == cast.bank()
