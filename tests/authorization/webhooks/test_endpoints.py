"""What owners may decide about their endpoints, and the trail it leaves."""

from __future__ import annotations

from typing import Any

import pytest

from anchoring.errors import RateLimitedError
from authorization.errors import WebhookDisabledError, WebhookInvalidError, WebhookLimitError
from authorization.models import AuditEvent, WebhookEndpoint
from authorization.webhooks import endpoints
from tests import cast
from tests.authorization.webhooks.receiving import ACTOR

pytestmark = pytest.mark.django_db

URL = "https://receiver.example/hooks"


def add(**changes: Any) -> WebhookEndpoint:
    given = {"owner": cast.bank(), "url": URL, "events": ["anchor.final"], "actor": ACTOR, **changes}
    return endpoints.add(**given)[0]


def trail() -> list[str]:
    events = AuditEvent.objects.filter(subject__startswith="webhook:").order_by("sequence")
    return list(events.values_list("action", flat=True))


@pytest.mark.requirement("Standard Webhooks 1.0 Enforcing HTTPS", "an address without TLS cannot be registered")
@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://receiver.example/",
        "ftp://receiver.example/",
        "https://",
        "https://user:secret@receiver.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.1.2.3/hooks",
        "https://169.254.169.254/latest/meta-data/",
        "https://receiver.example/a b",
        "https://receiver.example/\x00",
        "https://receiver.example/" + "a" * 500,
        "javascript:alert(1)",
    ],
)
def test_an_address_that_could_never_be_told_is_refused_at_once(url: str) -> None:
    with pytest.raises(WebhookInvalidError) as refusal:
        add(url=url)
    assert list(refusal.value.fields) == ["url"]
    assert WebhookEndpoint.objects.count() == 0


@pytest.mark.requirement("Standard Webhooks 1.0 Event types", "the owner chooses the types, and only those are sent")
@pytest.mark.parametrize(
    ("owner", "events"),
    [
        (cast.bank, []),
        (cast.bank, ["credential.issued"]),
        (cast.agency, ["authorization.granted"]),
        (cast.agency, ["presentation.verified", "credential.issued"]),
        (cast.bank, ["webhook.test"]),
        (cast.bank, ["*"]),
    ],
)
def test_events_of_others_cannot_be_subscribed_to(owner: Any, events: list[str]) -> None:
    with pytest.raises(WebhookInvalidError) as refusal:
        add(owner=owner(), events=events)
    assert list(refusal.value.fields) == ["events"]


def test_events_are_kept_once_and_in_order() -> None:
    assert add(events=["anchor.final", "authorization.granted", "anchor.final"]).events == [
        "authorization.granted",
        "anchor.final",
    ]


def test_ten_endpoints_are_in_use_at_most() -> None:
    hooks = [add() for _ in range(endpoints.MAX_ENDPOINTS)]
    with pytest.raises(WebhookLimitError):
        add()
    add(owner=cast.agency())
    endpoints.disable(endpoint=hooks[0], actor=ACTOR)
    add()
    with pytest.raises(WebhookLimitError):
        endpoints.enable(endpoint=hooks[0], actor=ACTOR)


def test_every_decision_leaves_a_trace_once() -> None:
    hook = add()
    endpoints.rotate(endpoint=hook, actor=ACTOR)
    for _ in range(2):
        endpoints.disable(endpoint=hook, actor=ACTOR)
    for _ in range(2):
        endpoints.enable(endpoint=hook, actor=ACTOR)
    assert trail() == ["webhook.added", "webhook.secret_rotated", "webhook.disabled", "webhook.enabled"]


def test_nothing_is_sent_by_hand_to_an_endpoint_that_is_off() -> None:
    hook = add()
    delivery = endpoints.send_test(endpoint=hook)
    endpoints.disable(endpoint=hook, actor=ACTOR)
    with pytest.raises(WebhookDisabledError):
        endpoints.send_test(endpoint=hook)
    with pytest.raises(WebhookDisabledError):
        endpoints.replay(delivery=delivery)


def test_a_button_floods_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "BY_HAND_RATE", "3/day")
    hook, other = add(), add()
    first = endpoints.send_test(endpoint=hook)
    endpoints.send_test(endpoint=hook)
    endpoints.replay(delivery=first)
    with pytest.raises(RateLimitedError):
        endpoints.send_test(endpoint=hook)
    with pytest.raises(RateLimitedError):
        endpoints.replay(delivery=first)
    endpoints.send_test(endpoint=other)


def test_two_endpoints_never_share_a_secret() -> None:
    secrets = {endpoints.add(owner=cast.bank(), url=URL, events=["anchor.final"], actor=ACTOR)[1] for _ in range(5)}
    assert len(secrets) == 5
    assert all(secret.startswith("whsec_") and len(secret) == 50 for secret in secrets)
