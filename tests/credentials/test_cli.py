"""The command-line verifier: a bundle saved from the service, then no network, no database, no settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from anchoring import sequencer
from anchoring.receipts import receipt_for
from credentials import holdings, revocation
from credentials.cli import main
from credentials.issuance import record_id
from credentials.models import Credential
from protocol.sd_jwt import hold, select
from tests import cast
from tests.processes import ROOT

pytestmark = pytest.mark.django_db


@pytest.fixture
def credential(lei: cast.Citizen) -> Credential:
    return cast.issue_certificate(to=lei)


@pytest.fixture
def files(lei: cast.Citizen, credential: Credential, tmp_path: Path) -> dict[str, str]:
    held = holdings.read_sd_jwt(credential, lei.person)
    (tmp_path / "shown.txt").write_text(select(hold(held, allowed_types=frozenset({"dc+sd-jwt"})), [("sex",)]) + "\n")
    save_bundle(tmp_path / "bundle.json")
    return {name: str(tmp_path / file) for name, file in (("shown", "shown.txt"), ("bundle", "bundle.json"))}


def save_bundle(path: Path) -> None:
    path.write_bytes(Client().get("/api/v1/trust-bundle").content)


def run(files: dict[str, str], *more: str) -> int:
    return main(["verify", "--trust", files["bundle"], *more, files["shown"]])


def test_a_valid_certificate_exits_0_in_a_process_without_django(files: dict[str, str]) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "credentials.cli", "verify", "--trust", files["bundle"], "--json", files["shown"]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    report: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert (report["verdict"], report["claims"]) == ("valid", {"sex": "female"})
    assert report["checks"][3]["message"] == "The issuer signed it and nobody has altered it."


def test_a_revoked_certificate_exits_1(files: dict[str, str], credential: Credential, capsys: Any) -> None:
    revocation.revoke(credential=credential, actor=cast.bo(), reason="data_error")
    save_bundle(Path(files["bundle"]))
    assert run(files) == 1
    assert "credential_revoked" in capsys.readouterr().out


def test_a_status_older_than_allowed_exits_2(files: dict[str, str], capsys: Any) -> None:
    with time_machine.travel(_in_hours(3), tick=True):
        assert run(files, "--policy", '{"max_status_age": 600}') == 2
    assert "status_too_old" in capsys.readouterr().out


def test_anchoring_is_proven_by_the_receipt_alone(
    files: dict[str, str], credential: Credential, tmp_path: Path
) -> None:
    insist = ("--policy", '{"require_anchor": true}')
    assert run(files, *insist) == 2
    sequencer.sequence()
    sequencer.sign_checkpoint()
    receipt = receipt_for(record_id(credential.pk))
    assert receipt is not None
    (tmp_path / "proof").write_text(receipt.encode())
    assert run(files, *insist, "--receipt", str(tmp_path / "proof")) == 0


def test_another_certificates_receipt_exits_1(files: dict[str, str], lei: cast.Citizen, tmp_path: Path) -> None:
    other = cast.issue_certificate(to=lei, slug="proof-of-residence")
    sequencer.sequence()
    sequencer.sign_checkpoint()
    receipt = receipt_for(record_id(other.pk))
    assert receipt is not None
    (tmp_path / "proof").write_text(receipt.encode())
    assert run(files, "--receipt", str(tmp_path / "proof")) == 1


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"format": "chancela/trust-bundle@v1"}', '{"format": "chancela/trust-bundle@v1", "issuers": 1}'],
)
def test_what_is_no_bundle_is_wrong_usage(files: dict[str, str], content: str, capsys: Any) -> None:
    Path(files["bundle"]).write_text(content)
    assert run(files) == 3
    assert "trust_bundle_invalid" in capsys.readouterr().err


def test_an_expired_bundle_is_wrong_usage(files: dict[str, str]) -> None:
    with time_machine.travel(_in_hours(30), tick=True):
        assert run(files) == 3


@pytest.mark.parametrize("arguments", [[], ["verify"], ["verify", "--trust", "x"], ["verify", "--nonsense"]])
def test_wrong_arguments_are_wrong_usage(arguments: list[str], capsys: Any) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 3
    assert "usage" in capsys.readouterr().err


def test_missing_files_and_bad_policies_are_wrong_usage(files: dict[str, str]) -> None:
    assert main(["verify", "--trust", files["bundle"], "/nonexistent"]) == 3
    assert run(files, "--policy", "{") == 3
    assert run(files, "--policy", '{"unknown": 1}') == 3


def test_a_saved_bundle_holds_no_personal_data(files: dict[str, str]) -> None:
    text = Path(files["bundle"]).read_text()
    assert "Lei" not in text
    assert "did:weid" not in text


def _in_hours(hours: int) -> Any:
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) + timedelta(hours=hours)
