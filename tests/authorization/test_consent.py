"""Granting: what makes a consent, and every way of it that is refused."""

from __future__ import annotations

import time
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from anchoring.models import LogEntry
from authorization import consent
from authorization.errors import (
    ClaimsOutsideRequestError,
    CredentialUnusableError,
    DeviceKeyNotCurrentError,
    EnvelopeSealingError,
    PresentationMismatchError,
    RequestDecidedError,
    RequestExpiredError,
    RequestMissingError,
    RequestRefusedError,
    TermsMismatchError,
)
from authorization.models import AuditEvent, Authorization, PresentationRequest
from credentials.models import Credential
from identity.keystore import signer_for
from identity.models import SigningKey
from identity.weid import registration_nonce, rotate
from protocol.encoding import b64u_decode, b64u_encode, json_dumps, json_object
from protocol.errors import (
    KeyBindingAudienceError,
    KeyBindingNonceError,
    KeyBindingSignatureError,
    KeyBindingStaleError,
    ProtocolError,
    TransactionDataFormatError,
    TransactionDataHashError,
)
from protocol.jose import verify_compact
from protocol.keys import p256_from_jwk
from protocol.openid4vp import encode_transaction_data, parse_transaction_data
from protocol.sd_jwt_vc import parse, reveal_claims
from tests import cast
from tests.simulators.device import Device

pytestmark = pytest.mark.django_db


def attempt(lei: cast.Citizen, asked: PresentationRequest, signed: dict[str, Any]) -> Authorization:
    return consent.grant(request=asked, person=lei.person, weid=lei.weid, **signed)


