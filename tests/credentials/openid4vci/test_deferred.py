"""A clerk decides first: the wallet's keys are settled with its request, and it comes back for the copies."""

from __future__ import annotations

import uuid

import pytest

from credentials import applications, issuance
from credentials.fsck import check
from credentials.models import Application, CredentialInstance, DeferredIssuance
from credentials.openid4vci.offers import MadeOffer, OfferState, Options, make_offer, state_of
from protocol import sd_jwt_vc
from tests import cast
from tests.credentials.openid4vci.steps import admit, copies, error_of
from tests.simulators.wallet import Wallet

pytestmark = pytest.mark.django_db


@pytest.fixture
def application(lei: cast.Citizen) -> Application:
    """Submitted, and waiting for the second clerk."""
    draft = cast.draft_application(to=lei)
    return applications.submit(application=draft, maker=draft.maker)


@pytest.fixture
def made(application: Application) -> MadeOffer:
    return make_offer(application=application, options=Options(tx_code=False), actor="system")


def issue(application: Application) -> None:
    applications.approve(application=application, checker=cast.checker_of(application.agency))
    issuance.issue(application=Application.objects.get(pk=application.pk))


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §8.3", "what cannot be issued yet is answered with 202, a transaction id and an interval"
)
@pytest.mark.requirement("OpenID4VCI 1.0 §9.2", "a deferred request is answered so again until there is a credential")
def test_the_wallet_waits_for_the_clerk(made: MadeOffer, application: Application) -> None:
    wallet = admit(made)
    promised = wallet.request(count=2)
    assert promised.status_code == 202
    assert promised.json()["interval"] > 0
    transaction_id = promised.json()["transaction_id"]
    assert state_of(made.row.__class__.objects.get()) == OfferState.DEFERRED
    waiting = wallet.collect(transaction_id)
    assert (waiting.status_code, waiting.json()) == (202, promised.json())
    issue(application)
    texts = copies(wallet.collect(transaction_id))
    bound = [sd_jwt_vc.parse(text).payload["cnf"]["jwk"] for text in texts]
    assert bound == [key.public_jwk for key in wallet.keys]
    assert state_of(made.row.__class__.objects.get()) == OfferState.ISSUED
    assert check() == []


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §9.3", "a transaction id works once, and only for the wallet that it was given to"
)
def test_a_transaction_id_works_once_and_for_its_wallet(made: MadeOffer, application: Application) -> None:
    wallet = admit(made)
    transaction_id = wallet.request().json()["transaction_id"]
    other = admit(make_offer(application=application, options=Options(tx_code=False), actor="system"))
    issue(application)
    assert error_of(other.collect(transaction_id)) == (400, "invalid_transaction_id")
    assert wallet.collect(transaction_id).status_code == 200
    assert DeferredIssuance.objects.exclude(completed_at=None).get().holder_jwks == []
    assert error_of(wallet.collect(transaction_id)) == (400, "invalid_transaction_id")
    assert error_of(wallet.collect(str(uuid.uuid4()))) == (400, "invalid_transaction_id")


@pytest.mark.requirement("OpenID4VCI 1.0 §13.9", "the holder's key cannot be exchanged between request and issue")
def test_the_keys_of_the_request_cannot_be_exchanged(made: MadeOffer, application: Application) -> None:
    wallet = admit(made)
    transaction_id = wallet.request().json()["transaction_id"]
    settled = wallet.keys[0].public_jwk
    issue(application)
    swapped = wallet.post_json("deferred", {"transaction_id": transaction_id, "proofs": wallet.proofs()})
    [text] = copies(swapped)
    assert sd_jwt_vc.parse(text).payload["cnf"] == {"jwk": settled}


def test_what_is_given_up_is_denied(made: MadeOffer, application: Application) -> None:
    wallet = admit(made)
    transaction_id = wallet.request().json()["transaction_id"]
    applications.send_back(application=application, checker=cast.checker_of(application.agency), reason="name")
    assert wallet.collect(transaction_id).status_code == 202
    applications.cancel(application=Application.objects.get(pk=application.pk), maker=application.maker)
    assert error_of(wallet.collect(transaction_id)) == (400, "credential_request_denied")
    assert not CredentialInstance.objects.exists()


def test_a_nonce_is_used_up_by_a_promise_too(made: MadeOffer) -> None:
    wallet = admit(made)
    proofs = wallet.proofs()
    assert wallet.request(proofs).status_code == 202
    assert error_of(wallet.request(proofs)) == (400, "invalid_nonce")


def test_only_the_wallet_with_the_key_collects(made: MadeOffer, application: Application) -> None:
    wallet = admit(made, Wallet(dpop=True))
    transaction_id = wallet.request().json()["transaction_id"]
    issue(application)
    thief = Wallet(dpop=True)
    thief.access_token = wallet.access_token
    assert error_of(thief.collect(transaction_id)) == (401, "invalid_token")
    assert len(copies(wallet.collect(transaction_id))) == 1
