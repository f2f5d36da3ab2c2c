"""Requests made by hand to hurt: each is refused with a documented problem, and none is a fault of ours."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from config.openapi_problems import MEDIA_TYPE, PROBLEM_CODES
from identity.api_keys import create_agency_key, create_api_key
from tests import cast
from tests.config.document import every_operation

pytestmark = pytest.mark.django_db

VERIFY = ("verify_presentation", "/api/v1/verify")
CREATE = ("create_request", "/api/v1/requests")
JSON = "application/json"
MIB = 1 << 20
DEEP = b"[" * 100_000 + b"]" * 100_000
DEEP_MEMBER = b'{"presentation":' * 5_000 + b"1" + b"}" * 5_000

MISSING = {
    "invalid_input", "not_found", "record_not_logged", "log_resource_not_found", "witnessed_log_missing", "verifier_missing",
}  # fmt: skip
# What is no JSON object at all, and its code.
BODIES: dict[str, tuple[bytes, str, int, str]] = {
    "empty": (b" ", JSON, 400, "json_invalid"),
    "not UTF-8": (b'{"presentation": "\xff\xfe"}', JSON, 400, "json_invalid"),
    "UTF-16": ('{"presentation": "a"}'.encode("utf-16"), JSON, 400, "json_invalid"),
    "byte order mark": (b'\xef\xbb\xbf{"presentation": "a"}', JSON, 400, "json_invalid"),
    "lone surrogate": (b'{"presentation": "\\ud800", "reference": "\\ud800"}', JSON, 400, "json_invalid"),
    "deep arrays": (DEEP[:60_000], JSON, 400, "json_invalid"),
    "deep objects": (DEEP_MEMBER[:60_000], JSON, 400, "json_invalid"),
    "truncated": (b'{"presentation": "a', JSON, 400, "json_invalid"),
    "duplicate name": (b'{"template": 1, "template": 2}', JSON, 400, "json_invalid"),
    "NaN": (b'{"expires_in": NaN}', JSON, 400, "json_invalid"),
    "infinity": (b'{"expires_in": 1e999}', JSON, 400, "json_invalid"),
    "huge integer": (b'{"expires_in": ' + b"9" * 5000 + b"}", JSON, 400, "json_invalid"),
    "text after it": (b"{} {}", JSON, 400, "json_invalid"),
    "a list": (b"[]", JSON, 400, "json_invalid"),
    "null": (b"null", JSON, 400, "json_invalid"),
    "a number": (b"1", JSON, 400, "json_invalid"),
    "over a mebibyte": (b'{"presentation": "' + b"a" * MIB + b'"}', JSON, 413, "too_large"),
    "no JSON": (b"presentation=a", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    "a form": (b"--b--\r\n", "multipart/form-data; boundary=b", 415, "unsupported_media_type"),
    "text": (b"{}", "text/plain", 415, "unsupported_media_type"),
    "no type": (b"{}", "", 415, "unsupported_media_type"),
    "broken type": (b"{}", "application/json/json;;;=", 415, "unsupported_media_type"),
}
NOT_TEXT: list[Any] = [None, 0, -1, 1.5, True, [], {}, ["a"], {"a": "b"}, 10**19]
NOT_UUID: list[Any] = [*NOT_TEXT, "", "x", "\0", "{" + str(uuid.uuid4()) + "}", uuid.uuid4().hex, "é" * 36]
NOT_SECONDS: list[Any] = [None, 0, -1, 59, 604801, 1.5, True, "600", "", [], {}, 10**19, -(10**18)]


@pytest.fixture
def bank() -> Client:
    _, secret = create_api_key(organisation=cast.bank(), label="server")
    return Client(
        enforce_csrf_checks=True, raise_request_exception=False, headers={"authorization": f"Bearer {secret}"}
    )


@pytest.fixture
def agency() -> Client:
    _, secret = create_agency_key(agency=cast.agency(), label="server")
    return Client(
        enforce_csrf_checks=True, raise_request_exception=False, headers={"authorization": f"Bearer {secret}"}
    )


@pytest.fixture
def stranger(settings: Settings) -> Client:
    rates = {"verify_anonymous": "1000000/s"}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}
    return Client(enforce_csrf_checks=True, raise_request_exception=False)


def assert_problem(response: Any, operation: str, status: int, *codes: str) -> None:
    """The answer is the problem expected, and one that the document lists."""
    assert (response.status_code, response["Content-Type"]) == (status, MEDIA_TYPE), response.content
    code = response.json()["code"]
    assert code in codes
    assert code == "method_not_allowed" or code in PROBLEM_CODES[operation][status]


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(("operation", "path"), [VERIFY, CREATE])
def test_what_is_no_json_object_is_refused(bank: Client, operation: str, path: str, name: str) -> None:
    body, media_type, status, code = BODIES[name]
    assert_problem(bank.generic("POST", path, body, media_type), operation, status, code)


@pytest.mark.parametrize("member", ["presentation", "audience", "nonce", "vct"])
def test_verification_takes_text_and_nothing_else(stranger: Client, member: str) -> None:
    for value in [*NOT_TEXT, "", *(["a" * 2049] if member != "presentation" else [])]:
        body = {"presentation": "a", member: value}
        response = stranger.post(VERIFY[1], body, content_type=JSON)
        assert_problem(response, VERIFY[0], 400, "verify_request_invalid")
        assert list(response.json()["fields"]) == [member]


def test_verification_takes_no_other_policy(stranger: Client) -> None:
    policies: list[Any] = [0, "", True, [], [[]], {"": 1}, {"\0": 1}, {"require_anchor": "true"}]
    policies += [{"max_status_age": age} for age in (0, -1, 1.5, True, "1", None, 10**19)]
    lists: list[Any] = [[], ["a"] * 101, ["a" * 301], [""], [None], "a", {}]
    policies += [{"accepted_issuers": issuers} for issuers in lists]
    for policy in policies:
        response = stranger.post(VERIFY[1], {"presentation": "a", "policy": policy}, content_type=JSON)
        assert_problem(response, VERIFY[0], 400, "policy_invalid")


@pytest.mark.parametrize(
    "text",
    ["\0", "~" * 10_000, "." * 10_000, "a.b.c~", "😀", "\u202e", "eyJ9" * 100_000, "a" * 1_000_000, "%00", "../../etc", "' OR 1=1--"],
)  # fmt: skip
def test_any_text_gets_a_verdict(stranger: Client, text: str) -> None:
    body = {"presentation": text, "audience": text[:2048], "nonce": text[:2048], "vct": text[:2048]}
    response = stranger.post(VERIFY[1], json.dumps(body, ensure_ascii=False), content_type=JSON)
    assert (response.status_code, response.json()["verdict"]) == (200, "invalid")


def test_asking_takes_no_other_values(bank: Client) -> None:
    template = str(cast.approved_template().pk)
    cast.recipient_key()
    wrong = [("template", value) for value in NOT_UUID] + [("expires_in", value) for value in NOT_SECONDS]
    wrong += [("reference", value) for value in [*NOT_TEXT, "\0", "a" * 81, " " * 81]]
    for member, value in wrong:
        response = bank.post(CREATE[1], {"template": template, member: value}, content_type=JSON)
        assert_problem(response, CREATE[0], 400, "invalid_input")
        assert list(response.json()["fields"]) == [member]
    assert bank.post(CREATE[1], {"template": template}, content_type=JSON).status_code == 201


@pytest.mark.parametrize(
    "header", ["x", "Bearer", "Bearer ", "Bearer \xff", "Bearer ck_" + "a" * 43, "Bearer " + "a" * 5000, "Basic YTpi"]
)
def test_a_key_that_is_none_is_refused_everywhere(header: str, asked_with_a_key: list[tuple[str, str, str]]) -> None:
    client = Client(raise_request_exception=False, headers={"authorization": header})
    for operation, method, path in asked_with_a_key:
        response = client.generic(method, path, b"{}", JSON)
        assert_problem(response, operation, 401, "api_key_invalid")
        assert response["WWW-Authenticate"].startswith("Bearer")


@pytest.fixture
def asked_with_a_key() -> list[tuple[str, str, str]]:
    address = f"/api/v1/requests/{uuid.uuid4()}"
    return [
        (VERIFY[0], "POST", VERIFY[1]),
        (CREATE[0], "POST", CREATE[1]),
        ("read_request", "GET", address),
        ("read_presentation", "GET", f"{address}/presentation"),
    ]


@pytest.mark.parametrize(
    "method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "\xe9"]
)
def test_a_method_that_an_address_does_not_have_is_refused(bank: Client, agency: Client, method: str) -> None:
    for path, offered in every_operation():
        if method in offered or (method == "HEAD" and "GET" in offered):
            continue
        known = {"did": "did:x:y", "record_id": "x", "slug": "x", "version": 1, "level": 0, "position": "000",
                 "origin_hash": "00" * 32, "locale": "pt", "reference": "x"}  # fmt: skip
        address = path.format_map(defaultdict(uuid.uuid4, known))
        client = agency if path.startswith("/api/v1/offers") else bank
        response = client.generic(method, address, b"{}", JSON)
        assert offered <= set(response["Allow"].split(", ")), address
        if method != "HEAD":
            assert_problem(response, "", 405, "method_not_allowed")


# What is no id may be a fine name, of a policy or list that there is not.
UNKNOWN = {*MISSING, "policy_missing", "verification_missing", "trust_list_unknown"}


@pytest.mark.parametrize("bad", ["%00", "%ff%fe", "%2e%2e%2f", "x" * 3000, "😀", "%", "0x1", "-1", "' OR 1=1--"])
def test_an_address_that_is_none_is_not_found(bank: Client, bad: str) -> None:
    for path, offered in every_operation():
        if "GET" not in offered or "{" not in path or "{did}" in path:
            continue
        response = bank.get(path.replace("{level}", "0").replace("{version}", bad).format_map(_Everywhere(bad)))
        assert response.status_code in {400, 404}, path
        assert response["Content-Type"] == MEDIA_TYPE
        assert response.json()["code"] in UNKNOWN


class _Everywhere(dict[str, str]):
    def __init__(self, value: str) -> None:
        super().__init__()
        self.value = value

    def __missing__(self, key: str) -> str:
        return self.value


@pytest.mark.parametrize(
    "did", ["x", "did:", "did:weid:1:0x0", "did:key:z", "did:jwk:e30", "did:web:", "did:x:y", "%00"]
)
def test_a_did_that_is_none_is_a_result_that_says_so(bank: Client, did: str) -> None:
    response = bank.get(f"/1.0/identifiers/{did}?versionId=%F0%9F%98%80")
    assert response.status_code in {400, 404}
    assert response["Content-Type"].split(";")[0] in {"application/ld+json", MEDIA_TYPE}


@pytest.mark.parametrize(
    "accept", ["", "*/*", "text/html", "application/xml", "a", ";;", "*/*;q=x", "\xff", "a/b," * 500]
)
def test_any_accept_header_is_answered(bank: Client, accept: str) -> None:
    for path in (
        "/log/vkey",
        "/api/v1/trust-bundle",
        "/api/v1/requests/x",
        f"/status/{uuid.uuid4()}",
        "/api/openapi.json",
    ):
        assert bank.get(path, headers={"accept": accept}).status_code in {200, 404, 406}, path
