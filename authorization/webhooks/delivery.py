"""From the outbox to the receivers: at least once, each endpoint in a lane of its own, none waiting for another.

1. A worker leases the endpoint, by one conditional update; nobody else sends there meanwhile.
2. For each delivery that is due it renews the lease, signs the stored body, and sends it. No transaction is open.
3. What came of it is recorded in one transaction, if the lease is still ours and the delivery still at that attempt:
   an attempt is recorded at most once, whoever else works.
4. After a failure the lane is left, and the endpoint rests: a receiver that hangs costs one attempt now and then.

A worker that is killed leaves a lease that runs out. Killed between 2 and 3, the receiver gets the delivery again, with
the same `webhook-id`: that, not us, is what makes the receiver's work happen once. No order is promised.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import SystemRandom

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from anchoring import fetch
from anchoring.crashpoint import reach
from anchoring.errors import FetchError
from authorization import audit
from authorization.models import WebhookDelivery, WebhookEndpoint
from authorization.webhooks.signing import headers_for
from identity.errors import UnreadableError

logger = logging.getLogger(__name__)

State = WebhookDelivery.State
Reason = WebhookEndpoint.DisabledReason

SEND_SECONDS = 15.0
LEASE = timedelta(seconds=30)
# As many are sent under one task: a busy endpoint then goes to the end of the queue.
LANE_LIMIT = 100
# Seconds from one attempt to the next: eight attempts in about a day and a half.
RETRY_SECONDS = (5, 60, 5 * 60, 30 * 60, 2 * 3600, 8 * 3600, 24 * 3600)
MAX_ATTEMPTS = len(RETRY_SECONDS) + 1
MAX_REST_SECONDS = 300
# A receiver may ask for more time than we would leave it, within reason.
MAX_RETRY_AFTER_SECONDS = 3600
MAX_ANSWER_BYTES = 1000
KEPT_FOR = timedelta(days=30)
_GONE = 410

_random = SystemRandom()


class _LaneLostError(Exception):
    """Another worker holds the endpoint, or has recorded the attempt."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What an attempt came to: an HTTP status and what came with it, or none and the reason."""

    status: int | None
    said: str
    retry_after: int = 0

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status <= 299


def due_endpoints() -> list[uuid.UUID]:
    """Return the ids of the endpoints in use for which something is due, and that are neither leased nor resting."""
    waiting = WebhookDelivery.objects.filter(state=State.PENDING, next_attempt_at__lte=timezone.now())
    return list(_free().filter(pk__in=waiting.values("endpoint_id")).values_list("pk", flat=True))


def deliver(*, endpoint_id: uuid.UUID) -> int:
    """Send what is due for one endpoint; return how many attempts were recorded."""
    lane = _Lane.claim(endpoint_id)
    if lane is None:
        return 0
    recorded = 0
    try:
        while recorded < LANE_LIMIT and (delivery := lane.next_due()):
            is_accepted = _attempt(lane, delivery)
            recorded += 1
            if not is_accepted:
                break
    except _LaneLostError:
        logger.info("webhook endpoint %s was taken over", endpoint_id)
    finally:
        lane.leave()
    return recorded


def purge() -> int:
    """Delete what was delivered or given up a month ago, and return how many rows."""
    old = WebhookDelivery.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    return old.exclude(state=State.PENDING, endpoint__disabled_at__isnull=True).delete()[0]


@dataclass(slots=True)
class _Lane:
    """The lease on one endpoint. Its time of ending is its name: whoever holds another one holds nothing."""

    endpoint_id: uuid.UUID
    until: datetime

    @classmethod
    def claim(cls, endpoint_id: uuid.UUID) -> _Lane | None:
        until = timezone.now() + LEASE
        is_ours = _free().filter(pk=endpoint_id).update(leased_until=until) == 1
        return cls(endpoint_id, until) if is_ours else None

    def change(self, **changes: object) -> None:
        """Change the endpoint, if the lane is still ours. Raises _LaneLostError."""
        if WebhookEndpoint.objects.filter(pk=self.endpoint_id, leased_until=self.until).update(**changes) != 1:
            raise _LaneLostError

    def renew(self) -> None:
        until = timezone.now() + LEASE
        self.change(leased_until=until)
        self.until = until

    def next_due(self) -> WebhookDelivery | None:
        """Return the delivery that waits longest, with the endpoint as its owner has it now; none once disabled."""
        due = WebhookDelivery.objects.select_related("endpoint__organisation").filter(
            endpoint_id=self.endpoint_id,
            endpoint__disabled_at__isnull=True,
            state=State.PENDING,
            next_attempt_at__lte=timezone.now(),
        )
        return due.order_by("next_attempt_at", "created_at").first()

    def leave(self) -> None:
        WebhookEndpoint.objects.filter(pk=self.endpoint_id, leased_until=self.until).update(leased_until=None)


