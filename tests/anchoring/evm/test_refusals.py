"""What is left when the chain, the contract or the operator's limit says no."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.utils import timezone

from anchoring.backends.evm import EvmLedger
from anchoring.backends.evm.contract import Submission, origin_hash
from anchoring.backends.evm.options import read_key
from anchoring.backends.evm.transaction import Fees, Transaction, parse_signed, sign
from anchoring.errors import (
    AmbiguousLedgerError,
    LedgerConflictError,
    LedgerMisconfiguredError,
    OutdatedIntentError,
    RejectedByLedgerError,
    TransientLedgerError,
)
from anchoring.ledger import Extension, Intent, Presence, Progress, PublishedCheckpoint
from anchoring.log_key import log_key
from anchoring.models import EvmTransaction
from protocol.checkpoint import Checkpoint
from tests.anchoring.evm.chains import anchor, deployed, extension, funded_key, head, settle, write_key
from tests.anchoring.evm.contracts import ORIGIN, Account, Contract
from tests.simulators.anvil import Anvil
from tests.simulators.evm_node import SEND, Fault, StrictNode, serving

pytestmark = pytest.mark.django_db


@pytest.fixture
def node(chain: Anvil) -> Iterator[StrictNode]:
    with serving(StrictNode(chain)) as running:
        yield running


@pytest.fixture
def options(chain: Anvil, node: StrictNode, tmp_path: Path) -> dict[str, str]:
    return {**deployed(chain, funded_key(chain, tmp_path / "key")), "rpc_url": node.url}


@pytest.fixture
def ledger(options: dict[str, str]) -> EvmLedger:
    return EvmLedger.from_options("contract", options)


def fork_on_chain(ledger: EvmLedger, chain: Anvil, size: int) -> None:
    """Somebody with the owner's key, and another history."""
    contract = Contract(Account(chain, read_key(ledger._options.key_file)), ledger._state.address)
    rival = Account(chain)
    contract.change("addSubmitter(bytes32,address)", ORIGIN, rival.address)
    assert contract.submit(Submission(ORIGIN, size, head(size, fork=900).checkpoint.root, 0, ()), rival).is_success


class TestForks:
    """Another root at our size is a conflict, wherever it is noticed."""

    def test_before_signing_before_sending_and_afterwards(self, ledger: EvmLedger, chain: Anvil) -> None:
        intent = ledger.prepare(head(5), None)
        fork_on_chain(ledger, chain, 5)
        with pytest.raises(LedgerConflictError):
            ledger.prepare(head(5), extension(3, 5))
        # Its nonce was used by the change above: looked into, and seen.
        with pytest.raises(LedgerConflictError):
            ledger.submit(intent)
        with pytest.raises(LedgerConflictError):
            ledger.poll(intent)
        assert ledger.find(head(5).checkpoint) is Presence.CONFLICTING
        with pytest.raises(TransientLedgerError):
            ledger.export(head(5).checkpoint)

    def test_a_proof_that_fails_is_refused_for_good(self, ledger: EvmLedger, chain: Anvil) -> None:
        anchor(ledger, 5)
        settle(chain.url)
        forged = Extension(5, head(5).checkpoint.root, (bytes(32),) * 3)
        with pytest.raises(RejectedByLedgerError, match="proof"):
            ledger.prepare(head(9), forged)
        assert EvmTransaction.objects.filter(nonce__gt=1).count() == 0

    def test_a_refusal_that_no_longer_stands_is_no_refusal(self, ledger: EvmLedger, node: StrictNode) -> None:
        node.faults["eth_estimateGas"].append(Fault(error=(3, "execution reverted")))
        with pytest.raises(TransientLedgerError, match="not any more"):
            ledger.prepare(head(5), None)
        anchor(ledger, 5)
        settle(node.anvil.url)
        node.faults["eth_estimateGas"].append(Fault(error=(3, "execution reverted")))
        EvmTransaction.objects.filter(nonce=1).delete()
        with pytest.raises(AmbiguousLedgerError, match="holds it"):
            ledger.prepare(head(5), None)

    def test_a_contract_that_reverts_a_getter_is_no_contract_of_ours(self, ledger: EvmLedger, node: StrictNode) -> None:
        node.faults["eth_call"].append(Fault(error=(-32000, "Execution Reverted")))
        with pytest.raises(LedgerMisconfiguredError, match="does not answer"):
            ledger.find(head(5).checkpoint)


