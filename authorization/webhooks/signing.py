"""The secrets by which a receiver knows that it is us, and the headers that prove it (Standard Webhooks)."""

from __future__ import annotations

import base64
import secrets
import uuid
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from authorization.models import WebhookDelivery, WebhookEndpoint
from identity import vault

# For how long the secret before the last rotation signs beside the new one.
OVERLAP = timedelta(hours=24)
_SECRET_BYTES = 32


def draw_secret() -> str:
    """Return a fresh secret in the specification's form: `whsec_` and 256 bits in base64."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def wrap_secret(endpoint_id: uuid.UUID, secret: str) -> bytes:
    return vault.wrap(secret.encode(), context=_context(endpoint_id))


def headers_for(delivery: WebhookDelivery, *, at: datetime) -> dict[str, str]:
    """Return the headers of an attempt at the time *at*: one signature for each secret that is good then.

    Raises UnreadableError when the secret cannot be unwrapped any more.
    """
    return {
        "Content-Type": "application/json",
        "User-Agent": "Chancela-Webhooks/1",
        "webhook-id": delivery.webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(
            Webhook(secret).sign(delivery.webhook_id, at.astimezone(UTC), delivery.payload)
            for secret in _good_secrets(delivery.endpoint, at)
        ),
    }


def _good_secrets(endpoint: WebhookEndpoint, at: datetime) -> list[str]:
    wrapped = [endpoint.wrapped_secret]
    if endpoint.wrapped_previous_secret and endpoint.previous_until and endpoint.previous_until > at:
        wrapped.append(endpoint.wrapped_previous_secret)
    return [vault.unwrap(secret, context=_context(endpoint.pk)).decode() for secret in wrapped]


def _context(endpoint_id: uuid.UUID) -> str:
    return f"webhook secret {endpoint_id}"
