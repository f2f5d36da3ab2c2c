"""What happened to a certificate, in order, for the clerk's page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from anchoring.receipts import AnchoringState, anchoring_state
from credentials import issuance, revocation
from credentials.models import Credential


@dataclass(frozen=True, slots=True)
class Event:
    """One line; ``receipt`` is the address of its proof once the log has published it."""

    title: str
    at: datetime
    detail: str = ""
    anchoring: str = ""
    receipt: str = ""


def timeline(credential: Credential) -> list[Event]:
    intent = getattr(credential.application, "intent", None) if credential.application else None
    issued_at = intent.created_at if intent else credential.issued_at
    events = [_event(_("Issued"), issued_at, credential.number, issuance.record_id(credential.pk))]
    for change in credential.status_changes.order_by("pk"):
        title = f"{change.get_from_state_display()} → {change.get_to_state_display()}"
        events.append(_event(title, change.created_at, change.get_reason_display(), revocation.record_id(change)))
    return events


def _event(title: str, at: datetime, detail: str, record_id: str) -> Event:
    state = anchoring_state(record_id)
    receipt = reverse("log-receipt", args=[record_id]) if state == "published" else ""
    return Event(title, at, detail, anchoring_text(state), receipt)


def anchoring_text(state: AnchoringState) -> str:
    if state == "published":
        return _("In the public log")
    if state == "unknown":
        return _("Not in the public log")
    return _("On its way into the public log")
