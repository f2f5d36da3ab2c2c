"""Who asked for what, as the citizen reads it: organisation, moment, purpose, names of items. Never a value."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from authorization.audit import timeline
from authorization.consent import state_of
from authorization.items import Texts, label_of
from authorization.models import AuditEvent, Authorization, PresentationRequest
from credentials.models import CredentialType
from identity.models import WeID

ACTION_TEXTS: Mapping[str, str | Promise] = {
    "request.opened": _("You opened a request"),
    "request.refused": _("You refused a request"),
    "authorization.granted": _("You shared items"),
    "presentation.received": _("You showed items with a wallet"),
    "authorization.withdrawn": _("You withdrew your consent"),
    "login.completed": _("You signed in to a system of the organisation"),
    "presentation.read": _("The organisation fetched what you shared"),
    "verification.kept": _("The organisation keeps the result of a check, without what was shown"),
    "credential.issued": _("A certificate was issued to you"),
    "credential.redeemed": _("A certificate of yours was used"),
    "credential.redemption_reversed": _("A use of your certificate was taken back"),
    "credential.restore_asked": _("You restored a certificate to a new device"),
    "credential.revoked": _("A certificate of yours was revoked"),
    "credential.suspended": _("A certificate of yours was suspended"),
    "credential.reinstated": _("A certificate of yours is valid again"),
    "offer.made": _("A wallet was invited to hold a certificate of yours"),
    "credential.handed_over": _("A wallet received copies of a certificate of yours"),
    "wallet.agreed": _("You let a wallet hold a certificate"),
    "wallet.refused": _("You did not let a wallet hold a certificate"),
    "wallet.withdrawn": _("You took a certificate away from a wallet"),
    "weid.open_link": _("The service looked up who you are"),
}
OUTCOME_TEXTS: Mapping[str, str | Promise] = {
    "done": _("Done"),
    "authorization_withdrawn": _("Refused: you had withdrawn"),
    "authorization_expired": _("Refused: the time was over"),
    "reads_exhausted": _("Refused: fetched as often as you allowed"),
    "presentation_gone": _("Refused: it had been destroyed"),
    "response_code_invalid": _("Refused: asked from another browser"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One event in words. ``items`` are labels of claims; ``purpose`` is why the organisation asked; ``until`` is when
    what was kept is deleted.
    """

    event: AuditEvent
    action: str | Promise
    outcome: str | Promise
    items: tuple[Texts, ...]
    purpose: Texts
    authorization_id: str | None
    until: datetime | None = None


def authorizations_of(weid: WeID) -> QuerySet[Authorization]:
    related = ("organisation", "request__template", "credential__credential_type", "credential__agency", "weid")
    return Authorization.objects.filter(weid=weid).select_related(*related).order_by("-granted_at")


def waiting_requests(weid: WeID) -> QuerySet[PresentationRequest]:
    """Return what *weid* has opened and can still answer."""
    pending = PresentationRequest.objects.filter(
        weid=weid, state=PresentationRequest.State.PENDING, expires_at__gt=timezone.now()
    )
    return pending.select_related("organisation", "template").order_by("expires_at")


def events_of(*, weid: WeID, authorization_id: uuid.UUID | None = None) -> QuerySet[AuditEvent]:
    """Return the events of *weid*, newest first, or only those about one authorization."""
    events = timeline(weid)
    return events.filter(details__authorization=str(authorization_id)) if authorization_id else events


def describe_events(events: Iterable[AuditEvent]) -> list[Entry]:
    """Return *events* in words; two look-ups, however many there are."""
    listed = list(events)
    wanted = {event.details.get("authorization") for event in listed} - {None}
    granted = Authorization.objects.filter(pk__in=wanted).select_related(
        "request__template", "credential__credential_type"
    )
    authorizations = {str(row.pk): row for row in granted}
    asked_ids = [event.subject.removeprefix("request:") for event in listed if event.subject.startswith("request:")]
    asked = PresentationRequest.objects.filter(pk__in=asked_ids).select_related("template__credential_type")
    requests = {f"request:{row.pk}": row for row in asked}
    return [_describe(event, authorizations, requests) for event in listed]


def _describe(
    event: AuditEvent, authorizations: Mapping[str, Authorization], requests: Mapping[str, PresentationRequest]
) -> Entry:
    authorization = authorizations.get(event.details.get("authorization", ""))
    request = authorization.request if authorization else requests.get(event.subject)
    items: tuple[Texts, ...] = ()
    if authorization:
        kind = authorization.credential.credential_type
        items = tuple(label_of(kind, tuple(path)) for path in authorization.claims)
    elif request and event.details.get("claims"):
        items = _items_of(request.template.credential_type, event.details["claims"])
    return Entry(
        event=event,
        action=ACTION_TEXTS.get(event.action, event.action),
        outcome=OUTCOME_TEXTS.get(event.outcome, event.outcome),
        items=items,
        purpose=request.template.purpose if request else {},
        authorization_id=str(authorization.pk) if authorization else None,
        until=datetime.fromisoformat(event.details["until"]) if "until" in event.details else None,
    )


def _items_of(kind: CredentialType, found: Iterable[Iterable[str | int]]) -> tuple[Texts, ...]:
    """Return the labels of what a wallet showed: each of a list's items goes by the label of all."""
    paths = (tuple(None if isinstance(step, int) else step for step in path) for path in found)
    return tuple(label_of(kind, path) for path in dict.fromkeys(paths))


def export_activity(weid: WeID) -> dict[str, Any]:
    """Return everything recorded about *weid*, for the citizen to keep."""
    return {
        "weid": weid.did,
        "events": [_export_event(event) for event in timeline(weid)],
        "authorizations": [_export_authorization(authorization) for authorization in authorizations_of(weid)],
    }


def _export_event(event: AuditEvent) -> dict[str, Any]:
    return {
        "sequence": event.sequence,
        "at": event.at.isoformat(),
        "action": event.action,
        "subject": event.subject,
        "organisation": event.organisation.slug if event.organisation else None,
        "outcome": event.outcome,
        "details": event.details,
        "hash": event.hash,
    }


def _export_authorization(authorization: Authorization) -> dict[str, Any]:
    return {
        "id": str(authorization.pk),
        "state": state_of(authorization),
        "organisation": authorization.organisation.slug,
        "purpose": authorization.request.template.purpose,
        "certificate": authorization.credential.number,
        "claims": authorization.claims,
        "granted_at": authorization.granted_at.isoformat(),
        "expires_at": authorization.expires_at.isoformat(),
        "withdrawn_at": authorization.withdrawn_at.isoformat() if authorization.withdrawn_at else None,
        "reads_used": authorization.reads_used,
        "max_reads": authorization.max_reads,
        "terms": authorization.terms,
        "receipt": authorization.receipt,
    }
