"""Workers that die between any two steps, and several at once: every event arrives, always under one id."""

from __future__ import annotations

import re
import signal
from collections import Counter
from pathlib import Path

import pytest
from celery import Celery

from authorization.models import WebhookDelivery, WebhookEndpoint
from authorization.webhooks import endpoints
from tests.authorization.webhooks.receiving import Receiver, let_time_pass, subscribe
from tests.processes import ROOT, Forker, Worker, flush_redis, process_environment, redis_url, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.processes]

State = WebhookDelivery.State
DELIVERY = ROOT / "authorization" / "webhooks" / "delivery.py"
CRASH_POINTS = re.findall(r'\breach\("(webhook\.[a-z_]+)"\)', DELIVERY.read_text(encoding="utf-8"))


@pytest.fixture
def environment(tmp_path: Path, receiver_certificate: Path) -> dict[str, str]:
    return process_environment(
        var_dir=tmp_path, SSL_CERT_FILE=str(receiver_certificate), FETCH_ALLOWED_PRIVATE_HOSTS="localhost"
    )


def times_received(receiver: Receiver) -> Counter[str]:
    return Counter(posted.headers["webhook-id"] for posted in receiver.posts)


@pytest.mark.requirement(
    "Standard Webhooks 1.0 Webhook metadata", "whatever is sent again after a crash has the id that it had before"
)
def test_a_worker_killed_at_any_step_loses_no_delivery(receiver: Receiver, environment: dict[str, str]) -> None:
    assert CRASH_POINTS == ["webhook.before_sending", "webhook.sent", "webhook.recorded"]
    endpoint, secret = subscribe(receiver)
    with Forker(environment) as forker:
        for point, times in zip(CRASH_POINTS, (1, 2, 1), strict=True):
            row = endpoints.send_test(endpoint=endpoint)
            assert forker.run("tests.authorization.webhooks.steps.deliver", crash_at=point) == [-signal.SIGKILL], point
            # The lease of the dead holds everyone else off until it runs out.
            assert forker.run("tests.authorization.webhooks.steps.deliver") == [0]
            assert times_received(receiver)[row.webhook_id] == (0 if point == CRASH_POINTS[0] else 1)
            let_time_pass()
            assert forker.run("tests.authorization.webhooks.steps.deliver") == [0]
            row.refresh_from_db()
            assert (row.state, row.attempts, times_received(receiver)[row.webhook_id]) == (State.DELIVERED, 1, times)
            receiver.verified(secret)


def test_workers_racing_for_the_same_endpoints_send_each_delivery_once(
    receiver: Receiver, environment: dict[str, str]
) -> None:
    hooks = [subscribe(receiver, path=f"/{number}")[0] for number in range(3)]
    for hook in hooks * 10:
        endpoints.send_test(endpoint=hook)
    with Forker(environment) as forker:
        assert forker.run("tests.authorization.webhooks.steps.deliver", copies=4) == [0] * 4
    assert set(times_received(receiver).values()) == {1}
    assert len(receiver.posts) == WebhookDelivery.objects.filter(state=State.DELIVERED, attempts=1).count() == 30
    assert WebhookEndpoint.objects.filter(leased_until__isnull=False).count() == 0


def test_a_real_worker_delivers_and_takes_the_same_task_twice(
    receiver: Receiver, environment: dict[str, str], tmp_path: Path
) -> None:
    flush_redis()
    endpoint, secret = subscribe(receiver)
    row = endpoints.send_test(endpoint=endpoint)
    with Celery("sender", broker=redis_url(), set_as_current=False) as sender:
        sender.conf.update(broker_read_url=redis_url(), broker_write_url=redis_url())
        with Worker(environment, tmp_path, has_beat=False, concurrency=2) as worker:
            for _ in range(2):
                sender.send_task("authorization.deliver_webhooks")
                sender.send_task("authorization.deliver_to_endpoint", args=[str(endpoint.pk)], queue="webhooks")
            # The sweeps send tasks of their own, and any of them may be the one that delivers.
            delivered = WebhookDelivery.objects.filter(pk=row.pk, state=State.DELIVERED)
            wait_until(lambda: worker.output.count("succeeded") >= 4, what=f"four tasks done\n{worker.output}")
            wait_until(delivered.exists, what=f"the delivery\n{worker.output}")
    flush_redis()
    row.refresh_from_db()
    assert (row.state, row.attempts, len(receiver.posts)) == (State.DELIVERED, 1, 1)
    receiver.verified(secret)
