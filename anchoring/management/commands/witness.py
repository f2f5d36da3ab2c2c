"""What this deployment does as a witness of other logs, and proofs that lead into a log which witnesses ours."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from anchoring.log_in_log import fetch_chain
from anchoring.models import WitnessedLog
from anchoring.witness_key import witness_vkeys
from anchoring.witnessing import add_log, cosigned_head, remove_log
from protocol.checkpoint import VerifierKey
from protocol.errors import CodedError


class Command(BaseCommand):
    help = "Witness the logs of other deployments (C2SP tlog-witness)."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        add = commands.add_parser("add", help="witness a log, or give a witnessed one other keys")
        add.add_argument("origin", help="the first line of its checkpoints")
        add.add_argument("vkey", nargs="+", help="its verifier keys, as its /log/vkey shows them")
        remove = commands.add_parser("remove", help="witness a log no longer")
        remove.add_argument("origin")
        commands.add_parser("list", help="the logs witnessed, and how far")
        commands.add_parser("key", help="our own keys, by which others check our cosignatures")
        chain = commands.add_parser("chain", help="prove a record of ours under the key of a log that witnesses us")
        chain.add_argument("record_id")
        chain.add_argument("url", help="the other deployment's witness address, such as https://b.example/witness")
        chain.add_argument("vkey", nargs="+", help="the keys of its log")

    def handle(self, *, command: str, **options: Any) -> None:
        try:
            getattr(self, f"_{command}")(**options)
        except CodedError as error:
            raise CommandError(str(error)) from error

    def _add(self, *, origin: str, vkey: list[str], **_: Any) -> None:
        log = add_log(origin=origin, vkeys=vkey)
        self.stdout.write(f"witnessing {log.origin} under {len(vkey)} keys")

    def _remove(self, *, origin: str, **_: Any) -> None:
        remove_log(origin=origin)
        self.stdout.write(f"no longer witnessing {origin}")

    def _list(self, **_: Any) -> None:
        for log in WitnessedLog.objects.all():
            head = cosigned_head(log)
            when = f" at {log.cosigned_at.isoformat()}" if log.cosigned_at else ""
            self.stdout.write(f"{log.origin}: {f'{head.size} leaves cosigned{when}' if head else 'nothing cosigned'}")

    def _key(self, **_: Any) -> None:
        for vkey in witness_vkeys():
            self.stdout.write(vkey)

    def _chain(self, *, record_id: str, url: str, vkey: list[str], **_: Any) -> None:
        keys = [VerifierKey.from_vkey(text) for text in vkey]
        self.stdout.write(fetch_chain(record_id=record_id, url=url, keys=keys).encode().decode())
