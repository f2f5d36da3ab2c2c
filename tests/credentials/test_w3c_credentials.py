"""One certificate in the formats of the W3C: signed by its agency, judged by the same ten steps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import pytest
from django.test import Client

from credentials import revocation, w3c_documents, w3c_signing
from credentials.models import Credential, StatusChange
from credentials.policy import DEFAULT, Policy
from credentials.signing import Plan
from credentials.sources import DatabaseSources
from credentials.verification import STEPS, Report, verify
from identity import trust
from identity.keystore import StoredSigner, signer_of
from protocol import vc_jose, vcdm
from protocol.encoding import json_dumps
from protocol.jose import sign_compact
from protocol.keys import Signer, SoftwareSigner, generate_p256, p256_from_jwk
from protocol.sd_jwt import SdJwt, create_key_binding, hold, select
from protocol.vc_context import BASE_CONTEXT
from tests import cast
from tests.credentials.w3c_copies import HOLDER, plan_of

pytestmark = pytest.mark.django_db

VCT = "http://localhost:8000/types/birth-certificate/1"
AUDIENCE, NONCE = "https://bank.example", "n-0S6_WzA2Mj"
FOREIGN = SoftwareSigner(generate_p256(), "key-1")
BUREAU = "https://bureau.example"


@pytest.fixture
def credential() -> Credential:
    return cast.issue_certificate(to=cast.lei())


@pytest.fixture
def plan(credential: Credential) -> Plan:
    return plan_of(credential)


@pytest.fixture
def signer(credential: Credential) -> StoredSigner:
    return signer_of(credential.signing_key)


@pytest.fixture
def jwt(plan: Plan, signer: StoredSigner) -> str:
    return w3c_signing.sign_vc_jwt(plan, signer).text


@pytest.fixture
def held(plan: Plan, signer: StoredSigner) -> SdJwt:
    return hold(w3c_signing.sign_vc_sd_jwt(plan, signer).text, allowed_types=frozenset({"vc+sd-jwt"}))


def judge(text: str, *, policy: Policy = DEFAULT, **asked: Any) -> Report:
    return verify(text, sources=DatabaseSources().as_sources(), now=datetime.now(UTC), policy=policy, **asked)


def outcomes(report: Report) -> dict[str, tuple[str, str]]:
    return {check.step: (check.outcome, check.code) for check in report.checks}


def show(held: SdJwt, *names: str) -> str:
    return select(held, [("credentialSubject", name) for name in names])


def bind(text: str, signer: Signer = HOLDER) -> str:
    now = int(datetime.now(UTC).timestamp())
    return create_key_binding(text, signer=signer, audience=AUDIENCE, nonce=NONCE, issued_at=now)


def wrap(token: str, *, signer: Signer = HOLDER, media_type: str = "application/vc+jwt", **claims: Any) -> str:
    """The holder's presentation of a ``vc+jwt``."""
    registered = {"aud": AUDIENCE, "nonce": NONCE, "iat": int(datetime.now(UTC).timestamp()), **claims}
    document = {
        "@context": [BASE_CONTEXT],
        "type": ["VerifiablePresentation"],
        "verifiableCredential": [vcdm.envelop(token, media_type=media_type)],
    }
    kept = {name: value for name, value in registered.items() if value is not None}
    return vc_jose.secure_with_jwt(document, signer=signer, header={}, registered=kept, kind=vc_jose.PRESENTATION)


def foreign(**changes: Any) -> str:
    """A credential of an issuer elsewhere, whose subjects are described by another vocabulary."""
    document = {
        "@context": [BASE_CONTEXT, "https://bureau.example/context"],
        "type": ["VerifiableCredential", "Residence"],
        "issuer": BUREAU,
        "credentialSubject": {"id": "did:example:lei", "district": "Taipa"},
        **changes,
    }
    kid = document.pop("kid", f"{BUREAU}#key-1")
    return vc_jose.secure_with_jwt(document, signer=FOREIGN, header={"kid": kid})


