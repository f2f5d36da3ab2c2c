"""The verifier's REST interface."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from authorization import consent
from authorization.models import PresentationRequest
from identity.api_keys import create_api_key, revoke_api_key
from identity.organisations import approve_organisation, register_organisation
from tests import cast

pytestmark = pytest.mark.django_db

PROBLEM = "application/problem+json"


@pytest.fixture
def bank() -> Client:
    _, secret = create_api_key(organisation=cast.bank(), label="server")
    return Client(headers={"authorization": f"Bearer {secret}"})


@pytest.fixture
def insurer() -> Client:
    organisation = register_organisation(slug="insurer", name={"en": "Insurer"})
    approve_organisation(organisation=organisation)
    _, secret = create_api_key(organisation=organisation, label="server")
    return Client(headers={"authorization": f"Bearer {secret}"})


def post(client: Client, **body: Any) -> Any:
    return client.post("/api/v1/requests", body, content_type="application/json")


def test_a_request_comes_back_with_link_and_code(bank: Client) -> None:
    cast.recipient_key()
    template = cast.approved_template()
    answer = post(bank, template=str(template.pk), reference="account 7", expires_in=600)
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    asked = PresentationRequest.objects.get(pk=body["id"])
    assert body["url"] == f"http://localhost:8000/portal/requests/{asked.pk}/"
    assert body["qr"].startswith("data:image/svg+xml")
    assert (body["state"], body["reference"], body["authorization"]) == ("pending", "account 7", None)
    assert (body["audience"], body["nonce"]) == ("http://localhost:8000/organisations/daiwan", asked.nonce)
    assert 590 < (asked.expires_at - asked.created_at).total_seconds() < 610


def test_the_whole_way_through_the_interface(bank: Client, lei: cast.Citizen, certificate: Any) -> None:
    key = cast.recipient_key()
    url = "/api/v1/requests/" + post(bank, template=str(cast.approved_template().pk)).json()["id"]
    assert bank.get(f"{url}/presentation").json()["code"] == "request_unanswered"
    authorization = cast.share(lei, PresentationRequest.objects.get())
    body = bank.get(url).json()
    assert body["state"] == "granted"
    assert (body["authorization"]["state"], body["authorization"]["reads_left"]) == ("active", 2)
    assert body["authorization"]["receipt"] == authorization.receipt
    sealed = bank.get(f"{url}/presentation")
    assert (sealed.status_code, sealed["Content-Type"], sealed["Cache-Control"]) == (
        200,
        "application/json",
        "no-store",
    )
    verdict = Client().post(
        "/api/v1/verify",
        {"presentation": key.open(sealed.json()), "audience": body["audience"], "nonce": body["nonce"]},
        content_type="application/json",
    )
    assert verdict.json()["verdict"] == "valid", verdict.json()
    consent.withdraw(authorization=authorization, person=lei.person)
    refused = bank.get(f"{url}/presentation")
    assert (refused.status_code, refused["Content-Type"]) == (403, PROBLEM)
    assert refused.json()["code"] == "authorization_withdrawn"
    assert bank.get(url).json()["authorization"]["state"] == "withdrawn"


def test_a_withdrawn_consent_makes_the_copy_invalid(lei: cast.Citizen, certificate: Any) -> None:
    key = cast.recipient_key()
    authorization = cast.share(lei, cast.ask())
    presentation = key.open(authorization.transfer.envelope)
    consent.withdraw(authorization=authorization, person=lei.person)
    body = {"presentation": presentation}
    answer = Client().post("/api/v1/verify", body, content_type="application/json").json()
    assert answer["verdict"] == "invalid"
    assert answer["checks"][-1]["code"] == "authorization_withdrawn"


def test_a_refusal_and_a_missed_answer_are_told_apart(bank: Client, lei: cast.Citizen, asked: Any) -> None:
    url = f"/api/v1/requests/{asked.pk}"
    consent.open_request(request=asked, weid=lei.weid)
    consent.refuse(request=asked, weid=lei.weid)
    assert (bank.get(url).json()["state"], bank.get(f"{url}/presentation").json()["code"]) == (
        "refused", "request_refused",
    )  # fmt: skip
    PresentationRequest.objects.update(state="pending", expires_at="2026-01-01T00:00:00Z")
    assert (bank.get(url).json()["state"], bank.get(f"{url}/presentation").json()["code"]) == (
        "expired", "request_expired",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "template"),
        ({"template": "x"}, "template"),
        ({"template": None}, "template"),
        ({"reference": "x" * 81}, "reference"),
        ({"reference": "\x00"}, "reference"),
        ({"reference": None}, "reference"),
        ({"expires_in": 59}, "expires_in"),
        ({"expires_in": 604801}, "expires_in"),
        ({"expires_in": "soon"}, "expires_in"),
    ],
    ids=str,
)
def test_a_wrong_body_is_refused_by_field(bank: Client, body: dict[str, Any], field: str) -> None:
    complete = body if field == "template" else {"template": str(uuid.uuid4()), **body}
    answer = post(bank, **complete)
    assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)
    assert field in answer.json()["fields"]


@pytest.mark.parametrize("body", ["", "{", "[]", '"x"', "null", "[1]"])
def test_a_body_that_is_no_object_is_refused(bank: Client, body: str) -> None:
    answer = bank.post("/api/v1/requests", body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (400, PROBLEM)


def test_other_kinds_of_body_are_refused(bank: Client) -> None:
    assert bank.post("/api/v1/requests", {"template": "x"}).status_code == 415
    assert bank.put("/api/v1/requests", {}, content_type="application/json").status_code == 405


def test_a_template_that_may_not_be_used_is_refused(bank: Client) -> None:
    assert post(bank, template=str(uuid.uuid4())).status_code == 404
    assert post(bank, template=str(cast.registered_template().pk)).json()["code"] == "template_unusable"
    assert post(bank, template=str(cast.approved_template().pk)).json()["code"] == "recipient_key_missing"


def test_another_organisation_is_told_nothing(insurer: Client, lei: cast.Citizen, asked: Any) -> None:
    cast.share(lei, asked)
    for path in (f"/api/v1/requests/{asked.pk}", f"/api/v1/requests/{asked.pk}/presentation"):
        answer = insurer.get(path)
        assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)
    assert post(insurer, template=str(asked.template_id)).status_code == 404


def test_nobody_gets_in_without_a_key(asked: Any) -> None:
    key, secret = create_api_key(organisation=cast.bank(), label="lost")
    revoke_api_key(api_key=key)
    for headers in ({}, {"authorization": "Bearer ck_x"}, {"authorization": f"Bearer {secret}"}):
        client = Client(headers=headers)
        for answer in (
            client.get(f"/api/v1/requests/{asked.pk}"),
            client.get(f"/api/v1/requests/{asked.pk}/presentation"),
            post(client, template=str(asked.template_id)),
        ):
            assert (answer.status_code, answer["Content-Type"]) == (401, PROBLEM)
            assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["x", "00000000-0000-0000-0000-00000000000g", "%00", "..%2f"])
def test_an_id_that_is_none_is_not_found(bank: Client, path: str) -> None:
    answer = bank.get(f"/api/v1/requests/{path}")
    assert (answer.status_code, answer["Content-Type"]) == (404, PROBLEM)


def test_queries_are_few(
    bank: Client, lei: cast.Citizen, asked: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    cast.share(lei, asked)
    with django_assert_num_queries(2):
        bank.get(f"/api/v1/requests/{asked.pk}")
    # Key, request, count, envelope; the head of the trail, the event, the head; two savepoints.
    with django_assert_num_queries(11):
        bank.get(f"/api/v1/requests/{asked.pk}/presentation")
