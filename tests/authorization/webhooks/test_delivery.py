"""Deliveries to a real server that verifies them, misbehaves, disappears and comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks import Webhook, WebhookVerificationError

from authorization.models import AuditEvent, WebhookDelivery, WebhookEndpoint
from authorization.webhooks import delivery, endpoints
from authorization.webhooks.delivery import MAX_ATTEMPTS, RETRY_SECONDS
from tests import cast
from tests.authorization.webhooks.receiving import ACCEPTED, ACTOR, Receiver, deliver_all, let_time_pass, subscribe
from tests.simulators.web import Answer

pytestmark = pytest.mark.django_db

State = WebhookDelivery.State


def requirement(section: str, text: str) -> pytest.MarkDecorator:
    return pytest.mark.requirement(f"Standard Webhooks 1.0 {section}", text)


@pytest.fixture
def endpoint(receiver: Receiver) -> WebhookEndpoint:
    return subscribe(receiver)[0]


def waiting(endpoint: WebhookEndpoint) -> WebhookDelivery:
    return endpoints.send_test(endpoint=endpoint)


@requirement("Webhook headers", "webhook-id, webhook-timestamp and webhook-signature accompany the body")
@requirement("Payload structure", "the payload is JSON with type, timestamp and data")
def test_a_receiver_verifies_what_it_gets(receiver: Receiver) -> None:
    endpoint, secret = subscribe(receiver)
    row = waiting(endpoint)
    assert deliver_all() == 1
    content = receiver.verified(secret)
    assert (content["type"], content["data"]) == ("webhook.test", {"endpoint": str(endpoint.pk)})
    headers = receiver.posts[0].headers
    assert (headers["webhook-id"], headers["content-type"]) == (row.webhook_id, "application/json")
    row.refresh_from_db()
    assert (row.state, row.attempts, row.last_status, row.last_error) == (State.DELIVERED, 1, 204, "")
    with pytest.raises(WebhookVerificationError):
        receiver.verified(endpoints.rotate(endpoint=endpoint, actor=ACTOR))


@requirement("Signature scheme", "HMAC-SHA-256 over id, time and body")
@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp", "body"])
def test_whatever_is_changed_on_the_way_is_noticed(receiver: Receiver, changed: str) -> None:
    endpoint, secret = subscribe(receiver)
    waiting(endpoint)
    deliver_all()
    posted = receiver.posts[0]
    headers, body = dict(posted.headers), posted.body
    if changed == "body":
        body = body.replace(b"webhook.test", b"webhook.tast")
    else:
        headers[changed] = f"{int(headers[changed]) + 1}" if headers[changed].isdigit() else "msg_other"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


@requirement("Webhook headers", "after a rotation the old and the new secret both sign for a time")
def test_two_secrets_sign_for_a_day_after_a_rotation(receiver: Receiver) -> None:
    endpoint, first = subscribe(receiver)
    second = endpoints.rotate(endpoint=endpoint, actor=ACTOR)
    waiting(endpoint), deliver_all()
    assert receiver.verified(first) == receiver.verified(second)
    third = endpoints.rotate(endpoint=endpoint, actor=ACTOR)
    waiting(endpoint), deliver_all()
    assert receiver.verified(second) == receiver.verified(third)
    with pytest.raises(WebhookVerificationError):
        receiver.verified(first)
    WebhookEndpoint.objects.update(previous_until=timezone.now() - timedelta(seconds=1))
    waiting(endpoint), deliver_all()
    receiver.verified(third)
    with pytest.raises(WebhookVerificationError):
        receiver.verified(second)


def test_the_secret_is_stored_wrapped(receiver: Receiver) -> None:
    endpoint, secret = subscribe(receiver)
    assert secret.removeprefix("whsec_").encode() not in bytes(endpoint.wrapped_secret)
    other, _ = subscribe(receiver)
    # Moved to another row it does not open: nothing is sent under a secret that is not the endpoint's own.
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(wrapped_secret=other.wrapped_secret)
    row = waiting(endpoint)
    deliver_all()
    row.refresh_from_db()
    assert (row.state, row.last_status, row.last_error, receiver.posts) == (State.PENDING, None, "unreadable", [])


@requirement("Webhook metadata", "the id and the body stay the same at every attempt, the time is that of the attempt")
def test_failures_are_tried_again_until_one_is_accepted(receiver: Receiver) -> None:
    endpoint, secret = subscribe(receiver)
    row = waiting(endpoint)
    for status in (500, 503, 404, 204):
        receiver.answer(Answer(b"busy \x00\xff", status=status, headers={}))
        let_time_pass()
        assert deliver_all() == 1
    assert len({(posted.headers["webhook-id"], posted.body) for posted in receiver.posts}) == 1
    receiver.verified(secret)
    row.refresh_from_db()
    endpoint.refresh_from_db()
    assert (row.state, row.attempts, endpoint.failures, endpoint.rests_until) == (State.DELIVERED, 4, 0, None)


def test_what_the_receiver_said_is_kept_readable_and_short(receiver: Receiver) -> None:
    endpoint, _ = subscribe(receiver)
    receiver.answer(Answer(b"no\x00w \xff" + b"x" * 100_000, status=500, headers={}))
    row = waiting(endpoint)
    deliver_all()
    row.refresh_from_db()
    assert row.last_error.startswith("no w \N{REPLACEMENT CHARACTER}xxx")
    assert len(row.last_error) <= 1000


@requirement("Deliverability and reliability", "attempts are spaced from seconds to a day, with jitter")
def test_attempts_are_spaced_from_seconds_to_a_day_and_then_given_up(receiver: Receiver) -> None:
    endpoint, _ = subscribe(receiver)
    receiver.answer(Answer(status=500))
    row = waiting(endpoint)
    for attempt, seconds in enumerate(RETRY_SECONDS, 1):
        before = timezone.now()
        assert deliver_all() == 1
        row.refresh_from_db()
        waits = (row.next_attempt_at - before).total_seconds()
        assert (row.state, row.attempts) == (State.PENDING, attempt)
        assert seconds * 0.9 <= waits <= seconds * 1.1 + 1
        let_time_pass()
    deliver_all()
    row.refresh_from_db()
    assert (row.state, row.attempts) == (State.FAILED, MAX_ATTEMPTS)
    let_time_pass()
    assert deliver_all() == 0
    assert (RETRY_SECONDS[0], RETRY_SECONDS[-1]) == (5, 86400)


@requirement("Deliverability and reliability", "an endpoint that accepts nothing for long is disabled")
def test_an_endpoint_that_accepted_nothing_all_that_time_is_switched_off(receiver: Receiver) -> None:
    endpoint, _ = subscribe(receiver)
    receiver.answer(Answer(status=500))
    row = waiting(endpoint)
    WebhookDelivery.objects.update(attempts=MAX_ATTEMPTS - 1)
    deliver_all()
    endpoint.refresh_from_db()
    assert (endpoint.disabled_reason, row.endpoint.owner) == ("failing", cast.bank())
    assert AuditEvent.objects.latest("sequence").details == {"reason": "failing"}


def test_an_endpoint_that_accepts_other_deliveries_stays_in_use(receiver: Receiver) -> None:
    endpoint, _ = subscribe(receiver)
    bad = waiting(endpoint)
    waiting(endpoint)
    WebhookDelivery.objects.filter(pk=bad.pk).update(next_attempt_at=timezone.now() + timedelta(days=1))
    deliver_all()
    WebhookDelivery.objects.filter(pk=bad.pk).update(attempts=MAX_ATTEMPTS - 1)
    receiver.answer(Answer(status=400))
    let_time_pass()
    deliver_all()
    endpoint.refresh_from_db()
    bad.refresh_from_db()
    assert (bad.state, endpoint.disabled_at) == (State.FAILED, None)


@requirement("Delivery success and failure", "410 Gone disables the endpoint")
def test_gone_disables_the_endpoint(receiver: Receiver) -> None:
    endpoint, _ = subscribe(receiver)
    rows = [waiting(endpoint), waiting(endpoint)]
    receiver.answer(Answer(status=410))
    assert deliver_all() == 1
    endpoint.refresh_from_db()
    assert endpoint.disabled_reason == "gone"
    let_time_pass()
    assert deliver_all() == 0
    # Switched on again, what was left is sent.
    endpoints.enable(endpoint=endpoint, actor=ACTOR)
    receiver.answer(ACCEPTED)
    assert deliver_all() == 1
    assert sorted(WebhookDelivery.objects.values_list("state", flat=True)) == ["delivered", "failed"]
    assert len(rows) == 2


@requirement("Delivery success and failure", "a redirect is a failure and is not followed")
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_leads_nowhere(receiver: Receiver, status: int) -> None:
    endpoint, _ = subscribe(receiver)
    receiver.answer(Answer(b"", status=status, headers={"Location": receiver.url("/elsewhere")}))
    row = waiting(endpoint)
    deliver_all()
    row.refresh_from_db()
    assert (row.state, row.last_status, receiver.web.seen) == (State.PENDING, status, ["/hooks"])


@requirement("Delivery success and failure", "2xx is success, everything else a failure")
@pytest.mark.parametrize(
    ("answer", "is_accepted"),
    [
        (Answer(b"x" * 5_000_000, status=200), True),
        (Answer(b"x" * 2000, status=200, drip=0.2), True),
        (Answer(b"\x1f\x8b\x08", status=202, headers={"Content-Encoding": "gzip"}), True),
        (Answer(b"", status=299, headers={}), True),
        (Answer(b"", status=304, headers={}), False),
    ],
)
def test_the_status_decides_and_the_rest_of_the_answer_is_left_alone(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, answer: Answer, is_accepted: bool
) -> None:
    monkeypatch.setattr(delivery, "SEND_SECONDS", 1.0)
    endpoint, _ = subscribe(receiver)
    receiver.answer(answer)
    row = waiting(endpoint)
    began = time.monotonic()
    deliver_all()
    row.refresh_from_db()
    assert (row.state == State.DELIVERED) is is_accepted
    assert time.monotonic() - began < 3


@requirement("Delivery success and failure", "Retry-After is taken into account")
@pytest.mark.parametrize(
    ("header", "least"), [("600", 600), ("1", 4), ("99999999", 3600), ("Wed, 21 Oct 2015 07:28:00 GMT", 4), ("-5", 4)]
)
def test_a_receiver_says_when_to_come_back(receiver: Receiver, header: str, least: float) -> None:
    endpoint, _ = subscribe(receiver)
    receiver.answer(Answer(b"", status=429, headers={"Retry-After": header}))
    row = waiting(endpoint)
    before = timezone.now()
    deliver_all()
    row.refresh_from_db()
    endpoint.refresh_from_db()
    for moment in (row.next_attempt_at, endpoint.rests_until):
        assert moment is not None
        assert least <= (moment - before).total_seconds() <= max(least, 6) + 1


def hang(release: Callable[[], bool]) -> Callable[[], Answer]:
    """An answer that does not come before *release* says so."""

    def wait() -> Answer:
        deadline = time.monotonic() + 10
        while not release() and time.monotonic() < deadline:
            time.sleep(0.02)
        return ACCEPTED

    return wait


@requirement("Delivery success and failure", "no answer in time is a failure")
def test_a_receiver_that_hangs_costs_one_attempt_and_then_rests(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "SEND_SECONDS", 0.3)
    endpoint, _ = subscribe(receiver)
    done: list[bool] = []
    receiver.answer(hang(lambda: bool(done)))
    for _ in range(3):
        waiting(endpoint)
    began = time.monotonic()
    assert deliver_all() == 1
    assert time.monotonic() - began < 2
    done.append(True)
    first = WebhookDelivery.objects.order_by("-attempts")[0]
    assert (first.last_status, first.last_error) == (None, "fetch_failed: TimeoutError")
    endpoint.refresh_from_db()
    assert endpoint.rests_until is not None
    assert (deliver_all(), len(receiver.posts)) == (0, 1)


def test_a_dead_receiver_delays_no_other(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "SEND_SECONDS", 0.3)
    dead, _ = subscribe(receiver, path="/dead")
    alive, secret = subscribe(receiver, path="/alive")
    receiver.answer(hang(lambda: False), "/dead")
    for _ in range(5):
        waiting(dead), waiting(alive)
    for endpoint_id in sorted(delivery.due_endpoints(), key=lambda pk: pk != dead.pk):
        delivery.deliver(endpoint_id=endpoint_id)
    assert alive.deliveries.filter(state=State.DELIVERED).count() == 5
    assert dead.deliveries.filter(attempts=0).count() == 4
    receiver.verified(secret)


@requirement("Server side request forgery (SSRF)", "internal addresses are never called")
@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/hooks", "https://localhost/hooks", "https://10.0.0.1/", "https://169.254.169.254/latest/"],
)
def test_a_private_address_is_never_contacted(receiver: Receiver, settings: Settings, url: str) -> None:
    endpoint, _ = subscribe(receiver)
    settings.FETCH_ALLOWED_PRIVATE_HOSTS = []
    WebhookEndpoint.objects.update(url=url)
    row = waiting(endpoint)
    deliver_all()
    row.refresh_from_db()
    assert (row.state, row.last_error) == (State.PENDING, "fetch_refused: not a public address")


@requirement("Enforcing HTTPS", "endpoints are https")
def test_without_tls_nothing_is_sent_but_to_the_demonstration_itself(settings: Settings, receiver: Receiver) -> None:
    endpoint, _ = subscribe(receiver)
    WebhookEndpoint.objects.update(url="http://localhost:1/hooks")
    for origin, error in (("", "fetch_refused: https"), ("http://localhost:1", "fetch_failed: Connection")):
        settings.FETCH_PLAIN_ORIGIN = origin
        row = waiting(endpoint)
        deliver_all()
        row.refresh_from_db()
        assert row.last_error.startswith(error)
        let_time_pass()
        WebhookDelivery.objects.all().delete()


def test_nobody_who_answers_is_recorded_as_such(receiver: Receiver) -> None:
    endpoint, _ = subscribe(receiver)
    WebhookEndpoint.objects.update(url="https://localhost:1/")
    row = waiting(endpoint)
    deliver_all()
    row.refresh_from_db()
    assert (row.last_status, row.last_error) == (None, "fetch_failed: ConnectionRefusedError")


@requirement("Visibility into failures and manual retries", "a delivery can be sent once more by hand")
@pytest.mark.parametrize("status", [204, 500])
def test_a_replay_sends_the_same_once_more_at_once(receiver: Receiver, status: int) -> None:
    endpoint, secret = subscribe(receiver)
    receiver.answer(Answer(b"", status=status, headers={}))
    row = waiting(endpoint)
    deliver_all()
    receiver.answer(ACCEPTED)
    row.refresh_from_db()
    endpoints.replay(delivery=row)
    assert deliver_all() == 1
    assert [receiver.verified(secret, number)["type"] for number in (0, 1)] == ["webhook.test"] * 2
    assert receiver.posts[0].headers["webhook-id"] == receiver.posts[1].headers["webhook-id"]
    row.refresh_from_db()
    assert row.state == State.DELIVERED


def test_a_lane_is_left_when_the_owner_switches_it_off_meanwhile(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint, _ = subscribe(receiver)
    for _ in range(3):
        waiting(endpoint)
    send = delivery._send

    def send_and_switch_off(row: WebhookDelivery) -> Any:
        endpoints.disable(endpoint=endpoint, actor=ACTOR)
        return send(row)

    monkeypatch.setattr(delivery, "_send", send_and_switch_off)
    assert deliver_all() == 1
    assert len(receiver.posts) == 1


def test_whoever_lost_the_lane_records_nothing(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint, _ = subscribe(receiver)
    row = waiting(endpoint)
    original = delivery._send

    def send_slowly(sent: WebhookDelivery) -> Any:
        monkeypatch.setattr(delivery, "_send", original)
        let_time_pass()
        assert delivery.deliver(endpoint_id=endpoint.pk) == 1
        return original(sent)

    monkeypatch.setattr(delivery, "_send", send_slowly)
    delivery.deliver(endpoint_id=endpoint.pk)
    row.refresh_from_db()
    assert (len(receiver.posts), row.attempts, row.state) == (2, 1, State.DELIVERED)


def test_an_endpoint_under_lease_is_left_alone(receiver: Receiver, endpoint: WebhookEndpoint) -> None:
    waiting(endpoint)
    WebhookEndpoint.objects.update(leased_until=timezone.now() + timedelta(seconds=20))
    assert delivery.due_endpoints() == []
    assert delivery.deliver(endpoint_id=endpoint.pk) == 0
    assert receiver.posts == []


def test_old_deliveries_are_deleted_unless_they_still_wait(receiver: Receiver, endpoint: WebhookEndpoint) -> None:
    rows = [waiting(endpoint) for _ in range(4)]
    month_ago = timezone.now() - timedelta(days=31)
    for row, state in zip(rows, (State.DELIVERED, State.FAILED, State.PENDING, State.DELIVERED), strict=True):
        WebhookDelivery.objects.filter(pk=row.pk).update(state=state, created_at=month_ago)
    WebhookDelivery.objects.filter(pk=rows[3].pk).update(created_at=timezone.now())
    assert delivery.purge() == 2
    assert set(WebhookDelivery.objects.values_list("pk", flat=True)) == {rows[2].pk, rows[3].pk}
    endpoints.disable(endpoint=endpoint, actor=ACTOR)
    assert delivery.purge() == 1
