"""Whose credentials from elsewhere are judged here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from identity.trust import add_issuer, remove_issuer, trusted_issuers
from protocol.encoding import json_object
from protocol.errors import CodedError


class Command(BaseCommand):
    help = "Add, remove or list issuers from elsewhere whose credentials are trusted here."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        add = commands.add_parser("add", help="register an issuer, or one more key of it")
        add.add_argument("identifier", help="exactly as in `iss`")
        add.add_argument("--jwk", required=True, help="public P-256 JWK: a file, or the JSON itself")
        add.add_argument(
            "--type", dest="types", action="append", required=True, help="exact `vct`, or * for every type"
        )
        remove = commands.add_parser("remove", help="stop trusting an issuer")
        remove.add_argument("identifier")
        commands.add_parser("list", help="print identifiers, key ids and types")

    def handle(self, *, command: str, **options: Any) -> None:
        try:
            getattr(self, f"_{command}")(**options)
        except CodedError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"cannot read the key: {error.strerror}") from error

    def _add(self, *, identifier: str, jwk: str, types: list[str], **_: Any) -> None:
        text = jwk if jwk.lstrip().startswith("{") else Path(jwk).read_text(encoding="utf-8")
        add_issuer(identifier=identifier, public_jwk=json_object(text), types=types)
        self.stdout.write(f"trusted: {identifier}")

    def _remove(self, *, identifier: str, **_: Any) -> None:
        remove_issuer(identifier=identifier)
        self.stdout.write(f"no longer trusted: {identifier}")

    def _list(self, **_: Any) -> None:
        for issuer in trusted_issuers().values():
            self.stdout.write(f"{issuer.identifier}\t{','.join(issuer.keys)}\t{','.join(sorted(issuer.types))}")
