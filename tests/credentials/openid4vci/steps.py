"""What every test of issuing to a wallet does."""

from __future__ import annotations

from typing import Any

from credentials.models import Credential
from credentials.openid4vci.clients import Wallet as Shown
from credentials.openid4vci.formats import SD_JWT_VC
from credentials.openid4vci.instances import hand_over
from credentials.openid4vci.offers import MadeOffer, Options, make_offer
from credentials.openid4vci.pre_authorized import redeem_offer
from tests.simulators.wallet import PRE_AUTHORIZED, Wallet


def admit(made: MadeOffer, wallet: Wallet | None = None) -> Wallet:
    """A wallet that holds tokens for the offer."""
    wallet = wallet or Wallet()
    answer = wallet.redeem(made.message, tx_code=made.tx_code or None)
    assert answer.status_code == 200, answer.content
    return wallet


def receive(made: MadeOffer, *, count: int = 1, wallet: Wallet | None = None) -> tuple[Wallet, list[str]]:
    """A wallet that holds *count* copies, and the copies."""
    wallet = admit(made, wallet)
    return wallet, copies(wallet.request(count=count))


def copies(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [one["credential"] for one in answer.json()["credentials"]]


def error_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def hand_one_over() -> None:
    """Offer the one certificate there is, and hand one copy over: for processes that are killed on the way."""
    credential = Credential.objects.select_related("agency", "credential_type", "application", "weid").get()
    made = make_offer(application=credential.application, options=Options(tx_code=False), actor="system")
    code = made.message["grants"][PRE_AUTHORIZED]["pre-authorized_code"]
    grant = redeem_offer(agency=made.row.agency, code=code, tx_code=None, wallet=Shown()).grant
    jwks = [Wallet().instance_key.public_jwk]
    hand_over(grant=grant, credential=credential, form=SD_JWT_VC, holder_jwks=jwks, use_up=lambda: None)
