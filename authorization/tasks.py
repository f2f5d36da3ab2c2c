"""What runs by itself. Every task may run twice, or late, without harm."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from authorization import audit, transfer
from authorization.oidc import logins
from authorization.openid4vp import results
from authorization.webhooks import delivery


@shared_task(name="authorization.purge_envelopes")
def purge_envelopes() -> None:
    transfer.purge()
    results.purge()
    logins.purge()


@shared_task(name="authorization.anchor_audit_head")
def anchor_audit_head() -> None:
    audit.anchor_head()


@shared_task(name="authorization.deliver_webhooks")
def deliver_webhooks() -> None:
    # One message per endpoint: a receiver that hangs holds one worker slot for one attempt, and no other receiver.
    for endpoint_id in delivery.due_endpoints():
        deliver_to_endpoint.delay(str(endpoint_id))


@shared_task(name="authorization.deliver_to_endpoint")
def deliver_to_endpoint(endpoint_id: str) -> None:
    delivery.deliver(endpoint_id=UUID(endpoint_id))


@shared_task(name="authorization.purge_webhook_deliveries")
def purge_webhook_deliveries() -> None:
    delivery.purge()
