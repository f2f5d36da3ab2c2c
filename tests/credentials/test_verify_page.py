"""The public page: paste or upload, read the result in words, and leave no trace."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from credentials import holdings, revocation
from credentials.models import Credential
from protocol.sd_jwt import hold, select
from tests import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def credential(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def shown(lei: cast.Citizen, credential: Credential) -> str:
    held = holdings.read_sd_jwt(credential, lei.person)
    return select(hold(held, allowed_types=frozenset({"dc+sd-jwt"})), [("sex",), ("name_zh",)])


def check(**data: object) -> str:
    response = Client(headers={"accept-language": "en"}).post("/verify", data)
    assert response.status_code == 200, response.content.decode()
    assert response["Cache-Control"] == "no-store"
    return str(response.content.decode())


def test_a_pasted_certificate_is_judged_in_words(shown: str) -> None:
    page = check(presentation=shown)
    assert "Every check that applies passed." in page
    assert "Birth certificate" in page
    assert "Identification Bureau" in page
    assert "Female" in page
    assert '<dd class="govuk-summary-list__value" lang="zh-Hant">李嘉敏' in page
    assert "9 items are not shown:" in page


def test_line_breaks_from_an_e_mail_do_no_harm(shown: str) -> None:
    assert "Every check that applies passed." in check(presentation=f"  {shown[:60]}\r\n{shown[60:]} ")


@pytest.mark.parametrize("wrap", [str, lambda text: json.dumps({"presentation": text}), json.dumps])
def test_an_uploaded_file_is_read_plain_or_wrapped(shown: str, wrap: Callable[[str], str]) -> None:
    assert "Every check that applies passed." in check(file=SimpleUploadedFile("c.json", wrap(shown).encode()))


def test_a_revoked_certificate_says_so_first(credential: Credential, shown: str) -> None:
    revocation.revoke(credential=credential, actor=cast.bo(), reason="data_error")
    page = check(presentation=shown)
    assert "Not valid" in page
    assert "The issuer has withdrawn it." in page


@pytest.mark.parametrize("text", ["nonsense", "{", '"', '{"a": 1}', "a~b~", "<script>alert(1)</script>~"])
def test_anything_else_is_not_valid_and_inert(text: str) -> None:
    page = check(presentation=text)
    assert "Not valid" in page
    assert "<script>alert" not in page


def test_a_binary_file_is_not_valid() -> None:
    assert "Not valid" in check(file=SimpleUploadedFile("x.bin", bytes(range(256)) * 10))


def test_nothing_given_is_an_error_on_the_form() -> None:
    response = Client(headers={"accept-language": "en"}).post("/verify", {})
    assert response.status_code == 422
    assert "Paste a certificate, or choose a file." in response.content.decode()


def test_the_page_itself_needs_no_sign_in_and_only_it_may_run_the_reader() -> None:
    response = Client().get("/verify")
    assert response.status_code == 200
    assert "'wasm-unsafe-eval'" in response["Content-Security-Policy"]
    assert "'unsafe-inline'" not in response["Content-Security-Policy"]
