"""From an event to the rows of the outbox, in the transaction of the event: what is rolled back is told to nobody."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from anchoring.doorbell import ring_on_commit
from anchoring.events import Event, Fact
from authorization.models import Authorization, WebhookDelivery, WebhookEndpoint
from authorization.webhooks.catalogue import AGENCY, ORGANISATION, check_facts
from protocol.encoding import json_dumps

DELIVER_TASK = "authorization.deliver_webhooks"


def emit(*events: Event) -> None:
    """Write a delivery for every endpoint that subscribes to one of *events* and is concerned by it.

    One query where nobody subscribes, at most three however many events there are. Call it before the audit trail's
    record, which belongs at the end of a transaction. Raises ValueError for facts that the catalogue does not know.
    """
    endpoints = list(WebhookEndpoint.objects.filter(_is_concerned(events), disabled_at__isnull=True))
    if endpoints:
        write(_deliveries([*events, *_for_who_was_shown(events, endpoints)], endpoints))


def write(deliveries: Iterable[WebhookDelivery]) -> None:
    """Store rows of the outbox, and tell the workers when the transaction commits."""
    if WebhookDelivery.objects.bulk_create(deliveries, batch_size=1000):
        ring_on_commit(DELIVER_TASK)


def delivery_for(endpoint: WebhookEndpoint, event: str, facts: Mapping[str, Fact], at: datetime) -> WebhookDelivery:
    """Return the row, unsaved. Its payload has the form that Standard Webhooks recommends: type, timestamp, data."""
    check_facts(event, AGENCY if endpoint.agency_id else ORGANISATION, facts)
    body = {"type": event, "timestamp": _plain(at), "data": {name: _plain(fact) for name, fact in facts.items()}}
    return WebhookDelivery(endpoint=endpoint, event=event, payload=json_dumps(body).decode(), created_at=at)


def _is_concerned(events: Sequence[Event]) -> Q:
    if any(_is_for_everyone(event) for event in events):
        return Q()
    agencies = {event.agency_id for event in events if event.agency_id}
    organisations = {event.organisation_id for event in events if event.organisation_id}
    shown = _standing(events).values("organisation_id")
    return Q(agency_id__in=agencies) | Q(organisation_id__in=organisations) | Q(organisation_id__in=shown)


def _standing(events: Iterable[Event]) -> QuerySet[Authorization]:
    """Return the consents that still stand over the certificates of these events."""
    credentials = {event.credential_id for event in events if event.credential_id}
    return Authorization.objects.filter(
        credential_id__in=credentials, withdrawn_at__isnull=True, expires_at__gt=timezone.now()
    )


def _for_who_was_shown(events: Sequence[Event], endpoints: Sequence[WebhookEndpoint]) -> Iterator[Event]:
    """Yield the same events for the organisations that were shown the certificates: under their own ids, not ours."""
    told = {endpoint.organisation_id for endpoint in endpoints if endpoint.organisation_id}
    by_credential = {event.credential_id: event for event in events if event.credential_id}
    if not (told and by_credential):
        return
    for authorization in _standing(events).filter(organisation_id__in=told).order_by("granted_at"):
        event = by_credential[authorization.credential_id]
        facts: dict[str, Fact] = {
            "authorization": authorization.pk,
            "request": authorization.request_id,
            "state": event.facts["state"],
        }
        yield Event(event.type, facts, organisation_id=authorization.organisation_id)


def _deliveries(events: Iterable[Event], endpoints: Sequence[WebhookEndpoint]) -> Iterator[WebhookDelivery]:
    now = timezone.now()
    for event in events:
        for endpoint in endpoints:
            if event.type in endpoint.events and _is_whose(event, endpoint):
                yield delivery_for(endpoint, event.type, event.facts, now)


def _is_for_everyone(event: Event) -> bool:
    return event.agency_id is None and event.organisation_id is None


def _is_whose(event: Event, endpoint: WebhookEndpoint) -> bool:
    owner = (event.agency_id, event.organisation_id)
    return _is_for_everyone(event) or owner == (endpoint.agency_id, endpoint.organisation_id)


def _plain(fact: Fact) -> str | int:
    if isinstance(fact, datetime):
        return fact.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(fact) if isinstance(fact, uuid.UUID) else fact
