"""The sandbox's keys, and an inbox that believes nobody without a signature."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from standardwebhooks import Webhook

from authorization.models import WebhookEndpoint
from config import demo, sandbox
from identity.api_keys import find_api_key
from identity.models import ApiKey

pytestmark = pytest.mark.django_db

INBOX = "/sandbox/inbox/"


@pytest.fixture
def keys(settings: Settings, tmp_path: Path) -> sandbox.Keys:
    settings.VAR_DIR = tmp_path
    demo.seed()
    return sandbox.prepare()


def signed(secret: str, body: str) -> dict[str, str]:
    now = datetime.now(tz=UTC)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, body),
    }


def post(client: Client, body: str, headers: dict[str, str]) -> Any:
    return client.post(INBOX, body, content_type="application/json", headers=headers)


def test_before_the_demonstration_is_seeded_the_page_says_so(client: Client) -> None:
    assert "make run" in client.get("/sandbox/", headers={"accept-language": "en"}).content.decode()
    for action in ("offer", "request"):
        assert client.post(f"/sandbox/{action}").status_code == 302


def test_every_start_shows_keys_that_work(keys: sandbox.Keys, client: Client) -> None:
    assert sandbox.prepare() == keys
    assert ApiKey.objects.filter(label="sandbox").count() == 2
    owners = (find_api_key(keys.agency_key).agency, find_api_key(keys.organisation_key).organisation)
    assert [owner and owner.slug for owner in owners] == ["identification", "daiwan"]
    page = client.get("/sandbox/").content.decode()
    assert all(value in page for value in (keys.agency_key, keys.organisation_key, keys.agency_secret))


@pytest.mark.parametrize("loss", ["a key revoked", "an endpoint switched off", "the file gone", "the file spoilt"])
def test_what_is_no_longer_good_is_made_anew(keys: sandbox.Keys, tmp_path: Path, loss: str) -> None:
    if loss == "a key revoked":
        ApiKey.objects.filter(label="sandbox").update(revoked_at=datetime.now(tz=UTC))
    elif loss == "an endpoint switched off":
        WebhookEndpoint.objects.update(disabled_at=datetime.now(tz=UTC))
    elif loss == "the file gone":
        (tmp_path / "sandbox.json").unlink()
    else:
        (tmp_path / "sandbox.json").write_text('{"agency_key": 1}')
    again = sandbox.prepare()
    assert again != keys
    assert sandbox.prepare() == again == sandbox.keys()
    assert WebhookEndpoint.objects.filter(disabled_at__isnull=True).count() == 2


def test_the_inbox_believes_what_its_secrets_signed(keys: sandbox.Keys, client: Client) -> None:
    body = json.dumps({"type": "webhook.test"})
    for secret in (keys.agency_secret, keys.organisation_secret):
        assert post(client, body, signed(secret, body)).status_code == 204
    assert [message.is_verified for message in sandbox.inbox()] == [True, True]


@pytest.mark.parametrize("fault", ["another secret", "another body", "no headers", "a false time"])
def test_the_inbox_believes_nothing_else(keys: sandbox.Keys, client: Client, fault: str) -> None:
    body = json.dumps({"type": "webhook.test"})
    headers = signed(keys.agency_secret, body)
    if fault == "another secret":
        headers = signed("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", body)
    elif fault == "another body":
        body = body.replace("test", "tast")
    elif fault == "no headers":
        headers = {}
    else:
        headers["webhook-timestamp"] = "soon"
    assert post(client, body, headers).status_code == 401
    assert [message.is_verified for message in sandbox.inbox()] == [False]
    page = client.get(INBOX, headers={"accept-language": "en"}).content.decode()
    assert "Signature not verified" in page


def test_the_inbox_keeps_the_newest_twenty_and_shows_no_markup_of_strangers(client: Client) -> None:
    for number in range(25):
        post(client, f"<script>{number}</script>", {})
    assert len(sandbox.inbox()) == sandbox.INBOX_SIZE
    page = client.get(INBOX).content.decode()
    assert "<script>24" not in page
    assert "&lt;script&gt;24" in page


def test_buttons_need_the_csrf_token(keys: sandbox.Keys) -> None:
    strict = Client(enforce_csrf_checks=True)
    for action in ("offer", "request"):
        assert strict.post(f"/sandbox/{action}").status_code == 403
