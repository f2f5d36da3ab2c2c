"""W3C credentials before software that is not ours: jsonld reads the documents, jose the tokens, both directions."""

from __future__ import annotations

from typing import Any

import pytest

from credentials.catalog import build_schema
from credentials.models import CredentialType
from credentials.profiles import PROFILES
from credentials.profiles.fields import Profile
from credentials.w3c_documents import context_document, context_url, schema_url
from protocol import vc_jose
from protocol.keys import p256_from_jwk
from protocol.vcdm import build_credential
from tests import cast
from tests.oracles import credential as made
from tests.oracles.node import OracleError, run

SCRIPT = "w3c.mjs"
IANA = "https://www.iana.org/assignments/jwt#"


@pytest.fixture(params=PROFILES, ids=[profile.slug for profile in PROFILES])
def profile(request: pytest.FixtureRequest) -> Profile:
    found: Profile = request.param
    return found


def kind_of(profile: Profile) -> CredentialType:
    return CredentialType(
        slug=profile.slug,
        vct=f"https://bureau.example/types/{profile.slug}/1",
        schema=build_schema(profile.claims),
        claims=[claim.spec for claim in profile.claims],
    )


def document_of(kind: CredentialType, **changes: Any) -> dict[str, Any]:
    return build_credential(
        claims={**cast.claims_for(kind.slug), "certificate_number": "BC-1", **changes}, types=[kind.vct],
        issuer=made.ISSUER_NAME, valid_from=made.NOW, valid_until=made.NOW + 86_400, contexts=[context_url(kind)],
        schema=schema_url(kind),
    )  # fmt: skip


def beside() -> dict[str, Any]:
    status = {"status_list": {"idx": 1, "uri": "https://bureau.example/status/1"}}
    return vc_jose.registered_claims(
        issuer=made.ISSUER_NAME, issued_at=made.NOW, expires_at=made.NOW + 9, holder_jwk=made.HOLDER.public_jwk, status=status
    )  # fmt: skip


def expanded(kind: CredentialType, document: dict[str, Any]) -> Any:
    return run(SCRIPT, do="expand", document=document, contexts={context_url(kind): context_document(kind)})[0]


@pytest.mark.requirement("VCDM 2.0 §6.1", "every term of an issued document is defined, for a JSON-LD processor too")
def test_jsonld_knows_every_term_of_what_we_issue(profile: Profile) -> None:
    kind = kind_of(profile)
    read = expanded(kind, {**document_of(kind), **beside()})
    assert set(read["@type"]) == {"https://www.w3.org/2018/credentials#VerifiableCredential", kind.vct}
    assert read["https://www.w3.org/2018/credentials#issuer"] == [{"@id": made.ISSUER_NAME}]
    subject = read["https://www.w3.org/2018/credentials#credentialSubject"][0]
    assert subject[f"{kind.vct}#certificate_number"] == [{"@value": "BC-1"}]
    assert read[f"{IANA}status"][0]["@value"] == beside()["status"]


def test_jsonld_refuses_a_claim_that_the_context_does_not_define(profile: Profile) -> None:
    kind = kind_of(profile)
    with pytest.raises(OracleError, match="unheard_of"):
        expanded(kind, document_of(kind, unheard_of="x"))


@pytest.mark.requirement("VC-JOSE-COSE §3.1.1", "what we issue as vc+jwt verifies with jose")
def test_jose_verifies_what_we_sign() -> None:
    kind = kind_of(PROFILES[0])
    token = vc_jose.secure_with_jwt(document_of(kind), signer=made.ISSUER, header={"kid": "1"}, registered=beside())
    answer = run(
        SCRIPT, do="verify", token=token, key=made.ISSUER.public_jwk, issuer=made.ISSUER_NAME, typ="vc+jwt", now=made.NOW
    )  # fmt: skip
    assert answer["payload"] == {**document_of(kind), **beside()}
    assert answer["header"] == {"alg": "ES256", "typ": "vc+jwt", "cty": "vc", "kid": "1"}


def test_we_verify_what_jose_signs() -> None:
    kind = kind_of(PROFILES[0])
    key = made.private_jwk(made.ISSUER_PRIVATE, made.ISSUER)
    token = run(SCRIPT, do="sign", document=document_of(kind), header={"typ": "vc+jwt", "kid": "1"}, key=key)
    secured = vc_jose.parse(token)
    vc_jose.verify_signature(secured, p256_from_jwk(made.ISSUER.public_jwk))
    assert vc_jose.reveal_document(secured)[0] == document_of(kind)
    vc_jose.check_validity(secured.payload, now=made.NOW)
