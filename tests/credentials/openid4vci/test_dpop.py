"""Tokens bound to a key (RFC 9449): whoever has the token and not the key has nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from credentials.openid4vci.offers import MadeOffer
from protocol.keys import SoftwareSigner, generate_p256
from tests.credentials.openid4vci.conftest import MakeOffer
from tests.credentials.openid4vci.steps import admit, copies, error_of, receive
from tests.simulators.wallet import PRE_AUTHORIZED, Wallet

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"


def bare_form(made: MadeOffer) -> dict[str, str]:
    """A token request without a proof of anything."""
    code = made.message["grants"][PRE_AUTHORIZED]["pre-authorized_code"]
    return {"grant_type": PRE_AUTHORIZED, "pre-authorized_code": code}


@pytest.mark.requirement("RFC 9449 §5", "a token given for a DPoP proof says that it is bound")
def test_a_wallet_with_a_key_gets_tokens_bound_to_it(offer: MakeOffer) -> None:
    made, wallet = offer(), Wallet(dpop=True)
    given = wallet.redeem(made.message, tx_code=made.tx_code)
    assert given.json()["token_type"] == "DPoP"
    assert len(copies(wallet.request())) == 1


def test_an_offer_may_demand_it(offer: MakeOffer) -> None:
    made = offer(requires_dpop=True)
    assert error_of(Wallet().redeem(made.message, tx_code=made.tx_code)) == (400, "invalid_dpop_proof")
    receive(made, wallet=Wallet(dpop=True))


@pytest.mark.requirement(
    "RFC 9449 §8", "a proof without our nonce is answered with one, and with it the same request passes"
)
def test_the_first_proof_is_answered_with_a_nonce(offer: MakeOffer) -> None:
    made, wallet = offer(), Wallet(dpop=True)
    headers = {"DPoP": wallet.dpop_proof("token", is_resource=False)}
    body = urlencode(bare_form(made))
    refused = wallet.http.post(f"{wallet.path}/token", body, content_type=FORM, headers=headers)
    assert error_of(refused) == (400, "use_dpop_nonce")
    assert refused["DPoP-Nonce"]
    receive(made, wallet=wallet)


@pytest.mark.requirement("OpenID4VCI 1.0 §7.2", "the nonce endpoint brings the DPoP nonce along")
def test_the_nonce_endpoint_brings_one_too(offer: MakeOffer) -> None:
    made, wallet = offer(), Wallet(dpop=True)
    wallet.dpop_nonce = wallet.http.post(f"{wallet.path}/nonce").headers["DPoP-Nonce"]
    headers = {"DPoP": wallet.dpop_proof("token", is_resource=False)}
    form = {**bare_form(made), "tx_code": made.tx_code}
    given = wallet.http.post(f"{wallet.path}/token", urlencode(form), content_type=FORM, headers=headers)
    assert given.status_code == 200


BY_ATTACKER: dict[str, Callable[[Wallet], dict[str, str]]] = {
    "as a bearer": lambda wallet: {"Authorization": f"Bearer {wallet.access_token}"},
    "without a proof": lambda wallet: {"Authorization": f"DPoP {wallet.access_token}"},
    "as a bearer, with the right proof": lambda wallet: {
        **honest(wallet),
        "Authorization": f"Bearer {wallet.access_token}",
    },
    "with a proof by another key": lambda wallet: {**honest(wallet), "DPoP": by_another(wallet)},
    "with a proof for another address": lambda wallet: proof(
        wallet, htu="http://localhost:8000/issuers/education/credential"
    ),
    "with a proof for another endpoint": lambda wallet: proof(wallet, htu=f"{wallet.issuer}/deferred"),
    "with a proof for another method": lambda wallet: proof(wallet, htm="GET"),
    "with a proof for another token": lambda wallet: proof(wallet, ath="AAAA"),
    "with a proof for no token": lambda wallet: proof(wallet, ath=None),
    "with an old proof": lambda wallet: proof(wallet, iat=int(time.time()) - 3600),
    "with a proof without a name": lambda wallet: proof(wallet, jti=None),
    "with two proofs": lambda wallet: {**honest(wallet), "DPoP": f"{honest(wallet)['DPoP']}, {honest(wallet)['DPoP']}"},
}


def honest(wallet: Wallet) -> dict[str, str]:
    return wallet.headers("credential", is_resource=True)


def proof(wallet: Wallet, **changes: Any) -> dict[str, str]:
    return {**honest(wallet), "DPoP": wallet.dpop_proof("credential", is_resource=True, **changes)}


def by_another(wallet: Wallet) -> str:
    mine, wallet.dpop_key = wallet.dpop_key, SoftwareSigner(generate_p256(), "thief")
    try:
        return wallet.dpop_proof("credential", is_resource=True)
    finally:
        wallet.dpop_key = mine


@pytest.mark.requirement(
    "RFC 9449 §7.1", "a bound token is shown with a fresh proof by its key, for this request, or is refused with 401"
)
@pytest.mark.parametrize("headers", BY_ATTACKER.values(), ids=BY_ATTACKER.keys())
def test_a_stolen_token_opens_nothing(offer: MakeOffer, headers: Callable[[Wallet], dict[str, str]]) -> None:
    wallet = admit(offer(), Wallet(dpop=True))
    wallet.request(count=99)  # fetches a nonce, and nothing else
    body = {"credential_configuration_id": "birth-certificate_1", "proofs": wallet.proofs()}
    answer: Any = wallet.http.post(
        f"{wallet.path}/credential", body, content_type="application/json", headers=headers(wallet)
    )
    assert answer.status_code == 401, answer.content
    assert answer.json()["error"] in {"invalid_token", "invalid_dpop_proof"}
    assert answer["WWW-Authenticate"].startswith("DPoP ")
    assert wallet.request().status_code == 200


@pytest.mark.requirement("RFC 9449 §11.1", "a proof is good once")
def test_a_proof_is_not_taken_twice(offer: MakeOffer) -> None:
    wallet = admit(offer(), Wallet(dpop=True))
    wallet.request(count=99)
    headers = honest(wallet)
    body = {"credential_configuration_id": "birth-certificate_1", "proofs": wallet.proofs()}
    first, second = (
        wallet.http.post(f"{wallet.path}/credential", body, content_type="application/json", headers=headers)
        for _ in range(2)
    )
    assert first.status_code == 200
    assert error_of(second) == (401, "invalid_dpop_proof")


@pytest.mark.requirement("RFC 9449 §7.1", "a bearer token is not made better by the name DPoP")
def test_an_unbound_token_is_a_bearer_token(offer: MakeOffer) -> None:
    wallet = admit(offer())
    wallet.dpop_key = SoftwareSigner(generate_p256(), "later")
    assert error_of(wallet.request()) == (401, "invalid_token")


@pytest.mark.requirement("RFC 9449 §5", "a refresh token of a public client is bound to the key too")
def test_a_bound_refresh_token_needs_the_key_and_stays(offer: MakeOffer) -> None:
    wallet = admit(offer(), Wallet(dpop=True))
    thief = Wallet(dpop=True)
    thief.refresh_token = wallet.refresh_token
    assert error_of(thief.refresh()) == (400, "invalid_grant")
    thief.dpop_key = None
    assert error_of(thief.refresh()) == (400, "invalid_grant")
    first = wallet.refresh_token
    assert wallet.refresh(client_id=None).status_code == 200
    assert wallet.refresh_token == first
    assert len(copies(wallet.request())) == 1


@pytest.mark.requirement(
    "RFC 9700 §4.14.2", "an unbound refresh token is exchanged at every use, and the earlier one is dead"
)
def test_an_unbound_refresh_token_works_once(offer: MakeOffer) -> None:
    wallet = admit(offer())
    first, old_access = wallet.refresh_token, wallet.access_token
    assert wallet.refresh(client_id=None).status_code == 200
    assert wallet.refresh_token != first
    again = Wallet()
    again.refresh_token, again.access_token = first, old_access
    assert error_of(again.refresh(client_id=None)) == (400, "invalid_grant")
    assert error_of(again.request()) == (401, "invalid_token")
