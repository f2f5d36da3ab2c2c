"""The same over REST: a verifier's software asks, and reads what any wallet answered."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from authorization.models import RequestTemplate
from authorization.openid4vp.request_objects import wallet_link
from identity.api_keys import create_api_key
from identity.organisations import approve_organisation, register_organisation
from tests import cast
from tests.authorization.openid4vp.conftest import Asking
from tests.simulators.presenting_wallet import Wallet, encrypt

pytestmark = pytest.mark.django_db


def client_for(organisation: Any) -> Client:
    return Client(headers={"authorization": f"Bearer {create_api_key(organisation=organisation, label='server')[1]}"})


@pytest.fixture
def bank() -> Client:
    return client_for(cast.bank())


def post(client: Client, template: RequestTemplate, **wallet: Any) -> Any:
    body = {"template": str(template.pk), "reference": "account 7", "wallet": wallet}
    return client.post("/api/v1/requests", body, content_type="application/json")


def path_of(answer: Any) -> str:
    address: str = answer.json()["wallet"]["result_url"]
    return address.removeprefix("http://localhost:8000")


@pytest.mark.parametrize("response_mode", ["direct_post", "direct_post.jwt"])
def test_the_whole_way(bank: Client, wallet: Wallet, template: RequestTemplate, response_mode: str) -> None:
    asked = post(bank, template, response_mode=response_mode, client_id_prefix="x509_san_dns")
    assert (asked.status_code, asked["Cache-Control"]) == (201, "no-store")
    way = asked.json()["wallet"]
    assert (way["state"], way["verdict"], way["client_id"]) == ("waiting", None, "x509_san_dns:localhost")
    assert way["request_uri_link"].startswith("openid4vp://?client_id=x509_san_dns%3Alocalhost&request_uri=http")
    assert way["qr"].startswith("data:image/svg+xml")
    assert bank.get(path_of(asked)).json()["code"] == "request_unanswered"
    assert wallet.answer(wallet.open_link(way["request_uri_link"])).status_code == 200
    answered = bank.get(f"/api/v1/requests/{asked.json()['id']}").json()
    assert (answered["state"], answered["wallet"]["state"]) == ("presented", "answered")
    assert (answered["wallet"]["verdict"], answered["wallet"]["request_uri_link"]) == ("valid", None)
    result = bank.get(path_of(asked))
    assert (result.status_code, result["Cache-Control"]) == (200, "no-store")
    (shown,) = result.json()["credentials"]
    assert (shown["claims"]["name_zh"], shown["issuer"]) == ("李嘉敏", "http://localhost:8000/issuers/identification")
    assert "presentation" not in shown
    assert {check["step"] for check in shown["checks"]} > {"signature", "key_binding", "status"}
    assert all(check["message"] for check in shown["checks"])
    whole = bank.get(path_of(asked), {"include": "presentation"}).json()
    assert whole["credentials"][0]["presentation"].startswith("eyJ")


def test_on_the_same_device_it_takes_the_code(bank: Client, wallet: Wallet, template: RequestTemplate) -> None:
    asked = post(bank, template, redirect_uri="https://bank.example/done")
    back = wallet.answer(wallet.open_link(asked.json()["wallet"]["request_uri_link"])).json()["redirect_uri"]
    refused = bank.get(path_of(asked))
    assert (refused.status_code, refused.json()["code"]) == (403, "response_code_invalid")
    code = back.partition("response_code=")[2]
    assert bank.get(path_of(asked), {"response_code": code}).json()["verdict"] == "valid"
    assert bank.get(path_of(asked), {"response_code": code}).status_code == 403


def test_asking_for_more_is_refused(bank: Client, template: RequestTemplate) -> None:
    query: dict[str, Any] = {**template.dcql_query}
    query["credentials"] = [{**query["credentials"][0], "claims": [{"path": ["parents"]}]}]
    del query["credentials"][0]["claim_sets"]
    answer = post(bank, template, dcql_query=query)
    assert (answer.status_code, answer.json()["code"]) == (403, "over_asking")


@pytest.mark.parametrize(
    ("wallet", "code", "field"),
    [
        ({"response_mode": "fragment"}, "invalid_input", "wallet.response_mode"),
        ({"client_id_prefix": 1}, "invalid_input", "wallet.client_id_prefix"),
        ({"terms": "yes"}, "invalid_input", "wallet.terms"),
        ({"dcql_query": []}, "invalid_input", "wallet.dcql_query"),
        ({"transaction_data": {}}, "invalid_input", "wallet.transaction_data"),
        ({"redirect_uri": "javascript:x"}, "wallet_options_invalid", "wallet.redirect_uri"),
        ({"dcql_query": {}}, "dcql_malformed", None),
        ({"transaction_data": [{}]}, "transaction_data_malformed", None),
    ],
    ids=str,
)
def test_a_wrong_way_is_refused_by_field(
    bank: Client, template: RequestTemplate, wallet: dict[str, Any], code: str, field: str | None
) -> None:
    answer = post(bank, template, **wallet)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert field is None or field in answer.json()["fields"]


def test_a_request_without_a_wallet_has_no_result(bank: Client) -> None:
    asked = cast.ask()
    assert bank.get(f"/api/v1/requests/{asked.pk}").json()["wallet"] is None
    assert bank.get(f"/api/v1/requests/{asked.pk}/result").json()["code"] == "presentation_session_missing"


def test_a_wallets_answer_is_no_envelope(bank: Client, wallet: Wallet, template: RequestTemplate) -> None:
    asked = post(bank, template)
    wallet.answer(wallet.open_link(asked.json()["wallet"]["request_uri_link"]))
    refused = bank.get(f"/api/v1/requests/{asked.json()['id']}/presentation")
    assert (refused.status_code, refused.json()["code"]) == (409, "answered_by_wallet")


def test_another_organisation_is_told_nothing(bank: Client, template: RequestTemplate) -> None:
    rival = register_organisation(slug="rival", name={"en": "Rival"})
    approve_organisation(organisation=rival)
    answer = client_for(rival).get(path_of(post(bank, template)))
    assert (answer.status_code, answer.json()["code"]) == (404, "request_missing")


def test_a_wrong_question_about_a_result_is_refused(bank: Client, template: RequestTemplate) -> None:
    address = path_of(post(bank, template))
    for name, value in (
        ("include", "everything"),
        ("include", ""),
        ("response_code", ""),
        ("response_code", "x" * 101),
    ):
        answer = bank.get(address, {name: value})
        assert (answer.status_code, list(answer.json()["fields"])) == (400, [name])


def test_queries_are_few(
    ask: Asking, bank: Client, wallet: Wallet, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    session = ask()
    link = wallet_link(session)
    # The authority, for the wallet's trust; the session, and that it was fetched.
    with django_assert_num_queries(3):
        asked = wallet.open_link(link)
    form = {"response": encrypt(asked, {"vp_token": wallet.present(asked), "state": asked.state})}
    # Eleven for trust, status and log, which a process reads once; the session; whose certificate it is; session and
    # request; who wants to be told; the trail's head, event and head; four about savepoints.
    with django_assert_num_queries(23):
        assert wallet.post(asked, form).status_code == 200
    # Key, request; savepoints; what was shown; the trail.
    with django_assert_num_queries(10):
        assert bank.get(f"/api/v1/requests/{session.request_id}/result").status_code == 200


def test_more_certificates_than_registered_is_too_much(bank: Client, template: RequestTemplate) -> None:
    (one,) = template.dcql_query["credentials"]
    answer = post(bank, template, dcql_query={"credentials": [one, {**one, "id": "another"}]})
    assert (answer.status_code, answer.json()["code"]) == (403, "over_asking")


def test_the_purpose_is_the_one_that_was_approved(bank: Client, template: RequestTemplate) -> None:
    sets = [{"options": [["certificate"]], "purpose": "To give you a prize"}]
    answer = post(bank, template, dcql_query={**template.dcql_query, "credential_sets": sets})
    assert (answer.status_code, answer.json()["code"]) == (400, "dcql_malformed")


@pytest.mark.parametrize("extra", ["\0", ["\0"], {"\0": 1}], ids=repr)
def test_what_no_column_takes_is_refused(bank: Client, template: RequestTemplate, extra: Any) -> None:
    for name, value in (("dcql_query", {**template.dcql_query, "x": extra}), ("transaction_data", [{"x": extra}])):
        answer = post(bank, template, **{name: value})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
        assert all(field.startswith(f"wallet.{name}") for field in answer.json()["fields"])


def test_a_link_too_long_for_a_code_is_a_link_all_the_same(bank: Client, template: RequestTemplate) -> None:
    data = [{"type": "note", "credential_ids": ["certificate"], "text": "y" * 3000}]
    answer = post(bank, template, client_id_prefix="redirect_uri", response_mode="direct_post", transaction_data=data)
    assert answer.status_code == 201
    assert (answer.json()["wallet"]["qr"], len(answer.json()["wallet"]["request_uri_link"]) > 3000) == (None, True)
