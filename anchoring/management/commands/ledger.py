"""Ledgers in use: which there are, and adding, deploying, pausing and removing them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from anchoring.configured import add_ledger, deploy_ledger, pause_ledger, remove_ledger, resume_ledger
from anchoring.models import ConfiguredLedger, LedgerPause
from anchoring.registry import kinds, ledgers, unusable_ledgers
from protocol.errors import CodedError

ORDERS = {
    "remove": "use it no longer",
    "pause": "send nothing to it for a while",
    "resume": "send to it again",
}
DEPLOYED_KIND = "evm"
# What `deploy` passes on to the kind of ledger, when given.
DEPLOY_OPTIONS = ("rpc_url", "key_file", "profile", "confirmations", "gas_price", "max_gas_price", "stuck_seconds")


class Command(BaseCommand):
    help = "Add, list, deploy, pause, resume and remove the ledgers that attest our checkpoints."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        add = commands.add_parser("add", help="use a ledger that exists already")
        add.add_argument("kind")
        add.add_argument("ledger_id")
        add.add_argument("option", nargs="*", help="name=value")
        _add_deploy(commands.add_parser("deploy", help="put our contract on an EVM chain, and use it"))
        for name, text in ORDERS.items():
            order = commands.add_parser(name, help=text)
            order.add_argument("ledger_id")
            order.add_argument("--reason", default="", help="for the audit trail")
        commands.add_parser("list", help="the ledgers in use")
        commands.add_parser("kinds", help="what can be added")

    def handle(self, *, command: str, **options: Any) -> None:
        try:
            getattr(self, f"_{command}")(**options)
        except CodedError as error:
            raise CommandError(str(error)) from error

    def _add(self, *, kind: str, ledger_id: str, option: list[str], **_: Any) -> None:
        self._say_added(add_ledger(ledger_id=ledger_id, kind=kind, options=_pairs(option)))

    def _deploy(self, *, ledger_id: str, **options: Any) -> None:
        given = {name: str(options[name]) for name in DEPLOY_OPTIONS if options[name] is not None}
        given["key_file"] = str(Path(given["key_file"]).resolve())
        self._say_added(deploy_ledger(ledger_id=ledger_id, kind=DEPLOYED_KIND, options=given))

    def _remove(self, *, ledger_id: str, reason: str, **_: Any) -> None:
        remove_ledger(ledger_id=ledger_id, reason=reason)
        self.stdout.write(f"{ledger_id} is no longer used; what it attested stays")

    def _pause(self, *, ledger_id: str, reason: str, **_: Any) -> None:
        pause_ledger(ledger_id=ledger_id, reason=reason)
        self.stdout.write(f"{ledger_id} is paused")

    def _resume(self, *, ledger_id: str, reason: str, **_: Any) -> None:
        resume_ledger(ledger_id=ledger_id, reason=reason)
        self.stdout.write(f"{ledger_id} goes on with the newest checkpoint")

    def _list(self, **_: Any) -> None:
        paused = dict(LedgerPause.objects.values_list("ledger_id", "reason"))
        for name, ledger in sorted(ledgers().items()):
            state = f"paused ({paused[name] or 'no reason given'})" if name in paused else "in use"
            pins = " ".join(f"{pin}={value}" for pin, value in sorted(ledger.identity().pins.items()))
            self.stdout.write(f"{name}: {state}, final after {ledger.identity().finality}, {pins}")
        for name in unusable_ledgers():
            self.stdout.write(f"{name}: unusable, its options are wrong")

    def _kinds(self, **_: Any) -> None:
        for name, kind in sorted(kinds().items()):
            summary = (kind.__doc__ or "").strip().partition("\n")[0]
            self.stdout.write(f"{name}: {summary}")

    def _say_added(self, row: ConfiguredLedger) -> None:
        self.stdout.write(f"{row.ledger_id} attests from the next checkpoint on")
        for name, value in sorted(row.options.items()):
            self.stdout.write(f"  {name}={value}")


def _add_deploy(parser: CommandParser) -> None:
    parser.add_argument("--ledger-id", default="contract", help="what the ledger is called here (contract)")
    parser.add_argument("--rpc-url", required=True, help="JSON-RPC address of a node")
    parser.add_argument("--key-file", required=True, help="file with the submitter's secp256k1 key in hexadecimal")
    parser.add_argument("--profile", help="ethereum (Besu, Quorum, geth …) or fisco (FISCO BCOS from 3.9 on)")
    parser.add_argument("--confirmations", type=int, help="blocks until final, the first one counted")
    parser.add_argument("--gas-price", type=int, help="wei per gas, instead of the market's")
    parser.add_argument("--max-gas-price", type=int, help="wait while gas costs more wei than this")
    parser.add_argument("--stuck-seconds", type=int, help="offer more after this long")


def _pairs(texts: list[str]) -> Mapping[str, str]:
    pairs = dict(text.partition("=")[::2] for text in texts if "=" in text)
    if len(pairs) != len(texts):
        raise CommandError("options are name=value, each name once")
    return pairs