def _free() -> QuerySet[WebhookEndpoint]:
    now = timezone.now()
    is_unleased = Q(leased_until__isnull=True) | Q(leased_until__lte=now)
    is_rested = Q(rests_until__isnull=True) | Q(rests_until__lte=now)
    return WebhookEndpoint.objects.filter(is_unleased, is_rested, disabled_at__isnull=True)


def _attempt(lane: _Lane, delivery: WebhookDelivery) -> bool:
    """Send, and record what came of it; whether it was accepted. Raises _LaneLostError."""
    lane.renew()
    reach("webhook.before_sending")
    outcome = _send(delivery)
    reach("webhook.sent")
    _record(lane, delivery, outcome)
    reach("webhook.recorded")
    return outcome.is_accepted


def _send(delivery: WebhookDelivery) -> _Outcome:
    now = timezone.now()
    try:
        reply = fetch.post(
            delivery.endpoint.url,
            purpose="webhook",
            body=delivery.payload.encode(),
            headers=headers_for(delivery, at=now),
            max_bytes=MAX_ANSWER_BYTES,
            seconds=SEND_SECONDS,
        )
    except FetchError as error:
        return _Outcome(None, f"{error.code}: {error.detail}")
    except UnreadableError as error:
        return _Outcome(None, error.code)
    wait = min(reply.retry_after, MAX_RETRY_AFTER_SECONDS)
    return _Outcome(reply.status, _readable(reply.content), wait)


@transaction.atomic
def _record(lane: _Lane, delivery: WebhookDelivery, outcome: _Outcome) -> None:
    now = timezone.now()
    lane.change(**_endpoint_after(delivery, outcome, now))
    attempted = WebhookDelivery.objects.filter(pk=delivery.pk, state=State.PENDING, attempts=delivery.attempts)
    if attempted.update(**_delivery_after(delivery, outcome, now)) != 1:
        raise _LaneLostError
    if reason := _disabling(delivery, outcome):
        lane.change(disabled_at=now, disabled_reason=reason)
        endpoint = delivery.endpoint
        audit.record(
            actor="system",
            action="webhook.disabled",
            subject=f"webhook:{endpoint.pk}",
            organisation=endpoint.organisation,
            details={"reason": reason},
        )


def _endpoint_after(delivery: WebhookDelivery, outcome: _Outcome, now: datetime) -> dict[str, object]:
    if outcome.is_accepted:
        return {"failures": 0, "rests_until": None, "accepted_at": now}
    failures = delivery.endpoint.failures + 1
    seconds = min(RETRY_SECONDS[0] * 2 ** min(failures - 1, 10), MAX_REST_SECONDS)
    return {"failures": failures, "rests_until": now + _pause(seconds, outcome)}


def _delivery_after(delivery: WebhookDelivery, outcome: _Outcome, now: datetime) -> dict[str, object]:
    attempts = delivery.attempts + 1
    changes = {
        "attempts": attempts,
        "last_attempt_at": now,
        "last_status": outcome.status,
        "last_error": outcome.said,
    }
    if outcome.is_accepted:
        return {**changes, "last_error": "", "state": State.DELIVERED, "delivered_at": now}
    if _is_last(delivery) or outcome.status == _GONE:
        return {**changes, "state": State.FAILED}
    return {**changes, "next_attempt_at": now + _pause(RETRY_SECONDS[attempts - 1], outcome)}


def _disabling(delivery: WebhookDelivery, outcome: _Outcome) -> str:
    """Return why the endpoint is sent nothing more, or nothing while it is."""
    if outcome.status == _GONE:
        return Reason.GONE
    accepted_at = delivery.endpoint.accepted_at
    is_silent = accepted_at is None or accepted_at < delivery.created_at
    return Reason.FAILING if not outcome.is_accepted and _is_last(delivery) and is_silent else ""


def _is_last(delivery: WebhookDelivery) -> bool:
    return delivery.attempts + 1 >= MAX_ATTEMPTS


def _pause(seconds: float, outcome: _Outcome) -> timedelta:
    # Jitter: what failed together must not come back together.
    return timedelta(seconds=max(seconds * _random.uniform(0.9, 1.1), outcome.retry_after))


def _readable(content: bytes) -> str:
    # A receiver's own words may hold what no text column takes.
    text = content[:MAX_ANSWER_BYTES].decode("utf-8", "replace")
    return "".join(character if character.isprintable() else " " for character in text)
