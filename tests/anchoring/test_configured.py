"""Adding, deploying, pausing and removing ledgers, by verb and by command."""

from __future__ import annotations

import io
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from anchoring import attestation, configured, sequencer
from anchoring.backends.evm import deployment
from anchoring.backends.evm.rpc import hex_data
from anchoring.backends.evm.transaction import created_address, parse_signed
from anchoring.backends.memory import MemoryLedger
from anchoring.errors import (
    AmbiguousLedgerError,
    LedgerIdError,
    LedgerIdTakenError,
    LedgerMisconfiguredError,
    LedgerUnknownError,
    LogForkError,
    TransientLedgerError,
)
from anchoring.models import Attestation, ConfiguredLedger, EvmTransaction, LedgerPause
from anchoring.registry import ledgers
from tests.anchoring.evm.chains import address_in, funded_key, settle, write_key
from tests.anchoring.records import hand_over, log_records
from tests.simulators.anvil import Anvil

pytestmark = pytest.mark.django_db

MEMORY = {"confirmations": "0"}


@pytest.fixture(autouse=True)
def only_added(settings: Settings) -> None:
    settings.ANCHORING_LEDGERS = ["anchoring.backends.embedded.EmbeddedLedger"]


ACTS: list[dict[str, Any]] = []


def note_act(**act: Any) -> None:
    ACTS.append(act)


def lose_act(**act: Any) -> None:
    raise OSError("the disk is full")


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("ledger", *words, stdout=out)
    return out.getvalue()


class TestAdding:
    """What an operator adds is used from the next checkpoint on."""

    def test_an_added_ledger_attests_the_next_checkpoint(self) -> None:
        log_records(1)
        configured.add_ledger(ledger_id="trial", kind="memory", options=MEMORY)
        log_records(2)
        assert Attestation.objects.filter(ledger_id="trial").count() == 1
        attestation.attest(ledger_id="trial")
        assert Attestation.objects.get(ledger_id="trial").state == Attestation.State.FINAL

    @pytest.mark.parametrize("ledger_id", ["", "A", "-a", "a b", "a/b", "é", "a" * 61, "a\n", "a_b"])
    def test_an_id_has_one_form(self, ledger_id: str) -> None:
        with pytest.raises(LedgerIdError):
            configured.add_ledger(ledger_id=ledger_id, kind="memory", options={})

    def test_an_id_is_used_once(self) -> None:
        configured.add_ledger(ledger_id="trial", kind="memory", options=MEMORY)
        for name in ("trial", "embedded"):
            with pytest.raises(LedgerIdTakenError):
                configured.add_ledger(ledger_id=name, kind="memory", options=MEMORY)

    @pytest.mark.parametrize(("kind", "options"), [("bitcoin", {}), ("memory", {"confirmations": "x"}), ("evm", {})])
    def test_unknown_kinds_and_wrong_options_add_nothing(self, kind: str, options: dict[str, str]) -> None:
        with pytest.raises(LedgerMisconfiguredError):
            configured.add_ledger(ledger_id="trial", kind=kind, options=options)
        assert not ConfiguredLedger.objects.exists()

    def test_a_ledger_that_does_not_answer_is_not_added(self, tmp_path: Path) -> None:
        write_key(tmp_path / "key")
        word = "0x" + "11" * 32
        options = {
            "rpc_url": "http://127.0.0.1:1",
            "chain_id": "1",
            "genesis": word,
            "address": "0x" + "11" * 20,
            "code_hash": word,
            "key_file": str(tmp_path / "key"),
        }
        with pytest.raises(LedgerMisconfiguredError, match="ledger_transient"):
            configured.add_ledger(ledger_id="contract", kind="evm", options=options)
        assert not ConfiguredLedger.objects.exists()


