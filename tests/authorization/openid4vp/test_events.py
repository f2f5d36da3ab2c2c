"""What the organisation is told when a wallet has answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from authorization.models import WebhookDelivery
from authorization.openid4vp.request_objects import wallet_link
from authorization.webhooks import endpoints
from authorization.webhooks.catalogue import subscribable
from tests import cast
from tests.authorization.openid4vp.conftest import Asking, session_of
from tests.simulators.presenting_wallet import Wallet


@pytest.fixture(autouse=True)
def hook(db: None) -> None:
    for owner in (cast.bank(), cast.agency()):
        events = subscribable(endpoints.audience_of(owner))
        endpoints.add(owner=owner, url="https://receiver.example/", events=events, actor="account:1")


def told() -> dict[str, dict[str, Any]]:
    rows = WebhookDelivery.objects.filter(endpoint__organisation=cast.bank()).order_by("created_at")
    return {row.event: json.loads(row.payload)["data"] for row in rows}


def test_an_accepted_answer_is_told_of_once(ask: Asking, wallet: Wallet) -> None:
    asked = wallet.open_link(wallet_link(ask()))
    assert wallet.answer(asked).status_code == 200
    assert wallet.answer(asked).status_code != 200
    session = session_of(asked)
    verified = told()["presentation.verified"]
    assert (verified["request"], verified["verdict"]) == (str(session.request_id), "valid")
    assert WebhookDelivery.objects.filter(event="presentation.verified").count() == 1


def test_an_answer_with_terms_is_told_of_as_a_consent_too(ask: Asking, wallet: Wallet) -> None:
    asked = wallet.open_link(wallet_link(ask(terms=True)))
    assert wallet.answer(asked).status_code == 200
    events = told()
    assert events["authorization.granted"]["request"] == events["presentation.verified"]["request"]


def test_a_refused_answer_is_told_to_nobody(ask: Asking, wallet: Wallet) -> None:
    asked = wallet.open_link(wallet_link(ask()))
    assert wallet.answer(asked, nonce="another-nonce-0123456789").status_code == 400
    assert told() == {}


def test_the_issuing_agency_is_not_told(ask: Asking, wallet: Wallet) -> None:
    before = WebhookDelivery.objects.filter(endpoint__agency=cast.agency()).count()
    asked = wallet.open_link(wallet_link(ask()))
    assert wallet.answer(asked).status_code == 200
    assert WebhookDelivery.objects.filter(endpoint__agency=cast.agency()).count() == before
