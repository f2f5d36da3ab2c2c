"""What the command line reads besides files: standard input, addresses, codes in images; and signed reports."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import segno
from django.test import Client
from pytest_django import Settings

from credentials.cli import main
from protocol.keys import SoftwareSigner, generate_p256
from protocol.sd_jwt_vc import issue_credential
from tests import cast
from tests.config.browser import chromium
from tests.credentials.verifier import Software, show
from tests.processes import ROOT
from tests.simulators.web import Answer, Web, serve, write_certificate

pytestmark = pytest.mark.django_db


@pytest.fixture
def shown(lei: cast.Citizen) -> str:
    return show(lei, cast.issue_certificate(to=lei), "sex")


@pytest.fixture
def bundle(shown: str, tmp_path: Path) -> str:
    path = tmp_path / "bundle.json"
    path.write_bytes(Client().get("/api/v1/trust-bundle").content)
    return str(path)


def verify(bundle: str, name: str) -> int:
    return main(["verify", "--trust", bundle, name])


def test_standard_input(bundle: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(shown.encode())))
    assert verify(bundle, "-") == 0


def draw(text: str, path: Path) -> str:
    segno.make(text, error="l", micro=False).save(str(path), scale=4)
    return str(path)


@pytest.fixture
def compact(bundle: str) -> str:
    """A certificate that fits into a code: of a foreign issuer in the bundle, without a chain of certificates."""
    signer = SoftwareSigner(generate_p256(), "k")
    issuer = {"identifier": "https://uni.example", "types": ["*"], "keys": [{"kid": "k", "jwk": signer.public_jwk}]}
    known = json.loads(Path(bundle).read_text())
    known["issuers"].append({**issuer, "status_keys": []})
    Path(bundle).write_text(json.dumps(known))
    issued = issue_credential(
        claims={"sex": "female"}, vct="v", signer=signer, header={"kid": "k"}, issuer="https://uni.example", issued_at=1
    )
    return issued.text


def test_the_code_in_a_png(bundle: str, compact: str, tmp_path: Path) -> None:
    assert verify(bundle, draw(compact, tmp_path / "code.png")) == 0
    assert verify(bundle, draw(compact[:-2], tmp_path / "other.png")) == 1


def test_the_code_in_a_photograph(bundle: str, compact: str, tmp_path: Path, capsys: Any) -> None:
    """A JPEG, and not quite straight."""
    drawn = segno.make(compact, error="m", micro=False).svg_inline(scale=4, light="#fff")
    with chromium() as browser:
        page = browser.new_page()
        page.set_content(f"<body style='transform: rotate(7deg); padding: 60px'>{drawn}")
        page.screenshot(path=str(tmp_path / "photo.jpg"), type="jpeg", quality=60, full_page=True)
    assert verify(bundle, str(tmp_path / "photo.jpg")) == 0
    assert 'sex: "female"' in capsys.readouterr().out


def test_an_address_in_a_code_is_shown_and_never_followed(bundle: str, tmp_path: Path, capsys: Any) -> None:
    assert verify(bundle, draw("https://collector.example/\x1b[31m?who=me", tmp_path / "code.png")) == 3
    said = capsys.readouterr().err
    assert "https://collector.example/" in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    "image", [b"\x89PNG\r\n\x1a\n", b"\x89PNG\r\n\x1a\n" + b"\0" * 1000, b"\xff\xd8\xff" + b"\xff" * 1000]
)
def test_an_image_without_a_code_is_unreadable_input(image: bytes, bundle: str, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "image").write_bytes(image)
    assert verify(bundle, str(tmp_path / "image")) == 3
    assert "no code can be read in the image" in capsys.readouterr().err


def test_without_node_an_image_is_unreadable_input(
    bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert verify(bundle, draw("x", tmp_path / "code.png")) == 3
    assert "needs Node" in capsys.readouterr().err


@pytest.fixture
def web(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Web]:
    certificate = write_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    settings.FETCH_ALLOWED_PRIVATE_HOSTS = ["localhost"]
    with serve(certificate) as running:
        yield running


def test_an_address(bundle: str, shown: str, web: Web) -> None:
    web.answers["/shown"] = Answer(shown.encode(), headers={"Content-Type": "application/dc+sd-jwt"})
    web.answers["/page"] = Answer(shown.encode(), headers={"Content-Type": "text/html"})
    assert [verify(bundle, f"{web.origin}{path}") for path in ("/shown", "/page", "/none")] == [0, 3, 3]


@pytest.mark.parametrize(
    "address", ["https://127.0.0.1/x", "https://localhost/x", "http://example.org/x", "https://[::1]/"]
)
def test_a_private_or_plain_address_is_never_contacted(address: str, bundle: str) -> None:
    """In a process of its own, without the settings of a deployment, that could allow one."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "credentials.cli", "verify", "--trust", bundle, address]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 3
    assert "fetch_refused" in done.stderr


@pytest.fixture
def files(shown: str, tmp_path: Path) -> dict[str, str]:
    contents = {
        "keys": Client().get("/.well-known/jwks.json").content.decode(),
        "shown": shown,
        "report": Software().verify(shown, report="jws")["report"],
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content + "\n")
    return {name: str(tmp_path / name) for name in contents}


def read(files: dict[str, str], *more: str) -> int:
    return main(["report", "--keys", files["keys"], *more, files["report"]])


def test_a_report_is_checked_in_a_process_without_django(files: dict[str, str]) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "credentials.cli", "report", "--json", "--keys", files["keys"], files["report"]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["verdict"] == "valid"


def test_a_report_says_who_found_what_and_when(files: dict[str, str], capsys: Any) -> None:
    assert read(files, "--presentation", files["shown"], "--issuer", "http://localhost:8000") == 0
    said = capsys.readouterr().out
    assert "as http://localhost:8000 found it at " in said
    assert "by the policy asked for: accepted" in said
    assert said.count("[") == 10


def test_a_report_on_an_open_verdict_exits_2(files: dict[str, str], shown: str, capsys: Any) -> None:
    answer = Software().verify(shown, report="jws", policy={"require_anchor": True})
    Path(files["report"]).write_text(answer["report"])
    assert read(files) == 2
    assert "could not be checked: anchor" in capsys.readouterr().out


def test_a_report_of_another_service_or_about_something_else_exits_1(files: dict[str, str], capsys: Any) -> None:
    assert read(files, "--issuer", "https://elsewhere.example") == 1
    Path(files["shown"]).write_text("something else")
    assert read(files, "--presentation", files["shown"]) == 1
    assert "about another presentation" in capsys.readouterr().err


def test_a_forged_report_exits_1_and_keys_that_are_none_exit_3(files: dict[str, str]) -> None:
    whole = Path(files["report"]).read_text()
    Path(files["report"]).write_text(whole[:-10] + "AAAAAAAA\n")
    assert read(files) == 1
    for content in ("", "{}", '{"keys": []}', '{"keys": [7]}', '{"keys": [{}]}', "[]"):
        Path(files["keys"]).write_text(content)
        assert read(files) == 3, content