class TestRemoving:
    """What was attested stays, and its id stands for it."""

    def test_a_removed_ledger_is_not_asked_again_and_may_come_back_as_itself(
        self, anvil: Anvil, tmp_path: Path
    ) -> None:
        row = self.deployed(anvil, tmp_path)
        configured.remove_ledger(ledger_id="contract")
        assert "contract" not in ledgers()
        log_records(5)
        assert Attestation.objects.filter(ledger_id="contract").count() == 1
        assert configured.add_ledger(ledger_id="contract", kind="evm", options=row.options).options == row.options

    def test_another_contract_under_an_old_id_is_refused(self, anvil: Anvil, tmp_path: Path) -> None:
        row = self.deployed(anvil, tmp_path)
        configured.remove_ledger(ledger_id="contract")
        given = {"rpc_url": anvil.url, "key_file": row.options["key_file"], "confirmations": "1"}
        other = configured.deploy_ledger(ledger_id="other", kind="evm", options=given)
        assert other.options["address"] != row.options["address"]
        with pytest.raises(LedgerIdTakenError, match="stood for another"):
            configured.add_ledger(ledger_id="contract", kind="evm", options=other.options)

    def test_what_was_never_added_cannot_be_removed(self) -> None:
        for name in ("nobody", "embedded"):
            with pytest.raises(LedgerUnknownError):
                configured.remove_ledger(ledger_id=name)

    def deployed(self, anvil: Anvil, folder: Path) -> ConfiguredLedger:
        given = {"rpc_url": anvil.url, "key_file": str(funded_key(anvil, folder / "key")), "confirmations": "1"}
        row = configured.deploy_ledger(ledger_id="contract", kind="evm", options=given)
        log_records(1)
        attestation.attest(ledger_id="contract")
        settle(anvil.url)
        Attestation.objects.update(next_attempt_at=None)
        attestation.attest(ledger_id="contract")
        assert Attestation.objects.get(ledger_id="contract").state == Attestation.State.FINAL
        return row


class TestPausing:
    """Nothing is sent, and nothing is lost."""

    def test_a_paused_ledger_gets_the_newest_checkpoint_afterwards(self) -> None:
        configured.add_ledger(ledger_id="quiet", kind="memory", options=MEMORY)
        configured.pause_ledger(ledger_id="quiet", reason="maintenance")
        for number in range(3):
            log_records(number)
        assert "quiet" not in attestation.due_ledgers()
        assert attestation.attest(ledger_id="quiet") == 0
        configured.resume_ledger(ledger_id="quiet")
        attestation.attest(ledger_id="quiet")
        rows = Attestation.objects.filter(ledger_id="quiet").order_by("checkpoint__size")
        assert [row.state for row in rows] == ["superseded", "superseded", "final"]

    def test_a_second_pause_changes_the_reason_and_one_resumption_ends_it(self) -> None:
        configured.pause_ledger(ledger_id="embedded", reason="one")
        configured.pause_ledger(ledger_id="embedded", reason="two" * 100)
        assert LedgerPause.objects.get().reason == ("two" * 100)[: configured.MAX_REASON]
        configured.resume_ledger(ledger_id="embedded")
        configured.resume_ledger(ledger_id="embedded")
        assert not LedgerPause.objects.exists()

    def test_only_ledgers_in_use_can_be_paused(self) -> None:
        with pytest.raises(LedgerUnknownError):
            configured.pause_ledger(ledger_id="nobody")
        with pytest.raises(LedgerUnknownError):
            configured.resume_ledger(ledger_id="nobody")


