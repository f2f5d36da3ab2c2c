"""Asking: what may be chosen, what is refused, and that asking for too much is seen by everyone."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pytest_django import Settings

from authorization.models import AuditEvent, PresentationRequest, PresentationSession, RequestTemplate
from authorization.openid4vp.over_asking import count_refused
from authorization.openid4vp.request_objects import wallet_link
from authorization.openid4vp.results import read_result
from authorization.openid4vp.sessions import WalletOptions, ask_wallet, session_state
from identity.models import SigningKey
from identity.organisations import approve_organisation, register_organisation
from protocol.dcql import credential_query
from protocol.errors import CodedError
from tests import cast
from tests.authorization.openid4vp.conftest import Asking, session_of
from tests.simulators.presenting_wallet import Wallet


def query(template: RequestTemplate, *paths: tuple[str | None, ...]) -> dict[str, Any]:
    return credential_query(query_id="certificate", vct=template.credential_type.vct, required=paths)


def test_the_organisation_asks_with_a_key_of_its_own(ask: Asking) -> None:
    first, second = ask(), ask()
    assert first.signing_key == second.signing_key == SigningKey.objects.get(purpose="request")
    assert first.signing_key.organisation == cast.bank()
    assert first.nonce != second.nonce
    assert first.client_id == second.client_id


def test_a_wallet_needs_no_receiving_key(ask: Asking) -> None:
    assert not cast.bank().recipient_keys.exists()
    assert ask().request.state == PresentationRequest.State.PENDING


def test_less_than_the_template_may_be_asked(ask: Asking, wallet: Wallet, template: RequestTemplate) -> None:
    asked = wallet.open_link(wallet_link(ask(dcql_query=query(template, ("age_over_18",)))))
    assert wallet.answer(asked, paths=[("age_over_18",)]).status_code == 200
    (shown,) = read_result(session=session_of(asked), organisation=cast.bank()).credentials
    assert (shown.claims["age_over_18"], "name_zh" in shown.claims) == (True, False)


@pytest.mark.parametrize("path", [("parents",), ("registration_number",), ("invented",)], ids=str)
def test_asking_for_more_is_refused_and_counted(ask: Asking, template: RequestTemplate, path: tuple[str, ...]) -> None:
    """O-10."""
    before = PresentationRequest.objects.count()
    with pytest.raises(CodedError, match="over_asking"):
        ask(dcql_query=query(template, ("name_zh",), path))
    assert PresentationRequest.objects.count() == before
    event = AuditEvent.objects.get(action="request.over_asked")
    assert (event.outcome, event.organisation) == ("over_asking", cast.bank())
    assert path[0] in str(event.details)
    assert count_refused(cast.bank()) == 1


def test_asking_for_another_type_is_refused(ask: Asking, template: RequestTemplate) -> None:
    other = copy.deepcopy(query(template, ("name_zh",)))
    other["credentials"][0]["meta"]["vct_values"].append("urn:other")
    with pytest.raises(CodedError, match="over_asking"):
        ask(dcql_query=other)


# name, options, the field that is named
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("mode", {"response_mode": "fragment"}, "response_mode"),
    ("prefix", {"client_id_prefix": "verifier_attestation"}, "client_id_prefix"),
    ("method", {"request_uri_method": "put"}, "request_uri_method"),
    ("keeping", {"keep": "for ever"}, "keep"),
    ("plain address", {"redirect_uri": "ftp://bank.example/"}, "redirect_uri"),
    ("script", {"redirect_uri": "javascript:alert(1)"}, "redirect_uri"),
    ("fragment", {"redirect_uri": "https://bank.example/#x"}, "redirect_uri"),
    ("user", {"redirect_uri": "https://bank.example@eve.example/"}, "redirect_uri"),
    ("line", {"redirect_uri": "https://bank.example/\r\nX: y"}, "redirect_uri"),
    ("no host", {"redirect_uri": "https:///x"}, "redirect_uri"),
    ("malformed", {"redirect_uri": "https://["}, "redirect_uri"),
    ("long", {"redirect_uri": "https://bank.example/" + "x" * 1000}, "redirect_uri"),
    ("much data", {"transaction_data": [{"type": "t", "credential_ids": ["certificate"]}] * 5}, "transaction_data"),
    ("foreign id", {"transaction_data": [{"type": "t", "credential_ids": ["other"]}]}, "transaction_data"),
    ("own terms", {"transaction_data": [{"type": "http://localhost:8000/authorization/v1", "credential_ids": ["certificate"]}]},
     "transaction_data"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "field"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
def test_other_ways_of_asking_are_refused_by_field(ask: Asking, options: dict[str, Any], field: str) -> None:
    with pytest.raises(CodedError, match="wallet_options_invalid") as refused:
        ask(**options)
    assert list(getattr(refused.value, "fields", {})) == [f"wallet.{field}"]
    assert not PresentationSession.objects.exists()


@pytest.mark.parametrize("data", [{}, {"type": "t"}, {"type": 1, "credential_ids": ["certificate"]}], ids=str)
def test_transaction_data_must_be_as_the_standard_says(ask: Asking, data: dict[str, Any]) -> None:
    with pytest.raises(CodedError, match="transaction_data_malformed"):
        ask(transaction_data=[data])


def test_an_unsigned_request_is_for_tests_on_one_machine(ask: Asking, settings: Settings) -> None:
    settings.IS_LOOPBACK = False
    with pytest.raises(CodedError, match="wallet_options_invalid"):
        ask(client_id_prefix="redirect_uri")


def test_a_name_needs_a_host_name(ask: Asking, settings: Settings) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    with pytest.raises(CodedError, match="wallet_options_invalid"):
        ask(client_id_prefix="x509_san_dns")
    assert ask().client_id.startswith("x509_hash:")


def test_another_organisation_can_neither_ask_nor_read(ask: Asking, template: RequestTemplate) -> None:
    rival = register_organisation(slug="rival", name={"en": "Rival"})
    with pytest.raises(CodedError, match="organisation_unapproved"):
        ask_wallet(template=template, organisation=rival, options=WalletOptions())
    approve_organisation(organisation=rival)
    with pytest.raises(CodedError, match="template_unusable"):
        ask_wallet(template=template, organisation=rival, options=WalletOptions())
    with pytest.raises(CodedError, match="presentation_session_missing"):
        read_result(session=ask(), organisation=rival)


def test_a_request_answered_on_the_consent_page_is_closed_to_wallets(
    ask: Asking, wallet: Wallet, lei: cast.Citizen
) -> None:
    cast.recipient_key()
    asked = wallet.open_link(wallet_link(ask()))
    cast.share(lei, session_of(asked).request)
    assert session_state(session_of(asked)) == "closed"
    assert wallet.answer(asked).json()["error"] == "request_decided"
