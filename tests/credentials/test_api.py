"""What programs ask and read: the verdict endpoint with every bad request, and the published documents."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from anchoring.log_key import log_key
from credentials import holdings, revocation
from credentials.models import Credential
from credentials.status import status_token
from identity.api_keys import create_api_key, revoke_api_key
from protocol import cose_receipt
from protocol.keys import p256_from_jwk
from protocol.merkle import leaf_hash
from protocol.proof import leaf_data, parse_receipt, verify_receipt
from protocol.sd_jwt import hold, select
from protocol.status_list import verify_token
from tests import cast
from tests.credentials.conftest import Enter

pytestmark = pytest.mark.django_db

URL = "/api/v1/verify"


@pytest.fixture
def credential(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def presentation(lei: cast.Citizen, credential: Credential) -> str:
    held = holdings.read_sd_jwt(credential, lei.person)
    return select(hold(held, allowed_types=frozenset({"dc+sd-jwt"})), [("sex",)])


def ask(body: Any, **headers: str) -> Any:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return Client().post(URL, data, content_type="application/json", headers=headers)


def test_a_presentation_is_answered_with_verdict_claims_and_ten_checks(presentation: str) -> None:
    response = ask({"presentation": presentation})
    answer = response.json()
    assert response.status_code == 200
    assert set(answer) == {"verdict", "accepted", "missing", "policy", "claims", "issuer", "vct", "checks"}
    assert (answer["verdict"], answer["claims"]) == ("valid", {"sex": "female"})
    assert len(answer["checks"]) == 10
    assert all(set(check) == {"step", "code", "outcome", "message", "evidence"} for check in answer["checks"])
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("text", ["x", "~", "a.b.c~", "é~", "\x00", "a" * 100_000, "." * 5000 + "~", "~" * 5000])
def test_nonsense_is_a_verdict_not_an_error(text: str) -> None:
    response = ask({"presentation": text})
    assert (response.status_code, response.json()["verdict"]) == (200, "invalid")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (" ", 400, "json_invalid"),
        ("[]", 400, "json_invalid"),
        ("null", 400, "json_invalid"),
        ("{", 400, "json_invalid"),
        (b"\xff\xfe", 400, "json_invalid"),
        ('{"presentation": "a", "presentation": "b"}', 400, "json_invalid"),
        ('{"presentation": NaN}', 400, "json_invalid"),
        ("[" * 100_000, 400, "json_invalid"),
        ("{}", 400, "verify_request_invalid"),
        ({"presentation": ""}, 400, "verify_request_invalid"),
        ({"presentation": 1}, 400, "verify_request_invalid"),
        ({"presentation": "a", "extra": 1}, 400, "verify_request_invalid"),
        ({"presentation": "a", "audience": 1}, 400, "verify_request_invalid"),
        ({"presentation": "a", "nonce": ""}, 400, "verify_request_invalid"),
        ({"presentation": "a", "vct": "v" * 3000}, 400, "verify_request_invalid"),
        ({"presentation": "a", "policy": []}, 400, "policy_invalid"),
        ({"presentation": "a", "policy": {"unknown": 1}}, 400, "policy_invalid"),
        ({"presentation": "a", "policy": {"require_anchor": 1}}, 400, "policy_invalid"),
        ({"presentation": "a", "policy": {"max_status_age": True}}, 400, "policy_invalid"),
        ({"presentation": "a", "policy": {"max_status_age": 0}}, 400, "policy_invalid"),
        ({"presentation": "a", "policy": {"accepted_issuers": [1]}}, 400, "policy_invalid"),
        ({"presentation": "a" * (1 << 20)}, 413, "too_large"),
    ],
)
def test_a_bad_request_is_a_problem_with_a_stable_code(body: Any, status: int, code: str) -> None:
    response = ask(body)
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == code


def test_other_methods_media_types_and_keys_are_refused() -> None:
    refused = Client().get(URL)
    assert (refused.status_code, refused["Allow"]) == (405, "POST")
    assert Client().post(URL, "x", content_type="text/plain").status_code == 415
    wrong = ask({"presentation": "a"}, authorization="Bearer ck_" + "a" * 43)
    assert (wrong.status_code, wrong.json()["code"]) == (401, "api_key_invalid")
    assert wrong["WWW-Authenticate"].startswith("Bearer")


def test_without_a_key_the_rate_is_limited_and_says_when_to_come_back(settings: Settings) -> None:
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": {"verify_anonymous": "3/min"}}
    statuses = [ask({"presentation": "a"}) for _ in range(4)]
    assert [response.status_code for response in statuses] == [200, 200, 200, 429]
    assert 1 <= int(statuses[-1]["Retry-After"]) <= 60
    _, secret = create_api_key(organisation=cast.bank(), label="counter")
    assert ask({"presentation": "a"}, authorization=f"Bearer {secret}").status_code == 200


def test_a_revoked_key_is_refused(settings: Settings) -> None:
    key, secret = create_api_key(organisation=cast.bank(), label="counter")
    assert ask({"presentation": "a"}, authorization=f"Bearer {secret}").status_code == 200
    revoke_api_key(api_key=key)
    assert ask({"presentation": "a"}, authorization=f"Bearer {secret}").status_code == 401


def test_an_admitted_key_is_good_until_the_next_poll_and_no_longer(settings: Settings) -> None:
    settings.VERIFY_TRUST_POLL_SECONDS = 60.0
    key, secret = create_api_key(organisation=cast.bank(), label="counter")
    statuses = []
    for _ in range(2):
        statuses.append(ask({"presentation": "a"}, authorization=f"Bearer {secret}").status_code)
        revoke_api_key(api_key=key)
    settings.VERIFY_TRUST_POLL_SECONDS = 0.0
    statuses.append(ask({"presentation": "a"}, authorization=f"Bearer {secret}").status_code)
    assert statuses == [200, 200, 401]


@pytest.mark.parametrize("has_key", [False, True])
def test_a_warm_verification_asks_the_database_once_or_not_at_all(
    has_key: bool, presentation: str, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    from anchoring import sequencer

    sequencer.sequence()
    sequencer.sign_checkpoint()
    secret = create_api_key(organisation=cast.bank(), label="counter")[1]
    headers = {"authorization": f"Bearer {secret}"} if has_key else {}
    settings.VERIFY_TRUST_POLL_SECONDS = 0.3
    assert ask({"presentation": presentation}, **headers).json()["checks"][8]["code"] == "anchored"
    time.sleep(0.3)
    with django_assert_num_queries(1):
        ask({"presentation": presentation}, **headers)
    settings.VERIFY_TRUST_POLL_SECONDS = 60.0
    ask({"presentation": presentation}, **headers)
    with django_assert_num_queries(0):
        ask({"presentation": presentation}, **headers)


def test_messages_follow_the_language_of_the_request(presentation: str) -> None:
    english = ask({"presentation": presentation}, **{"accept-language": "en"}).json()
    assert english["checks"][3]["message"] == "The issuer signed it and nobody has altered it."
    refusal = ask({}, **{"accept-language": "pt"}).json()
    assert refusal["title"] == "Não é um pedido de verificação"


def test_numbers_beyond_64_bits_in_a_foreign_certificate_are_answered(lei: cast.Citizen) -> None:
    from identity.trust import add_issuer
    from protocol.keys import SoftwareSigner, generate_p256
    from protocol.sd_jwt_vc import issue_credential

    signer = SoftwareSigner(generate_p256(), "k")
    add_issuer(identifier="https://uni.example", public_jwk=signer.public_jwk, types=["*"])
    text = issue_credential(
        claims={"big": 2**63 + 5}, vct="v", signer=signer, header={}, issuer="https://uni.example", issued_at=1
    ).text
    assert ask({"presentation": text}).json()["claims"] == {"big": 2**63 + 5}


def test_the_status_list_is_signed_cacheable_and_large(credential: Credential) -> None:
    url = f"/status/{credential.status_list_id}"
    response = Client().get(url)
    key = cast_status_key(credential)
    packed = verify_token(
        response.content.decode(), key=key, uri=f"http://localhost:8000{url}", now=timezone.now().timestamp()
    )
    assert response["Content-Type"] == "application/statuslist+jwt"
    assert response["Cache-Control"].startswith("public, max-age=")
    assert packed.size >= 100_000
    assert (packed.bits, packed.get(credential.status_index)) == (2, 0)
    again = Client().get(url, headers={"if-none-match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Client().get(url, headers={"accept": "application/statuslist+cwt"}).status_code == 406
    assert Client().post(url).status_code == 405


def cast_status_key(credential: Credential) -> Any:
    from identity.models import SigningKey

    row = SigningKey.objects.get(agency=credential.agency, purpose=SigningKey.Purpose.STATUS)
    return p256_from_jwk(row.public_jwk)


def test_a_revocation_is_in_the_very_next_list(credential: Credential) -> None:
    url = f"/status/{credential.status_list_id}"
    before = Client().get(url)
    revocation.revoke(credential=credential, actor=cast.bo(), reason="data_error")
    after = Client().get(url, headers={"if-none-match": before["ETag"]})
    assert after.status_code == 200
    packed = verify_token(
        after.content.decode(),
        key=cast_status_key(credential),
        uri=f"http://localhost:8000{url}",
        now=datetime.now(UTC).timestamp(),
    )
    assert packed.get(credential.status_index) == 1


def test_one_version_and_period_is_one_token(credential: Credential) -> None:
    assert status_token(credential.status_list_id).text == status_token(credential.status_list_id).text


def test_type_metadata_names_every_claim_in_four_languages(credential: Credential) -> None:
    metadata = Client().get("/types/birth-certificate/1").json()
    assert metadata["vct"] == credential.credential_type.vct
    assert {shown["locale"] for shown in metadata["display"]} == {"zh-Hant", "zh-Hans", "pt", "en"}
    by_path = {json.dumps(claim["path"]): claim for claim in metadata["claims"]}
    assert by_path['["parents", null, "name"]']["sd"] == "never"
    assert by_path['["birth_date"]'] | {"display": []} == {
        "path": ["birth_date"], "display": [], "sd": "always", "mandatory": True, "svg_id": "birth_date",
    }  # fmt: skip
    assert all(len(claim["display"]) == 4 for claim in metadata["claims"])


def test_issuer_metadata_holds_the_keys_that_sign(credential: Credential) -> None:
    metadata = Client().get("/.well-known/jwt-vc-issuer/issuers/identification").json()
    assert metadata["issuer"] == "http://localhost:8000/issuers/identification"
    assert credential.signing_key.key_id in {key["kid"] for key in metadata["jwks"]["keys"]}
    assert all("d" not in key for key in metadata["jwks"]["keys"])


@pytest.mark.parametrize(
    "path",
    [
        "/status/00000000-0000-0000-0000-000000000000",
        "/types/none/1",
        "/types/birth-certificate/99",
        "/.well-known/jwt-vc-issuer/issuers/nobody",
    ],
)
def test_unknown_documents_are_not_found(path: str) -> None:
    response = Client().get(path)
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


def test_the_wallet_collects_its_own_citizens_certificates_only(
    enter: Enter, lei: cast.Citizen, credential: Credential
) -> None:
    response = enter(lei.account).get("/portal/wallet/credentials")
    (collected,) = response.json()["credentials"]
    assert collected["sd_jwt"] == holdings.read_sd_jwt(credential, lei.person)
    assert (collected["id"], response["Cache-Control"]) == (str(credential.pk), "no-store")
    assert Client().get("/portal/wallet/credentials").status_code == 302
    assert enter(cast.eve()).get("/portal/wallet/credentials").status_code == 302


def test_the_citizen_sees_their_certificates(enter: Enter, lei: cast.Citizen, credential: Credential) -> None:
    client = enter(lei.account)
    assert credential.number in client.get("/portal/").content.decode()
    page = client.get(f"/portal/certificates/{credential.pk}/").content.decode()
    assert "Lei Wai Man" in page
    assert "31 March 1990" in page


def test_the_citizen_takes_both_proofs_once_the_log_is_signed(
    enter: Enter, lei: cast.Citizen, credential: Credential
) -> None:
    from anchoring import sequencer

    client, address = enter(lei.account), f"/portal/certificates/{credential.pk}/"
    assert "?format=" not in client.get(address).content.decode()
    sequencer.sequence()
    sequencer.sign_checkpoint()
    page = client.get(address).content.decode()
    links = re.findall(r'href="([^"]+format=[^"]+)" download="([^"]+)"', page)
    assert [name for _, name in links] == [f"{credential.number}.tlog-proof", f"{credential.number}.cose"]
    text, cose = (Client().get(link).content for link, _ in links)
    leaf = leaf_hash(leaf_data("credential", bytes(credential.digest)))
    head = verify_receipt(parse_receipt(text), leaf_hash=leaf, keys=[log_key()])
    cose_receipt.verify_receipt(cose_receipt.parse_receipt(cose), leaf_hash=leaf, keys=[log_key()], checkpoint=head)
