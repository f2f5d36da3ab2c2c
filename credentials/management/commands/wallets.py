"""Whose word about wallets, and about the keys inside them, counts here; and the keys that wallets encrypt to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from credentials.models import WalletProvider
from credentials.openid4vci import providers, request_keys
from identity.models import Agency
from protocol.encoding import json_object
from protocol.errors import CodedError


class Command(BaseCommand):
    help = "Trust, remove or list providers that vouch for wallets and for the keys inside them; rotate request keys."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        trust = commands.add_parser("trust", help="trust a provider, or replace what is known of it")
        trust.add_argument("name")
        trust.add_argument(
            "--jwks", required=True, help="a JWK Set or one public P-256 JWK: a file, or the JSON itself"
        )
        trust.add_argument(
            "--purpose",
            dest="purposes",
            action="append",
            choices=WalletProvider.Purpose.values,
            help="what its word counts for; may be given twice, and without it for everything",
        )
        remove = commands.add_parser("remove", help="stop trusting a provider")
        remove.add_argument("name")
        rotate = commands.add_parser("rotate", help="make a department's next key for encrypted requests")
        rotate.add_argument("slug")
        commands.add_parser("list", help="print names, purposes and numbers of keys")

    def handle(self, *, command: str, **options: Any) -> None:
        try:
            getattr(self, f"_{command}")(**options)
        except CodedError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"cannot read the keys: {error.strerror}") from error

    def _trust(self, *, name: str, jwks: str, purposes: list[str] | None, **_: Any) -> None:
        text = jwks if jwks.lstrip().startswith("{") else Path(jwks).read_text(encoding="utf-8")
        given = json_object(text)
        keys = given.get("keys", [given])
        chosen = purposes or WalletProvider.Purpose.values
        providers.trust(name=name, public_jwks=keys, purposes=chosen)
        self.stdout.write(f"trusted: {name}")

    def _remove(self, *, name: str, **_: Any) -> None:
        providers.remove(name=name)
        self.stdout.write(f"no longer trusted: {name}")

    def _rotate(self, *, slug: str, **_: Any) -> None:
        agency = Agency.objects.filter(slug=slug).first()
        if agency is None:
            raise CommandError(f"no such department: {slug}")
        self.stdout.write(request_keys.rotate(agency).key_id)

    def _list(self, **_: Any) -> None:
        for provider in WalletProvider.objects.filter(removed_at__isnull=True).order_by("name"):
            self.stdout.write(f"{provider.name}\t{','.join(provider.purposes)}\t{len(provider.public_jwks)}")
