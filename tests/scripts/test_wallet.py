"""The command-line wallet against the service, and against links that a wallet must not follow."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.test import Client
from pytest_django import Settings

from authorization.openid4vp.request_objects import wallet_link
from config import demo, sandbox
from scripts import wallet

pytestmark = pytest.mark.django_db

TRUST = "http://localhost:8000/sandbox/authorities.pem"


@pytest.fixture(autouse=True)
def service(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded demonstration behind the test client: what the wallet sends is what it would send over a socket."""
    settings.VAR_DIR = tmp_path
    demo.seed()
    monkeypatch.setattr(wallet, "STORE", tmp_path / "wallet.json")
    monkeypatch.setattr(wallet, "_fetch", fetch)


def fetch(request: urllib.request.Request) -> bytes:
    path = urlsplit(request.full_url).path
    headers = {name.lower(): value for name, value in request.header_items()}
    content_type = headers.pop("content-type", "")
    client: Any = Client(headers=headers)
    answer = (
        client.post(path, request.data, content_type=content_type) if request.data is not None else client.get(path)
    )
    if answer.status_code >= 400:
        raise wallet.WalletError(f"refused with {answer.status_code}: {answer.content.decode()}")
    return bytes(answer.content)


def accept(**changes: str) -> int:
    made = sandbox.offer()
    assert made is not None
    return wallet.main(["accept", made.uri, "--tx-code", changes.get("tx_code", made.tx_code or "")])


def link() -> str:
    session = sandbox.ask()
    assert session is not None
    return wallet_link(session)


def test_it_takes_a_certificate_and_shows_part_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert accept() == 0
    assert wallet.main(["present", link(), "--trust", TRUST]) == 0
    printed = capsys.readouterr().out
    assert "Kept birth-certificate_1" in printed
    assert "Shown to x509_hash:" in printed
    assert "parents" not in printed.partition("Shown to")[2]


def test_the_newest_certificate_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert (accept(), accept()) == (0, 0)
    assert len(json.loads(wallet.STORE.read_text())) == 2
    assert wallet.main(["present", link(), "--trust", TRUST]) == 0


def test_a_wrong_code_takes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert accept(tx_code="000000") == 1
    assert "invalid_grant" in capsys.readouterr().err
    assert not wallet.STORE.exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["accept", "openid-credential-offer://?x=1"], "not a credential offer"),
        (["accept", "openid-credential-offer://?credential_offer_uri=file:///etc/passwd"], "not an address of the web"),
        (["present", "openid4vp://?client_id=a", "--trust", TRUST], "not a link to a signed request"),
        (["present", "openid4vp://?client_id=a", "--trust", "file:///etc/passwd"], "not an address of the web"),
    ],
)
def test_links_that_lead_nowhere_are_refused(
    arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert accept() == 0
    assert wallet.main(arguments) == 1
    assert reason in capsys.readouterr().err


def test_an_empty_wallet_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert wallet.main(["present", link(), "--trust", TRUST]) == 1
    assert "empty" in capsys.readouterr().err


def test_it_shows_nothing_to_a_name_that_the_request_does_not_prove(capsys: pytest.CaptureFixture[str]) -> None:
    assert accept() == 0
    query = dict(part.split("=", 1) for part in urlsplit(link()).query.split("&"))
    forged = f"openid4vp://?{urlencode({'client_id': 'x509_hash:AAAA', 'request_uri': 'http://localhost:8000/x'})}"
    assert query["request_uri"]
    honest = link().replace(query["client_id"], "x509_hash%3AAAAA")
    for address in (forged, honest):
        assert wallet.main(["present", address, "--trust", TRUST]) == 1
    assert "Shown to" not in capsys.readouterr().out