def register(identifier: str = BUREAU, *types: str) -> None:
    trust.add_issuer(
        identifier=identifier, public_jwk={**FOREIGN.public_jwk, "kid": "key-1"}, types=types or ["Residence"]
    )


@pytest.mark.requirement("VC-JOSE-COSE §3.2.1", "a certificate as vc+sd-jwt is judged by the same ten steps")
def test_certificate_as_sd_jwt_is_valid_and_shows_only_what_was_disclosed(held: SdJwt) -> None:
    report = judge(bind(show(held, "family_name", "age_over_18")), audience=AUDIENCE, nonce=NONCE, vct=VCT)
    assert (report.verdict, report.vct) == ("valid", VCT)
    assert report.claims == {"family_name": report.claims["family_name"], "age_over_18": True}
    assert set(report.disclosed) == {("family_name",), ("age_over_18",)}
    assert [check.step for check in report.checks] == list(STEPS)
    assert outcomes(report)["key_binding"] == ("pass", "key_binding_valid")


@pytest.mark.requirement("VC-JOSE-COSE §3.1.1", "a certificate as vc+jwt is judged by the same ten steps")
def test_certificate_as_jwt_is_valid_and_shows_everything(jwt: str, plan: Plan) -> None:
    report = judge(jwt)
    assert (report.verdict, report.issuer, report.vct) == ("valid", plan.issuer, VCT)
    assert report.claims == {**plan.claims, "age_over_18": True, "certificate_number": plan.number}
    assert outcomes(report)["key_binding"] == ("not_applicable", "key_binding_absent")
    assert outcomes(report)["status"] == ("pass", "status_valid")


@pytest.mark.requirement("RFC 7800 §3.2", "a vp+jwt by the key in cnf binds a vc+jwt to its holder")
def test_holder_signs_the_presentation_of_a_jwt(jwt: str) -> None:
    report = judge(wrap(jwt), audience=AUDIENCE, nonce=NONCE)
    assert report.verdict == "valid"
    assert outcomes(report)["key_binding"] == ("pass", "key_binding_valid")


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"signer": FOREIGN}, "key_binding_signature_invalid"),
        ({"aud": "https://eve.example"}, "key_binding_audience_mismatch"),
        ({"nonce": "another"}, "key_binding_nonce_mismatch"),
        ({"nonce": None}, "key_binding_malformed"),
        ({"iat": 1_700_000_000}, "key_binding_stale"),
        ({"exp": 1_700_000_000}, "key_binding_stale"),
        ({"iat": 4_000_000_000}, "key_binding_from_future"),
    ],
)
def test_presentation_by_another_for_another_or_of_another_time_is_refused(jwt: str, how: Any, code: str) -> None:
    report = judge(wrap(jwt, **how), audience=AUDIENCE, nonce=NONCE)
    assert (report.verdict, outcomes(report)["key_binding"]) == ("invalid", ("fail", code))


def test_presentation_without_a_date_is_as_fresh_as_the_nonce_it_answers_and_stale_without_one(jwt: str) -> None:
    undated = wrap(jwt, iat=None)
    assert judge(undated, audience=AUDIENCE, nonce=NONCE).verdict == "valid"
    assert outcomes(judge(undated, audience=AUDIENCE))["key_binding"] == ("fail", "key_binding_malformed")


def test_presentation_of_anything_but_one_jwt_is_refused(held: SdJwt) -> None:
    report = judge(wrap(show(held, "family_name"), media_type="application/vc+sd-jwt"))
    assert outcomes(report)["parse"] == ("fail", "vcdm_envelope_invalid")


def test_jwt_without_its_holder_is_refused_where_a_holder_is_asked_for(jwt: str) -> None:
    assert outcomes(judge(jwt, audience=AUDIENCE))["key_binding"] == ("fail", "key_binding_missing")


