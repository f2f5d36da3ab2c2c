from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from credentials.catalog import seed_types
from identity.models import Agency


class Command(BaseCommand):
    help = "Store the shipped certificate types of every open department. Running it again changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        for kind in seed_types(Agency.objects.all()):
            self.stdout.write(f"{kind.agency.slug}\t{kind.vct}")
