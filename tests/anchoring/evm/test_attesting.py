"""The log's own worker with a contract on a chain: from an operator's command to final attestations, killed or not."""

from __future__ import annotations

import re
import signal
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from anchoring import attestation, fsck
from anchoring.backends.evm import EvmLedger
from anchoring.backends.evm.contract import Submission
from anchoring.backends.evm.options import read_key
from anchoring.backends.evm.transaction import parse_signed
from anchoring.configured import deploy_ledger
from anchoring.ledger import Trust
from anchoring.log_key import log_key
from anchoring.models import Attestation, ConfiguredLedger, EvmTransaction
from anchoring.registry import ledgers
from protocol.checkpoint import Checkpoint
from tests.anchoring import steps
from tests.anchoring.evm.chains import address_in, funded_key, settle
from tests.anchoring.evm.contracts import ORIGIN, Account, Contract
from tests.anchoring.evm.test_lanes import effects
from tests.anchoring.records import hand_over, log_records
from tests.processes import ROOT, Forker, process_environment
from tests.simulators.anvil import Anvil

State = Attestation.State

CRASH_POINTS = sorted(
    set(re.findall(r'\breach\("(attest\.[a-z_]+)"\)', (ROOT / "anchoring" / "attestation.py").read_text("utf-8")))
)


def given(chain: Anvil, key_file: Path, **more: str) -> dict[str, str]:
    return {"rpc_url": chain.url, "key_file": str(key_file), "confirmations": "1", **more}


def states() -> list[str]:
    return list(Attestation.objects.order_by("checkpoint__size").values_list("state", flat=True))


def attest(chain: Anvil) -> None:
    """What beat does, for as long as it takes: a block, a look, and the minutes in between."""
    with time_machine.travel(timezone.now(), tick=True) as clock:
        for _ in range(4):
            for ledger_id in attestation.due_ledgers():
                attestation.attest(ledger_id=ledger_id)
            settle(chain.url)
            clock.shift(timedelta(seconds=70))


@pytest.fixture
def only_added(settings: Settings) -> None:
    settings.ANCHORING_LEDGERS = []
    settings.FSCK_CHECKS = []