def test_disclosure_of_another_certificate_is_refused(held: SdJwt, plan: Plan, signer: StoredSigner) -> None:
    other = hold(w3c_signing.sign_vc_sd_jwt(plan, signer).text, allowed_types=frozenset({"vc+sd-jwt"}))
    stray = show(other, "family_name").split("~")[1]
    assert outcomes(judge(f"{show(held)}{stray}~"))["disclosures"] == ("fail", "disclosure_unreferenced")


def test_revoking_the_certificate_ends_it_in_every_format(jwt: str, held: SdJwt, credential: Credential) -> None:
    revocation.revoke(credential=credential, actor=cast.bo(), reason=StatusChange.Reason.DATA_ERROR)
    for text in (jwt, show(held, "family_name")):
        assert outcomes(judge(text))["status"] == ("fail", "credential_revoked")


def test_two_of_one_person_share_no_value_that_is_always_shown(plan: Plan, signer: StoredSigner) -> None:
    again = plan._replace(holder_jwk=FOREIGN.public_jwk, status_index=plan.status_index + 1)
    payloads = [vc_jose.parse(w3c_signing.sign_vc_sd_jwt(one, signer).text).payload for one in (plan, again)]
    assert "id" not in payloads[0]
    assert "id" not in payloads[0]["credentialSubject"]
    for name in ("cnf", "status", "credentialSubject"):
        assert payloads[0][name] != payloads[1][name]


@pytest.mark.requirement("VC-JOSE-COSE §4.2", "kid may be the URL of a verification method of the issuer, or a DID URL")
@pytest.mark.parametrize(
    ("issuer", "kid"),
    [
        (BUREAU, "key-1"),
        (BUREAU, f"{BUREAU}#key-1"),
        ("did:web:bureau.example", "did:web:bureau.example#key-1"),
    ],
)
def test_issuer_elsewhere_is_found_by_the_key_it_registered(issuer: str, kid: str) -> None:
    register(issuer)
    report = judge(foreign(issuer=issuer, kid=kid))
    assert (report.verdict, report.vct) == ("valid", "Residence")
    assert report.claims == {"id": "did:example:lei", "district": "Taipa"}


def test_key_address_may_hold_the_thumbprint_that_the_standard_recommends() -> None:
    trust.add_issuer(identifier=BUREAU, public_jwk=FOREIGN.public_jwk, types=["Residence"])
    thumbprint = next(iter(trust.trusted_issuers()[BUREAU].keys))
    kid = f"{BUREAU}/keys/urn:ietf:params:oauth:jwk-thumbprint:sha-256:{thumbprint}"
    assert judge(foreign(kid=kid)).verdict == "valid"


@pytest.mark.parametrize("kid", ["https://eve.example#key-1", f"{BUREAU}#key-2", f"{BUREAU}key-1", f"{BUREAU}/#key-1"])
def test_key_address_of_another_names_no_key(kid: str) -> None:
    register()
    assert outcomes(judge(foreign(kid=kid)))["issuer_key"] == ("fail", "issuer_key_unknown")


def test_issuer_elsewhere_is_trusted_for_the_types_registered_and_no_others() -> None:
    register()
    stranger = foreign(type=["VerifiableCredential", "Diploma"])
    assert outcomes(judge(stranger))["issuer_trusted"] == ("fail", "issuer_not_trusted_for_type")
    assert judge(foreign(type=["Diploma", "VerifiableCredential", "Residence"])).vct == "Residence"
    assert outcomes(judge(foreign(), vct=VCT))["issuer_trusted"] == ("fail", "vct_mismatch")


@pytest.mark.requirement("VC-JOSE-COSE §5.4", "a status that cannot be read leaves the verdict open")
def test_status_of_a_kind_not_read_here_leaves_the_verdict_open() -> None:
    register()
    status = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"}
    report = judge(foreign(credentialStatus=status))
    assert (report.verdict, outcomes(report)["status"]) == ("undetermined", ("unknown", "status_unsupported"))


