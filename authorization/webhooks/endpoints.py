"""What owners decide: where to be told, of what, by which secret, whether at all, and what to send once more."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from anchoring import fetch
from anchoring.doorbell import ring_on_commit
from anchoring.errors import FetchRefusedError
from anchoring.throttle import count_request
from authorization import audit
from authorization.errors import WebhookDisabledError, WebhookInvalidError, WebhookLimitError
from authorization.models import WebhookDelivery, WebhookEndpoint
from authorization.webhooks.catalogue import AGENCY, ORGANISATION, TEST, subscribable
from authorization.webhooks.emission import DELIVER_TASK, delivery_for, write
from authorization.webhooks.signing import OVERLAP, draw_secret, wrap_secret
from identity.models import Agency, Organisation

Owner = Organisation | Agency
State = WebhookDelivery.State

MAX_ENDPOINTS = 10
MAX_URL = 500
# What one endpoint is sent by hand: a button must not become a way to flood somebody else's server.
BY_HAND_RATE = "60/min"


def audience_of(owner: Owner) -> str:
    """Return what kind of owner it is, in the catalogue's words."""
    return AGENCY if isinstance(owner, Agency) else ORGANISATION


def endpoints_of(owner: Owner) -> QuerySet[WebhookEndpoint]:
    """Return the owner's endpoints, those in use first, each with ``waiting`` and ``given_up`` deliveries counted."""
    rows = WebhookEndpoint.objects.filter(**{audience_of(owner): owner})
    return rows.annotate(
        waiting=Count("deliveries", filter=Q(deliveries__state=State.PENDING)),
        given_up=Count("deliveries", filter=Q(deliveries__state=State.FAILED)),
    ).order_by("-disabled_at", "-created_at")


@transaction.atomic
def add(*, owner: Owner, url: str, events: Iterable[str], actor: str) -> tuple[WebhookEndpoint, str]:
    """Return the endpoint and its secret, which nobody can ever see again.

    Raises WebhookInvalidError with ``fields``, and WebhookLimitError.
    """
    chosen = _checked_events(owner, events)
    _check_url(url)
    # The lock makes the count below hold for two who add at once.
    locked = type(owner).objects.select_for_update().get(pk=owner.pk)
    if locked.webhook_endpoints.filter(disabled_at__isnull=True).count() >= MAX_ENDPOINTS:
        raise WebhookLimitError(str(MAX_ENDPOINTS))
    secret = draw_secret()
    endpoint = WebhookEndpoint(**{audience_of(owner): locked}, url=url, events=chosen)
    endpoint.wrapped_secret = wrap_secret(endpoint.pk, secret)
    endpoint.save(force_insert=True)
    _record(endpoint, actor, "webhook.added")
    return endpoint, secret


@transaction.atomic
def rotate(*, endpoint: WebhookEndpoint, actor: str) -> str:
    """Return a new secret; the present one signs beside it for a day, and one older than that no more."""
    locked = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
    secret = draw_secret()
    locked.wrapped_previous_secret, locked.previous_until = locked.wrapped_secret, timezone.now() + OVERLAP
    locked.wrapped_secret = wrap_secret(locked.pk, secret)
    locked.save(update_fields=["wrapped_secret", "wrapped_previous_secret", "previous_until"])
    _record(locked, actor, "webhook.secret_rotated")
    return secret


@transaction.atomic
def disable(*, endpoint: WebhookEndpoint, actor: str) -> None:
    """Send nothing more. What happens from now on is not kept for it. Disabling twice is harmless."""
    in_use = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at__isnull=True)
    if in_use.update(disabled_at=timezone.now(), disabled_reason=WebhookEndpoint.DisabledReason.OWNER):
        _record(endpoint, actor, "webhook.disabled")


@transaction.atomic
def enable(*, endpoint: WebhookEndpoint, actor: str) -> None:
    """Send again, what was left waiting first. Raises WebhookLimitError. Enabling twice is harmless."""
    owner = endpoint.owner
    locked = type(owner).objects.select_for_update().get(pk=owner.pk)
    if locked.webhook_endpoints.filter(disabled_at__isnull=True).exclude(pk=endpoint.pk).count() >= MAX_ENDPOINTS:
        raise WebhookLimitError(str(MAX_ENDPOINTS))
    disabled = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at__isnull=False)
    # From now on counts as accepted, or the first delivery that is given up would disable it at once.
    now = timezone.now()
    if disabled.update(disabled_at=None, disabled_reason="", rests_until=None, failures=0, accepted_at=now):
        _record(endpoint, actor, "webhook.enabled")
        ring_on_commit(DELIVER_TASK)


@transaction.atomic
def send_test(*, endpoint: WebhookEndpoint) -> WebhookDelivery:
    """Send an event of the type `webhook.test` now, whatever the endpoint subscribes to.

    Raises WebhookDisabledError, and RateLimitedError past BY_HAND_RATE.
    """
    _wake(endpoint)
    delivery = delivery_for(endpoint, TEST, {"endpoint": endpoint.pk}, timezone.now())
    write([delivery])
    return delivery


@transaction.atomic
def replay(*, delivery: WebhookDelivery) -> WebhookDelivery:
    """Send a delivery once more, from its first attempt on, with the same id and body; sooner, where it still waits.

    Raises as send_test.
    """
    _wake(delivery.endpoint)
    rows = WebhookDelivery.objects.filter(pk=delivery.pk)
    rows.filter(state=State.PENDING).update(next_attempt_at=timezone.now())
    done = rows.exclude(state=State.PENDING)
    done.update(state=State.PENDING, attempts=0, next_attempt_at=timezone.now(), delivered_at=None)
    ring_on_commit(DELIVER_TASK)
    delivery.refresh_from_db()
    return delivery


def _wake(endpoint: WebhookEndpoint) -> None:
    """End a rest after failures: the owner says that it is worth a try."""
    count_request(str(endpoint.pk), name="webhook_by_hand", rate=BY_HAND_RATE)
    in_use = WebhookEndpoint.objects.filter(pk=endpoint.pk, disabled_at__isnull=True)
    if not in_use.update(rests_until=None):
        raise WebhookDisabledError(str(endpoint.pk))


def _checked_events(owner: Owner, events: Iterable[str]) -> list[str]:
    wanted, offered = set(events), subscribable(audience_of(owner))
    if not wanted or not wanted <= set(offered):
        raise _invalid("events", _("Choose at least one of the events that are offered."))
    return [name for name in offered if name in wanted]


def _check_url(url: str) -> None:
    try:
        fetch.check_address(url)
    except FetchRefusedError:
        raise _invalid("url", _("Enter a public https address, without user name and password.")) from None
    if len(url) > MAX_URL:
        raise _invalid("url", _("Use at most %(most)d characters.") % {"most": MAX_URL})


def _invalid(field: str, message: str) -> WebhookInvalidError:
    return WebhookInvalidError(field, fields={field: [message]})


def _record(endpoint: WebhookEndpoint, actor: str, action: str) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=f"webhook:{endpoint.pk}",
        organisation=endpoint.organisation,
    )
