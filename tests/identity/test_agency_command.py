"""The operator's command for departments, verifiers and the first people."""

from __future__ import annotations

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from pytest_django import Settings

from authorization.models import AuditEvent
from identity.models import Account, Agency, Membership, Organisation, Role, SigningKey
from tests import cast

pytestmark = pytest.mark.django_db


def test_a_department_is_opened_with_names_and_keys() -> None:
    cast.agency()
    call_command("agency", "open", "customs", "--zh-hant", "海關", "--pt", "Alfândega")
    agency = Agency.objects.get(slug="customs")
    assert agency.name == {"zh-hant": "海關", "pt": "Alfândega"}
    assert SigningKey.objects.filter(agency=agency).count() == 2
    with pytest.raises(CommandError, match="customs"):
        call_command("agency", "open", "customs", "--zh-hant", "海關")


def test_a_verifier_is_registered_approved_and_joined() -> None:
    account = Account.objects.create_user(username="o", email="officer@bank.example")
    call_command("agency", "register", "newbank", "--zh-hant", "新銀行")
    assert Organisation.objects.get(slug="newbank").approved_at is None
    call_command("agency", "approve", "newbank")
    call_command("agency", "join", "officer@bank.example", "newbank")
    assert Organisation.objects.get(slug="newbank").approved_at is not None
    assert Membership.objects.get(account=account).organisation.slug == "newbank"


def test_a_first_administrator_gets_the_role_once() -> None:
    cast.agency()
    Account.objects.create_user(username="a", email="admin@dsi.example")
    call_command("agency", "grant", "admin@dsi.example", "identification", "administrator")
    assert Role.objects.get(account__email="admin@dsi.example").name == "administrator"
    with pytest.raises(CommandError, match="role_taken"):
        call_command("agency", "grant", "admin@dsi.example", "identification", "administrator")


@pytest.mark.parametrize(
    "arguments",
    [("approve", "nowhere"), ("grant", "nobody@x.example", "identification", "maker"), ("join", "n@x.example", "no")],
)
def test_what_is_not_there_is_named(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="does not exist"):
        call_command("agency", *arguments)


def test_the_operator_takes_a_role_away_and_both_leave_a_trace() -> None:
    ana = cast.ana()
    call_command("agency", "withdraw", ana.email.upper(), "identification", "maker")
    assert not ana.roles.exists()
    events = AuditEvent.objects.filter(subject=f"account:{ana.pk}", action__startswith="role.").order_by("sequence")
    assert [(e.action, e.actor) for e in events] == [("role.granted", "system"), ("role.withdrawn", "system")]
    with pytest.raises(CommandError, match="does not exist"):
        call_command("agency", "withdraw", ana.email, "identification", "maker")


@pytest.mark.parametrize("arguments", [("grant", "identification", "administrator"), ("join", "daiwan")])
def test_nobody_gets_a_part_before_they_confirmed_their_address(settings: Settings, arguments: tuple[str, ...]) -> None:
    cast.agency(), cast.bank()
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    stranger = Account.objects.create_user(username="s", email="admin@dsi.example")
    command, *rest = arguments
    with pytest.raises(CommandError, match="not confirmed"):
        call_command("agency", command, stranger.email, *rest)
    EmailAddress.objects.create(user=stranger, email=stranger.email, verified=True, primary=True)
    call_command("agency", command, stranger.email, *rest)
    assert stranger.roles.exists() or stranger.memberships.exists()
