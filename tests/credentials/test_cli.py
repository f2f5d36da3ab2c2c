"""The command-line verifier: a bundle saved from the service, then no network, no database, no settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import translation

from anchoring import sequencer
from anchoring.ledger import Trust
from anchoring.receipts import receipt_for
from credentials import holdings, revocation
from credentials.cli import main
from credentials.issuance import record_id
from credentials.models import Credential
from credentials.offline_ledgers import offline_verifiers
from protocol.checkpoint import Checkpoint
from protocol.sd_jwt import hold, select
from tests import cast
from tests.credentials import attested
from tests.processes import ROOT

pytestmark = pytest.mark.django_db

# Whoever looks a name up or connects, even to this machine, fails. The ledger of the tests is a kind of its own.
WITHOUT_NETWORK = """
import runpy, socket
from anchoring import kinds
kinds.BUILT_IN = {**kinds.BUILT_IN, "memory": "anchoring.backends.memory.MemoryLedger"}
socket.getaddrinfo = socket.socket.connect = socket.socket.connect_ex = None
runpy.run_module("credentials.cli", run_name="__main__")
"""


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
    from datetime import timedelta

    return datetime.now(UTC) + timedelta(hours=hours)


@pytest.fixture
def evidence(lei: cast.Citizen, settings: Any, tmp_path: Path) -> str:
    world = attested.attested(lei, settings)
    (tmp_path / "c.evidence.json").write_bytes(attested.bundle(world, datetime.now(UTC)))
    save_bundle(tmp_path / "trust.json")
    (tmp_path / "quorum.txt").write_text(attested.quorum("group both all guangdong stamp\nquorum both"))
    (tmp_path / "node.txt").write_text(attested.quorum("quorum contract"))
    return str(tmp_path)


def test_evidence_is_judged_without_settings_secrets_database_or_network(evidence: str) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WITHOUT_NETWORK, "verify", "--json"]
    command += [
        "--trust",
        f"{evidence}/trust.json",
        "--quorum",
        f"{evidence}/quorum.txt",
        f"{evidence}/c.evidence.json",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stderr) == (0, "")
    report: dict[str, Any] = json.loads(done.stdout)
    assert (report["verdict"], report["consistency"], report["trust"]) == ("valid", "valid", "valid")
    assert {item["name"]: item["standing"] for item in report["attestations"]} == {
        "memory": "offline",
        "node": "not_checked",
    }
    assert report["trusted"]["checks"][8]["code"] == "anchor_attested"


@translation.override("en")
def test_both_questions_are_answered_apart(evidence: str, capsys: Any) -> None:
    file = f"{evidence}/c.evidence.json"
    assert main(["verify", file]) == 2
    out = capsys.readouterr().out
    assert ": valid\n" in out
    assert "vouched for by those whom you trust: not_asked" in out
    assert main(["verify", "--trust", f"{evidence}/trust.json", file]) == 0
    out = capsys.readouterr().out
    assert "vouched for by those whom you trust: valid" in out
    assert "memory (memory): Checked here, without asking anyone" in out
    assert "node (node): Fits, but only the ledger can confirm it" in out


def test_names_in_a_file_are_no_lines_and_no_commands_to_a_terminal(evidence: str, capsys: Any) -> None:
    path = Path(evidence, "c.evidence.json")
    value = json.loads(path.read_text())
    value["attestations"][0]["ledger_id"] = "x\nvalid\x1b[2J\u202e"
    path.write_text(json.dumps(value, ensure_ascii=False))
    assert main(["verify", str(path)]) == 2
    out = capsys.readouterr().out
    assert "\nvalid" not in out
    assert r"x\nvalid\x1b[2J\u202e (memory)" in out


def test_names_in_a_policy_that_are_no_text_are_printed_all_the_same(evidence: str, capfdbinary: Any) -> None:
    policy = Path(evidence, "quorum.txt")
    policy.write_bytes(
        policy.read_bytes().replace(b"guangdong", b"\xff").replace(b"\xff.example", b"guangdong.example")
    )
    asked = ["verify", "--json", "--trust", f"{evidence}/trust.json", "--quorum", str(policy)]
    assert main([*asked, f"{evidence}/c.evidence.json"]) == 0
    report = json.loads(capfdbinary.readouterr().out)
    assert "\udcff" in report["trusted"]["checks"][8]["evidence"]["counted"]


def test_a_ledger_that_only_its_node_can_confirm_exits_2(evidence: str, capsys: Any) -> None:
    with_trust = ["verify", "--trust", f"{evidence}/trust.json", "--quorum", f"{evidence}/node.txt"]
    assert main([*with_trust, f"{evidence}/c.evidence.json"]) == 2
    assert "quorum_undetermined" in capsys.readouterr().out


def test_altered_evidence_exits_1_and_what_is_none_exits_3(evidence: str, capsys: Any) -> None:
    path = Path(evidence, "c.evidence.json")
    sound = path.read_text()
    path.write_text(sound.replace('"signature_valid"', '"signature_invalid"'))
    assert main(["verify", "--trust", f"{evidence}/trust.json", str(path)]) == 1
    assert "report_differs" in capsys.readouterr().out
    path.write_text(sound[:-1])
    assert main(["verify", str(path)]) == 3
    assert "evidence_invalid" in capsys.readouterr().err


def test_what_an_evidence_bundle_brings_itself_is_not_asked_for_again(evidence: str, capsys: Any) -> None:
    assert main(["verify", "--nonce", "x", f"{evidence}/c.evidence.json"]) == 3
    assert "an evidence bundle brings its own: nonce" in capsys.readouterr().err


def test_years_later_the_command_line_says_that_it_judged_another_day(evidence: str, capsys: Any) -> None:
    with time_machine.travel(_in_hours(24 * 365 * 20), tick=True):
        assert main(["verify", "--trust", f"{evidence}/trust.json", f"{evidence}/c.evidence.json"]) == 0
    assert "judged as of the date of the report" in capsys.readouterr().out


def test_a_presentation_can_be_held_to_a_quorum_too(files: dict[str, str], evidence: str, capsys: Any) -> None:
    assert run(files, "--quorum", f"{evidence}/quorum.txt") == 2
    assert "anchor_unavailable" in capsys.readouterr().out
    assert main(["verify", files["shown"]]) == 3
    assert "--trust" in capsys.readouterr().err


def test_a_node_that_does_not_answer_leaves_the_ledger_to_be_asked() -> None:
    checkpoint = Checkpoint("localhost:8000/log", 1, b"\x01" * 32)
    verifier = offline_verifiers(rpc_url="http://127.0.0.1:9/")["evm"]
    verdict = verifier(b"{}", checkpoint, Trust(()))
    assert not verdict.is_valid
