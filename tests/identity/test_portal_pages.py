from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from identity import kyc, weid
from identity.models import KycCase, Person, VerificationMethod
from tests import cast
from tests.identity.conftest import SignIn
from tests.identity.test_kyc import JPEG, PNG
from tests.simulators.device import Device

pytestmark = pytest.mark.django_db
TYPED = {
    "name": "吳伊芙",
    "name_latin": "NG EVE",
    "document_kind": "passport",
    "identity_number": "MA123456",
    "birth_date_day": "29",
    "birth_date_month": "2",
    "birth_date_year": "1980",
    "agency": "identification",
}


def upload(client: Client, *contents: bytes, kind: str = "front") -> int:
    files = [SimpleUploadedFile(f"../../{n}.html", content, "text/html") for n, content in enumerate(contents)]
    return client.post("/portal/kyc/desk/images/", {"kind": kind, "images": files}).status_code


def state(client: Client, **changes: str) -> int:
    cast.agency()
    return client.post("/portal/kyc/desk/", {**TYPED, **changes}).status_code


def test_a_newcomer_walks_through_the_desk(sign_in: SignIn) -> None:
    eve = sign_in("eve")
    assert state(eve) == 302
    page = eve.get("/portal/kyc/desk/images/").content.decode()
    assert "NG EVE" in page
    assert upload(eve, PNG, JPEG) == 302
    assert eve.post("/portal/kyc/desk/submit")["Location"] == "/portal/kyc/"
    assert KycCase.objects.get(applicant=cast.eve()).state == "submitted"
    assert "We are checking your documents" in eve.get("/portal/kyc/").content.decode()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"identity_number": "??"}, "Enter the number as on the document"),
        ({"birth_date_month": "13"}, "Enter a real date"),
        ({"birth_date_year": "2996"}, "Enter a date in the past"),
        ({"name": "A\u202eB"}, "without control characters"),
        ({"agency": "nowhere"}, "Select a valid choice"),
        ({"document_kind": "library_card"}, "Select a valid choice"),
    ],
)
def test_a_wrong_answer_is_named_and_nothing_typed_is_lost(
    sign_in: SignIn, changes: dict[str, str], message: str
) -> None:
    cast.agency()
    response = sign_in("eve").post("/portal/kyc/desk/", {**TYPED, **changes})
    page = response.content.decode()
    assert response.status_code == 422
    assert message in page
    assert 'value="NG EVE"' in page
    assert not KycCase.objects.filter(applicant=cast.eve()).exists()


def test_what_was_stated_is_there_again_on_the_way_back(sign_in: SignIn) -> None:
    eve = sign_in("eve")
    state(eve)
    page = eve.get("/portal/kyc/desk/").content.decode()
    assert 'value="MA123456"' in page
    assert 'value="1980"' in page


def test_files_that_are_no_images_are_refused_and_earlier_ones_kept(sign_in: SignIn) -> None:
    eve = sign_in("eve")
    state(eve)
    assert upload(eve, PNG) == 302
    assert upload(eve, JPEG, b"<svg onload=alert(1)>") == 422
    assert upload(eve) == 422
    assert upload(eve, b"") == 422
    assert upload(eve, PNG.ljust(kyc.MAX_DOCUMENT_BYTES + 1, b"\0")) == 422
    assert upload(eve, PNG, PNG.ljust(7 * 1024 * 1024, b"\0")) == 422
    assert upload(eve, PNG, kind="selfie") == 422
    case = KycCase.objects.get(applicant=cast.eve())
    assert case.documents.count() == 1
    assert upload(eve, PNG, PNG, PNG, PNG) == 422
    eve.post("/portal/kyc/desk/images/remove")
    assert case.documents.count() == 0


def test_the_content_decides_the_type_not_the_browser(sign_in: SignIn) -> None:
    eve = sign_in("eve")
    state(eve)
    upload(eve, JPEG)
    assert KycCase.objects.get(applicant=cast.eve()).documents.get().content_type == "image/jpeg"


def test_sending_without_an_image_says_what_is_missing(sign_in: SignIn) -> None:
    eve = sign_in("eve")
    state(eve)
    response = eve.post("/portal/kyc/desk/submit", follow=True)
    assert "Upload at least one image" in response.content.decode()


def test_steps_out_of_order_lead_nowhere(sign_in: SignIn) -> None:
    eve = sign_in("eve")
    assert eve.get("/portal/kyc/desk/images/").status_code == 404
    assert eve.post("/portal/kyc/desk/submit").status_code == 404
    state(eve)
    upload(eve, PNG)
    eve.post("/portal/kyc/desk/submit")
    assert eve.get("/portal/kyc/desk/").status_code == 409
    assert upload(eve, PNG) == 404


def test_the_demo_provider_believes_at_once(sign_in: SignIn) -> None:
    cast.agency()
    eve = sign_in("eve")
    assert eve.get("/portal/kyc/demo/").status_code == 200
    assert eve.post("/portal/kyc/demo/", {**TYPED, "name_latin": ""}).status_code == 422
    assert eve.post("/portal/kyc/demo/", TYPED)["Location"] == "/portal/weid/"
    assert Person.objects.get(account=cast.eve()).assurance == "low"


