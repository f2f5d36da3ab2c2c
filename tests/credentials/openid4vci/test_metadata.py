"""What wallets read first: where everything is, and what can be had, plain and signed."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from credentials.models import CredentialType, RequestKey
from identity.keystore import rotate
from identity.models import SigningKey
from protocol.encoding import b64u_decode, json_object
from protocol.jose import verify_compact
from protocol.keys import p256_from_jwk
from tests import cast

pytestmark = pytest.mark.django_db

ISSUER = "http://localhost:8000/issuers/identification"
PATH = "/.well-known/openid-credential-issuer/issuers/identification"
SERVER = "/.well-known/oauth-authorization-server/issuers/identification"


@pytest.fixture(autouse=True)
def types(db: None) -> None:
    cast.credential_type()
    cast.credential_type("diploma")


def read(path: str) -> dict[str, Any]:
    answer = Client().get(path)
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == "*"
    found: dict[str, Any] = answer.json()
    return found


def configured(metadata: dict[str, Any]) -> set[str]:
    return set(metadata["credential_configurations_supported"])


def in_every_format(*names: str) -> set[str]:
    return {f"{name}{ending}" for name in names for ending in ("", "_vc_sd_jwt", "_vc_jwt")}


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §12.2", "metadata name the issuer exactly, at the address made from its identifier"
)
def test_every_department_is_an_issuer_of_its_own() -> None:
    found = read(PATH)
    assert found["credential_issuer"] == ISSUER
    assert found["authorization_servers"] == [ISSUER]
    assert configured(found) == in_every_format("birth-certificate_1", "proof-of-residence_1")
    education = read("/.well-known/openid-credential-issuer/issuers/education")
    assert configured(education) == in_every_format("diploma_1")
    assert {name for name, url in found.items() if isinstance(url, str) and not url.startswith(ISSUER)} == set()


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §12.2.4", "a configuration has format, scope, proofs, and what a person sees in four languages"
)
def test_a_configuration_says_what_the_certificate_is() -> None:
    one = read(PATH)["credential_configurations_supported"]["birth-certificate_1"]
    assert (one["format"], one["scope"]) == ("dc+sd-jwt", "birth-certificate_1")
    assert one["vct"] == "http://localhost:8000/types/birth-certificate/1"
    assert set(one["proof_types_supported"]) == {"jwt", "attestation"}
    shown = one["credential_metadata"]
    assert {display["locale"] for display in shown["display"]} == {"zh-Hant", "zh-Hans", "pt", "en"}
    assert all(len(claim["display"]) == 4 for claim in shown["claims"])
    assert ["parents", None, "name"] in [claim["path"] for claim in shown["claims"]]


def test_a_retired_type_is_not_offered() -> None:
    CredentialType.objects.filter(slug="birth-certificate").update(is_active=False)
    assert "birth-certificate_1" not in read(PATH)["credential_configurations_supported"]


@pytest.mark.requirement("OpenID4VCI 1.0 §12.2.3", "signed metadata are the same, under the issuer's certified key")
def test_metadata_are_signed_for_who_asks() -> None:
    answer = Client().get(PATH, headers={"accept": "application/jwt"})
    assert answer["Content-Type"] == "application/jwt"
    key = SigningKey.objects.get(agency__slug="identification", purpose="credential", state="active")
    types = frozenset({"openidvci-issuer-metadata+jwt"})
    token = verify_compact(answer.content.decode(), key=p256_from_jwk(key.public_jwk), allowed_types=types)
    assert token.header["x5c"] == key.x5c
    claims = json_object(token.payload)
    assert claims["sub"] == ISSUER
    assert {name: claims[name] for name in read(PATH)} == read(PATH)


@pytest.mark.requirement(
    "RFC 8414 §3", "server metadata name the issuer exactly, at the address made from its identifier"
)
def test_the_authorization_server_says_what_it_speaks() -> None:
    found = read(SERVER)
    assert found["issuer"] == ISSUER
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["require_pushed_authorization_requests"] is True
    assert found["authorization_response_iss_parameter_supported"] is True
    assert "urn:ietf:params:oauth:grant-type:pre-authorized_code" in found["grant_types_supported"]


def test_the_size_of_a_batch_is_a_setting(settings: Settings) -> None:
    settings.WALLET_BATCH_SIZE = 7
    assert read(PATH)["batch_credential_issuance"] == {"batch_size": 7}


def test_the_key_for_requests_is_made_once_and_published(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    [first] = read(PATH)["credential_request_encryption"]["jwks"]["keys"]
    assert (first["use"], first["alg"], "d" in first) == ("enc", "ECDH-ES", False)
    with django_assert_num_queries(3):
        assert read(PATH)["credential_request_encryption"]["jwks"]["keys"] == [first]
    assert RequestKey.objects.count() == 1


def test_a_rotated_key_goes_on_verifying() -> None:
    before = Client().get(PATH, headers={"accept": "application/jwt"}).content.decode()
    agency = cast.agency()
    rotate(purpose=SigningKey.Purpose.CREDENTIAL, agency=agency)
    published = read("/.well-known/jwt-vc-issuer/issuers/identification")["jwks"]["keys"]
    # Each under its own name, and under its address.
    assert len(published) == 2 * 2
    known = {key["kid"]: {name: key[name] for name in ("kty", "crv", "x", "y")} for key in published}
    after = Client().get(PATH, headers={"accept": "application/jwt"}).content.decode()
    for token in (before, after):
        kid = json_object(b64u_decode(token.partition(".")[0]))["kid"]
        types = frozenset({"openidvci-issuer-metadata+jwt"})
        assert verify_compact(token, key=p256_from_jwk(known[kid]), allowed_types=types)


@pytest.mark.parametrize("path", [PATH.replace("identification", "nobody"), SERVER.replace("identification", "nobody")])
def test_nobody_is_no_issuer(path: str) -> None:
    assert Client().get(path).status_code == 404
    assert Client().post(path).status_code == 405