class TestNonces:
    """Bytes that can never be mined say so."""

    def test_what_other_bytes_displaced_is_outdated(self, ledger: EvmLedger, chain: Anvil) -> None:
        displaced = ledger.prepare(head(5), None)
        anchor(ledger, 9)
        settle(chain.url)
        for call in (ledger.poll, ledger.submit):
            with pytest.raises(OutdatedIntentError):
                call(displaced)

    def test_bytes_that_we_never_stored_are_not_sent(self, ledger: EvmLedger, node: StrictNode) -> None:
        genuine = ledger.prepare(head(5), None)
        stored = parse_signed(genuine.payload).transaction
        key = read_key(ledger._options.key_file)
        others = [
            Transaction(stored.chain_id, 9, stored.fees, stored.gas, stored.to, stored.data),
            Transaction(1, stored.nonce, stored.fees, stored.gas, stored.to, stored.data),
            Transaction(stored.chain_id, stored.nonce, Fees(1), stored.gas, bytes(20), stored.data),
        ]
        node.calls.clear()
        for payload in (sign(other, key) for other in others):
            for call in (ledger.submit, ledger.poll, ledger.replace):
                with pytest.raises(RejectedByLedgerError):
                    call(Intent(genuine.id, payload))
        # Nor are stored ones under another checkpoint's name.
        with pytest.raises(RejectedByLedgerError):
            ledger.submit(Intent(bytes(32), genuine.payload))
        assert node.calls == []

    def test_a_revert_at_sending_is_explained(self, ledger: EvmLedger, node: StrictNode) -> None:
        """FISCO BCOS with synchronous transactions: the sending itself tells that it was mined without effect."""
        intent = ledger.prepare(head(5), None)
        node.faults[SEND].append(Fault(error=(3, "execution reverted")))
        with pytest.raises(TransientLedgerError, match="not any more"):
            ledger.submit(intent)
        ledger.submit(intent)
        settle(node.anvil.url)
        assert ledger.poll(intent) is Progress.FINAL


class TestReplacing:
    """When more is not offered."""

    def test_a_former_keys_bytes_are_not_replaced(self, ledger: EvmLedger) -> None:
        intent = ledger.prepare(head(5), None)
        write_key(ledger._options.key_file)
        assert ledger.replace(intent) is None

    def test_not_above_the_operators_limit(self, options: dict[str, str], chain: Anvil) -> None:
        chain.hold_back()
        intent = EvmLedger.from_options("contract", options).prepare(head(5), None)
        price = parse_signed(intent.payload).transaction.fees.price
        limited = EvmLedger.from_options("contract", {**options, "max_gas_price": str(price + 1)})
        assert limited.replace(intent) is None
        limited.submit(intent)
        with pytest.raises(TransientLedgerError, match="max_gas_price"):
            limited.prepare(head(9), None)

    def test_a_fixed_price_waits_for_as_long_as_it_takes(self, options: dict[str, str], chain: Anvil) -> None:
        chain.hold_back()
        ledger = EvmLedger.from_options("contract", {**options, "gas_price": "3000000000"})
        intent = ledger.prepare(head(5), None)
        ledger.submit(intent)
        with time_machine.travel(timezone.now() + timedelta(days=1), tick=True):
            assert ledger.poll(intent) is Progress.PENDING
        chain.mine()
        assert ledger.poll(intent) is Progress.FINAL

    def test_a_gap_that_costs_too_much_to_use_up_stays_and_is_logged(
        self, options: dict[str, str], chain: Anvil, caplog: pytest.LogCaptureFixture
    ) -> None:
        abandoned = EvmLedger.from_options("contract", options)
        price = parse_signed(abandoned.prepare(head(5), None).payload).transaction.fees.price
        # The same contract under another name, so that the nonce below ours is another ledger's.
        ledger = EvmLedger.from_options("other", {**options, "max_gas_price": str(price + 1)})
        intent = ledger.prepare(head(9), None)
        assert parse_signed(intent.payload).transaction.nonce == 2
        with time_machine.travel(timezone.now() + timedelta(seconds=600), tick=True):
            ledger.submit(intent)
        assert "stays unused" in caplog.text
        assert ledger.poll(intent) is Progress.PENDING


class TestDeploying:
    """What the chain does not make is not added."""

    @pytest.mark.parametrize(
        "case",
        [
            ("eth_estimateGas", Fault(error=(3, "execution reverted")), RejectedByLedgerError),
            ("eth_getCode", Fault(result="0x", has_result=True), RejectedByLedgerError),
            (
                "eth_getTransactionReceipt",
                Fault(
                    has_result=True,
                    result={
                        "status": "0x0",
                        "gasUsed": "0x1",
                        "effectiveGasPrice": "0x1",
                        "blockNumber": "0x1",
                        "blockHash": "0x" + "11" * 32,
                    },
                ),
                RejectedByLedgerError,
            ),
            ("eth_getBlockByNumber", Fault(result=None, has_result=True), TransientLedgerError),
            ("eth_getBlockByNumber", Fault(result="0x", has_result=True), TransientLedgerError),
        ],
    )
    def test_each_step_is_checked(
        self, node: StrictNode, chain: Anvil, tmp_path: Path, case: tuple[str, Fault, type[Exception]]
    ) -> None:
        method, fault, kind = case
        node.faults[method].append(fault)
        given = {"rpc_url": node.url, "key_file": str(funded_key(chain, tmp_path / "other.key"))}
        with pytest.raises(kind):
            EvmLedger.deploy("another", given, log_key().name)


def test_another_log_is_another_name(ledger: EvmLedger) -> None:
    assert origin_hash("a") != origin_hash("b")
    foreign = PublishedCheckpoint(Checkpoint("elsewhere.example/log", 5, bytes(32)), "")
    with pytest.raises(LedgerMisconfiguredError):
        ledger.prepare(foreign, None)
