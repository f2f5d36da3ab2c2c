"""Everything of a sign-in happens once, however many try at the same moment."""

from __future__ import annotations

from typing import Any

import pytest

from authorization.models import BridgeLogin
from authorization.oidc.logins import find_login, settle
from authorization.oidc.tokens import redeem
from authorization.openid4vp.request_objects import wallet_link
from credentials.holdings import read_sd_jwt
from protocol.oauth import CodeTokenRequest
from tests import cast
from tests.authorization.oidc.relying_party import Party
from tests.authorization.test_races import at_once
from tests.simulators.presenting_wallet import Wallet

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def signing_in() -> tuple[Party, Wallet]:
    lei = cast.lei()
    certificate = cast.issue_certificate(to=lei)
    party = Party(*cast.relying_party(template=cast.sign_in_template()))
    return party, Wallet(lei.device.signer, [read_sd_jwt(certificate, lei.person)])


@pytest.mark.requirement("RFC 6749 §10.5", "of fifty parallel uses of one code, one gives tokens")
def test_a_code_is_redeemed_once(signing_in: tuple[Party, Wallet]) -> None:
    party, wallet = signing_in
    code = party.sign_in(wallet)["code"]
    asked = CodeTokenRequest(code, party.row.redirect_uris[0], party.verifier, None, (), ())
    assert at_once(lambda: redeem(party=party.row, request=asked), times=50) == {"done": 1, "grant_invalid": 49}


def test_the_browser_is_sent_back_once(signing_in: tuple[Party, Wallet]) -> None:
    party, wallet = signing_in
    login = party.begin()
    wallet.answer(wallet.open_link(wallet_link(login.session)))
    browser = party.browser.cookies["sign_in"].value
    outcomes: Any = at_once(lambda: settle(find_login(login.pk, browser=browser)), times=20)
    assert outcomes == {"done": 1, "login_over": 19}
    assert BridgeLogin.objects.filter(outcome="code").count() == 1
