"""The verifier's REST interface to certificates that are used up."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from authorization.activity import describe_events, events_of
from authorization.models import PresentationRequest
from credentials.holdings import read_sd_jwt
from credentials.models import Credential
from identity.api_keys import create_api_key
from identity.organisations import approve_organisation, register_organisation
from tests import cast

pytestmark = pytest.mark.django_db

URL = "/api/v1/redemptions"


@pytest.fixture
def pharmacy() -> Client:
    _, secret = create_api_key(organisation=cast.bank(), label="till")
    return Client(headers={"authorization": f"Bearer {secret}"})


@pytest.fixture
def prescription(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei, slug="prescription")


def shown(lei: cast.Citizen, prescription: Credential, nonce: str = "n-1") -> str:
    return lei.device.present(
        read_sd_jwt(prescription, lei.person),
        paths=[("medicines", 0)],
        audience="http://localhost:8000/organisations/daiwan",
        nonce=nonce,
    )


def post(client: Client, url: str = URL, **body: Any) -> Any:
    return client.post(url, body, content_type="application/json")


def test_what_a_citizen_agreed_to_share_is_redeemed_once(
    pharmacy: Client, lei: cast.Citizen, prescription: Credential
) -> None:
    key = cast.recipient_key()
    template = cast.approved_template(slug="prescription", required=[("medicines",)], optional=[])
    asked = pharmacy.post("/api/v1/requests", {"template": str(template.pk)}, content_type="application/json").json()
    cast.share(lei, PresentationRequest.objects.get(pk=asked["id"]))
    presentation = key.open(pharmacy.get(f"/api/v1/requests/{asked['id']}/presentation").json())
    body = {"presentation": presentation, "nonce": asked["nonce"], "idempotency_key": "sale-1"}
    answer = post(pharmacy, **body)
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store"), answer.json()
    taken = answer.json()
    assert (taken["number"], taken["units"], taken["units_left"], taken["reversed_at"]) == (1, 1, 0, None)
    assert taken["record"] == f"redemption:{taken['id']}"
    assert post(pharmacy, **body).json() == taken
    assert pharmacy.get(f"{URL}/{taken['id']}").json() == taken
    refused = post(pharmacy, **{**body, "idempotency_key": "sale-2"})
    assert (refused.status_code, refused.json()["code"]) == (409, "presentation_used")


def test_a_reversal_gives_back_what_was_taken(pharmacy: Client, lei: cast.Citizen, prescription: Credential) -> None:
    taken = post(pharmacy, presentation=shown(lei, prescription), nonce="n-1", idempotency_key="a").json()
    url = f"{URL}/{taken['id']}/reversal"
    answer = post(pharmacy, url, reason="wrong medicine")
    assert (answer.status_code, answer.json()["units_left"]) == (200, 1)
    assert answer.json()["reversed_at"] is not None
    assert post(pharmacy, url, reason="again").json()["code"] == "redemption_reversed"
    again = post(pharmacy, presentation=shown(lei, prescription, "n-2"), nonce="n-2", idempotency_key="b")
    assert (again.status_code, again.json()["number"]) == (201, 2)
    entries = describe_events(events_of(weid=lei.weid))
    assert {str(entry.action) for entry in entries} >= {"證明已被使用", "證明的一次使用已被撤回"}


def test_another_organisation_sees_and_reverses_nothing(
    pharmacy: Client, lei: cast.Citizen, prescription: Credential
) -> None:
    taken = post(pharmacy, presentation=shown(lei, prescription), nonce="n-1", idempotency_key="a").json()
    organisation = register_organisation(slug="rival", name={"en": "Rival"})
    approve_organisation(organisation=organisation)
    _, secret = create_api_key(organisation=organisation, label="till")
    rival = Client(headers={"authorization": f"Bearer {secret}"})
    assert rival.get(f"{URL}/{taken['id']}").json()["code"] == "redemption_missing"
    assert post(rival, f"{URL}/{taken['id']}/reversal", reason="mine").json()["code"] == "redemption_missing"
    # What was shown to the bank is of no use to anyone else.
    stolen = post(rival, presentation=shown(lei, prescription, "n-2"), nonce="n-2", idempotency_key="a")
    assert (stolen.status_code, stolen.json()["code"]) == (400, "presentation_invalid")


def test_without_a_key_nothing_is_said(client: Client) -> None:
    assert post(client).status_code == 401
    assert client.get(f"{URL}/{uuid.uuid4()}").status_code == 401
    assert post(client, f"{URL}/{uuid.uuid4()}/reversal").status_code == 401


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"presentation": ""}, "presentation"),
        ({"presentation": 7}, "presentation"),
        ({"nonce": None}, "nonce"),
        ({"nonce": "\x00"}, "nonce"),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "a b"}, "idempotency_key"),
        ({"idempotency_key": "k" * 65}, "idempotency_key"),
        ({"units": 0}, "units"),
        ({"units": -1}, "units"),
        ({"units": "1"}, "units"),
        ({"units": True}, "units"),
        ({"units": 1_000_001}, "units"),
    ],
    ids=str,
)
def test_a_wrong_body_is_refused_by_field(pharmacy: Client, change: dict[str, Any], field: str) -> None:
    answer = post(pharmacy, **{"presentation": "x", "nonce": "n", "idempotency_key": "k", **change})
    assert (answer.status_code, list(answer.json()["fields"])) == (400, [field])


@pytest.mark.parametrize("presentation", ["x", "a.b.c~", "é", "x" * 1000, "~~~", "eyJhbGciOiJub25lIn0.e30.~"])
def test_what_is_no_presentation_is_refused(pharmacy: Client, presentation: str) -> None:
    answer = post(pharmacy, presentation=presentation, nonce="n", idempotency_key="k")
    assert (answer.status_code, answer.json()["code"]) == (400, "presentation_invalid")


def test_redeeming_costs_a_fixed_number_of_queries(
    pharmacy: Client, lei: cast.Citizen, prescription: Credential, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    text = shown(lei, prescription)
    with django_assert_max_num_queries(40):
        post(pharmacy, presentation=text, nonce="n-1", idempotency_key="a")


def test_the_citizen_is_told_what_is_left(
    pharmacy: Client, lei: cast.Citizen, prescription: Credential, client: Client
) -> None:
    client.force_login(lei.account, backend="django.contrib.auth.backends.ModelBackend")
    page = f"/portal/certificates/{prescription.pk}/"
    headers = {"accept-language": "en"}
    assert "It can be used 1 more time." in client.get(page, headers=headers).content.decode()
    post(pharmacy, presentation=shown(lei, prescription), nonce="n-1", idempotency_key="a")
    assert "It has been used up." in client.get(page, headers=headers).content.decode()
