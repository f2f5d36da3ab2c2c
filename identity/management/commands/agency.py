"""Departments and verifier organisations, and who acts for them first: what set-up needs before anyone can sign in."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from identity.access import is_address_proven
from identity.api_keys import create_agency_key
from identity.languages import LANGUAGE_CODES
from identity.models import Account, Agency, Organisation, Role
from identity.organisations import add_member, approve_organisation, open_agency, register_organisation, set_haip
from identity.roles import grant_role, withdraw_role
from protocol.errors import CodedError


class Command(BaseCommand):
    help = "Open a department, register and approve a verifier organisation, give the first role or membership."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        for name, text in (("open", "open a department with its keys"), ("register", "register a verifier")):
            command = commands.add_parser(name, help=text)
            command.add_argument("slug")
            for language in LANGUAGE_CODES:
                command.add_argument(f"--{language}", required=language == "zh-hant", help="its name")
        approve = commands.add_parser("approve", help="let a registered verifier ask")
        approve.add_argument("slug")
        role = commands.add_parser("grant", help="give an account a role at a department")
        role.add_argument("email")
        role.add_argument("slug")
        role.add_argument("role", choices=Role.Name.values)
        withdraw = commands.add_parser("withdraw", help="take an account's role at a department away")
        withdraw.add_argument("email")
        withdraw.add_argument("slug")
        withdraw.add_argument("role", choices=Role.Name.values)
        haip = commands.add_parser("haip", help="give certificates to wallets under OpenID4VC HAIP 1.0 alone, or not")
        haip.add_argument("slug")
        haip.add_argument("state", choices=["on", "off"])
        key = commands.add_parser("key", help="make an API key for a department's own software, shown once")
        key.add_argument("slug")
        key.add_argument("label")
        member = commands.add_parser("join", help="let an account act for a verifier")
        member.add_argument("email")
        member.add_argument("slug")

    def handle(self, *, command: str, **options: Any) -> None:
        try:
            getattr(self, f"_{command}")(**options)
        except (CodedError, IntegrityError) as error:
            raise CommandError(f"{options['slug']}: {error}") from error
        except (Account.DoesNotExist, Agency.DoesNotExist, Organisation.DoesNotExist, Role.DoesNotExist) as error:
            raise CommandError(str(error)) from error

    def _open(self, *, slug: str, **options: Any) -> None:
        open_agency(slug=slug, name=_names(options))
        self.stdout.write(f"opened: {slug}")

    def _register(self, *, slug: str, **options: Any) -> None:
        register_organisation(slug=slug, name=_names(options))
        self.stdout.write(f"registered: {slug}")

    def _approve(self, *, slug: str, **_: Any) -> None:
        approve_organisation(organisation=Organisation.objects.get(slug=slug))
        self.stdout.write(f"approved: {slug}")

    def _grant(self, *, email: str, slug: str, role: str, **_: Any) -> None:
        grant_role(account=_account(email), agency=Agency.objects.get(slug=slug), name=role)
        self.stdout.write(f"granted: {role} at {slug}")

    def _withdraw(self, *, email: str, slug: str, role: str, **_: Any) -> None:
        held = Role.objects.select_related("account", "agency")
        withdraw_role(role=held.get(account__email__iexact=email, agency__slug=slug, name=role))
        self.stdout.write(f"withdrawn: {role} at {slug}")

    def _haip(self, *, slug: str, state: str, **_: Any) -> None:
        set_haip(agency=Agency.objects.get(slug=slug), is_on=state == "on")
        self.stdout.write(f"HAIP {state}: {slug}")

    def _key(self, *, slug: str, label: str, **_: Any) -> None:
        self.stdout.write(create_agency_key(agency=Agency.objects.get(slug=slug), label=label)[1])

    def _join(self, *, email: str, slug: str, **_: Any) -> None:
        add_member(organisation=Organisation.objects.get(slug=slug), account=_account(email))
        self.stdout.write(f"joined: {slug}")


def _names(options: dict[str, Any]) -> dict[str, str]:
    given = {language: options[language.replace("-", "_")] for language in LANGUAGE_CODES}
    return {language: name for language, name in given.items() if name}


def _account(email: str) -> Account:
    """Anyone can sign up under anyone's address; only who reads the mail there gets a part."""
    account = Account.objects.get(email__iexact=email)
    if not is_address_proven(account):
        raise CommandError(f"{email}: the address is not confirmed yet")
    return account
