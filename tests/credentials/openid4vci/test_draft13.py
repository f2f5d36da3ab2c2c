"""Wallets of draft 13 are served where the switch admits them, and nowhere else; wallets of 1.0 notice nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from protocol import sd_jwt_vc
from protocol.keys import SoftwareSigner, generate_p256
from tests.credentials.openid4vci.conftest import MakeOffer
from tests.credentials.openid4vci.steps import admit, error_of, receive
from tests.simulators.wallet import Wallet

pytestmark = pytest.mark.django_db

KEY = SoftwareSigner(generate_p256(), "holder")
METADATA = "/issuers/identification/.well-known/openid-credential-issuer"


@pytest.fixture
def draft(settings: Settings) -> None:
    settings.OPENID4VCI_DRAFT_13 = True


def asked(wallet: Wallet, nonce: str) -> dict[str, Any]:
    """As draft 13 §7.2 asks: by format and type, with one proof."""
    proof = {"proof_type": "jwt", "jwt": wallet.prove(KEY, nonce=nonce)}
    return {"format": "vc+sd-jwt", "vct": "http://localhost:8000/types/birth-certificate/1", "proof": proof}


@pytest.mark.requirement(
    "OpenID4VCI draft 13 §7", "singular proof and credential, nonces in token and credential responses"
)
def test_a_wallet_of_the_draft_is_served(draft: None, offer: MakeOffer) -> None:
    made, wallet = offer(), Wallet()
    given = wallet.redeem(made.message, tx_code=made.tx_code).json()
    assert given["c_nonce_expires_in"] > 0
    answer = wallet.post_json("credential", asked(wallet, given["c_nonce"]))
    assert answer.status_code == 200, answer.content
    assert sd_jwt_vc.parse(answer.json()["credential"]).payload["cnf"] == {"jwk": KEY.public_jwk}
    again = wallet.post_json("credential", asked(wallet, answer.json()["c_nonce"]))
    assert again.status_code == 200


def test_a_bad_nonce_is_an_invalid_proof_with_a_new_one(draft: None, offer: MakeOffer) -> None:
    wallet = admit(offer())
    refused = wallet.post_json("credential", asked(wallet, "stale"))
    assert error_of(refused) == (400, "invalid_proof")
    assert wallet.post_json("credential", asked(wallet, refused.json()["c_nonce"])).status_code == 200


def test_its_metadata_stand_where_it_looks(draft: None, offer: MakeOffer) -> None:
    offer()
    found = Client().get(METADATA).json()
    configuration = found["credential_configurations_supported"]["birth-certificate_1"]
    assert configuration["format"] == "vc+sd-jwt"
    assert "credential_metadata" not in configuration
    assert Client().get("/issuers/identification/.well-known/oauth-authorization-server").status_code == 200


def test_a_wallet_of_the_final_version_notices_nothing(draft: None, offer: MakeOffer) -> None:
    wallet, [text] = receive(offer())
    assert sd_jwt_vc.parse(text).payload["cnf"] == {"jwk": wallet.keys[0].public_jwk}
    assert error_of(wallet.request({"jwt": [wallet.prove(KEY, nonce="stale")]})) == (400, "invalid_nonce")


def test_without_the_switch_the_draft_is_not_spoken(offer: MakeOffer) -> None:
    made, wallet = offer(), Wallet()
    given = wallet.redeem(made.message, tx_code=made.tx_code).json()
    assert "c_nonce" not in given
    assert wallet.post_json("credential", asked(wallet, wallet.nonce())).status_code == 400
    assert Client().get(METADATA).status_code == 404
