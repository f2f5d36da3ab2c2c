"""From one standard to the other: a copy that a wallet fetched is a copy that it can show, and the citizen sees it."""

from __future__ import annotations

import json

import pytest

from authorization.models import AuditEvent, Authorization
from authorization.openid4vp.request_objects import wallet_link
from authorization.openid4vp.results import read_result
from authorization.webhooks import endpoints
from credentials.models import Credential
from credentials.openid4vci.offers import Options, make_offer
from tests import cast
from tests.authorization.openid4vp.conftest import Asking, session_of
from tests.credentials.openid4vci.steps import receive
from tests.simulators.presenting_wallet import Wallet


@pytest.fixture
def foreign(certificate: Credential) -> list[Wallet]:
    """A wallet with two copies of Lei's certificate, each bound to a key of its own that we have never seen."""
    made = make_offer(application=certificate.application, options=Options(tx_code=False), actor="system")
    wallet, copies = receive(made, count=2)
    return [Wallet(key, [copy]) for key, copy in zip(wallet.keys, copies, strict=True)]


@pytest.mark.parametrize("terms", [False, True], ids=["plain", "terms"])
def test_a_copy_is_shown_as_the_certificate_is(
    ask: Asking, foreign: list[Wallet], lei: cast.Citizen, certificate: Credential, terms: bool
) -> None:
    for wallet in foreign:
        asked = wallet.open_link(wallet_link(ask(terms=terms)))
        assert wallet.answer(asked).status_code == 200
        session = session_of(asked)
        assert (session.verdict, session.weid) == ("valid", lei.weid)
        (shown,) = read_result(session=session, organisation=cast.bank()).credentials
        assert shown.claims["name_zh"] == "李嘉敏"
    assert AuditEvent.objects.filter(action="presentation.received", weid=lei.weid).count() == 2
    assert {each.credential for each in Authorization.objects.all()} == ({certificate} if terms else set())


def test_the_organisation_is_told_of_an_answer_and_of_no_refusal(ask: Asking, wallet: Wallet) -> None:
    hook, _ = endpoints.add(
        owner=cast.bank(), url="https://bank.example/", events=["presentation.verified"], actor="account:1"
    )
    asked, other = (wallet.open_link(wallet_link(ask())) for _ in range(2))
    wallet.answer(asked, nonce="n" * 43)
    wallet.refuse(other)
    assert hook.deliveries.count() == 0
    wallet.answer(asked)
    payload = json.loads(hook.deliveries.get().payload)
    assert (payload["type"], payload["data"]["verdict"]) == ("presentation.verified", "valid")
    assert payload["data"]["request"] == str(session_of(asked).request_id)
