"""Fifty at once: one token for a code, one answer for a nonce, no more tries than five, and real kills on the way."""

from __future__ import annotations

import itertools
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anchoring.models import LogEntry
from credentials import fsck
from credentials.errors import OfferStateError
from credentials.models import Application, Credential, CredentialInstance, CredentialOffer, WalletGrant
from credentials.openid4vci import deferral, issuing, offers
from credentials.openid4vci.clients import Wallet as Shown
from credentials.openid4vci.formats import SD_JWT_VC
from credentials.openid4vci.offers import MadeOffer, Options, cancel_offer, make_offer
from credentials.openid4vci.pre_authorized import redeem_offer
from protocol import openid4vci as messages
from protocol.oauth import PRE_AUTHORIZED_GRANT
from tests import cast
from tests.authorization.test_races import at_once
from tests.processes import ROOT, Forker, process_environment
from tests.simulators.wallet import Wallet

pytestmark = pytest.mark.django_db(transaction=True)

CRASH_POINTS = re.findall(
    r'\breach\("(handover\.[a-z_]+)"\)',
    (ROOT / "credentials" / "openid4vci" / "instances.py").read_text(encoding="utf-8"),
)


@pytest.fixture
def credential() -> Credential:
    return cast.issue_certificate(to=cast.lei())


def offer_of(credential: Credential, **options: Any) -> MadeOffer:
    application = Application.objects.select_related("agency", "credential_type").get(credential=credential)
    return make_offer(application=application, options=Options(**options), actor="system")


def code_of(made: MadeOffer) -> str:
    return str(made.message["grants"][PRE_AUTHORIZED_GRANT]["pre-authorized_code"])


def redeeming(made: MadeOffer, tx_code: str | None = None) -> Callable[[], Any]:
    return lambda: redeem_offer(agency=made.row.agency, code=code_of(made), tx_code=tx_code, wallet=Shown())


@pytest.mark.requirement("OpenID4VCI 1.0 §13.6", "fifty parallel requests with one code give one token (O-2)")
def test_fifty_parallel_token_requests_give_one_token(credential: Credential) -> None:
    made = offer_of(credential, tx_code=False)
    assert at_once(redeeming(made), times=50) == {"done": 1, "grant_invalid": 49}
    assert WalletGrant.objects.count() == 1


@pytest.mark.requirement("OpenID4VCI 1.0 §13.6", "parallel guesses are counted one by one (O-1)")
def test_fifty_parallel_guesses_are_five(credential: Credential) -> None:
    made = offer_of(credential)
    wrong = f"{(int(made.tx_code) + 1) % 1_000_000:06}"
    assert at_once(redeeming(made, wrong), times=50) == {"grant_invalid": 50}
    assert CredentialOffer.objects.get().wrong_tx_codes == offers.MAX_WRONG_TX_CODES


@pytest.mark.requirement("OpenID4VCI 1.0 §7", "a nonce serves one of fifty parallel requests (O-3)")
def test_fifty_parallel_requests_with_one_nonce_give_one_answer(credential: Credential) -> None:
    made = offer_of(credential, tx_code=False)
    grant = redeeming(made)().grant
    wallet = Wallet()
    body = {"credential_configuration_id": "birth-certificate_1", "proofs": wallet.proofs()}
    request = messages.parse_credential_request(body, was_encrypted=False)

    def ask() -> None:
        fresh = WalletGrant.objects.select_related("agency", "application__credential_type").get(pk=grant.pk)
        issuing.issue_copies(grant=fresh, request=request, now=time.time())

    assert at_once(ask, times=50) == {"done": 1, "key_proof_nonce_invalid": 49}
    assert CredentialInstance.objects.count() == 1
    assert fsck.check() == []


def alternating(made: MadeOffer) -> Callable[[], None]:
    """Every other call takes the offer back."""
    turns = itertools.count()
    redeem = redeeming(made)

    def act() -> None:
        if next(turns) % 2:
            cancel_offer(offer=made.row, actor="system")
        else:
            redeem()

    return act


def test_offers_are_taken_or_taken_back_never_both(credential: Credential) -> None:
    for _ in range(5):
        made = offer_of(credential, tx_code=False)
        outcomes = at_once(alternating(made), times=10)
        made.row.refresh_from_db()
        assert (made.row.redeemed_at is None) != (made.row.cancelled_at is None)
        assert outcomes["grant_invalid"] + outcomes[OfferStateError.code] >= 4


def test_a_promise_is_kept_once(credential: Credential) -> None:
    made = offer_of(credential, tx_code=False)
    grant = redeeming(made)().grant
    jwks = [Wallet().instance_key.public_jwk]
    promised = deferral.promise(grant=grant, form=SD_JWT_VC, holder_jwks=jwks, use_up=lambda: None)

    def collect() -> None:
        fresh = WalletGrant.objects.select_related("agency", "application__credential_type").get(pk=grant.pk)
        deferral.collect(grant=fresh, transaction_id=promised.transaction_id)

    assert at_once(collect, times=20) == {"done": 1, "transaction_id_invalid": 19}
    assert CredentialInstance.objects.filter(digest__isnull=False).count() == 1
    assert fsck.check() == []


@pytest.mark.processes
def test_a_process_killed_at_any_step_releases_nothing_twice(credential: Credential, tmp_path: Path) -> None:
    """A wallet that got no answer asks again; what was signed before the kill was seen by nobody."""
    assert len(CRASH_POINTS) == 3
    with Forker(process_environment(var_dir=tmp_path)) as forker:
        for number, point in enumerate(CRASH_POINTS, 1):
            assert forker.run("tests.credentials.openid4vci.steps.hand_one_over", crash_at=point) == [
                -signal.SIGKILL
            ], point
            assert CredentialInstance.objects.count() == 2 * number - 1
            assert forker.run("tests.credentials.openid4vci.steps.hand_one_over") == [0]
            released = CredentialInstance.objects.filter(digest__isnull=False)
            leaves = LogEntry.objects.filter(record_id__startswith="instance:")
            assert released.count() == leaves.count()
            assert fsck.check() == []
    # After the last point everything was stored already.
    assert released.count() == len(CRASH_POINTS) + 1
    places = Counter(CredentialInstance.objects.values_list("status_list_id", "status_index"))
    assert set(places.values()) == {1}
