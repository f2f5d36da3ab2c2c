from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from identity import weid
from identity.api_keys import create_api_key
from protocol import did as dids
from protocol.keys import generate_p256, public_jwk
from tests import cast
from tests.simulators.device import Device
from tests.simulators.web import Answer, Web, serve, write_certificate

pytestmark = pytest.mark.django_db


def resolve(client: Client, did: str, status: int = 200, **headers: str) -> dict[str, Any]:
    response = client.get(f"/1.0/identifiers/{did}", headers=headers)
    assert response.status_code == status, response.content
    answer: dict[str, Any] = json.loads(response.content)
    return answer


def test_a_weid_resolves_to_its_document(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    lei = cast.lei()
    with django_assert_num_queries(2):
        result = resolve(client, lei.weid.did)
    assert result["didDocument"]["verificationMethod"][0]["publicKeyJwk"] == lei.device.public_jwk
    assert result["didDocumentMetadata"]["versionId"] == "1"
    dids.check_document(result["didDocument"])


def test_the_document_alone_is_served_to_whom_asks_for_it(client: Client) -> None:
    did = cast.lei().weid.did
    assert resolve(client, did, accept="application/did+ld+json")["id"] == did


def test_older_versions_stay_resolvable(client: Client) -> None:
    lei = cast.lei()
    phone = Device()
    proof = phone.prove(weid.registration_nonce(lei.account))
    weid.rotate(weid=lei.weid, person=lei.person, public_jwk=phone.public_jwk, proof=proof)
    newest = resolve(client, lei.weid.did)
    first = resolve(client, f"{lei.weid.did}?versionId=1")
    assert newest["didDocument"]["verificationMethod"][0]["publicKeyJwk"] == phone.public_jwk
    assert first["didDocument"]["verificationMethod"][0]["publicKeyJwk"] == lei.device.public_jwk
    assert newest["didDocumentMetadata"]["updated"]
    resolve(client, f"{lei.weid.did}?versionId=3", 404)


def test_a_deactivated_weid_is_gone(client: Client) -> None:
    lei = cast.lei()
    weid.deactivate(weid=lei.weid)
    result = resolve(client, lei.weid.did, 410)
    assert result["didDocument"] is None
    assert result["didDocumentMetadata"]["deactivated"] is True


def test_self_contained_methods_resolve(client: Client) -> None:
    key = generate_p256().public_key()
    for did in (dids.did_key(key), dids.did_jwk(public_jwk(key))):
        assert resolve(client, did)["didDocument"]["id"] == did


@pytest.mark.parametrize(
    ("did", "status", "error"),
    [
        ("did:weid:1:0x" + "0" * 40, 404, "notFound"),
        ("did:weid:1:0x" + "A" * 40, 400, "invalidDid"),
        ("did:weid:nonsense", 400, "invalidDid"),
        ("nonsense", 400, "invalidDid"),
        ("did:key:z6Mkbroken", 400, "invalidDid"),
        ("did:jwk:AAAA", 400, "invalidDid"),
        ("did:ion:EiAnKD8", 400, "methodNotSupported"),
        ("did:web:127.0.0.1", 400, "invalidDid"),
        ("did:web:localhost%253A1", 404, "notFound"),
        ("%00", 400, "invalidDid"),
        ("did:weid:1:0x" + "0" * 5000, 400, "invalidDid"),
    ],
)
def test_what_does_not_resolve_says_why(client: Client, did: str, status: int, error: str) -> None:
    result = resolve(client, did, status)
    assert result["didResolutionMetadata"]["error"] == error


@pytest.fixture
def web(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    certificate = write_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    settings.FETCH_ALLOWED_PRIVATE_HOSTS = ["localhost"]
    with serve(certificate) as running:
        yield running


def document_of(did: str) -> dict[str, Any]:
    jwk = public_jwk(generate_p256().public_key())
    return dids.build_document(did, [dids.VerificationMethod("key-1", jwk)])


def test_did_web_is_fetched_and_must_be_about_itself(client: Client, web: Web) -> None:
    did = f"did:web:localhost%3A{web.port}"
    path = did.replace("%", "%25")
    web.answers["/.well-known/did.json"] = Answer(json.dumps(document_of(did)).encode())
    assert resolve(client, path)["didDocument"]["id"] == did
    for content in (json.dumps(document_of("did:web:other.example")).encode(), b"[]", b"{}", b"\xff", b'{"a":1,"a":2}'):
        web.answers["/.well-known/did.json"] = Answer(content)
        assert resolve(client, path, 404)["didResolutionMetadata"]["error"] == "notFound"


def limited(settings: Settings, rate: str) -> None:
    rates = {"verify_anonymous": "60/min", "resolve_anonymous": rate}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}


def test_what_strangers_have_fetched_is_counted(client: Client, settings: Settings) -> None:
    limited(settings, "1/day")
    path = "/1.0/identifiers/did:web:localhost%253A1"
    assert client.get(path).status_code == 404
    refused = client.get(path)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert refused["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused["Retry-After"]) <= 86_400
    assert client.get(path, REMOTE_ADDR="192.0.2.7").status_code == 404


def test_what_costs_no_fetch_is_not_counted(client: Client, settings: Settings) -> None:
    limited(settings, "1/day")
    lei = cast.lei()
    for did in [lei.weid.did, dids.did_jwk(lei.device.public_jwk), "did:WEB:localhost"] * 2:
        assert client.get(f"/1.0/identifiers/{did}").status_code in {200, 400}
    resolve(client, "did:web:localhost%253A1", 404)


def test_organisations_are_not_counted_and_wrong_keys_are_refused(client: Client, settings: Settings) -> None:
    limited(settings, "1/day")
    _, secret = create_api_key(organisation=cast.bank(), label="till")
    for _ in range(3):
        resolve(client, "did:web:localhost%253A1", 404, authorization=f"Bearer {secret}")
    refused = client.get("/1.0/identifiers/did:web:localhost", headers={"authorization": "Bearer ck_wrong"})
    assert (refused.status_code, refused.json()["code"]) == (401, "api_key_invalid")
    assert refused["WWW-Authenticate"].startswith("Bearer")
