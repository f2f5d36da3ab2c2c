"""The agency's own software makes offers, watches them, and takes them back."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from credentials import applications
from credentials.models import Application, Credential
from identity.api_keys import create_agency_key, create_api_key
from tests import cast
from tests.credentials.openid4vci.steps import copies, error_of
from tests.simulators.wallet import Wallet

pytestmark = pytest.mark.django_db


class Software:
    def __init__(self, secret: str) -> None:
        self.http = Client(headers={"authorization": f"Bearer {secret}", "accept-language": "en"})

    def offer(self, **body: Any) -> Any:
        return self.http.post("/api/v1/offers", body, content_type="application/json")

    def state(self, offer_id: str) -> str:
        return str(self.http.get(f"/api/v1/offers/{offer_id}").json()["state"])


@pytest.fixture
def software(certificate: Credential) -> Software:
    return Software(create_agency_key(agency=certificate.agency, label="registry")[1])


def test_an_offer_from_its_making_to_the_certificate(software: Software, certificate: Credential) -> None:
    made = software.offer(credential=certificate.number, dpop="required", count=2)
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    offer = made.json()
    assert offer["offer_uri"].startswith("openid-credential-offer://?credential_offer=")
    assert offer["qr"].startswith("data:image/svg+xml")
    assert software.state(offer["id"]) == "OFFERED"
    wallet = Wallet(dpop=True)
    assert wallet.redeem(offer["offer"], tx_code=offer["tx_code"]).status_code == 200
    assert software.state(offer["id"]) == "IN_PROGRESS"
    assert len(copies(wallet.request(count=2))) == 2
    assert software.state(offer["id"]) == "ISSUED"
    assert software.http.delete(f"/api/v1/offers/{offer['id']}").status_code == 409
    assert software.http.delete(f"/api/v1/offers/{offer['id']}").json()["code"] == "offer_state"


def test_an_offer_taken_back_is_worth_nothing(software: Software, certificate: Credential) -> None:
    offer = software.offer(credential=certificate.number, tx_code=False).json()
    assert offer["tx_code"] is None
    for _ in range(2):
        assert software.http.delete(f"/api/v1/offers/{offer['id']}").status_code == 204
    assert software.state(offer["id"]) == "CANCELLED"
    assert error_of(Wallet().redeem(offer["offer"])) == (400, "invalid_grant")


def test_an_application_on_its_way_can_be_offered(software: Software, lei: cast.Citizen) -> None:
    draft = cast.draft_application(to=lei)
    assert software.offer(application=str(draft.pk)).json()["code"] == "offer_subject"
    applications.submit(application=Application.objects.get(pk=draft.pk), maker=draft.maker)
    offer = software.offer(application=str(draft.pk), tx_code=False, by="reference").json()
    assert "credential_offer_uri" in offer["offer_uri"]
    wallet = Wallet()
    wallet.redeem(offer["offer"])
    assert wallet.request().status_code == 202
    assert software.state(offer["id"]) == "DEFERRED"


@pytest.mark.parametrize(
    ("body", "member"),
    [
        ({}, "credential"),
        ({"credential": "BC-1", "application": "0b9f6c1e-53a7-4a52-9a8e-0a6f0b0f7c11"}, "credential"),
        ({"credential": "no such number"}, "credential"),
        ({"credential": "BC-2026-00000-00000"}, "credential"),
        ({"application": "0b9f6c1e-53a7-4a52-9a8e-0a6f0b0f7c11"}, "application"),
        ({"credential": 7}, "credential"),
        ({"tx_code": "yes"}, "tx_code"),
        ({"count": 0}, "count"),
        ({"count": 51}, "count"),
        ({"expires_in": 1}, "expires_in"),
        ({"by": "pigeon"}, "by"),
    ],
    ids=str,
)
def test_what_cannot_be_offered_is_refused_by_member(
    software: Software, certificate: Credential, body: dict[str, Any], member: str
) -> None:
    whole = (
        body if {"credential", "application"} & body.keys() or not body else {"credential": certificate.number, **body}
    )
    refused = software.offer(**whole)
    assert refused.status_code == 400
    assert member in refused.json()["fields"]


def test_nobody_else_makes_or_sees_offers(software: Software, certificate: Credential) -> None:
    offer = software.offer(credential=certificate.number).json()
    education = Software(create_agency_key(agency=cast.agency("education"), label="registry")[1])
    assert education.offer(credential=certificate.number).status_code == 400
    assert education.http.get(f"/api/v1/offers/{offer['id']}").status_code == 404
    assert education.http.delete(f"/api/v1/offers/{offer['id']}").status_code == 404
    bank = Software(create_api_key(organisation=cast.bank(), label="counter")[1])
    assert bank.offer(credential=certificate.number).status_code == 401
    assert Client().post("/api/v1/offers", {}, content_type="application/json").status_code == 401
