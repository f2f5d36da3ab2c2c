"""The client's check of deliveries, with the standard's own library on the sending side."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from chancela_client import Event, WebhookError, read_webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = b'{"type": "credential.revoked", "data": {"id": "7"}}'
NOW = 1_790_000_000


def headers_for(body: bytes = BODY, *, secret: str = SECRET, at: int = NOW) -> dict[str, str]:
    signature = Webhook(secret).sign("msg_1", datetime.fromtimestamp(at, UTC), body.decode())
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(at), "Webhook-Signature": signature}


SIGNATURE = headers_for()["Webhook-Signature"]


def changed(name: str, value: str) -> dict[str, str]:
    return {**headers_for(), f"Webhook-{name}": value}


def read(headers: dict[str, str], body: bytes = BODY, **options: Any) -> Event:
    return read_webhook(body, headers, **{"secrets": [SECRET], "now": NOW, **options})


@pytest.mark.requirement("Standard Webhooks, Signature scheme", "HMAC-SHA-256 over id, time and body, exactly as sent")
def test_a_delivery_is_read() -> None:
    event = read(headers_for())
    assert event == Event("msg_1", NOW, {"type": "credential.revoked", "data": {"id": "7"}})


def test_while_secrets_change_either_is_good_on_either_side() -> None:
    both = f"{headers_for(secret=OTHER)['Webhook-Signature']} {SIGNATURE}"
    assert read(changed("Signature", both)).id == "msg_1"
    assert read(headers_for(secret=OTHER), secrets=[SECRET, OTHER]).id == "msg_1"


@pytest.mark.requirement("Standard Webhooks, Verifying webhook authenticity", "A delivery of another time is refused")
@pytest.mark.parametrize("at", [NOW - 301, NOW + 301])
def test_a_delivery_of_another_time_is_refused(at: int) -> None:
    with pytest.raises(WebhookError):
        read(headers_for(at=at))
    assert read(headers_for(at=at), tolerance=301).sent_at == at


@pytest.mark.parametrize(
    "headers",
    [
        {},
        headers_for(secret=OTHER),
        headers_for(b"{}"),
        changed("Id", "msg_2"),
        changed("Timestamp", str(NOW + 1)),
        changed("Timestamp", "now"),
        changed("Timestamp", f"+{NOW}"),
        changed("Signature", ""),
        changed("Signature", "é"),
        changed("Signature", SIGNATURE.replace("v1,", "v2,")),
        changed("Signature", SIGNATURE.removeprefix("v1,")),
        changed("Signature", "v1, " * 20 + SIGNATURE),
    ],
)
def test_what_the_service_did_not_send_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(WebhookError):
        read(headers)


@pytest.mark.parametrize("body", [b"[]", b"7", b"not json"])
def test_a_signed_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(WebhookError):
        read(headers_for(body), body)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!", "not base64"])
def test_a_secret_that_is_none_checks_nothing(secret: str) -> None:
    """A setting left empty would be a key that anyone can sign with."""
    with pytest.raises(WebhookError, match="a secret is whsec_"):
        read(headers_for(), secrets=[secret])


def test_without_secrets_nothing_is_ours() -> None:
    with pytest.raises(WebhookError):
        read(headers_for(), secrets=[])


@pytest.mark.parametrize("time", ["9" * 5000, "", "-1", "1.5", "٣"])
def test_a_time_that_is_none_is_refused(time: str) -> None:
    with pytest.raises(WebhookError):
        read(changed("Timestamp", time))
