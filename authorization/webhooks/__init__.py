"""Tells organisations and agencies what happened, by the Standard Webhooks specification.

`emit` writes the outbox in the transaction of the event; `delivery` sends from it; `endpoints` is what owners decide.
"""

from __future__ import annotations

from anchoring.events import Event, Fact
from authorization.webhooks.emission import emit

__all__ = ["Event", "Fact", "emit"]
