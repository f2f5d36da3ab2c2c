"""A client of a Chancela service: verification, requests to citizens, webhooks. Typed, and without dependencies."""

from __future__ import annotations

from chancela_client.answers import BatchError, BatchLine, Check, Verification
from chancela_client.client import Client
from chancela_client.errors import AnswerError, ChancelaError, ConnectionFailed, Problem, WebhookError
from chancela_client.http import Response
from chancela_client.webhooks import Event, read_webhook

__all__ = [
    "AnswerError",
    "BatchError",
    "BatchLine",
    "ChancelaError",
    "Check",
    "Client",
    "ConnectionFailed",
    "Event",
    "Problem",
    "Response",
    "Verification",
    "WebhookError",
    "read_webhook",
]
