"""A wallet made of other people's code, against the running service: what it is given, what it shows, and every refusal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.config.browser import chromium
from tests.counterparts.wallet import REDIRECT_URI, Held, Wallet, WalletRefusedError, receive_with_credo
from tests.journeys.people import PHONE, entered
from tests.journeys.wallet_service import Service, serving
from tests.protocol.makers import jws, payload, unbound

pytestmark = pytest.mark.xdist_group("journeys")

SHOWN = {
    "name_zh": "黃美",
    "age_over_18": True,
    "birth_date": "1985-05-12",
    "birth_place": {"country": "Macau", "locality": "Sé"},
}
LEAST = {"name_zh": "黃美", "age_over_18": True}
PAYMENT = {"type": "urn:example:payment", "credential_ids": ["certificate"], "amount": "MOP 100"}
# Every answer with something personal or one-time in it.
NOT_STORED = {"token", "nonce", "credential", "deferred", "par"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("wallets")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def holder(service: Service) -> Wallet:
    """A wallet that holds one copy of the certificate."""
    wallet = service.wallet()
    take(service, wallet)
    return wallet


def take(service: Service, wallet: Wallet, offer: dict[str, Any] | None = None, **how: Any) -> dict[str, Any]:
    made = service.offer() if offer is None else offer
    return wallet.receive(made["offer_uri"], txCode=made["tx_code"], **how)


def steps(received: dict[str, Any]) -> list[str]:
    return [exchange["step"] for exchange in received["trace"] if exchange["status"] < 300]


@contextmanager
def refused(step: str, status: int, error: str) -> Iterator[None]:
    with pytest.raises(WalletRefusedError) as refusal:
        yield
    assert (refusal.value.step, refusal.value.status, refusal.value.error) == (step, status, error), refusal.value


# --- receiving


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §4.1", "a foreign wallet takes an offer by value and by reference, with its code"
)
@pytest.mark.parametrize("by", ["value", "reference"])
def test_a_wallet_receives_what_is_offered(service: Service, by: str) -> None:
    offer = service.offer(by=by)
    received = take(service, service.wallet(), offer)
    assert received["version"] == "V1"
    (claims,) = received["verified"]
    assert (claims["name_zh"], claims["certificate_number"]) == ("黃美", service.number)
    assert steps(received)[-3:] == ["token", "nonce", "credential"]
    assert service.state_of(offer) == "ISSUED"


@pytest.mark.requirement("OpenID4VCI 1.0 §7.2", "answers with secrets in them are not stored on the way")
def test_nothing_on_the_way_may_keep_an_answer(service: Service) -> None:
    received = take(service, service.wallet(), encrypt=True)
    kept = {
        each["step"]: each["headers"].get("cache-control", "")
        for each in received["trace"]
        if each["step"] in NOT_STORED
    }
    assert kept
    assert all("no-store" in value for value in kept.values()), kept


@pytest.mark.requirement("OpenID4VCI 1.0 §3.3", "a batch has nothing in it by which two of its copies could be linked")
def test_a_batch_of_copies_cannot_be_linked(service: Service) -> None:
    received = take(service, service.wallet(), service.offer(count=5), count=5)
    assert len(received["credentials"]) == 5
    for one, other in combinations(range(5), 2):
        first, second = (received["verified"][at] for at in (one, other))
        assert first["cnf"] != second["cnf"]
        assert first["status"]["status_list"]["idx"] != second["status"]["status_list"]["idx"]
        assert first["iat"] == second["iat"]
        assert first["iat"] % 86_400 == 0
        parts = [set(received["credentials"][at].split("~")) - {""} for at in (one, other)]
        assert parts[0].isdisjoint(parts[1]), "one salt or one signature in two copies"


@pytest.mark.requirement("RFC 9449 §5", "DPoP is optional unless the offer demands it")
def test_a_wallet_without_dpop_is_served_where_that_is_allowed(service: Service) -> None:
    received = take(service, service.wallet(), dpop=False)
    assert received["token"]["token_type"] == "Bearer"
    with refused("token", 400, "invalid_dpop_proof"):
        take(service, service.wallet(), service.offer(dpop="required"), dpop=False)


@pytest.mark.requirement("OpenID4VCI 1.0 appendix D", "attested keys are taken by both ways of showing an attestation")
@pytest.mark.parametrize("proof", ["jwt+attestation", "attestation"])
def test_attested_keys_are_taken(service: Service, proof: str) -> None:
    offer = service.offer(key_attestation=True, dpop="required", count=3)
    received = take(service, service.wallet(is_vouched_for=True), offer, proof=proof, count=3)
    assert len(received["verified"]) == 3


def test_a_key_that_nobody_attests_is_refused_where_attestation_is_demanded(service: Service) -> None:
    with refused("credential", 400, "invalid_proof"):
        take(service, service.wallet(is_vouched_for=True), service.offer(key_attestation=True))


@pytest.mark.requirement("OpenID4VCI 1.0 §10", "requests and answers are encrypted when the wallet wishes it")
def test_requests_and_answers_are_encrypted(service: Service) -> None:
    received = take(service, service.wallet(), service.offer(count=2), encrypt=True, count=2)
    assert [each["type"] for each in received["trace"] if each["step"] == "credential"] == ["application/jwt"]
    assert len(received["verified"]) == 2


@pytest.mark.requirement("OpenID4VCI 1.0 §11", "a notification is taken, and taken again")
@pytest.mark.parametrize("event", ["credential_accepted", "credential_failure", "credential_deleted"])
def test_a_wallet_says_what_became_of_it(service: Service, event: str) -> None:
    received = take(service, service.wallet(), notify=event)
    assert [each["status"] for each in received["trace"] if each["step"] == "notification"].count(204) == 2


@pytest.mark.requirement("OpenID4VCI 1.0 §9", "what is not approved yet is collected later, once, under the same key")
def test_a_deferred_certificate_is_collected_once_it_is_approved(service: Service) -> None:
    application = service.draft()
    offer = service.offer(application=application)
    wallet = service.wallet()
    promised = take(service, wallet, offer)
    assert (promised["credentials"], service.state_of(offer)) == ([], "DEFERRED")
    waiting = wallet.collect(promised, offer["offer_uri"])
    assert waiting["transactionId"] == promised["transactionId"]
    service.approve(application)
    collected = wallet.collect(promised, offer["offer_uri"], patience=60, encrypt=True, notify="credential_accepted")
    assert steps(collected)[-3:] == ["deferred", "notification", "notification"]
    assert collected["verified"][0]["name_zh"] == "黃美"
    with refused("deferred", 400, "invalid_transaction_id"):
        wallet.collect(promised, offer["offer_uri"])


@pytest.mark.requirement("OpenID4VCI 1.0 §13.5", "a refresh token brings fresh copies for fresh keys")
def test_a_wallet_refreshes_its_copies(service: Service) -> None:
    wallet, offer = service.wallet(), service.offer(dpop="required")
    received = take(service, wallet, offer)
    fresh = wallet.refresh(received, offer["offer_uri"])
    assert fresh["verified"][0]["cnf"] != received["verified"][0]["cnf"]
    stolen = {**received, "session": {}}
    with pytest.raises(WalletRefusedError) as refusal:
        wallet.refresh(stolen, offer["offer_uri"])
    assert (refusal.value.step, refusal.value.status) == ("token", 400)


def answering(browser: Browser, service: Service, persona: str, answer: str) -> Callable[[str], str]:
    """What the citizen does in their own browser: sign in, read who asks, and press *answer*."""

    def go(url: str) -> str:
        with entered(browser, service.stack.url, persona, width=PHONE) as citizen:
            citizen.open(url)
            citizen.look(f"wallet-authorize-{answer.split(',', maxsplit=1)[0].lower().replace(' ', '-')}")
            # The wallet's own address leads nowhere from here; that it is asked for is all there is to see.
            with citizen.page.expect_request(re.compile(re.escape(REDIRECT_URI))) as asked:
                citizen.press(answer)
            citizen.complaints.clear()
            return str(asked.value.url)

    return go


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §3.4", "authorization code with PAR, PKCE and consent in the citizen's browser"
)
def test_a_citizen_lets_a_wallet_hold_a_certificate(service: Service, browser: Browser) -> None:
    offer = service.offer(grant="authorization_code")
    agree = answering(browser, service, "wong", "Yes, let it hold the certificate")
    received = service.wallet().receive(offer["offer_uri"], browser=agree)
    assert received["verified"][0]["name_zh"] == "黃美"
    assert "par" not in steps(received), "pushed in the run before the browser"


@pytest.mark.requirement("RFC 6749 §4.1.2.1", "a refusal goes back to the wallet as access_denied")
def test_a_citizen_refuses_a_wallet(service: Service, browser: Browser) -> None:
    offer = service.offer(grant="authorization_code")
    with refused("authorize", 302, "access_denied"):
        service.wallet().receive(offer["offer_uri"], browser=answering(browser, service, "wong", "No"))


@pytest.mark.requirement("RFC 7636 §4.6", "a code is worth nothing without its verifier, nor a second time")
@pytest.mark.parametrize("fault", ["wrong_verifier", "reused_code"])
def test_a_stolen_code_is_worthless(service: Service, browser: Browser, fault: str) -> None:
    offer = service.offer(grant="authorization_code")
    agree = answering(browser, service, "wong", "Yes, let it hold the certificate")
    with refused("token", 400, "invalid_grant"):
        service.wallet().receive(offer["offer_uri"], browser=agree, fault=fault)


@pytest.mark.requirement("HAIP 1.0 §4", "code flow with PAR, PKCE, DPoP, wallet attestation and key attestation")
def test_high_assurance_takes_everything_at_once(service: Service, browser: Browser) -> None:
    agree = answering(browser, service, "wong", "Yes, let it hold the certificate")
    with service.high_assurance():
        offer = service.offer(grant="authorization_code", count=2)
        wallet = service.wallet(is_vouched_for=True)
        received = wallet.receive(offer["offer_uri"], browser=agree, proof="attestation", count=2, encrypt=True)
        assert len(received["verified"]) == 2
        with refused("par", 401, "invalid_client"):
            service.wallet().receive(offer["offer_uri"], browser=agree)
        with refused("par", 401, "invalid_client"):
            wallet.receive(offer["offer_uri"], browser=agree, fault="missing_wallet_attestation")


@pytest.mark.requirement("OpenID4VCI 1.0 §13.6.3", "a wrong transaction code is refused and burns nothing at once")
def test_a_mistyped_code_can_be_corrected(service: Service) -> None:
    offer, wallet = service.offer(), service.wallet()
    with refused("token", 400, "invalid_grant"):
        wallet.receive(offer["offer_uri"], txCode=f"{(int(offer['tx_code']) + 1) % 10**6:06}")
    assert take(service, wallet, offer)["credentials"]


BAD_PROOF, BAD_TOKEN = ("credential", 400, "invalid_proof"), ("credential", 401, "invalid_token")
RECEIVING: dict[str, tuple[str, int, str]] = {
    "stale_nonce": ("credential", 400, "invalid_nonce"),
    "reused_nonce": ("credential", 400, "invalid_nonce"),
    **dict.fromkeys(
        ["no_nonce", "wrong_aud", "day_old_proof", "proof_from_the_future", "wrong_typ", "private_key_shown", "stolen_key",
         "unsigned_proof", "symmetric_proof"], BAD_PROOF,
    ),
    **dict.fromkeys(["missing_dpop", "dpop_without_proof", "another_dpop_key", "unknown_token"], BAD_TOKEN),
    "replayed_dpop": ("credential", 401, "invalid_dpop_proof"),
    "missing_dpop_at_token": ("token", 400, "invalid_dpop_proof"),
    "missing_tx_code": ("token", 400, "invalid_request"),
    "reused_code": ("token", 400, "invalid_grant"),
    "unknown_configuration": ("credential", 400, "unknown_credential_configuration"),
}  # fmt: skip


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §8.3.1", "a dishonest wallet is refused at the step, with the standard's error"
)
@pytest.mark.parametrize("fault", RECEIVING)
def test_a_wallet_that_cheats_gets_nothing(service: Service, fault: str) -> None:
    offer, wallet = service.offer(dpop="required"), service.wallet()
    code = None if fault == "missing_tx_code" else offer["tx_code"]
    with refused(*RECEIVING[fault]):
        wallet.receive(offer["offer_uri"], txCode=code, fault=fault)
    assert wallet.held == []


@pytest.mark.requirement("OpenID4VCI 1.0 §8.2", "a key for the answer comes encrypted, and nothing is compressed")
@pytest.mark.parametrize("fault", ["plain_request_for_encrypted_answer", "compressed_answer"])
def test_an_answer_is_not_encrypted_to_whoever_stands_between(service: Service, fault: str) -> None:
    with refused("credential", 400, "invalid_encryption_parameters"):
        take(service, service.wallet(), encrypt=True, fault=fault)


@pytest.mark.requirement("OpenID4VCI 1.0 appendix E", "whom no trusted provider vouches for is refused")
@pytest.mark.parametrize(
    ("fault", "step", "status", "error"),
    [("forged_wallet_attestation", "token", 401, "invalid_client"), ("forged_key_attestation", *BAD_PROOF)],
)
def test_a_forged_attestation_is_refused(service: Service, fault: str, step: str, status: int, error: str) -> None:
    offer = service.offer(key_attestation=True)
    with refused(step, status, error):
        take(service, service.wallet(is_vouched_for=True), offer, fault=fault, proof="attestation")


# --- presenting


@pytest.mark.requirement("OpenID4VP 1.0 §5, §8", "a foreign wallet is asked and answers in every way that is offered")
@pytest.mark.parametrize("mode", ["direct_post", "direct_post.jwt"])
@pytest.mark.parametrize("prefix", ["x509_hash", "x509_san_dns", "decentralized_identifier", "redirect_uri"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_wallet_shows_what_is_asked(service: Service, holder: Wallet, mode: str, prefix: str, method: str) -> None:
    asked = service.ask(response_mode=mode, client_id_prefix=prefix, request_uri_method=method)
    presented = holder.present(asked["request_uri_link"])
    assert presented["asked"]["mode"] == mode
    assert presented["asked"]["clientId"].startswith(f"{prefix}:")
    status, result = service.result(asked)
    assert (status, result["verdict"]) == (200, "valid")
    (credential,) = result["credentials"]
    assert credential["claims"] == SHOWN


@pytest.mark.requirement("OpenID4VP 1.0 §6.4", "no more is disclosed than is asked, and the verifier sees no more")
def test_no_more_is_shown_than_is_asked(service: Service, holder: Wallet) -> None:
    claims = [{"path": ["name_zh"]}, {"path": ["age_over_18"]}]
    (query,) = holder.present(service.ask()["request_uri_link"])["asked"]["query"]["credentials"]
    narrow = {"id": query["id"], "format": query["format"], "meta": query["meta"], "claims": claims}
    asked = service.ask(dcql_query={"credentials": [narrow]})
    (presentation,) = holder.present(asked["request_uri_link"])["presentations"]["certificate"]
    assert presentation.count("~") == len(claims) + 1
    assert service.result(asked)[1]["credentials"][0]["claims"] == LEAST


@pytest.mark.requirement("OpenID4VP 1.0 §8.4", "transaction data are signed by the holder, or the answer is refused")
def test_transaction_data_are_signed(service: Service, holder: Wallet) -> None:
    asked = service.ask(transaction_data=[PAYMENT])
    for fault in ("missing_transaction_data", "altered_transaction_data"):
        with refused("response", 400, "transaction_data_hash_mismatch"):
            holder.present(asked["request_uri_link"], fault=fault)
        asked = service.ask(transaction_data=[PAYMENT])
    holder.present(asked["request_uri_link"])
    assert service.result(asked)[1]["verdict"] == "valid"


@pytest.mark.requirement("OpenID4VP 1.0 §8.2", "on one device the result needs the code that came back to the browser")
def test_on_one_device_the_result_needs_the_code(service: Service, holder: Wallet) -> None:
    asked = service.ask(redirect_uri=f"{service.stack.url}/back")
    answered = holder.present(asked["request_uri_link"])["answered"]
    assert service.result(asked)[1]["code"] == "response_code_invalid"
    code = answered["redirect_uri"].partition("#response_code=")[2]
    assert service.result(asked, f"?response_code={code}")[1]["verdict"] == "valid"


PRESENTING = {
    "day_old_key_binding": "key_binding_stale",
    "key_binding_from_the_future": "key_binding_from_future",
    "wrong_nonce": "key_binding_nonce_mismatch",
    "wrong_aud": "key_binding_audience_mismatch",
    "stolen_credential": "key_binding_signature_invalid",
    "removed_disclosure": "key_binding_hash_mismatch",
    "no_key_binding": "dcql_holder_binding_missing",
    "nothing_disclosed": "dcql_claim_missing",
    "too_little_disclosed": "dcql_claim_missing",
    "everything_disclosed": "dcql_claim_unasked",
    "added_disclosure": "dcql_claim_unasked",
    "forged_issuer": "signature_invalid",
    "altered_claim": "disclosure_unreferenced",
    "empty_token": "vp_response_malformed",
    "wrong_state": "vp_response_state",
    "sealed_to_another": "vp_response_encryption",
    "unencrypted_response": "vp_response_encryption",
    "reused_response": "presentation_answered",
}


@pytest.mark.requirement("OpenID4VP 1.0 §8.6", "an answer that is not what was asked for is refused and stored nowhere")
@pytest.mark.parametrize("fault", PRESENTING)
def test_an_answer_that_cheats_is_refused(service: Service, holder: Wallet, fault: str) -> None:
    asked = service.ask()
    with refused("response", 400, PRESENTING[fault]):
        holder.present(asked["request_uri_link"], fault=fault)
    status, result = service.result(asked)
    assert (status, result.get("code")) == ((200, None) if fault == "reused_response" else (409, "request_unanswered"))


@pytest.mark.requirement(
    "OpenID4VP 1.0 §6.4", "a credential of another type, however sound its holder, answers no query"
)
def test_another_credential_answers_nothing(service: Service, holder: Wallet) -> None:
    key = {name: value for name, value in holder.held[0].key.items() if name != "d"}
    other = unbound(jws(payload(iss=service.stack.url, vct="urn:example:membership", cnf={"jwk": key}, **LEAST)))
    wallet = service.wallet()
    wallet.held = [holder.held[0], Held(other, holder.held[0].key)]
    asked = service.ask()
    with refused("response", 400, "dcql_credential_other"):
        wallet.present(asked["request_uri_link"], fault="other_credential")


@pytest.mark.requirement("Token Status List §8.3", "a copy of a revoked certificate is refused")
def test_a_revoked_certificate_is_refused(service: Service) -> None:
    application = service.draft()
    offer, wallet = service.offer(application=application), service.wallet()
    promised = take(service, wallet, offer)
    service.approve(application)
    wallet.collect(promised, offer["offer_uri"], patience=60)
    wallet.present(service.ask()["request_uri_link"])
    service.revoke(application)
    with refused("response", 400, "credential_revoked"):
        wallet.present(service.ask()["request_uri_link"])


WAYS: list[dict[str, str]] = [
    {}, {"response_mode": "direct_post"}, {"client_id_prefix": "x509_san_dns"}, {"request_uri_method": "post"},
]  # fmt: skip


@pytest.mark.requirement("OpenID4VCI 1.0 §8", "Credo 0.6.3 receives, and presents in every way that it speaks")
def test_credo_receives_and_presents(service: Service) -> None:
    offer, asked = service.offer(), [service.ask(**way) for way in WAYS]
    links = [each["request_uri_link"] for each in asked]
    taken = receive_with_credo(offer["offer_uri"], tx_code=offer["tx_code"], roots=service.roots, requests=links)
    assert taken["claims"]["certificate_number"] == service.number
    assert [answer["ok"] for answer in taken["answers"]] == [True] * len(WAYS)
    for each in asked:
        assert service.result(each)[1]["credentials"][0]["claims"] == SHOWN
