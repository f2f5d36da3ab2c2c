"""The pages of both audiences, without a script."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from authorization.models import WebhookDelivery, WebhookEndpoint
from authorization.webhooks import endpoints
from identity import personas
from tests import cast
from tests.authorization.webhooks.receiving import ACCEPTED, ACTOR, Receiver, deliver_all
from tests.simulators.web import Answer

pytestmark = pytest.mark.django_db

PEOPLE = {"verifier": "chan", "clerk": "administrator"}
EVENT = {"verifier": "authorization.granted", "clerk": "credential.issued"}


def enter(side: str) -> Client:
    cast.bank(), cast.agency()
    personas.ensure_persona(PEOPLE[side])
    client = Client(headers={"accept-language": "en"})
    assert client.post(f"/demo/{PEOPLE[side]}/").status_code == 302
    return client


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def add(client: Client, side: str, url: str) -> tuple[str, str]:
    """Return the page of the new endpoint and its secret."""
    answer = client.post(f"/{side}/webhooks/new/", {"url": url, "events": [EVENT[side]]})
    assert answer.status_code == 201, text_of(answer)
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", text_of(answer))
    assert secret is not None
    return f"/{side}/webhooks/{WebhookEndpoint.objects.latest('created_at').pk}/", secret.group()


@pytest.mark.parametrize("side", PEOPLE)
def test_an_endpoint_is_added_tried_out_and_switched_off(side: str, receiver: Receiver) -> None:
    client = enter(side)
    assert "No webhooks yet" in text_of(client.get(f"/{side}/webhooks/"))
    receiver.answer(ACCEPTED)
    page, secret = add(client, side, receiver.url())
    assert receiver.url() in text_of(client.get(f"/{side}/webhooks/"))
    assert secret not in text_of(client.get(page))

    assert "The test is on its way" in text_of(client.post(f"{page}test", follow=True))
    deliver_all()
    receiver.verified(secret)
    shown = text_of(client.get(page))
    assert "Delivered" in shown
    assert "HTTP 204" in shown

    assert "Switched off" in text_of(client.post(f"{page}disable", follow=True))
    refused = client.post(f"{page}test")
    assert refused.status_code == 409
    assert "In use" in text_of(client.post(f"{page}enable", follow=True))


def test_a_new_secret_is_shown_once_and_the_page_says_how_long_the_old_one_signs(receiver: Receiver) -> None:
    client = enter("verifier")
    page, secret = add(client, "verifier", receiver.url())
    rotated = client.post(f"{page}rotate")
    assert rotated.status_code == 201
    assert "whsec_" in text_of(rotated)
    assert secret not in text_of(rotated)
    assert rotated["Cache-Control"] == "no-store"
    shown = text_of(client.get(page))
    assert "Old secret signs until" in shown
    assert "whsec_" not in shown


def test_what_was_given_up_is_said_and_can_be_sent_once_more(receiver: Receiver) -> None:
    client = enter("verifier")
    page, _ = add(client, "verifier", receiver.url())
    client.post(f"{page}test")
    receiver.answer(Answer(b"<b>no", status=500, headers={}))
    WebhookDelivery.objects.update(attempts=7)
    WebhookEndpoint.objects.update(accepted_at=WebhookDelivery.objects.get().created_at)
    deliver_all()
    shown = text_of(client.get(page))
    for expected in ("Messages given up after eight attempts: 1", "Given up", "HTTP 500", "&lt;b&gt;no"):
        assert expected in shown
    receiver.answer(ACCEPTED)
    client.post(f"{page}deliveries/{WebhookDelivery.objects.get().pk}/replay")
    deliver_all()
    assert "given up" not in text_of(client.get(page))


@pytest.mark.parametrize(
    ("url", "events"), [("http://a.example/", ["anchor.final"]), ("", ["anchor.final"]), ("https://a.example/", [])]
)
def test_what_is_wrong_is_said_beside_the_field(url: str, events: list[str]) -> None:
    answer = enter("verifier").post("/verifier/webhooks/new/", {"url": url, "events": events})
    assert answer.status_code == 422
    assert "There is a problem" in text_of(answer)


@pytest.mark.parametrize("side", PEOPLE)
def test_the_endpoints_of_others_are_unknown(side: str) -> None:
    client = enter(side)
    owner = cast.agency("education") if side == "clerk" else cast.agency()
    endpoint, _ = endpoints.add(owner=owner, url="https://a.example/", events=["anchor.final"], actor=ACTOR)
    sent = endpoints.send_test(endpoint=endpoint)
    page = f"/{side}/webhooks/{endpoint.pk}/"
    assert client.get(page).status_code == 404
    for act in ("rotate", "disable", "enable", "test", f"deliveries/{sent.pk}/replay"):
        assert client.post(f"{page}{act}").status_code == 404


def test_pages_take_the_same_queries_however_much_was_sent(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = enter("verifier")
    page, _ = add(client, "verifier", "https://a.example/")
    for _ in range(30):
        client.post(f"{page}test")
    for address, most in (("/verifier/webhooks/", 5), (page, 8)):
        with django_assert_max_num_queries(most):
            client.get(address)
