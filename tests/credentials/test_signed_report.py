"""The signed report: what it says, that it holds no claim, and every way in which one may be false."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from credentials.models import Credential
from credentials.signed_report import TYPE, ReportError, digest_of, read_report
from identity import keystore
from identity.models import SigningKey
from protocol.jose import sign_compact
from protocol.keys import SoftwareSigner, generate_p256
from tests import cast
from tests.credentials.verifier import POLICIES, VERIFY, Software, show

pytestmark = pytest.mark.django_db

Keys = dict[str, dict[str, Any]]
SERVICE = "http://localhost:8000"


@pytest.fixture
def bank() -> Software:
    return Software()


@pytest.fixture
def credential(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def shown(lei: cast.Citizen, credential: Credential) -> str:
    return show(lei, credential, "sex", "family_name")


def published_keys() -> Keys:
    answer = Client().get("/.well-known/jwks.json")
    assert answer["Cache-Control"] == "public, max-age=300"
    return {key["kid"]: key for key in answer.json()["keys"]}


def test_anyone_can_check_it_with_the_published_keys(bank: Software, shown: str) -> None:
    bank.post(POLICIES, {"name": "counter", "rules": {"undetermined": "reject"}})
    answer = bank.verify(shown, policy="counter", report="jws", vct="http://localhost:8000/types/birth-certificate/1")
    report = read_report(answer["report"], keys=published_keys(), issuer=SERVICE)
    assert (report.verdict, report.accepted, report.missing) == ("valid", True, ())
    assert report.presentation_digest == digest_of(shown)
    assert (report.is_about(shown), report.is_about(shown + "~")) == (True, False)
    assert report.members["policy"] == {"name": "counter", "version": 1}
    assert report.members["rules"] == {"undetermined": "reject"}
    assert report.members["status_as_of"] == answer["checks"][7]["evidence"]["as_of"]
    assert [check.code for check in report.checks] == [check["code"] for check in answer["checks"]]
    assert {"iss", "iat", "trust_version", "audience", "nonce", "vct", "issuer", "type"} <= set(report.members)


def test_no_claim_is_in_it(bank: Software, shown: str) -> None:
    answer = bank.verify(shown, report="jws")
    report = read_report(answer["report"], keys=published_keys())
    assert answer["claims"] == {"family_name": "Lei", "sex": "female"}
    assert "claims" not in report.members
    assert not any(text in json.dumps(report.members) for text in ("Lei", "female"))


def test_it_is_signed_only_when_asked_for(bank: Software, shown: str) -> None:
    assert "report" not in bank.verify(shown)
    assert bank.post(VERIFY, {"presentation": shown, "report": "pdf"}).json()["fields"] == {"report": ["one of: jws"]}


def test_a_stranger_may_have_one_too(shown: str) -> None:
    answer = Client().post(VERIFY, {"presentation": shown, "report": "jws"}, content_type="application/json")
    assert read_report(answer.json()["report"], keys=published_keys()).verdict == "valid"


def test_what_a_retired_key_signed_goes_on_verifying_and_a_disabled_ones_does_not(bank: Software, shown: str) -> None:
    token = bank.verify(shown, report="jws")["report"]
    key = SigningKey.objects.get(purpose=SigningKey.Purpose.RECEIPT)
    keystore.rotate(purpose=SigningKey.Purpose.RECEIPT)
    assert read_report(token, keys=published_keys()).verdict == "valid"
    keystore.disable(signing_key=key)
    with pytest.raises(ReportError):
        read_report(token, keys=published_keys())


def test_without_a_key_to_sign_with_nothing_is_answered(bank: Software, shown: str) -> None:
    SigningKey.objects.filter(purpose=SigningKey.Purpose.RECEIPT).update(state=SigningKey.State.RETIRED)
    answer = bank.post(VERIFY, {"presentation": shown, "report": "jws"})
    assert (answer.status_code, answer.json()["code"]) == (409, "signing_key_state")
    assert bank.verify(shown)["verdict"] == "valid"


SIGNER = SoftwareSigner(generate_p256(), "k")
KEYS: Keys = {"k": dict(SIGNER.public_jwk)}
Change = Callable[[dict[str, Any]], Any]


def signed(claims: Any, **header: Any) -> str:
    return sign_compact(json.dumps(claims).encode(), signer=SIGNER, header={"typ": TYPE, "kid": "k", **header})


def sound_claims(bank: Software, shown: str) -> dict[str, Any]:
    return dict(read_report(bank.verify(shown, report="jws")["report"], keys=published_keys()).members)


def without(name: str) -> Change:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


@pytest.mark.parametrize(
    "change",
    [
        without("iss"),
        without("iat"),
        without("verdict"),
        without("accepted"),
        without("missing"),
        without("checks"),
        without("presentation_digest"),
        lambda claims: {**claims, "iss": 7},
        lambda claims: {**claims, "iat": True},
        lambda claims: {**claims, "iat": "now"},
        lambda claims: {**claims, "verdict": "fine"},
        lambda claims: {**claims, "accepted": 1},
        lambda claims: {**claims, "missing": ["everything"]},
        lambda claims: {**claims, "missing": 7},
        lambda claims: {**claims, "checks": claims["checks"][1:]},
        lambda claims: {**claims, "checks": claims["checks"][::-1]},
        lambda claims: {**claims, "checks": [7] * 10},
        lambda claims: {**claims, "checks": [{**check, "outcome": "fine"} for check in claims["checks"]]},
        lambda claims: {**claims, "presentation_digest": None},
        lambda claims: [claims],
    ],
)
def test_what_is_no_report_is_not_read_as_one(change: Change, bank: Software, shown: str) -> None:
    claims = sound_claims(bank, shown)
    assert read_report(signed(claims), keys=KEYS).verdict == "valid"
    with pytest.raises(ReportError):
        read_report(signed(change(claims)), keys=KEYS)


def test_no_other_token_of_ours_passes_for_a_report(lei: cast.Citizen, bank: Software, shown: str) -> None:
    claims = sound_claims(bank, shown)
    authorization = cast.share(lei, cast.ask())
    for token in (authorization.receipt, signed(claims, typ="authorization-receipt+jwt"), shown.partition("~")[0]):
        with pytest.raises(ReportError):
            read_report(token, keys={**published_keys(), **KEYS})


@pytest.mark.parametrize("token", ["", "x", "..", "a.b.c", "é.é.é", "." * 10_000, "a" * (1 << 21)])
def test_nonsense_is_refused(token: str) -> None:
    with pytest.raises(ReportError):
        read_report(token, keys=KEYS)


def test_the_header_names_a_key_and_never_brings_one(bank: Software, shown: str) -> None:
    claims, stranger = sound_claims(bank, shown), SoftwareSigner(generate_p256(), "k")
    forged = sign_compact(json.dumps(claims).encode(), signer=stranger, header={"typ": TYPE, "kid": "k"})
    for keys in (KEYS, {}, {"other": KEYS["k"]}):
        with pytest.raises(ReportError):
            read_report(forged, keys=keys)


def test_another_service_is_another_issuer(bank: Software, shown: str) -> None:
    token = signed({**sound_claims(bank, shown), "iss": "https://elsewhere.example"})
    assert read_report(token, keys=KEYS).issuer == "https://elsewhere.example"
    with pytest.raises(ReportError):
        read_report(token, keys=KEYS, issuer=SERVICE)
