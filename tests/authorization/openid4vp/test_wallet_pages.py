"""What people see of it: the verifier its code and the answer, everyone the register, the citizen the trace."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from authorization.models import PresentationRequest, PresentationSession, RequestTemplate
from authorization.openid4vp.request_objects import wallet_link
from authorization.openid4vp.sessions import WalletOptions, ask_wallet
from identity import personas
from identity.keystore import disable, rotate
from identity.organisations import register_organisation
from protocol.dcql import credential_query
from protocol.did import check_document
from protocol.errors import CodedError
from tests import cast
from tests.authorization.openid4vp.conftest import Asking
from tests.simulators.presenting_wallet import Wallet

pytestmark = pytest.mark.django_db

SignIn = Callable[[str], Client]


@pytest.fixture
def sign_in(db: None) -> SignIn:
    def enter(slug: str) -> Client:
        personas.ensure_persona(slug)
        client = Client(headers={"accept-language": "en"})
        assert client.post(f"/demo/{slug}/").status_code == 302
        return client

    return enter


def text_of(answer: Any) -> str:
    return html.unescape(str(answer.content.decode()))


def test_an_officer_asks_a_wallet_and_reads_the_answer(
    sign_in: SignIn, wallet: Wallet, template: RequestTemplate
) -> None:
    cast.recipient_key()
    officer = sign_in("chan")
    made = officer.post("/verifier/requests/new/", {"template": str(template.pk), "reference": "counter 3"})
    session = PresentationSession.objects.get()
    assert made["Location"] == f"/verifier/requests/{session.request_id}/"
    page = text_of(officer.get(made["Location"]))
    assert wallet_link(session) in page
    assert "QR code for wallets" in page
    state_url = f"{made['Location']}state"
    assert officer.get(state_url).json() == {"state": "pending waiting"}
    asked = wallet.open_link(wallet_link(session))
    assert officer.get(state_url).json() == {"state": "pending fetched"}
    wallet.answer(asked, nonce="n" * 43)
    assert officer.get(state_url).json() == {"state": "pending fetched key_binding_nonce_mismatch"}
    page = text_of(officer.get(made["Location"]))
    assert "A wallet has opened the request" in page
    assert "key_binding_nonce_mismatch" in page
    wallet.answer(asked)
    assert officer.get(state_url).json() == {"state": "presented answered"}
    page = text_of(officer.get(made["Location"]))
    assert "Every check that applies passed" in page
    assert "李嘉敏" not in page
    shown = officer.post(f"{made['Location']}result")
    assert (shown.status_code, shown["Cache-Control"]) == (200, "no-store")
    assert all(words in text_of(shown) for words in ("李嘉敏", "It was presented by its holder, for you."))


def test_what_was_read_once_is_said_to_be_gone(sign_in: SignIn, ask: Asking, wallet: Wallet) -> None:
    session = ask(keep="first_read")
    wallet.answer(wallet.open_link(wallet_link(session)))
    officer, page = sign_in("chan"), f"/verifier/requests/{session.request_id}/"
    assert "李嘉敏" in text_of(officer.post(f"{page}result"))
    assert "has been destroyed" in text_of(officer.get(page))
    assert "presentation_gone" in text_of(officer.post(f"{page}result"))


def test_the_citizen_finds_it_under_activity(sign_in: SignIn, ask: Asking, wallet: Wallet) -> None:
    session = ask()
    wallet.answer(wallet.open_link(wallet_link(session)))
    sign_in("chan").post(f"/verifier/requests/{session.request_id}/result")
    page = text_of(sign_in("lei").get("/portal/activity/"))
    assert "You showed items with a wallet" in page
    assert "The organisation fetched what you shared" in page
    assert "Chinese name" in page or "Name in Chinese" in page


def test_the_list_tells_a_wallets_answer_apart(sign_in: SignIn, ask: Asking, wallet: Wallet) -> None:
    wallet.answer(wallet.open_link(wallet_link(ask())))
    assert "Shown by a wallet" in text_of(sign_in("chan").get("/verifier/requests/"))


def test_anyone_reads_what_an_organisation_may_ask(template: RequestTemplate) -> None:
    page = text_of(Client(headers={"accept-language": "en"}).get("/verifiers/daiwan/"))
    for words in ("Daiwan Bank", "To check who opens a bank account", "90 days", "0 times in the last 90 days"):
        assert words in page
    assert "did:web:localhost%3A8000:verifiers:daiwan" in page


@pytest.mark.parametrize("times", [1, 3])
def test_trying_for_more_is_seen_by_everyone(template: RequestTemplate, times: int) -> None:
    """O-10."""
    query = credential_query(query_id="c", vct=template.credential_type.vct, required=[("parents",)])
    for _ in range(times):
        with pytest.raises(CodedError, match="over_asking"):
            ask_wallet(template=template, organisation=cast.bank(), options=WalletOptions(dcql_query=query))
    page = text_of(Client(headers={"accept-language": "en"}).get("/verifiers/daiwan/"))
    assert f"{times} time{'s' if times > 1 else ''} in the last 90 days" in page


def test_what_was_never_approved_or_retired_is_not_in_the_register(db: None) -> None:
    cast.registered_template(purpose={"zh-hant": "暗", "en": "In the dark"})
    assert "In the dark" not in text_of(Client().get("/verifiers/daiwan/"))
    register_organisation(slug="rival", name={"en": "Rival"})
    for slug in ("rival", "nobody"):
        answer = Client().get(f"/verifiers/{slug}/", headers={"accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (404, "verifier_missing")


def test_the_consent_page_leads_to_the_register(sign_in: SignIn, lei: cast.Citizen, certificate: Any) -> None:
    page = text_of(sign_in("lei").get(f"/portal/requests/{cast.ask().pk}/"))
    assert 'href="/verifiers/daiwan/"' in page


@pytest.mark.requirement(
    "OpenID4VP 1.0 §5.9.3", "decentralized_identifier: the key is one of the client's DID document"
)
@pytest.mark.requirement("DID Core 1.0 §5", "an organisation's did:web has a well-formed document")
def test_a_wallet_finds_the_organisations_keys_by_its_did(ask: Asking, wallet: Wallet) -> None:
    session = ask(client_id_prefix="decentralized_identifier")
    assert session.client_id == "decentralized_identifier:did:web:localhost%3A8000:verifiers:daiwan"
    assert wallet.answer(wallet.open_link(wallet_link(session))).status_code == 200
    answer = Client().get("/verifiers/daiwan/did.json")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/did+json")
    check_document(answer.json())


def test_the_did_document_holds_every_key_but_those_withdrawn(ask: Asking) -> None:
    first = ask().signing_key
    assert first is not None
    second = rotate(purpose="request", organisation=cast.bank())
    methods = Client().get("/verifiers/daiwan/did.json").json()["verificationMethod"]
    assert {method["id"].partition("#")[2] for method in methods} == {first.key_id, second.key_id}
    disable(signing_key=first)
    methods = Client().get("/verifiers/daiwan/did.json").json()["verificationMethod"]
    assert [method["id"].partition("#")[2] for method in methods] == [second.key_id]


def test_a_request_of_an_officer_may_still_be_answered_on_the_consent_page(
    sign_in: SignIn, lei: cast.Citizen, certificate: Any, template: RequestTemplate
) -> None:
    cast.recipient_key()
    sign_in("chan").post("/verifier/requests/new/", {"template": str(template.pk)})
    asked = PresentationRequest.objects.get()
    cast.share(lei, asked)
    page = text_of(sign_in("chan").get(f"/verifier/requests/{asked.pk}/"))
    assert "Fetch, open and check" in page
    assert "QR code for wallets" not in page
