"""``manage.py evidence page > verifier.html``: the page that checks evidence without a server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from credentials.evidence_page import evidence_page


class Command(BaseCommand):
    help = "Write the page that checks evidence bundles without a server"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["page"])

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(evidence_page(now=datetime.now(UTC)).html, ending="")
