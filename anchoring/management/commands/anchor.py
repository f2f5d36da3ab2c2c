from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from anchoring.retrying import retry
from anchoring.standing import Alert, LedgerStanding, LogStanding, alerts, log_standing
from protocol.errors import CodedError


class Command(BaseCommand):
    help = "Say how the log and its ledgers stand, and have a ledger tried again."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        status = acts.add_parser("status", help="head, lag, backlog, every ledger; exit with 1 if it needs a person")
        status.add_argument("--json", action="store_true", dest="is_json")
        status.add_argument("--offline", action="store_true", help="do not contact the ledgers")
        again = acts.add_parser("retry", help="try a ledger again now, after what kept it has been seen to")
        again.add_argument("ledger")
        again.add_argument("--after-conflict", action="store_true", help="its contradiction is known to be resolved")
        again.add_argument("--reason", default="", help="for the audit trail; needed after a contradiction")

    def handle(self, *_: Any, act: str, **options: Any) -> None:
        getattr(self, f"_{act}")(options)

    def _status(self, options: dict[str, Any]) -> None:
        standing = log_standing(asks_ledgers=not options["offline"])
        found = alerts(standing)
        if options["is_json"]:
            document = {**asdict(standing), "alerts": [asdict(alert) for alert in found]}
            self.stdout.write(json.dumps(document, cls=DjangoJSONEncoder, indent=2))
        else:
            for line in [*_log_lines(standing), *map(_ledger_line, standing.ledgers), *map(_alert_line, found)]:
                self.stdout.write(line)
        if any(alert.severity == "error" for alert in found):
            sys.exit(1)

    def _retry(self, options: dict[str, Any]) -> None:
        try:
            rows = retry(
                ledger_id=options["ledger"], after_conflict=options["after_conflict"], reason=options["reason"]
            )
        except CodedError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{rows} attestations are tried again")


def _log_lines(now: LogStanding) -> list[str]:
    signed = now.checkpoint_at.isoformat(timespec="seconds") if now.checkpoint_at else "never"
    guarded = "no head" if now.guarded_size is None else str(now.guarded_size)
    lines = [
        f"log {now.origin}",
        f"  published {now.published_size} of {now.head_size} leaves, signed {signed}, guard {guarded}",
        f"  waiting {now.pending} records without a place, lag {now.lag_seconds:.0f} s",
    ]
    if now.refusal:
        lines.append(f"  signs nothing: {now.refusal} {now.refusal_detail}")
    lines += [f"  follows {log.origin} {log.state} at {log.size} leaves {log.finding}".rstrip() for log in now.followed]
    return lines + [f"  witnesses {log.origin} at {log.size} leaves" for log in now.witnessed]


def _ledger_line(ledger: LedgerStanding) -> str:
    reached = "nothing final"
    if ledger.final_size is not None and ledger.final_at is not None:
        reached = f"final {ledger.final_size} at {ledger.final_at.isoformat(timespec='seconds')}"
    counts = " ".join(f"{state}={rows}" for state, rows in sorted(ledger.counts.items()))
    parts = [f"ledger {ledger.ledger_id}", reached, counts]
    if ledger.health is not None:
        parts.append(f"{'healthy' if ledger.health.is_healthy else 'UNHEALTHY'} ({ledger.health.detail})")
        parts.append(f"spent {ledger.health.spent}" if ledger.health.spent else "")
    parts.append(f"paused: {ledger.pause_reason}" if ledger.paused_at else "")
    parts.append(f"last error: {ledger.last_error}" if ledger.last_error else "")
    return "; ".join(part for part in parts if part)


def _alert_line(alert: Alert) -> str:
    return f"{alert.severity.upper()} {alert.code} {alert.subject}"
