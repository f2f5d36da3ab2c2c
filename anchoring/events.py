"""The way up to whoever wants to be told: a registry in settings instead of an import.

An event is thin: ids, states and times. Whoever receives it asks for the rest, and is then judged by what they may know.
"""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.module_loading import import_string

from protocol.checkpoint import Checkpoint

Fact = str | int | datetime | uuid.UUID


@dataclass(frozen=True, slots=True)
class Event:
    """*facts* by name, and whom they concern: an agency, an organisation, or, with neither, whoever subscribes.

    ``credential_id`` lets the sink find the organisations that were shown the certificate.
    """

    type: str
    facts: Mapping[str, Fact]
    agency_id: int | None = None
    organisation_id: int | None = None
    credential_id: uuid.UUID | None = None


def anchor_final(ledger_id: str, head: Checkpoint) -> Event:
    """Return the event of a ledger's having attested *head* for good."""
    root = b64encode(head.root).decode()
    return Event("anchor.final", {"ledger": ledger_id, "origin": head.origin, "size": head.size, "root": root})


def emit(*events: Event) -> None:
    """Hand the events to settings.EVENT_SINK, in the caller's transaction: what is rolled back was never told."""
    sink: Callable[..., None] = import_string(settings.EVENT_SINK)
    sink(*events)
