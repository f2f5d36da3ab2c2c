"""The service's signing keys: set-up, rotation, and the answer to a compromise."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from identity import keystore
from identity.models import Agency, Organisation, SigningKey
from protocol.errors import CodedError

_PURPOSES = [str(purpose) for purpose in SigningKey.Purpose if purpose != SigningKey.Purpose.AUTHORITY]


class Command(BaseCommand):
    help = "Create, rotate, disable or list the keys that sign for this service and its agencies."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        for name, text in (("create", "make the first key"), ("rotate", "retire the active key and make the next")):
            command = commands.add_parser(name, help=text)
            command.add_argument("purpose", choices=_PURPOSES)
            owner = command.add_mutually_exclusive_group()
            owner.add_argument("--agency", help="slug; without an owner, the key of the service itself")
            owner.add_argument("--organisation", help="slug of a verifier organisation")
        commands.add_parser("create-authority", help="make the issuing certificate authority, once")
        disable = commands.add_parser("disable", help="withdraw all trust in a key: what it signed verifies no more")
        disable.add_argument("key_id")
        commands.add_parser("list", help="print key ids with purpose and state")

    def handle(self, *, command: str, **options: Any) -> None:
        try:
            getattr(self, f"_{command.replace('-', '_')}")(**options)
        except CodedError as error:
            raise CommandError(str(error)) from error
        except (Agency.DoesNotExist, Organisation.DoesNotExist, SigningKey.DoesNotExist) as error:
            raise CommandError(str(error)) from error

    def _create_authority(self, **_: Any) -> None:
        self.stdout.write(keystore.create_authority().key_id)

    def _create(self, *, purpose: str, agency: str | None, organisation: str | None, **_: Any) -> None:
        key = keystore.create_key(purpose=purpose, agency=_agency(agency), organisation=_organisation(organisation))
        self.stdout.write(key.key_id)

    def _rotate(self, *, purpose: str, agency: str | None, organisation: str | None, **_: Any) -> None:
        key = keystore.rotate(purpose=purpose, agency=_agency(agency), organisation=_organisation(organisation))
        self.stdout.write(key.key_id)

    def _disable(self, *, key_id: str, **_: Any) -> None:
        keystore.disable(signing_key=SigningKey.objects.get(key_id=key_id))
        self.stdout.write(f"disabled: {key_id}")

    def _list(self, **_: Any) -> None:
        for key in SigningKey.objects.order_by("key_id"):
            self.stdout.write(f"{key.key_id}\t{key.purpose}\t{key.state}")


def _organisation(slug: str | None) -> Organisation | None:
    return Organisation.objects.get(slug=slug) if slug else None


def _agency(slug: str | None) -> Agency | None:
    return Agency.objects.get(slug=slug) if slug else None
