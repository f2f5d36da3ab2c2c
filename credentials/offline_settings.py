"""Just enough of Django for what runs where there is no deployment: no secrets, no database, no private address."""

from __future__ import annotations

import django
from django.conf import settings

from anchoring.kinds import BUILT_IN


def ensure_settings() -> None:
    """Configure Django unless a deployment has. There is no database behind it, and asking for one is an error."""
    if not settings.configured:
        settings.configure(
            INSTALLED_APPS=["anchoring"],
            LEDGER_KINDS=dict(BUILT_IN),
            FETCH_ALLOWED_PRIVATE_HOSTS=[],
            FETCH_PLAIN_ORIGIN="",
            USE_TZ=True,
        )
        django.setup()
