"""From an offer to a certificate in a foreign wallet, by the code alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from anchoring import sequencer
from anchoring.models import LogEntry
from credentials import holdings, revocation
from credentials.evidence_export import collect
from credentials.fsck import check
from credentials.models import Credential, CredentialInstance, CredentialOffer, WalletGrant
from credentials.openid4vci.offers import OfferState, state_of
from credentials.policy import DEFAULT
from credentials.sources import database_sources
from credentials.verification import verify
from protocol import sd_jwt_vc
from protocol.encoding import json_object
from tests import cast
from tests.credentials.openid4vci.conftest import MakeOffer
from tests.credentials.openid4vci.steps import receive
from tests.simulators.wallet import PRE_AUTHORIZED, Wallet

pytestmark = pytest.mark.django_db


@pytest.mark.requirement("OpenID4VCI 1.0 §8.3", "the answer to a good request holds the credential, for the key proven")
def test_a_wallet_receives_the_certificate_bound_to_its_own_key(offer: MakeOffer, certificate: Credential) -> None:
    wallet, [text] = receive(offer())
    parsed = sd_jwt_vc.parse(text)
    assert parsed.payload["cnf"] == {"jwk": wallet.keys[0].public_jwk}
    assert parsed.payload["vct"] == certificate.credential_type.vct
    revealed = holdings.reveal_all(text)
    assert revealed["name_zh"] == "李嘉敏"
    assert revealed["certificate_number"] == certificate.number


def test_a_copy_verifies_like_any_certificate_and_stands_in_the_log(offer: MakeOffer) -> None:
    _, [text] = receive(offer())
    sequencer.sequence()
    sequencer.sign_checkpoint()
    report = verify(text, sources=database_sources().as_sources(), now=datetime.now(UTC), policy=DEFAULT)
    assert report.verdict == "valid"
    assert {check.outcome for check in report.checks} == {"pass", "not_applicable"}
    assert next(check.code for check in report.checks if check.step == "anchor") == "anchored"
    copy = CredentialInstance.objects.get()
    assert LogEntry.objects.get(record_id=f"instance:{copy.pk}").digest == copy.digest
    assert check() == []


def test_evidence_is_kept_of_a_copy_too(offer: MakeOffer) -> None:
    _, [text] = receive(offer())
    sequencer.sequence()
    sequencer.sign_checkpoint()
    evidence = json_object(collect(presentation=text, now=datetime.now(UTC)))
    assert evidence["receipt"].startswith("c2sp.org/tlog-proof@v1")
    assert evidence["report"]["verdict"] == "valid"


@pytest.mark.requirement("OpenID4VCI 1.0 §13.5", "copies of one batch have nothing in common but what every copy has")
def test_copies_cannot_be_linked(offer: MakeOffer, certificate: Credential, lei: cast.Citizen) -> None:
    _, texts = receive(offer(), count=4)
    texts.append(holdings.read_sd_jwt(certificate, lei.person))
    payloads = [sd_jwt_vc.parse(text).payload for text in texts]
    assert len({str(payload["cnf"]) for payload in payloads}) == 5
    assert len({payload["status"]["status_list"]["idx"] for payload in payloads}) == 5
    digests = [digest for payload in payloads for digest in payload["_sd"]]
    disclosures = [disclosure for text in texts for disclosure in text.split("~")[1:-1]]
    assert len(set(digests)) == len(digests)
    assert len(set(disclosures)) == len(disclosures)
    # Days, which all certificates of that day share.
    assert {payload["iat"] % 86400 for payload in payloads} == {0}
    assert {payload["exp"] for payload in payloads} == {int(certificate.expires_at.timestamp())}


def test_what_befalls_the_certificate_befalls_every_copy(offer: MakeOffer, certificate: Credential) -> None:
    _, texts = receive(offer(), count=2)
    checker = cast.checker_of(certificate.agency)
    for act, reason, expected in (
        (revocation.suspend, "investigation", "credential_suspended"),
        (revocation.reinstate, "resolved", "status_valid"),
        (revocation.revoke, "data_error", "credential_revoked"),
    ):
        act(credential=certificate, actor=checker, reason=reason)
        for text in texts:
            assert status_code_of(text) == expected
        assert check() == []


def status_code_of(text: str) -> str:
    report = verify(text, sources=database_sources().as_sources(), now=datetime.now(UTC), policy=DEFAULT)
    return next(check.code for check in report.checks if check.step == "status")


def test_no_wallet_gets_a_copy_of_what_is_not_valid(offer: MakeOffer, certificate: Credential) -> None:
    made, wallet = offer(), Wallet()
    wallet.redeem(made.message, tx_code=made.tx_code)
    revocation.suspend(credential=certificate, actor=cast.checker_of(certificate.agency), reason="investigation")
    response = wallet.request()
    assert (response.status_code, response.json()["error"]) == (400, "credential_request_denied")
    assert not CredentialInstance.objects.filter(digest__isnull=False).exists()


def test_what_is_stored_lets_nobody_in(offer: MakeOffer) -> None:
    made = offer(by_reference=True)
    wallet, _ = receive(made)
    stored = repr([list(model.objects.values()) for model in (CredentialOffer, WalletGrant, CredentialInstance)])
    reference = made.uri.rpartition("%2F")[2]
    code = made.message["grants"][PRE_AUTHORIZED]["pre-authorized_code"]
    for secret in (reference, code, made.tx_code, wallet.access_token, wallet.refresh_token):
        assert secret
        assert secret not in stored


@pytest.mark.requirement("OpenID4VCI 1.0 §4.1.3", "an offer can be fetched by reference, as JSON that nobody keeps")
def test_an_offer_by_reference_is_the_same_offer(offer: MakeOffer) -> None:
    made = offer(by_reference=True)
    path = made.uri.rpartition("localhost%3A8000")[2].replace("%2F", "/")
    client = Client()
    for _ in range(2):
        response = client.get(path)
        assert response.json() == made.message
        assert response["Cache-Control"] == "no-store"
    receive(made)
    assert client.get(path).status_code == 404
    assert client.get(path[:-1]).status_code == 404


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §6.3", "a wrong transaction code is invalid_grant, a missing or needless one invalid_request"
)
@pytest.mark.parametrize(
    ("has_code", "sent", "error"),
    [(True, None, "invalid_request"), (True, "000000x", "invalid_grant"), (False, "123456", "invalid_request")],
)
def test_a_transaction_code_is_there_when_asked_for_and_only_then(
    offer: MakeOffer, has_code: bool, sent: str | None, error: str
) -> None:
    made = offer(tx_code=has_code)
    response = Wallet().redeem(made.message, tx_code=sent)
    assert (response.status_code, response.json()["error"]) == (400, error)
    receive(made)


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §13.6", "guessing a transaction code is cut off, and a wrong one does not burn the offer"
)
def test_four_wrong_transaction_codes_leave_the_offer_and_the_fifth_locks_it(offer: MakeOffer) -> None:
    patient, locked = offer(), offer()
    for made, tries in ((patient, 4), (locked, 5)):
        for _ in range(tries):
            assert Wallet().redeem(made.message, tx_code=wrong(made.tx_code)).json()["error"] == "invalid_grant"
    receive(patient)
    assert Wallet().redeem(locked.message, tx_code=locked.tx_code).json()["error"] == "invalid_grant"
    locked.row.refresh_from_db()
    assert state_of(locked.row) == OfferState.CANCELLED


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def test_a_code_works_once_and_only_while_it_lasts(offer: MakeOffer) -> None:
    made = offer()
    receive(made)
    again = Wallet().redeem(made.message, tx_code=made.tx_code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    late = offer(lifetime=timedelta(minutes=2))
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=3)):
        assert Wallet().redeem(late.message, tx_code=late.tx_code).json()["error"] == "invalid_grant"
        late.row.refresh_from_db()
        assert state_of(late.row) == OfferState.EXPIRED


EDUCATION = "http://localhost:8000/issuers/education"


@pytest.mark.requirement("OpenID4VCI 1.0 §13", "what one issuer gave out is worth nothing at another")
def test_code_token_and_proof_of_one_department_are_worthless_at_another(offer: MakeOffer) -> None:
    cast.agency("education")
    made = offer()
    abroad = Wallet(issuer=EDUCATION)
    assert abroad.redeem(made.message, tx_code=made.tx_code).json()["error"] == "invalid_grant"
    home, _ = receive(made)
    abroad.access_token = home.access_token
    response = abroad.request()
    assert (response.status_code, response.json()["error"]) == (401, "invalid_token")
    nonce_of_abroad = {"jwt": [home.prove(home.keys[0], nonce=abroad.nonce())]}
    assert home.request(nonce_of_abroad).json()["error"] == "invalid_nonce"


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §8.2", "one configuration or identifier, among those that the token was given for"
)
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"credential_configuration_id": "diploma_1"}, "unknown_credential_configuration"),
        ({"credential_configuration_id": None, "credential_identifier": "x"}, "unknown_credential_identifier"),
        ({"credential_configuration_id": None}, "invalid_credential_request"),
        ({"credential_identifier": "birth-certificate_1"}, "invalid_credential_request"),
        ({"proofs": {}}, "invalid_proof"),
    ],
)
def test_what_is_asked_for_is_what_was_granted(offer: MakeOffer, changes: dict[str, Any], error: str) -> None:
    made, wallet = offer(), Wallet()
    wallet.redeem(made.message, tx_code=made.tx_code)
    response = wallet.request(**changes)
    assert (response.status_code, response.json()["error"]) == (400, error)


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §6.2", "who asked with authorization details is answered with identifiers to ask by"
)
def test_a_wallet_may_ask_by_identifier(offer: MakeOffer) -> None:
    made, wallet = offer(), Wallet()
    details = '[{"type":"openid_credential","credential_configuration_id":"birth-certificate_1"}]'
    given = wallet.redeem(made.message, tx_code=made.tx_code, authorization_details=details).json()
    [identifier] = given["authorization_details"][0]["credential_identifiers"]
    assert wallet.request(credential_configuration_id=None, credential_identifier=identifier).status_code == 200


def test_answers_are_not_stored_on_the_way(offer: MakeOffer) -> None:
    made, wallet = offer(), Wallet()
    answers = [
        wallet.redeem(made.message, tx_code=made.tx_code),
        wallet.request(),
        wallet.http.post(f"{wallet.path}/nonce"),
        wallet.refresh(),
        wallet.redeem(made.message, tx_code=made.tx_code),
    ]
    assert {answer["Cache-Control"] for answer in answers} == {"no-store"}


def test_the_way_costs_a_bounded_number_of_queries(
    offer: MakeOffer, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    made, wallet = offer(), Wallet()
    with django_assert_max_num_queries(16):
        wallet.redeem(made.message, tx_code=made.tx_code)
    with django_assert_max_num_queries(1):
        wallet.http.post(f"{wallet.path}/nonce")
    one, ten = wallet.proofs(1), wallet.proofs(10)
    with django_assert_max_num_queries(40):
        assert wallet.request(one).status_code == 200
    with django_assert_max_num_queries(40):
        assert wallet.request(ten).status_code == 200
