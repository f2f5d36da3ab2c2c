"""What the children of the fault tests run."""

from __future__ import annotations

from tests.authorization.webhooks.receiving import deliver_all


def deliver() -> None:
    """One round of the sweeper."""
    deliver_all()
