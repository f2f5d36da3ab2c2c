from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import demo, sandbox


class Command(BaseCommand):
    help = "Seed the demonstration and print what to open and what to verify."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("The demonstration exists with DEMO=1 only.")
        seeded = demo.seed()
        sandbox.prepare()
        body = json.dumps({"presentation": seeded.presentation})
        self.stdout.write(
            f"\nChancela runs at {settings.PUBLIC_URL}\n\n"
            f"  people, one click each   {settings.PUBLIC_URL}/demo/\n"
            f"  check a certificate      {settings.PUBLIC_URL}/verify\n"
            f"  check one without us     {settings.PUBLIC_URL}/verifier.html\n"
            f"  the log, for operators   {settings.PUBLIC_URL}/operations/log/\n"
            f"  who may issue what       {settings.PUBLIC_URL}/trust-lists/\n"
            f"  API, try it              {settings.PUBLIC_URL}/api/docs/\n"
            f"  sandbox for developers   {settings.PUBLIC_URL}/sandbox/\n\n"
            f"Certificate {seeded.number} is issued already. Its holder shows a name and an age, and nothing else:\n\n"
            f"curl -s {settings.PUBLIC_URL}/api/v1/verify -H 'Content-Type: application/json' -d '{body}'\n\n"
            f"The proof that it stands in the log, as text (`?format=cose` for a COSE Receipt):\n\n"
            f"curl -s '{settings.PUBLIC_URL}/api/v1/log/receipts/{seeded.record_id}?format=tlog-proof'\n"
        )
