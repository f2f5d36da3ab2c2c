"""Webhooks by API key: each owner sees and moves what is its own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from authorization.models import WebhookDelivery
from identity.api_keys import create_agency_key, create_api_key
from tests import cast
from tests.authorization.webhooks.receiving import ACCEPTED, Receiver, deliver_all

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.requirement("Standard Webhooks 1.0 Endpoint management API", "endpoints are managed by API"),
]

ADDRESS = "/api/v1/webhooks"


def with_key(secret: str) -> Client:
    return Client(headers={"authorization": f"Bearer {secret}"})


@pytest.fixture
def bank() -> Client:
    return with_key(create_api_key(organisation=cast.bank(), label="server")[1])


@pytest.fixture
def bureau() -> Client:
    return with_key(create_agency_key(agency=cast.agency(), label="server")[1])


def post(client: Client, url: str, body: Any = None) -> Any:
    return client.post(url, json.dumps(body) if body is not None else "", content_type="application/json")


def add(client: Client, url: str = "https://receiver.example/hooks", *events: str) -> dict[str, Any]:
    answer = post(client, ADDRESS, {"url": url, "events": list(events) or ["anchor.final"]})
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store"), answer.content
    members: dict[str, Any] = answer.json()
    return members


def test_the_whole_life_of_an_endpoint(bank: Client, receiver: Receiver) -> None:
    receiver.answer(ACCEPTED)
    added = add(bank, receiver.url(), "authorization.granted")
    one, secret = f"{ADDRESS}/{added['id']}", added["secret"]
    assert (added["is_enabled"], added["disabled_reason"]) == (True, None)
    assert "secret" not in bank.get(one).json()

    sent = post(bank, f"{one}/test")
    assert (sent.status_code, sent.json()["state"]) == (202, "pending")
    deliver_all()
    (delivery,) = bank.get(f"{one}/deliveries").json()["deliveries"]
    assert (delivery["state"], delivery["last_status"], delivery["next_attempt_at"]) == ("delivered", 204, None)
    receiver.verified(secret)

    rotated = post(bank, f"{one}/secret")
    assert rotated.status_code == 201
    replayed = post(bank, f"{one}/deliveries/{delivery['id']}/replay")
    assert replayed.status_code == 202
    deliver_all()
    assert receiver.verified(secret) == receiver.verified(rotated.json()["secret"])

    switched = bank.patch(one, {"is_enabled": False}, content_type="application/json")
    assert (switched.json()["is_enabled"], switched.json()["disabled_reason"]) == (False, "owner")
    assert post(bank, f"{one}/test").json()["code"] == "webhook_disabled"
    assert bank.patch(one, {"is_enabled": True}, content_type="application/json").json()["is_enabled"]
    assert [found["id"] for found in bank.get(ADDRESS).json()["endpoints"]] == [added["id"]]


def test_an_agency_has_its_own(bank: Client, bureau: Client) -> None:
    mine = add(bureau, "https://bureau.example/", "credential.issued")
    assert [found["id"] for found in bureau.get(ADDRESS).json()["endpoints"]] == [mine["id"]]
    assert bank.get(ADDRESS).json()["endpoints"] == []


def test_the_ids_of_others_are_as_unknown_as_invented_ones(bank: Client, bureau: Client) -> None:
    theirs = add(bank)["id"]
    delivery = post(bank, f"{ADDRESS}/{theirs}/test").json()["id"]
    one, invented = f"{ADDRESS}/{theirs}", f"{ADDRESS}/00000000-0000-0000-0000-000000000000"
    for address in (one, invented):
        answers = [
            bureau.get(address),
            bureau.patch(address, {"is_enabled": False}, content_type="application/json"),
            post(bureau, f"{address}/secret"),
            post(bureau, f"{address}/test"),
            bureau.get(f"{address}/deliveries"),
            post(bureau, f"{address}/deliveries/{delivery}/replay"),
        ]
        assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "webhook_missing")}
    mine = add(bureau)["id"]
    crossed = post(bureau, f"{ADDRESS}/{mine}/deliveries/{delivery}/replay")
    assert (crossed.status_code, crossed.json()["code"]) == (404, "webhook_delivery_missing")
    assert WebhookDelivery.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"url": "http://receiver.example/", "events": ["anchor.final"]}, "url"),
        ({"url": "https://127.0.0.1/", "events": ["anchor.final"]}, "url"),
        ({"url": 7, "events": ["anchor.final"]}, "url"),
        ({"events": ["anchor.final"]}, "url"),
        ({"url": "https://receiver.example/", "events": []}, "events"),
        ({"url": "https://receiver.example/", "events": ["credential.issued"]}, "events"),
        ({"url": "https://receiver.example/", "events": ["everything"]}, "events.0"),
        ({"url": "https://receiver.example/", "events": "anchor.final"}, "events"),
    ],
)
def test_what_is_wrong_is_named(bank: Client, body: dict[str, Any], field: str) -> None:
    answer = post(bank, ADDRESS, body)
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


@pytest.mark.parametrize("value", ["true", 1, None, "off", []])
def test_the_switch_takes_truths_only(bank: Client, value: Any) -> None:
    one = f"{ADDRESS}/{add(bank)['id']}"
    answer = bank.patch(one, {"is_enabled": value}, content_type="application/json")
    assert answer.status_code == 400
    assert bank.get(one).json()["is_enabled"]


def test_without_a_key_there_is_nothing() -> None:
    for client in (Client(), with_key("ck_nonsense")):
        assert client.get(ADDRESS).status_code == post(client, ADDRESS, {}).status_code == 401