def rebound(lei: cast.Citizen, asked: PresentationRequest, signed: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same consent with other claims in the key binding JWT, signed again by the same device."""
    claims = json_object(parse_payload(signed["key_binding_jwt"]))
    return {**signed, "key_binding_jwt": lei.device.sign({**claims, **changes}, typ="kb+jwt")}


def parse_payload(token: str) -> bytes:
    return b64u_decode(token.split(".")[1])


def test_a_grant_reaches_the_verifier_with_exactly_the_chosen_claims(
    lei: cast.Citizen, certificate: Credential
) -> None:
    key = cast.recipient_key()
    authorization = cast.share(lei, cast.ask(), optional=[("birth_place",)])
    assert authorization.claims == [["name_zh"], ["age_over_18"], ["birth_place"]]
    presentation = key.open(authorization.transfer.envelope)
    shown = reveal_claims(parse(presentation))
    registered = {"iss", "iat", "exp", "vct", "vct#integrity", "cnf", "status"}
    assert shown.keys() - registered == {"name_zh", "age_over_18", "birth_place"}
    assert presentation.rpartition("~")[2] == authorization.key_binding_jwt


def test_the_receipt_is_countersigned_and_logged(lei: cast.Citizen, asked: PresentationRequest) -> None:
    authorization = cast.share(lei, asked)
    key = p256_from_jwk(signer_for(purpose=SigningKey.Purpose.RECEIPT).public_jwk)
    jws = verify_compact(authorization.receipt, key=key, allowed_types=frozenset({consent.RECEIPT_TYPE}))
    signed_input = authorization.key_binding_jwt.rpartition(".")[0].encode()
    assert json_object(jws.payload) == {
        "iss": settings.PUBLIC_URL,
        "authorization_id": str(authorization.pk),
        "organisation": "daiwan",
        "terms_digest": authorization.terms_digest,
        "key_binding_digest": b64u_encode(sha256(signed_input).digest()),
        "granted_at": int(authorization.granted_at.timestamp()),
        "expires_at": int(authorization.expires_at.timestamp()),
    }
    entry = LogEntry.objects.get(record_id=f"authorization:{authorization.pk}")
    assert bytes(entry.digest) == jws.digest


def test_the_event_names_claims_and_holds_no_value(lei: cast.Citizen, asked: PresentationRequest) -> None:
    authorization = cast.share(lei, asked)
    event = AuditEvent.objects.get(action="authorization.granted")
    assert event.details == {"authorization": str(authorization.pk), "claims": [["name_zh"], ["age_over_18"]]}
    assert event.actor == f"weid:{lei.weid.did}"
    trail = json_dumps(list(AuditEvent.objects.values("actor", "action", "subject", "details"))).decode()
    assert "李嘉敏" not in trail


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": {"zh-hant": "其他"}},
        {"max_reads": 1000},
        {"max_reads": 2.0},
        {"retention_days": 1},
        {"expires_at": 4_000_000_000},
        {"salt": "A" * 43},
        {"request_id": "x"},
        {"type": "https://elsewhere.example/authorization/v1"},
        {"credential_ids": ["certificate", "other"]},
        {"verifier": {"id": "daiwan", "name": {}}},
        {"more": True},
    ],
    ids=str,
)
def test_terms_that_differ_from_the_request_are_refused(
    lei: cast.Citizen, asked: PresentationRequest, change: dict[str, Any]
) -> None:
    with pytest.raises(TermsMismatchError):
        cast.share(lei, asked, **change)


@pytest.mark.parametrize("terms", ["", "%", "e30", b64u_encode(b"{}"), b64u_encode(b'{"type":"a","type":"b"}')])
def test_terms_that_cannot_be_read_are_refused(lei: cast.Citizen, asked: PresentationRequest, terms: str) -> None:
    signed = cast.signed_consent(lei, asked)
    with pytest.raises(TransactionDataFormatError):
        attempt(lei, asked, {**signed, "terms": terms})


@pytest.mark.parametrize(
    "claims",
    [
        [["name_zh"]],
        [["age_over_18"], ["name_zh"]],
        [["name_zh"], ["age_over_18"], ["sex"]],
        [["name_zh"], ["name_zh"], ["age_over_18"]],
        [["name_zh"], ["age_over_18"], ["parents", None, "name"]],
        [],
    ],
    ids=str,
)
def test_a_choice_outside_the_request_is_refused(
    lei: cast.Citizen, asked: PresentationRequest, claims: list[Any]
) -> None:
    with pytest.raises(ClaimsOutsideRequestError):
        cast.share(lei, asked, claims=claims)


@pytest.mark.parametrize("claims", [None, "name_zh", [1], [["a", -1]]])
def test_claims_that_are_no_paths_are_refused(lei: cast.Citizen, asked: PresentationRequest, claims: Any) -> None:
    with pytest.raises((ProtocolError, TermsMismatchError)):
        cast.share(lei, asked, claims=claims)


@pytest.mark.parametrize("number", [None, 7, "BC-2026-00000-00000"])
def test_a_certificate_that_is_not_there_is_refused(lei: cast.Citizen, asked: PresentationRequest, number: Any) -> None:
    with pytest.raises(CredentialUnusableError):
        cast.share(lei, asked, credential_number=number)


@pytest.mark.parametrize(
    "change",
    [{"state": "revoked"}, {"state": "suspended"}, {"expires_at": timezone.now() - timedelta(days=1)}],
    ids=["revoked", "suspended", "expired"],
)
def test_a_certificate_that_is_not_valid_is_refused(
    lei: cast.Citizen, asked: PresentationRequest, certificate: Credential, change: dict[str, Any]
) -> None:
    signed = cast.signed_consent(lei, asked)
    Credential.objects.filter(pk=certificate.pk).update(**change)
    with pytest.raises(CredentialUnusableError):
        attempt(lei, asked, signed)


def test_a_presentation_of_other_claims_never_gets_a_receipt(
    lei: cast.Citizen, asked: PresentationRequest, certificate: Credential
) -> None:
    wide = cast.signed_consent(lei, asked, optional=[("birth_place",)])
    members = parse_transaction_data(wide["terms"])
    terms = encode_transaction_data({**members, "claims": members["claims"][:2]})
    digest = b64u_encode(sha256(terms.encode()).digest())
    signed = rebound(lei, asked, {**wide, "terms": terms}, transaction_data_hashes=[digest])
    with pytest.raises(PresentationMismatchError):
        attempt(lei, asked, signed)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"aud": "http://localhost:8000/organisations/insurer"}, KeyBindingAudienceError),
        ({"nonce": "another"}, KeyBindingNonceError),
        ({"iat": int(time.time()) - 3600}, KeyBindingStaleError),
        ({"iat": int(time.time()) + 3600}, ProtocolError),
        ({"sd_hash": "A" * 43}, PresentationMismatchError),
        ({"transaction_data_hashes": ["A" * 43]}, TransactionDataHashError),
        ({"transaction_data_hashes": []}, TransactionDataHashError),
        ({"transaction_data_hashes_alg": "sha-512"}, TransactionDataHashError),
    ],
    ids=["audience", "nonce", "stale", "future", "hash", "other terms", "no terms", "algorithm"],
)
def test_a_key_binding_for_anything_else_is_refused(
    lei: cast.Citizen, asked: PresentationRequest, change: dict[str, Any], error: type[Exception]
) -> None:
    signed = rebound(lei, asked, cast.signed_consent(lei, asked), **change)
    with pytest.raises(error):
        attempt(lei, asked, signed)


def test_another_device_cannot_sign(lei: cast.Citizen, asked: PresentationRequest) -> None:
    with pytest.raises(KeyBindingSignatureError):
        cast.share(lei, asked, device=Device("stolen session"))


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "é.é.é"])
def test_a_key_binding_that_is_no_token_is_refused(lei: cast.Citizen, asked: PresentationRequest, token: str) -> None:
    with pytest.raises(ProtocolError):
        attempt(lei, asked, {**cast.signed_consent(lei, asked), "key_binding_jwt": token})


def test_a_certificate_of_a_retired_device_is_refused(lei: cast.Citizen, asked: PresentationRequest) -> None:
    signed = cast.signed_consent(lei, asked)
    new = Device("new phone")
    proof = new.prove(registration_nonce(lei.account))
    rotate(weid=lei.weid, person=lei.person, public_jwk=new.public_jwk, proof=proof)
    with pytest.raises(DeviceKeyNotCurrentError):
        attempt(lei, asked, signed)


def test_an_envelope_for_other_keys_is_refused(lei: cast.Citizen, asked: PresentationRequest) -> None:
    signed = cast.signed_consent(lei, asked)
    cast.recipient_key("added meanwhile")
    with pytest.raises(EnvelopeSealingError):
        attempt(lei, asked, signed)


def test_one_request_is_granted_once(lei: cast.Citizen, asked: PresentationRequest) -> None:
    signed = cast.signed_consent(lei, asked)
    attempt(lei, asked, signed)
    with pytest.raises(RequestDecidedError):
        attempt(lei, asked, signed)
    with pytest.raises(RequestDecidedError):
        consent.refuse(request=asked, weid=lei.weid)


def test_a_refused_request_stays_refused(lei: cast.Citizen, asked: PresentationRequest) -> None:
    signed = cast.signed_consent(lei, asked)
    assert consent.refuse(request=asked, weid=lei.weid).state == "refused"
    for answer in (lambda: attempt(lei, asked, signed), lambda: consent.refuse(request=asked, weid=lei.weid)):
        with pytest.raises(RequestRefusedError):
            answer()
    assert not Authorization.objects.exists()


def test_an_expired_request_takes_no_answer(lei: cast.Citizen, asked: PresentationRequest) -> None:
    signed = cast.signed_consent(lei, asked)
    PresentationRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(RequestExpiredError):
        attempt(lei, asked, signed)
    with pytest.raises(RequestExpiredError):
        consent.refuse(request=asked, weid=lei.weid)


def test_nobody_opens_an_expired_request(lei: cast.Citizen, asked: PresentationRequest) -> None:
    PresentationRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(RequestExpiredError):
        consent.open_request(request=asked, weid=lei.weid)


def test_the_first_to_open_a_request_is_the_only_one_who_may_answer(
    lei: cast.Citizen, asked: PresentationRequest
) -> None:
    signed = cast.signed_consent(lei, asked)
    other = cast.another_citizen()
    with pytest.raises(RequestMissingError):
        consent.open_request(request=asked, weid=other.weid)
    with pytest.raises(RequestMissingError):
        consent.grant(request=asked, person=other.person, weid=other.weid, **signed)
    with pytest.raises(RequestMissingError):
        consent.refuse(request=asked, weid=other.weid)
    assert attempt(lei, asked, signed)


def test_the_offer_shows_exact_values_and_what_stays_hidden(
    lei: cast.Citizen, asked: PresentationRequest, certificate: Credential
) -> None:
    opened = consent.open_request(request=asked, weid=lei.weid)
    (offer,) = consent.prepare(request=opened, person=lei.person, weid=lei.weid).credentials
    assert [[row.value for row in item.rows] for item in offer.required] == [["李嘉敏"], [True]]
    assert [[row.value for row in item.rows] for item in offer.optional] == [["Sé", "Macau"], [certificate.number]]
    assert {label["en"] for label in offer.hidden} >= {"Sex", "Parents", "Registration number"}
    assert not {label["en"] for label in offer.hidden} & {"Place of birth", "Over 18"}
    assert offer.is_bound_to_device


def test_only_certificates_that_answer_are_offered(lei: cast.Citizen, certificate: Credential) -> None:
    second = cast.issue_certificate(to=lei)
    cast.issue_certificate(to=lei, slug="diploma")
    asked = cast.ask(cast.approved_template(required=[("parents",)], optional=[]))
    cast.issue_certificate(to=lei, parents=None)
    opened = consent.open_request(request=asked, weid=lei.weid)
    offer = consent.prepare(request=opened, person=lei.person, weid=lei.weid)
    assert {found.credential.pk for found in offer.credentials} == {certificate.pk, second.pk}
    assert offer.find(str(certificate.pk)) in offer.credentials
    assert offer.find("elsewhere") is None


def test_whoever_verifies_can_ask_for_the_state_of_a_consent(lei: cast.Citizen, asked: PresentationRequest) -> None:
    authorization = cast.share(lei, asked)
    digest = authorization.terms_digest
    assert consent.authorization_facts([digest, "unknown"]) == {
        digest: {
            "state": "active",
            "claims": authorization.claims,
            "organisation": "daiwan",
            "expires_at": authorization.expires_at.isoformat(),
            "keep_until": (authorization.granted_at + timedelta(days=90)).isoformat(),
        }
    }
    assert consent.authorization_facts(["unknown"]) == {}
    Authorization.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert consent.authorization_facts([digest])[digest]["state"] == "expired"
    consent.withdraw(authorization=authorization, person=lei.person)
    assert consent.authorization_facts([digest])[digest]["state"] == "withdrawn"