@pytest.mark.parametrize("types", [["VerifiableCredential"], "VerifiableCredential", 7, []])
def test_credential_of_no_type_of_its_own_is_trusted_by_nobody(types: Any) -> None:
    register(BUREAU, "*")
    token = foreign()
    secured = vc_jose.parse(token)
    header = {name: value for name, value in secured.header.items() if name != "alg"}
    text = sign_compact(json_dumps({**secured.payload, "type": types}), signer=FOREIGN, header=header)
    assert outcomes(judge(text))["issuer_trusted"] == ("fail", "issuer_not_trusted_for_type")


def test_several_subjects_are_shown_as_the_document_has_them() -> None:
    register()
    subjects = [{"id": "did:example:a", "spouse": "did:example:b"}, {"id": "did:example:b"}]
    assert judge(foreign(credentialSubject=subjects)).claims == {"credentialSubject": subjects}


def test_certificate_of_the_past_is_expired(plan: Plan, signer: StoredSigner) -> None:
    old = plan._replace(issued_at=plan.issued_at - timedelta(days=9), expires_at=plan.issued_at - timedelta(days=1))
    assert outcomes(judge(w3c_signing.sign_vc_jwt(old, signer).text))["validity"] == ("fail", "expired")


@pytest.mark.requirement("VCDM 2.0 §4.11", "the schema that a credential names accepts it as a holder shows it")
def test_schema_accepts_what_holders_show_and_nothing_that_is_no_claim(jwt: str, held: SdJwt, plan: Plan) -> None:
    schema = w3c_documents.schema_document(plan.credential_type)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for text in (jwt, show(held, "family_name"), show(held, "birth_place", "parents")):
        document, _ = vc_jose.reveal_document(vc_jose.parse(text))
        assert document["credentialSchema"] == {"id": schema["$id"], "type": "JsonSchema"}
        validator.validate(document)
    assert not validator.is_valid({"credentialSubject": {"admin": True}})
    assert not validator.is_valid({"credentialSubject": {"family_name": 7}})


@pytest.mark.requirement("VCDM 2.0 §4.3", "the context that a credential names is published at a versioned address")
def test_context_and_schema_stand_at_the_addresses_that_a_credential_names(jwt: str) -> None:
    document = vc_jose.parse(jwt).payload
    addresses = {
        document["@context"][1]: "application/ld+json",
        document["credentialSchema"]["id"]: "application/schema+json",
    }
    for address, media_type in addresses.items():
        answer = Client().get(address.removeprefix("http://localhost:8000"))
        assert (answer.status_code, answer["Content-Type"]) == (200, media_type)
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert "max-age=86400" in answer["Cache-Control"]


@pytest.mark.requirement(
    "VC-JOSE-COSE §4.2", "kid leads to a JsonWebKey in the issuer's controlled identifier document"
)
def test_kid_leads_to_the_key_in_the_issuers_own_document(jwt: str) -> None:
    kid = vc_jose.parse(jwt).header["kid"]
    document = Client().get(kid.partition("#")[0].removeprefix("http://localhost:8000")).json()
    method = next(method for method in document["verificationMethod"] if method["id"] == kid)
    assert (method["type"], method["controller"]) == ("JsonWebKey", document["id"])
    assert kid in document["assertionMethod"]
    vc_jose.verify_signature(vc_jose.parse(jwt), p256_from_jwk(method["publicKeyJwk"]))


@pytest.mark.requirement(
    "VC-JOSE-COSE §4.1.2", "JWT VC issuer metadata lists the key under the kid that the token states"
)
def test_kid_is_found_in_the_issuers_metadata(jwt: str, held: SdJwt) -> None:
    metadata = Client().get("/.well-known/jwt-vc-issuer/issuers/identification").json()
    names = {key["kid"] for key in metadata["jwks"]["keys"]}
    assert vc_jose.parse(jwt).header["kid"] in names
    assert vc_jose.parse(show(held, "family_name")).header["kid"] in names


@pytest.mark.parametrize("path", ["/types/none/1/context", "/types/birth-certificate/99/schema", "/issuers/nobody"])
def test_documents_of_nothing_are_not_found(path: str) -> None:
    assert Client().get(path).status_code == 404