class TestDeploying:
    """Once per id, however often it is asked."""

    def given(self, anvil: Anvil, folder: Path) -> dict[str, str]:
        return {"rpc_url": anvil.url, "key_file": str(funded_key(anvil, folder / "key")), "confirmations": "1"}

    def test_the_options_pin_what_was_put_there(self, anvil: Anvil, tmp_path: Path) -> None:
        options = configured.deploy_ledger(
            ledger_id="contract", kind="evm", options=self.given(anvil, tmp_path)
        ).options
        assert options["chain_id"] == str(anvil.chain_id)
        assert options["genesis"] == anvil.ask("eth_getBlockByNumber", "0x0", False)["hash"]
        assert options["address"] == hex_data(created_address(address_in(tmp_path / "key"), 0))
        code = anvil.ask("eth_getCode", options["address"], "latest")
        assert code == hex_data(deployment.contract_code("runtime_code"))
        secret = (tmp_path / "key").read_text().strip()
        assert secret not in json.dumps(options)

    def test_a_deployment_that_was_cut_off_goes_on_with_the_same_bytes(
        self, chain: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = self.given(chain, tmp_path)
        chain.hold_back()
        monkeypatch.setattr(deployment, "SECONDS_TO_WAIT", 0.3)
        for _ in range(2):
            with pytest.raises(AmbiguousLedgerError, match="same command"):
                configured.deploy_ledger(ledger_id="contract", kind="evm", options=given)
        chain.mine()
        row = configured.deploy_ledger(ledger_id="contract", kind="evm", options=given)
        assert EvmTransaction.objects.count() == chain.nonce(address_in(tmp_path / "key")) == 1
        assert row.options["address"] == hex_data(created_address(address_in(tmp_path / "key"), 0))

    def test_a_deployment_whose_nonce_somebody_used_is_begun_anew(
        self, chain: Anvil, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        given = self.given(chain, tmp_path)
        chain.hold_back()
        monkeypatch.setattr(deployment, "SECONDS_TO_WAIT", 0.3)
        with pytest.raises(AmbiguousLedgerError):
            configured.deploy_ledger(ledger_id="contract", kind="evm", options=given)
        chain.drop(parse_signed(bytes(EvmTransaction.objects.get().raw)).hash)
        chain.ask("anvil_setNonce", hex_data(address_in(tmp_path / "key")), "0x5")
        chain.ask("evm_setAutomine", True)
        row = configured.deploy_ledger(ledger_id="contract", kind="evm", options=given)
        assert row.options["address"] == hex_data(created_address(address_in(tmp_path / "key"), 5))

    @pytest.mark.parametrize(
        "more", [{"address": "0x" + "11" * 20}, {"genesis": "0x"}, {"owner": "me"}, {"profile": "x"}, {"rpc_url": "x"}]
    )
    def test_what_is_found_out_or_unknown_cannot_be_given(
        self, anvil: Anvil, tmp_path: Path, more: dict[str, str]
    ) -> None:
        with pytest.raises(LedgerMisconfiguredError):
            configured.deploy_ledger(ledger_id="contract", kind="evm", options={**self.given(anvil, tmp_path), **more})
        assert not EvmTransaction.objects.exists()

    def test_a_key_without_funds_and_a_node_that_is_away_deploy_nothing(self, chain: Anvil, tmp_path: Path) -> None:
        given = self.given(chain, tmp_path)
        chain.fund(address_in(tmp_path / "key"), 0)
        with pytest.raises(LedgerMisconfiguredError):
            configured.deploy_ledger(ledger_id="contract", kind="evm", options=given)
        chain.stop(signal.SIGKILL)
        with pytest.raises(TransientLedgerError):
            configured.deploy_ledger(ledger_id="contract", kind="evm", options=given)
        assert not ConfiguredLedger.objects.exists()

    def test_only_some_kinds_can_be_deployed(self) -> None:
        for kind in ("memory", "nothing"):
            with pytest.raises(LedgerMisconfiguredError, match="deployed"):
                configured.deploy_ledger(ledger_id="trial", kind=kind, options={})


class TestAuditTrail:
    """Whoever gave an order, and why, stands beside what it did."""

    @pytest.fixture(autouse=True)
    def acts(self, settings: Settings) -> list[dict[str, Any]]:
        settings.AUDIT_SINK = f"{__name__}.note_act"
        ACTS.clear()
        return ACTS

    def test_every_order_is_recorded(self, acts: list[dict[str, Any]]) -> None:
        configured.add_ledger(ledger_id="trial", kind="memory", options=MEMORY)
        configured.pause_ledger(ledger_id="trial", actor="account:7", reason="maintenance")
        configured.resume_ledger(ledger_id="trial")
        run("remove", "trial", "--reason", "closed")
        assert [(act["actor"], act["action"], act["details"].get("reason")) for act in acts] == [
            ("operator", "ledger.added", None),
            ("account:7", "ledger.paused", "maintenance"),
            ("operator", "ledger.resumed", ""),
            ("operator", "ledger.removed", "closed"),
        ]
        assert {act["subject"] for act in acts} == {"ledger:trial"}
        assert acts[0]["details"] == {"kind": "memory", **MemoryLedger(ledger_id="trial").identity().pins}

    def test_what_cannot_be_recorded_is_not_done(self, settings: Settings) -> None:
        configured.add_ledger(ledger_id="trial", kind="memory", options=MEMORY)
        settings.AUDIT_SINK = f"{__name__}.lose_act"
        for order in (configured.pause_ledger, configured.remove_ledger):
            with pytest.raises(OSError, match="full"):
                order(ledger_id="trial")
        assert ConfiguredLedger.objects.exists()
        assert not LedgerPause.objects.exists()

    def test_one_that_contradicts_the_log_is_not_removed_without_a_reason(self, acts: list[dict[str, Any]]) -> None:
        configured.add_ledger(ledger_id="trial", kind="memory", options=MEMORY)
        log_records(1)
        Attestation.objects.filter(ledger_id="trial").update(state=Attestation.State.CONFLICT)
        hand_over(2)
        sequencer.sequence()
        with pytest.raises(LogForkError):
            sequencer.sign_checkpoint()
        with pytest.raises(CommandError, match="ledger_reason_missing"):
            run("remove", "trial", "--reason", " ")
        run("remove", "trial", "--reason", "its operator lost the database")
        assert sequencer.sign_checkpoint() is not None
        assert [act["action"] for act in acts] == ["ledger.added", "ledger.removed"]


class TestCommand:
    """manage.py ledger."""

    def test_the_whole_life_of_a_ledger(self) -> None:
        assert "trial attests from the next checkpoint on\n  confirmations=2" in run(
            "add", "memory", "trial", "confirmations=2"
        )
        assert "trial: in use, final after 2 more blocks, store=memory" in run("list")
        assert "trial is paused" in run("pause", "trial", "--reason", "maintenance")
        assert "trial: paused (maintenance)" in run("list")
        assert "newest checkpoint" in run("resume", "trial")
        assert "no longer used" in run("remove", "trial")
        assert "trial" not in run("list")

    def test_kinds_are_named_with_what_they_are(self) -> None:
        lines = dict(line.split(": ", 1) for line in run("kinds").splitlines())
        assert {"evm", "memory"} <= set(lines)
        assert lines["evm"] == "One contract, one submitter key."

    def test_an_unusable_ledger_is_listed(self) -> None:
        ConfiguredLedger.objects.create(ledger_id="broken", kind="memory", options={"confirmations": "many"})
        assert "broken: unusable" in run("list")

    @pytest.mark.parametrize(
        "words",
        [
            ["add", "memory", "trial", "confirmations"],
            ["add", "memory", "trial", "confirmations=1", "confirmations=2"],
            ["add", "bitcoin", "trial"],
            ["add", "memory", "Trial"],
            ["remove", "nobody"],
            ["pause", "nobody"],
            ["resume", "nobody"],
            ["deploy", "--rpc-url", "http://127.0.0.1:1", "--key-file", "/nowhere"],
        ],
    )
    def test_mistakes_are_said_and_change_nothing(self, words: list[str]) -> None:
        with pytest.raises(CommandError):
            run(*words)
        assert not ConfiguredLedger.objects.exists()
        assert not LedgerPause.objects.exists()