@pytest.mark.django_db
@pytest.mark.usefixtures("only_added")
class TestOneWorker:
    """One pass after another."""

    def test_one_command_deploys_and_the_next_checkpoint_is_attested(
        self, chain: Anvil, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        key_file = funded_key(chain, tmp_path / "key")
        log_records(1)
        command = ["--rpc-url", chain.url, "--key-file", str(key_file), "--confirmations", "1"]
        call_command("ledger", "deploy", *command)
        assert "contract attests from the next checkpoint on" in capsys.readouterr().out
        newest = log_records(2, 3)
        attest(chain)
        assert states() == [State.FINAL]
        row = Attestation.objects.get()
        assert (row.ledger_id, row.checkpoint) == ("contract", newest)
        checkpoint = Checkpoint(newest.origin, newest.size, bytes(newest.root))
        trust = Trust((log_key(),), ledgers()["contract"].identity().pins)
        assert EvmLedger.check_online(bytes(row.evidence or b""), checkpoint, chain.url, trust).is_valid
        assert fsck.check() == []

    def test_each_checkpoint_extends_the_one_before_on_the_chain(self, chain: Anvil, tmp_path: Path) -> None:
        deploy_ledger(ledger_id="contract", kind="evm", options=given(chain, funded_key(chain, tmp_path / "key")))
        for number in range(1, 8):
            log_records(*range(number * 100, number * 101))
            attest(chain)
        assert states() == [State.FINAL] * 7
        assert set(effects(chain).values()) == {1}

    def test_a_backlog_drains_as_one_transaction(self, chain: Anvil, tmp_path: Path) -> None:
        key_file = funded_key(chain, tmp_path / "key")
        deploy_ledger(ledger_id="contract", kind="evm", options=given(chain, key_file))
        chain.freeze()
        for number in range(3):
            log_records(number)
        attestation.attest(ledger_id="contract")
        assert set(states()) <= {State.RETRY_WAIT, State.SUPERSEDED, State.PLANNED}
        chain.thaw()
        attest(chain)
        assert states() == [State.SUPERSEDED, State.SUPERSEDED, State.FINAL]
        assert chain.nonce(address_in(key_file)) == 2

    def test_a_rival_in_between_is_planned_anew_in_the_same_lane(self, chain: Anvil, tmp_path: Path) -> None:
        """Another worker of ours moves the contract between our preparing and our sending."""
        key_file = funded_key(chain, tmp_path / "key")
        row = deploy_ledger(ledger_id="contract", kind="evm", options=given(chain, key_file))
        address = bytes.fromhex(row.options["address"][2:])
        first = log_records(1)
        second = log_records(2, 3)
        ledger = ledgers()["contract"]
        assert isinstance(ledger, EvmLedger)
        attempt = Attestation.objects.select_related("checkpoint").get(checkpoint=second)
        attestation._prepare(attempt, ledger)
        contract = Contract(Account(chain, read_key(key_file)), address)
        rival = Account(chain)
        contract.change("addSubmitter(bytes32,address)", ORIGIN, rival.address)
        contract.submit(Submission(ORIGIN, first.size, bytes(first.root), 0, ()), rival)
        attest(chain)
        assert Attestation.objects.get(checkpoint=second).state == State.FINAL
        assert chain.nonce(contract.owner.address) == EvmTransaction.objects.order_by("nonce").last().nonce + 1  # type: ignore[union-attr]  # there is one

    def test_a_stuck_transaction_is_replaced_by_the_worker_itself(self, chain: Anvil, tmp_path: Path) -> None:
        key_file = funded_key(chain, tmp_path / "key")
        deploy_ledger(ledger_id="contract", kind="evm", options=given(chain, key_file))
        log_records(1)
        chain.hold_back()
        with time_machine.travel(timezone.now(), tick=True) as clock:
            for _ in range(8):
                attestation.attest(ledger_id="contract")
                clock.shift(timedelta(seconds=100))
        sent = EvmTransaction.objects.filter(nonce=1)
        prices = [parse_signed(bytes(row.raw)).transaction.fees.price for row in sent.order_by("id")]
        assert len(prices) > 1
        assert prices == sorted(set(prices))
        chain.mine()
        with time_machine.travel(timezone.now() + timedelta(seconds=2000), tick=True):
            attestation.attest(ledger_id="contract")
        assert states() == [State.FINAL]

    def test_a_contract_held_by_another_history_stops_the_lane(self, chain: Anvil, tmp_path: Path) -> None:
        key_file = funded_key(chain, tmp_path / "key")
        row = deploy_ledger(ledger_id="contract", kind="evm", options=given(chain, key_file))
        contract = Contract(Account(chain, read_key(key_file)), bytes.fromhex(row.options["address"][2:]))
        contract.submit(Submission(ORIGIN, 7, bytes(range(32)), 0, ()))
        log_records(1)
        attest(chain)
        assert states() == [State.CONFLICT]


@pytest.mark.django_db(transaction=True)
@pytest.mark.processes
@pytest.mark.usefixtures("only_added")
def test_a_worker_killed_at_any_step_attests_each_checkpoint_once(
    chain: Anvil, tmp_path: Path, settings: Settings
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("processes share a database server; SQLite in a test is this process's own memory")
    assert len(CRASH_POINTS) > 8
    settings.ATTESTATION_LEASE_SECONDS = 1
    deploy_ledger(ledger_id="contract", kind="evm", options=given(chain, funded_key(chain, tmp_path / "key")))
    with Forker(process_environment(var_dir=Path(settings.VAR_DIR), ANCHORING_LEDGERS="")) as forker:
        for number, point in enumerate(CRASH_POINTS, 1):
            hand_over(*range((number - 1) * 10, number * 10))
            # A transaction is mined a moment after it was taken: what comes after is reached at the second look.
            assert forker.run("tests.anchoring.evm.steps.patiently", crash_at=point) == [-signal.SIGKILL], point
            attest_until_final(chain, number * 10)
    assert set(effects(chain).values()) == {1}
    assert ConfiguredLedger.objects.count() == 1
    assert fsck.check() == []


def attest_until_final(chain: Anvil, size: int) -> None:
    settle(chain.url)
    with time_machine.travel(timezone.now(), tick=True) as clock:
        for _ in range(4):
            clock.shift(timedelta(minutes=2))
            steps.whole_way()
            settle(chain.url)
    assert Attestation.objects.get(checkpoint__size=size).state == State.FINAL