def registration_of(client: Client) -> dict[str, str]:
    page = client.get("/portal/weid/").content.decode()
    text = page.partition('<script id="registration" type="application/json">')[2].partition("</script>")[0]
    registration: dict[str, str] = json.loads(text)
    return registration


def test_a_device_registers_with_what_the_page_gives_it(sign_in: SignIn) -> None:
    lei, phone = sign_in("lei"), Device()
    registration = registration_of(lei)
    body = {"public_jwk": phone.public_jwk, "proof": phone.prove(registration["nonce"])}
    response = lei.post(registration["register_url"], body, content_type="application/json")
    assert response.status_code == 201
    assert response.json()["thumbprint"] == phone.thumbprint
    assert response.json()["did"] in lei.get("/portal/weid/").content.decode()
    again = lei.post(registration["register_url"], body, content_type="application/json")
    assert again.status_code == 409
    assert again.json()["code"] in {"one_time_value_invalid", "key_already_registered"}


def test_registration_needs_the_csrf_token(sign_in: SignIn) -> None:
    cast.lei_person()
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.lei_person().account)  # type: ignore[arg-type]  # Lei has an account
    registration = registration_of(client)
    phone = Device()
    body = {"public_jwk": phone.public_jwk, "proof": phone.prove(registration["nonce"])}
    url = registration["register_url"]
    assert client.post(url, body, content_type="application/json").status_code == 403
    headers = {"X-CSRFToken": registration["csrf"]}
    assert client.post(url, body, content_type="application/json", headers=headers).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"public_jwk":1,"proof":"x"}',
        b'{"public_jwk":{},"proof":1}',
        b"\xff",
        b"[" * 9999,
        b'{"public_jwk":{},"proof":"a.b.c"}',
        b'{"a":1,"a":2}',
        b"{" + b" " * 20000 + b"}",
    ],
)
def test_a_hostile_registration_is_a_clear_refusal(sign_in: SignIn, body: bytes) -> None:
    headers = {"accept": "application/json"}
    response = sign_in("lei").post("/portal/weid/register", body, content_type="application/json", headers=headers)
    assert response.status_code in {400, 413}
    assert response.headers["Content-Type"] == "application/problem+json"


def test_wallet_pages_allow_no_script_to_write_the_document(sign_in: SignIn) -> None:
    policy = sign_in("lei").get("/portal/weid/")["Content-Security-Policy"]
    assert "require-trusted-types-for 'script'" in policy
    assert "trusted-types 'none'" in policy


def lei_with_phone(sign_in: SignIn) -> Client:
    cast.lei()
    return sign_in("lei")


def test_devices_are_listed_and_a_lost_one_is_revoked_in_two_steps(sign_in: SignIn) -> None:
    client = lei_with_phone(sign_in)
    assert "keys-1" in client.get("/portal/devices/").content.decode()
    assert client.get("/portal/devices/keys-1/revoke/").status_code == 200
    assert VerificationMethod.objects.get().revoked_at is None
    client.post("/portal/devices/keys-1/revoke/")
    assert VerificationMethod.objects.get().revoked_at is not None
    assert client.get("/portal/devices/keys-9/revoke/").status_code == 404
    assert weid.weid_of(cast.lei_person()) is not None


def test_a_citizen_without_weid_has_no_devices(sign_in: SignIn) -> None:
    client = sign_in("lei")
    assert "No device yet" in client.get("/portal/devices/").content.decode()
    assert client.get("/portal/devices/keys-1/revoke/").status_code == 404


def test_without_proven_identity_the_portal_leads_to_the_proof(sign_in: SignIn) -> None:
    assert sign_in("eve").get("/portal/weid/")["Location"] == "/portal/kyc/"


@pytest.mark.parametrize(
    ("path", "queries"),
    [("/portal/kyc/", 5), ("/portal/weid/", 7), ("/portal/devices/", 5), ("/portal/devices/keys-1/revoke/", 5)],
)
def test_pages_ask_the_database_a_fixed_number_of_times(
    sign_in: SignIn, django_assert_num_queries: DjangoAssertNumQueries, path: str, queries: int
) -> None:
    client = lei_with_phone(sign_in)
    client.get(path)
    with django_assert_num_queries(queries):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/portal/kyc/desk/", 5),
        ("/portal/kyc/desk/images/", 4),
        ("/portal/kyc/demo/", 4),
        ("/accounts/second-factor/", 2),
        ("/demo/", 2),
    ],
)
def test_the_proof_asks_the_database_a_fixed_number_of_times(
    sign_in: SignIn, django_assert_num_queries: DjangoAssertNumQueries, path: str, queries: int
) -> None:
    eve = sign_in("eve")
    state(eve)
    upload(eve, PNG, JPEG)
    eve.get(path)
    with django_assert_num_queries(queries):
        assert eve.get(path).status_code == 200
