from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from anchoring.fsck import check


class Command(BaseCommand):
    help = "Rebuild the log from its leaves, check everything stored about it, and exit with 1 if anything differs."

    def handle(self, *_: Any, **__: Any) -> None:
        findings = check()
        for finding in findings:
            self.stdout.write(str(finding))
        self.stdout.write(f"{len(findings)} findings")
        if findings:
            sys.exit(1)
