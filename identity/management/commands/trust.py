"""Whose certificates count: who is accredited here, and whom elsewhere this deployment relies on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from identity.accreditation import ExternalParty, Terms, accredit, withdraw
from identity.grants import Kind, grants
from identity.languages import LANGUAGE_CODES
from identity.models import Agency, TrustAnchor
from identity.trust import add_issuer, remove_issuer, trusted_issuers
from identity.trust_anchors import add_anchor, pinned_anchors, remove_anchor
from identity.trust_fetch import fetch_anchor
from identity.trust_publishing import publish_due, published_lists
from protocol.encoding import json_object
from protocol.errors import CodedError


class Command(BaseCommand):
    help = "Accredit issuers and accrediting bodies; rely on roots of trust and issuers from elsewhere."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        _add_issuer_commands(commands)
        _add_accreditation_commands(commands)
        _add_anchor_commands(commands)
        commands.add_parser("publish", help="sign our lists anew where that is due")

    def handle(self, *, command: str, **options: Any) -> None:
        try:
            getattr(self, f"_{command}")(**options)
        except CodedError as error:
            raise CommandError(str(error)) from error
        except (Agency.DoesNotExist, TrustAnchor.DoesNotExist) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"cannot read the key: {error.strerror}") from error

    def _add(self, *, identifier: str, jwk: str, types: list[str], **_: Any) -> None:
        add_issuer(identifier=identifier, public_jwk=_read_jwk(jwk), types=types)
        self.stdout.write(f"trusted: {identifier}")

    def _remove(self, *, identifier: str, **_: Any) -> None:
        remove_issuer(identifier=identifier)
        self.stdout.write(f"no longer trusted: {identifier}")

    def _list(self, **_: Any) -> None:
        for issuer in trusted_issuers().values():
            self.stdout.write(f"{issuer.identifier}\t{','.join(issuer.keys)}\t{','.join(sorted(issuer.types))}")

    def _accredit(
        self, *, party: str, kind: str, types: list[str], grantor: str | None, until: datetime | None, **more: Any
    ) -> None:
        terms = Terms(types, _agency(grantor) if grantor else None, until)
        accredit(party=_external(party, more) if _is_identifier(party) else _agency(party), kind=kind, terms=terms)
        self.stdout.write(f"accredited: {party} as {kind}")

    def _withdraw(self, *, party: str, kind: str, **_: Any) -> None:
        withdraw(party=party if _is_identifier(party) else _agency(party), kind=kind)
        self.stdout.write(f"withdrawn: {party} as {kind}")

    def _accreditations(self, **_: Any) -> None:
        for grant in grants():
            row = grant.accreditation
            party = row.agency.slug if row.agency else row.identifier
            state = "granted" if grant.standing.withdrawn_at is None else "withdrawn"
            types, grantor = ",".join(sorted(grant.types)), row.grantor.slug if row.grantor else "root"
            self.stdout.write(f"{party}\t{row.kind}\t{types}\t{grantor}\t{state}")

    def _anchor(self, *, action: str, **options: Any) -> None:
        getattr(self, f"_anchor_{action}")(**options)

    def _anchor_add(self, *, identifier: str, list_uri: str, jwk: list[str], types: list[str], **_: Any) -> None:
        keys = [_read_jwk(each) for each in jwk]
        anchor = add_anchor(identifier=identifier, list_uri=list_uri, public_jwks=keys, types=types)
        self.stdout.write(f"pinned: {identifier}")
        self._fetch_one(anchor)

    def _anchor_remove(self, *, identifier: str, **_: Any) -> None:
        remove_anchor(identifier=identifier)
        self.stdout.write(f"no longer pinned: {identifier}")

    def _anchor_list(self, **_: Any) -> None:
        for anchor in pinned_anchors().prefetch_related("lists"):
            self.stdout.write(f"{anchor.identifier}\t{anchor.list_uri}\t{','.join(anchor.types)}")
            for row in anchor.lists.all():
                self.stdout.write(
                    f"\t{row.uri}\tversion {row.version}\tuntil {row.expires_at}\t{row.finding or 'good'}"
                )

    def _fetch(self, *, identifier: str | None, **_: Any) -> None:
        wanted = pinned_anchors()
        for anchor in wanted.filter(identifier=identifier) if identifier else wanted:
            self._fetch_one(anchor)

    def _fetch_one(self, anchor: TrustAnchor) -> None:
        fetched = fetch_anchor(anchor)
        for uri in fetched.renewed:
            self.stdout.write(f"new: {uri}")
        for uri, code in fetched.findings.items():
            self.stderr.write(f"not taken: {uri}: {code}")
        for refusal in fetched.refusals:
            self.stderr.write(f"cut: {refusal.identifier} in {refusal.uri}: {refusal.error}")

    def _publish(self, **_: Any) -> None:
        publish_due()
        for row in published_lists():
            self.stdout.write(f"{row.slug}\tversion {row.version}\tuntil {row.expires_at}")


def _add_issuer_commands(commands: Any) -> None:
    add = commands.add_parser("add", help="register an issuer, or one more key of it")
    add.add_argument("identifier", help="exactly as in `iss`")
    add.add_argument("--jwk", required=True, help="public P-256 JWK: a file, or the JSON itself")
    _add_types(add)
    remove = commands.add_parser("remove", help="stop trusting an issuer")
    remove.add_argument("identifier")
    commands.add_parser("list", help="print identifiers, key ids and types")


def _add_accreditation_commands(commands: Any) -> None:
    grant = commands.add_parser("accredit", help="accredit a department, or a party from elsewhere, in our trust list")
    withdrawal = commands.add_parser("withdraw", help="withdraw an accreditation and all that rests on it")
    for command in (grant, withdrawal):
        command.add_argument("party", help="slug of a department, or identifier of a party from elsewhere")
        command.add_argument("--kind", choices=Kind.values, default=str(Kind.ISSUER))
    _add_types(grant)
    grant.add_argument("--by", dest="grantor", help="slug of the accrediting body; without it, this government")
    grant.add_argument("--until", type=_moment, help="end, as 2030-12-31 or 2030-12-31T00:00:00+08:00")
    grant.add_argument("--jwk", action="append", default=[], help="of a party from elsewhere: its public P-256 JWKs")
    grant.add_argument("--list-uri", default="", help="of a body elsewhere: the address of its list")
    for language in LANGUAGE_CODES:
        grant.add_argument(f"--{language}", default="", help="of a party from elsewhere: its name")
    commands.add_parser("accreditations", help="print party, kind, types, grantor and state")


def _add_anchor_commands(commands: Any) -> None:
    anchor = commands.add_parser("anchor", help="roots of trust elsewhere").add_subparsers(dest="action", required=True)
    add = anchor.add_parser("add", help="pin a root, or pin it anew with other keys, and fetch its lists")
    add.add_argument("identifier", help="exactly as in `iss` of its list")
    add.add_argument("list_uri", help="https address of its list")
    add.add_argument("--jwk", action="append", required=True, help="public P-256 JWK: a file, or the JSON itself")
    _add_types(add)
    anchor.add_parser("remove", help="stop relying on a root at once").add_argument("identifier")
    anchor.add_parser("list", help="print roots, and how their lists stand")
    commands.add_parser("fetch", help="fetch the lists of roots elsewhere").add_argument("identifier", nargs="?")


def _add_types(command: CommandParser) -> None:
    command.add_argument(
        "--type", dest="types", action="append", required=True, help="exact `vct`, or * for every type"
    )


def _is_identifier(party: str) -> bool:
    return ":" in party


def _agency(slug: str) -> Agency:
    return Agency.objects.get(slug=slug)


def _external(identifier: str, options: dict[str, Any]) -> ExternalParty:
    given = {language: options[language.replace("-", "_")] for language in LANGUAGE_CODES}
    names = {language: name for language, name in given.items() if name}
    return ExternalParty(identifier, names, tuple(_read_jwks(options["jwk"])), options["list_uri"])


def _read_jwks(given: Iterable[str]) -> Iterable[dict[str, Any]]:
    return (_read_jwk(each) for each in given)


def _read_jwk(given: str) -> dict[str, Any]:
    return json_object(given if given.lstrip().startswith("{") else Path(given).read_text(encoding="utf-8"))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
