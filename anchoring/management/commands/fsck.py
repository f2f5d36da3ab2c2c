from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from anchoring.fsck import check, check_ledgers


class Command(BaseCommand):
    help = "Rebuild the log from its leaves, check everything stored about it, and exit with 1 if anything differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--ledgers", action="store_true", help="ask each ledger, too, whether it holds what it attested"
        )

    def handle(self, *_: Any, ledgers: bool, **__: Any) -> None:
        findings = [*check(), *(check_ledgers() if ledgers else [])]
        for finding in findings:
            self.stdout.write(str(finding))
        faults = sum(not finding.is_notice for finding in findings)
        notices = len(findings) - faults
        self.stdout.write(f"{faults} findings" + (f", {notices} notices" if notices else ""))
        if faults:
            sys.exit(1)
