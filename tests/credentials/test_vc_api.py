"""The VC-API for the W3C's suites: what it issues and verifies, whom it lets in, and that no agency's key is in reach."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from django.test import Client
from pytest_django import Settings

from credentials import vc_api
from credentials.checks import check_vc_api
from credentials.policy import DEFAULT
from credentials.sources import database_sources
from credentials.verification import verify
from identity import keystore, trust
from identity.api_keys import create_agency_key, create_api_key
from identity.models import SigningKey
from identity.resolver import resolve
from protocol import did as dids
from protocol import vc_jose, vcdm
from protocol.keys import SoftwareSigner, generate_p256, p256_from_jwk
from protocol.vc_context import BASE_CONTEXT
from tests import cast
from tests.credentials.w3c_copies import copy_of
from tests.protocol.makers import DROP
from tests.protocol.vc_documents import document

pytestmark = pytest.mark.django_db

ISSUER = "http://localhost:8000/vc-api/issuer"
AUDIENCE, CHALLENGE = "https://suite.example", "u7dCk"
STRANGER = SoftwareSigner(generate_p256(), "stranger")


@pytest.fixture(autouse=True)
def open_door(settings: Settings) -> None:
    settings.VC_API = True


def post(path: str, body: Any, **how: Any) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    return Client().post(f"/vc-api/{path}", text, content_type="application/json", **how)


def credential(**changes: Any) -> dict[str, Any]:
    """A sound credential of the test issuer, valid today."""
    return document(
        **{"issuer": ISSUER, "validFrom": "2020-01-01T00:00:00Z", "validUntil": "2099-01-01T00:00:00Z", **changes}
    )


def issue(**changes: Any) -> Any:
    return post("credentials/issue", {"credential": credential(**changes), "options": {}})


def issued(**changes: Any) -> dict[str, Any]:
    answer = issue(**changes)
    assert answer.status_code == 201, answer.content
    envelope: dict[str, Any] = answer.json()["verifiableCredential"]
    return envelope


def check(envelope: Any) -> Any:
    return post("credentials/verify", {"verifiableCredential": envelope, "options": {"checks": ["proof"]}})


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["problemDetails"][0]["title"]


def kind(answer: Any) -> str:
    return str(answer.json()["problemDetails"][0]["type"]).partition("#")[2]


class Holder:
    """Someone with a did:jwk, who presents what they were issued."""

    def __init__(self) -> None:
        self.signer = SoftwareSigner(generate_p256(), "0")
        self.did = dids.did_jwk(self.signer.public_jwk)
        self.kid = f"{self.did}#0"

    def present(self, *envelopes: dict[str, Any], signer: SoftwareSigner | None = None, **changes: Any) -> Any:
        registered = {"aud": AUDIENCE, "nonce": CHALLENGE}
        made = {
            "@context": [BASE_CONTEXT],
            "type": ["VerifiablePresentation"],
            "holder": changes.pop("holder", self.did),
            **({"verifiableCredential": list(envelopes)} if envelopes else {}),
        }
        header = {"kid": changes.pop("kid", self.kid)}
        token = vc_jose.secure_with_jwt(
            made, signer=signer or self.signer, header=header, registered={**registered, **changes},
            kind=vc_jose.PRESENTATION,
        )  # fmt: skip
        options = {"domain": AUDIENCE, "challenge": CHALLENGE}
        enveloped = vcdm.envelop(token, media_type="application/vp+jwt")
        return post("presentations/verify", {"verifiablePresentation": enveloped, "options": options})


@pytest.mark.requirement("VCDM 2.0 §4.13.2", "what is issued is an envelope of vc+jwt with the base context")
def test_credential_is_issued_in_an_envelope_and_verifies() -> None:
    envelope = issued()
    assert (envelope["type"], envelope["@context"]) == ("EnvelopedVerifiableCredential", [BASE_CONTEXT])
    answer = check(envelope)
    assert (answer.status_code, answer.json()["verified"]) == (200, True)
    assert answer.json()["verifiedDocument"] == credential(issuer=ISSUER)
    assert answer["Cache-Control"] == "no-store"


def test_answer_is_the_credential_itself_for_the_suite_and_holds_it_for_the_vc_api() -> None:
    answer = issue().json()
    assert {**answer["verifiableCredential"], "verifiableCredential": answer["verifiableCredential"]} == answer


def test_credential_without_an_issuer_becomes_the_test_issuers() -> None:
    assert check(issued(issuer=DROP)).json()["verifiedDocument"]["issuer"] == ISSUER
    assert check(issued(issuer={"id": ISSUER, "name": "Test"})).status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"issuer": None}, "vcdm_issuer_invalid"),
        ({"issuer": "http://localhost:8000/issuers/identification"}, "issuer_mismatch"),
        ({"credentialSubject": {}}, "vcdm_subject_invalid"),
        ({"context": DROP}, "vcdm_context_invalid"),
        ({"vc": {}}, "vc_claim_forbidden"),
        ({"extension": {}}, "vcdm_member_unknown"),
    ],
)
def test_what_breaks_the_data_model_or_speaks_for_another_is_not_issued(changes: dict[str, Any], code: str) -> None:
    answer = issue(**changes)
    assert problem(answer) == (400, code)
    assert kind(answer) == "MALFORMED_VALUE_ERROR"


@pytest.mark.requirement("VCDM 2.0 §7.1", "verification errors are told apart as the standard names them")
@pytest.mark.parametrize(
    ("change", "code", "expected"),
    [
        ({"id": "data:application/vc+jwt,eyJh"}, "jws_malformed", "PARSING_ERROR"),
        ({"id": "eyJh.e30.c2ln"}, "vcdm_envelope_invalid", "MALFORMED_VALUE_ERROR"),
        ({"type": "VerifiableCredential"}, "vcdm_envelope_invalid", "MALFORMED_VALUE_ERROR"),
        ({"@context": []}, "vcdm_envelope_invalid", "MALFORMED_VALUE_ERROR"),
    ],
)
def test_unsound_envelope_does_not_verify(change: dict[str, Any], code: str, expected: str) -> None:
    answer = check({**issued(), **change})
    assert (problem(answer), kind(answer)) == ((400, code), expected)


def test_altered_credential_is_a_cryptographic_error_and_an_expired_one_a_range_error() -> None:
    envelope, other = issued(), issued(credentialSubject={"given_name": "Eve"})
    head, _, signature = envelope["id"].split(".")
    altered = check({**envelope, "id": ".".join([head, other["id"].split(".")[1], signature])})
    assert (problem(altered), kind(altered)) == ((400, "signature_invalid"), "CRYPTOGRAPHIC_SECURITY_ERROR")
    expired = check(issued(validFrom="2020-01-01T00:00:00Z", validUntil="2021-01-01T00:00:00Z"))
    assert (problem(expired), kind(expired)) == ((400, "expired"), "RANGE_ERROR")


def test_key_that_is_not_the_test_issuers_signs_nothing_in_its_name() -> None:
    for kid in (f"{ISSUER}#test", f"{ISSUER}#other"):
        token = vc_jose.secure_with_jwt(credential(issuer=ISSUER), signer=STRANGER, header={"kid": kid})
        assert check(vcdm.envelop(token, media_type="application/vc+jwt")).status_code == 400


def test_credential_of_a_trusted_issuer_is_judged_as_everywhere_else() -> None:
    bureau = "https://bureau.example"
    made = credential(
        issuer=bureau,
        type=["VerifiableCredential", "https://bureau.example/residence"],
        validFrom="2098-01-01T00:00:00Z",
    )
    token = vc_jose.secure_with_jwt(made, signer=STRANGER, header={"kid": f"{bureau}#key-1"})
    envelope = vcdm.envelop(token, media_type="application/vc+jwt")
    assert problem(check(envelope)) == (400, "presentation_refused")
    jwk = {**STRANGER.public_jwk, "kid": "key-1"}
    trust.add_issuer(identifier=bureau, public_jwk=jwk, types=["https://bureau.example/residence"])
    database_sources().forget()
    assert problem(check(envelope))[1] == "presentation_refused"
    sound = {**made, "validFrom": "2020-01-01T00:00:00Z"}
    token = vc_jose.secure_with_jwt(sound, signer=STRANGER, header={"kid": f"{bureau}#key-1"})
    assert check(vcdm.envelop(token, media_type="application/vc+jwt")).json()["verifiedDocument"] == sound


@pytest.mark.requirement("VC-JOSE-COSE §4.1.1", "a presentation verifies with the key that kid, a DID URL, names")
def test_presentation_by_its_holder_verifies_with_everything_in_it() -> None:
    answer = Holder().present(issued(), issued(name="Another"))
    assert (answer.status_code, answer.json()["verified"]) == (200, True)
    assert Holder().present().status_code == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signer": STRANGER}, "signature_invalid"),
        ({"holder": "did:web:eve.example", "kid": "did:web:eve.example#0"}, "holder_key_invalid"),
        ({"kid": "key-1"}, "holder_key_invalid"),
        ({"kid": "did:example:lei#0"}, "holder_key_invalid"),
        ({"aud": "https://eve.example"}, "key_binding_audience_mismatch"),
        ({"nonce": "another"}, "key_binding_nonce_mismatch"),
        ({"exp": 1_700_000_000}, "expired"),
    ],
)
def test_presentation_by_another_for_another_or_of_the_past_is_refused(changes: dict[str, Any], code: str) -> None:
    assert problem(Holder().present(issued(), **changes)) == (400, code)


@pytest.mark.parametrize("key", [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256K1())])
def test_holder_whose_did_holds_a_key_of_another_kind_is_refused(key: Any) -> None:
    holder = dids.did_key(key.public_key())
    kid = f"{holder}#{holder.removeprefix('did:key:')}"
    assert problem(Holder().present(issued(), holder=holder, kid=kid)) == (400, "holder_key_invalid")


def test_body_is_bounded_and_json() -> None:
    assert Client().post("/vc-api/credentials/issue", "{}", content_type="text/plain").json()["verified"] is False
    assert problem(post("credentials/issue", " " * (1 << 20) + "{}"))[1] == "too_large"
    assert post("credentials/issue", {}, REMOTE_ADDR="").status_code == 401


def test_presentation_of_one_credential_that_does_not_hold_is_refused_whole() -> None:
    expired = issued(validFrom="2020-01-01T00:00:00Z", validUntil="2021-01-01T00:00:00Z")
    assert problem(Holder().present(issued(), expired)) == (400, "expired")


@pytest.mark.requirement("DID Core §5.3.1", "the holder of a live WeID presents with the key its document lists")
def test_citizen_presents_with_the_key_of_their_weid() -> None:
    lei = cast.lei()
    method = dids.methods_for(resolve(lei.weid.did)["didDocument"], "authentication")[0]
    holder = Holder()
    holder.did, holder.kid, holder.signer = lei.weid.did, method["id"], lei.device.signer
    assert holder.present(issued()).status_code == 200
    assert problem(holder.present(issued(), signer=STRANGER)) == (400, "signature_invalid")


@pytest.mark.parametrize("body", ["[]", "{", "{}", '{"credential": []}', '{"credential": null}'])
def test_body_that_is_no_request_is_refused_in_the_form_of_the_vc_api(body: str) -> None:
    answer = post("credentials/issue", body)
    assert (answer.status_code, answer.json()["verified"]) == (400, False)


def test_door_is_closed_unless_the_setting_opens_it(settings: Settings) -> None:
    settings.VC_API = False
    for path in ("credentials/issue", "credentials/verify", "presentations/verify"):
        assert post(path, {}).status_code == 404
    assert Client().get("/vc-api/issuer").status_code == 404


def test_from_elsewhere_only_an_agencys_key_lets_in() -> None:
    far = {"REMOTE_ADDR": "203.0.113.9"}
    body = {"credential": credential(issuer=ISSUER)}
    _, agency_key = create_agency_key(agency=cast.agency(), label="suite")
    _, organisation_key = create_api_key(organisation=cast.bank(), label="counter")
    statuses = {
        name: post("credentials/issue", body, **far, **headers).status_code
        for name, headers in {
            "none": {},
            "agency": {"HTTP_AUTHORIZATION": f"Bearer {agency_key}"},
            "organisation": {"HTTP_AUTHORIZATION": f"Bearer {organisation_key}"},
            "invented": {"HTTP_AUTHORIZATION": "Bearer ck_invented"},
        }.items()
    }
    assert statuses == {"none": 401, "agency": 201, "organisation": 401, "invented": 401}
    assert Client().get("/vc-api/credentials/issue").status_code == 405


def test_test_issuer_is_nobody_to_the_service_and_shares_no_key_with_an_agency() -> None:
    token = issued()["id"].partition(",")[2]
    sources = database_sources().as_sources()
    report = verify(token, sources=sources, now=datetime.now(UTC), policy=DEFAULT)
    assert report.verdict == "invalid"
    assert {check.code for check in report.checks} >= {"issuer_unknown"}
    keystore.signer_for(purpose=SigningKey.Purpose.CREDENTIAL, agency=cast.credential_type().agency)
    theirs = {row.public_jwk["x"] for row in SigningKey.objects.all()}
    assert vc_api.test_issuer().keys["test"]["x"] not in theirs
    assert ISSUER not in trust.agency_issuers()


def test_kid_leads_to_the_test_issuers_key() -> None:
    secured = vc_jose.parse(issued()["id"].partition(",")[2])
    published = Client().get("/vc-api/issuer").json()
    method = next(method for method in published["verificationMethod"] if method["id"] == secured.header["kid"])
    vc_jose.verify_signature(secured, p256_from_jwk(method["publicKeyJwk"]))


def test_operator_is_warned_of_a_door_left_open(settings: Settings) -> None:
    settings.DEMO = False
    assert [warning.id for warning in check_vc_api()] == ["credentials.W001"]
    settings.DEMO = True
    assert check_vc_api() == []


def test_certificate_of_an_agency_verifies_here_too() -> None:
    text = copy_of(cast.issue_certificate(to=cast.lei()), form="vc+jwt")
    assert check(vcdm.envelop(text, media_type="application/vc+jwt")).status_code == 200
