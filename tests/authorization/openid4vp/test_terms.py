"""Transaction data: what the holder signs besides the showing; with the terms of an authorization, a consent comes of it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from anchoring.models import LogEntry
from authorization import fsck
from authorization.consent import receipt_digest, withdraw
from authorization.models import AuditEvent, Authorization, RequestTemplate
from authorization.openid4vp.request_objects import wallet_link
from authorization.openid4vp.results import read_result
from identity.trust import add_issuer
from protocol.errors import CodedError
from protocol.keys import SoftwareSigner, generate_p256
from protocol.openid4vp import hash_transaction_data, parse_transaction_data
from protocol.sd_jwt_vc import issue_credential
from tests import cast
from tests.authorization.openid4vp.conftest import Asking, session_of
from tests.simulators.presenting_wallet import Wallet

PAYMENT = {"type": "urn:bank:payment", "credential_ids": ["certificate"], "amount": "12.00 MOP"}


@pytest.mark.requirement(
    "OpenID4VP 1.0 §8.4", "transaction data are signed by the holder, each element exactly as sent"
)
def test_the_holder_signs_what_was_sent(ask: Asking, wallet: Wallet) -> None:
    asked = wallet.open_link(wallet_link(ask(transaction_data=[PAYMENT, {**PAYMENT, "amount": "1.00 MOP"}])))
    assert [parse_transaction_data(item)["amount"] for item in asked.transaction_data] == ["12.00 MOP", "1.00 MOP"]
    assert wallet.answer(asked).status_code == 200
    assert read_result(session=session_of(asked), organisation=cast.bank()).verdict == "valid"
    assert not Authorization.objects.exists()


@pytest.mark.requirement("OpenID4VP 1.0 §B.3.3.1", "other hashes, fewer, more or in another order are refused")
@pytest.mark.parametrize("choose", [lambda _: [], lambda sent: sent[:1], lambda sent: [*sent, "eHg"], lambda sent: sent[::-1]],
                         ids=["none", "fewer", "more", "turned"])  # fmt: skip
def test_other_transaction_data_are_refused(ask: Asking, wallet: Wallet, choose: Any) -> None:
    asked = wallet.open_link(wallet_link(ask(transaction_data=[PAYMENT, {**PAYMENT, "amount": "1.00 MOP"}])))
    answer = wallet.answer(asked, terms=choose(list(asked.transaction_data)))
    assert answer.json()["error"] in {"transaction_data_hash_mismatch", "authorization_unknown"}
    assert answer.status_code == 400


def test_a_signed_consent_does_not_make_an_old_signature_young(ask: Asking, wallet: Wallet) -> None:
    """Verification lets a holder's consent be shown for years; a wallet's answer is of this moment."""
    asked = wallet.open_link(wallet_link(ask(transaction_data=[PAYMENT])))
    assert wallet.answer(asked, issued_at=1_790_000_000).json()["error"] == "key_binding_stale"


def test_the_terms_make_the_same_consent_as_the_consent_page(ask: Asking, wallet: Wallet, lei: cast.Citizen) -> None:
    asked = wallet.open_link(wallet_link(ask(terms=True)))
    (terms,) = map(parse_transaction_data, asked.transaction_data)
    assert (terms["type"], terms["verifier"]["id"]) == ("http://localhost:8000/authorization/v1", "daiwan")
    assert (terms["retention_days"], terms["max_reads"]) == (90, 2)
    assert "credential_number" not in terms
    assert wallet.answer(asked).status_code == 200
    session = session_of(asked)
    authorization = Authorization.objects.get()
    assert (session.request.state, authorization.weid) == ("granted", lei.weid)
    assert authorization.terms == asked.transaction_data[0]
    assert ["name_zh"] in authorization.claims
    leaf = LogEntry.objects.get(record_id=f"authorization:{authorization.pk}")
    assert bytes(leaf.digest) == receipt_digest(authorization.receipt)
    assert list(fsck.check()) == []


def test_a_consent_is_read_as_often_as_granted_and_not_once_it_is_withdrawn(
    ask: Asking, wallet: Wallet, lei: cast.Citizen
) -> None:
    asked = wallet.open_link(wallet_link(ask(terms=True)))
    wallet.answer(asked)
    for _ in range(2):
        assert read_result(session=session_of(asked), organisation=cast.bank()).verdict == "valid"
    with pytest.raises(CodedError, match="reads_exhausted"):
        read_result(session=session_of(asked), organisation=cast.bank())
    again = wallet.open_link(wallet_link(ask(terms=True)))
    wallet.answer(again)
    withdraw(authorization=session_of(again).request.authorization, person=lei.person)
    with pytest.raises(CodedError, match="authorization_withdrawn"):
        read_result(session=session_of(again), organisation=cast.bank())
    assert session_of(again).presentation_ciphertext is None


def test_a_certificate_from_elsewhere_grants_nothing_here_but_the_signing_is_recorded(
    ask: Asking, lei: cast.Citizen, template: RequestTemplate
) -> None:
    """Nobody here has a WeID for it: no consent of a citizen of ours may be made of it."""
    issuer = SoftwareSigner(generate_p256(), "elsewhere")
    vct = template.credential_type.vct
    add_issuer(identifier="https://elsewhere.example", public_jwk=issuer.public_jwk, types=[vct])
    now = int(time.time())
    made = issue_credential(
        claims={"name_zh": "李嘉敏", "age_over_18": True},
        vct=vct,
        signer=issuer,
        header={},
        issuer="https://elsewhere.example",
        issued_at=now - 60,
        expires_at=now + 3600,
        holder_jwk=lei.device.public_jwk,
        disclosable=[("name_zh",), ("age_over_18",)],
    )
    wallet = Wallet(lei.device.signer, [made.text])
    asked = wallet.open_link(wallet_link(ask(terms=True)))
    assert wallet.answer(asked).status_code == 200
    session = session_of(asked)
    assert (session.request.state, session.verdict, session.weid) == ("presented", "valid", None)
    assert not Authorization.objects.exists()
    event = AuditEvent.objects.get(action="presentation.received")
    assert event.details["terms_digest"] == hash_transaction_data(asked.transaction_data[0])
    (shown,) = read_result(session=session, organisation=cast.bank()).credentials
    assert shown.issuer == "https://elsewhere.example"
