"""What anvil is too lax to show: rules and words of stricter nodes, lost answers, and FISCO BCOS's narrower interface."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from anchoring.backends.evm import EvmLedger, rpc
from anchoring.backends.evm.options import read_key
from anchoring.backends.evm.transaction import Fees, parse_signed, sign
from anchoring.errors import (
    AmbiguousLedgerError,
    LedgerError,
    LedgerMisconfiguredError,
    OutdatedIntentError,
    TransientLedgerError,
    UnderpricedOnLedgerError,
)
from anchoring.ledger import Intent, Presence, Progress
from anchoring.log_key import log_key
from anchoring.models import EvmTransaction
from tests.anchoring.evm.chains import anchor, deployed, extension, funded_key, head, settle
from tests.simulators.anvil import Anvil
from tests.simulators.evm_node import (
    BROKEN_CONNECTION,
    LOST_ANSWER,
    SEND,
    ZERO_HASH,
    Fault,
    StrictNode,
    serving,
)
from tests.simulators.fisco_proxy import METHODS, FiscoNode

pytestmark = pytest.mark.django_db

FISCO_CHAIN_ID = 20200


@pytest.fixture
def node(chain: Anvil) -> Iterator[StrictNode]:
    with serving(StrictNode(chain)) as running:
        yield running


@pytest.fixture
def strict(chain: Anvil, node: StrictNode, tmp_path: Path) -> EvmLedger:
    options = deployed(chain, funded_key(chain, tmp_path / "submitter.key"))
    node.calls.clear()
    return EvmLedger.from_options("contract", {**options, "rpc_url": node.url})


def with_price(ledger: EvmLedger, intent: Intent, more: int) -> Intent:
    """Bytes like those of *intent* that offer *more* wei, stored as our own would be."""
    old = parse_signed(intent.payload)
    fees = Fees(old.transaction.fees.price + more, (old.transaction.fees.tip or 0) + more)
    raw = sign(replace(old.transaction, fees=fees), read_key(ledger._options.key_file))
    row = EvmTransaction.objects.get(hash=old.hash)
    row.pk, row.hash, row.raw = None, parse_signed(raw).hash, raw
    row.save(force_insert=True)
    return Intent(intent.id, raw)


class TestPool:
    """What a pool asks of a replacement."""

    def test_one_wei_more_is_underpriced_and_our_replacement_is_not(
        self, strict: EvmLedger, chain: Anvil, node: StrictNode
    ) -> None:
        chain.hold_back()
        intent = strict.prepare(head(5), None)
        strict.submit(intent)
        with pytest.raises(UnderpricedOnLedgerError):
            strict.submit(with_price(strict, intent, 1))
        replacement = strict.replace(intent)
        assert replacement is not None
        strict.submit(replacement)
        chain.mine()
        assert strict.poll(replacement) is Progress.FINAL
        assert strict.poll(intent) is Progress.FINAL

    def test_a_nonce_used_again_while_its_old_bytes_wait_offers_enough(self, strict: EvmLedger, chain: Anvil) -> None:
        chain.hold_back()
        waiting = strict.prepare(head(5), None)
        strict.submit(waiting)
        other = strict.prepare(head(9), None)
        assert parse_signed(other.payload).transaction.nonce == parse_signed(waiting.payload).transaction.nonce
        strict.submit(other)
        chain.mine()
        assert strict.poll(other) is Progress.FINAL
        assert strict.find(head(5).checkpoint) is Presence.ABSENT

    @pytest.mark.parametrize("words", ["already known", "Known transaction", "transaction already imported"])
    def test_bytes_that_the_pool_has_are_no_failure(self, strict: EvmLedger, node: StrictNode, words: str) -> None:
        intent = strict.prepare(head(5), None)
        node.faults[SEND].append(Fault(is_done=True, error=(-32000, words)))
        strict.submit(intent)
        settle(strict._node.url)
        assert strict.poll(intent) is Progress.FINAL

    def test_a_nonce_too_low_is_looked_into(self, strict: EvmLedger, node: StrictNode) -> None:
        intent = strict.prepare(head(5), None)
        node.faults[SEND].append(Fault(is_done=True, error=(-32000, "nonce too low: next nonce 2, tx nonce 1")))
        strict.submit(intent)
        settle(strict._node.url)
        assert strict.poll(intent) is Progress.FINAL

    def test_a_nonce_called_used_that_is_not_is_a_matter_for_the_next_look(
        self, strict: EvmLedger, node: StrictNode
    ) -> None:
        intent = strict.prepare(head(5), None)
        node.faults[SEND].append(Fault(error=(-32000, "nonce too low")))
        strict.submit(intent)
        assert strict.poll(intent) is Progress.LOST


REFUSALS: list[tuple[str, type[LedgerError]]] = [
    ("insufficient funds for gas * price + value", LedgerMisconfiguredError),
    ("Upfront cost exceeds account balance", LedgerMisconfiguredError),
    ("NotEnoughCash", LedgerMisconfiguredError),
    ("invalid chain id for signer: have 1 want 2", LedgerMisconfiguredError),
    ("InvalidChainId", LedgerMisconfiguredError),
    ("invalid sender", LedgerMisconfiguredError),
    ("exceeds block gas limit", LedgerMisconfiguredError),
    ("transaction underpriced", UnderpricedOnLedgerError),
    ("max fee per gas less than block base fee: address 0x", UnderpricedOnLedgerError),
    ("Gas price below configured minimum gas price", UnderpricedOnLedgerError),
    ("txpool is full", TransientLedgerError),
    ("TxPoolIsFull", TransientLedgerError),
    ("too many requests", TransientLedgerError),
    ("something that nobody has said before", AmbiguousLedgerError),
]


class TestAnswers:
    """What a node says, or does not."""

    @pytest.mark.parametrize(("words", "kind"), REFUSALS)
    def test_refusals_are_told_apart_by_their_words(
        self, strict: EvmLedger, node: StrictNode, words: str, kind: type[LedgerError]
    ) -> None:
        intent = strict.prepare(head(5), None)
        node.faults[SEND].append(Fault(error=(-32000, words)))
        with pytest.raises(LedgerError) as caught:
            strict.submit(intent)
        assert type(caught.value) is kind
        strict.submit(intent)
        settle(strict._node.url)
        assert strict.poll(intent) is Progress.FINAL

    def test_an_answer_lost_after_the_fact_is_a_doubt_and_has_one_effect(
        self, strict: EvmLedger, chain: Anvil, node: StrictNode
    ) -> None:
        intent = strict.prepare(head(5), None)
        node.faults[SEND].append(LOST_ANSWER)
        with pytest.raises(AmbiguousLedgerError):
            strict.submit(intent)
        settle(chain.url)
        assert strict.find(head(5).checkpoint) is Presence.PRESENT
        strict.submit(intent)
        assert strict.poll(intent) is Progress.FINAL
        assert node.calls.count(SEND) == 1

    def test_a_sending_that_never_arrived_is_a_doubt_too(self, strict: EvmLedger, node: StrictNode) -> None:
        intent = strict.prepare(head(5), None)
        node.faults[SEND].append(BROKEN_CONNECTION)
        with pytest.raises(AmbiguousLedgerError):
            strict.submit(intent)
        assert strict.poll(intent) is Progress.LOST

    @pytest.mark.parametrize("answer", [ZERO_HASH, "0x" + "11" * 32])
    def test_a_hash_that_is_not_the_transactions_stops_the_ledger(
        self, strict: EvmLedger, node: StrictNode, answer: str
    ) -> None:
        intent = strict.prepare(head(5), None)
        node.faults[SEND].append(Fault(result=answer, has_result=True))
        with pytest.raises(LedgerMisconfiguredError, match="not the transaction's hash"):
            strict.submit(intent)

    @pytest.mark.parametrize(
        "fault",
        [
            Fault(content=b""),
            Fault(content=b"<html>", status=502),
            Fault(content=b"[]"),
            Fault(content=b'{"jsonrpc":"2.0","id":1}'),
            Fault(content=b'{"jsonrpc":"2.0","id":"x","result":"0x1"}'),
            Fault(content=b'{"a":1,"a":2}'),
            Fault(content=b"[" * 5000),
            Fault(content=b"0" * (rpc.MAX_ANSWER_BYTES + 1)),
            Fault(result=None, has_result=True),
            Fault(result=17, has_result=True),
            Fault(result="0x" + "f" * 65, has_result=True),
            Fault(result="0x01", has_result=True),
            Fault(result=["0x1"], has_result=True),
            Fault(error=(-32603, "internal error")),
        ],
    )
    def test_whatever_else_a_node_answers_is_no_answer(self, strict: EvmLedger, node: StrictNode, fault: Fault) -> None:
        intent = anchor(strict, 5)
        for method in ("eth_getTransactionCount", SEND):
            node.faults[method].append(fault)
        with pytest.raises(TransientLedgerError):
            strict.poll(intent)
        with pytest.raises(AmbiguousLedgerError):
            strict._node.send(intent.payload) if fault.error is None else strict.submit(_unsent(strict))
        assert strict.poll(intent) is Progress.FINAL

    @pytest.mark.parametrize("method", ["eth_call", "eth_getCode", "eth_getTransactionReceipt"])
    @pytest.mark.parametrize("result", [None, "0x", "0x0", "zz", {}, {"blockHash": "0x1"}, 5, "0x" + "ff" * 200])
    def test_a_malformed_answer_is_never_taken_for_a_state(
        self, strict: EvmLedger, node: StrictNode, method: str, result: object
    ) -> None:
        intent = anchor(strict, 5)
        settle(strict._node.url)
        strict._pins._checked_at = float("-inf")
        node.faults[method].append(Fault(result=result, has_result=True))
        if method == "eth_getTransactionReceipt" and result in (None, {}):
            # Not mined, as far as this answer goes; the contract has the last word.
            assert strict.poll(intent) is Progress.FINAL
            return
        with pytest.raises(LedgerError):
            strict.poll(intent)
        assert strict.poll(intent) is Progress.FINAL

    def test_a_node_without_a_method_is_misconfigured(self, strict: EvmLedger, node: StrictNode) -> None:
        node.faults["eth_chainId"].append(Fault(error=(-32601, "Method not found")))
        with pytest.raises(LedgerMisconfiguredError, match="no eth_chainId"):
            strict.find(head(5).checkpoint)

    def test_health_never_raises(self, strict: EvmLedger, node: StrictNode) -> None:
        for method in ("eth_chainId", "eth_getCode", "eth_blockNumber", "eth_getBalance"):
            node.faults[method].append(BROKEN_CONNECTION)
            assert not strict.health().is_healthy
        assert strict.health().is_healthy


def _unsent(ledger: EvmLedger) -> Intent:
    return ledger.prepare(head(9), extension(5, 9))


class TestFisco:
    """The same backend under FISCO BCOS's rules."""

    @pytest.fixture
    def bcos(self) -> Iterator[FiscoNode]:
        with Anvil(chain_id=FISCO_CHAIN_ID) as chain, serving(FiscoNode(chain)) as running:
            yield running

    @pytest.fixture
    def consortium(self, bcos: FiscoNode, tmp_path: Path) -> EvmLedger:
        given = {
            "rpc_url": bcos.url,
            "key_file": str(funded_key(bcos.anvil, tmp_path / "submitter.key")),
            "profile": "fisco",
        }
        return EvmLedger.from_options("bcos", EvmLedger.deploy("bcos", given, log_key().name))

    def test_the_whole_way_uses_only_its_methods_and_signs_with_its_chain_id(
        self, consortium: EvmLedger, bcos: FiscoNode
    ) -> None:
        for old, new in ((0, 5), (5, 9), (9, 300)):
            intent = anchor(consortium, new, old)
            settle(bcos.anvil.url)
            assert consortium.poll(intent) is Progress.FINAL
            assert consortium.export(head(new).checkpoint)
            signed = parse_signed(intent.payload).transaction
            assert (signed.chain_id, signed.fees.tip) == (FISCO_CHAIN_ID, None)
        assert consortium.latest(log_key().name) == head(300).checkpoint
        assert consortium.health().is_healthy
        assert set(bcos.calls) <= METHODS
        assert "eth_sendTransaction" not in bcos.calls
        assert "eth_maxPriorityFeePerGas" not in bcos.calls

    def test_nothing_is_replaced_and_a_waiting_nonce_is_left_alone(
        self, consortium: EvmLedger, bcos: FiscoNode
    ) -> None:
        bcos.anvil.hold_back()
        waiting = consortium.prepare(head(5), None)
        consortium.submit(waiting)
        assert consortium.replace(waiting) is None
        other = consortium.prepare(head(9), None)
        assert parse_signed(other.payload).transaction.nonce == parse_signed(waiting.payload).transaction.nonce + 1
        bcos.anvil.mine()
        assert consortium.poll(waiting) is Progress.FINAL
        # What was prepared from 0 meanwhile is made anew from 5, with the same nonce: it was never sent.
        with pytest.raises(OutdatedIntentError):
            consortium.submit(other)
        anew = consortium.prepare(head(9), extension(5, 9))
        assert parse_signed(anew.payload).transaction.nonce == parse_signed(other.payload).transaction.nonce
        consortium.submit(anew)
        bcos.anvil.mine()
        assert consortium.poll(anew) is Progress.FINAL

    def test_a_refused_nonce_is_looked_into_until_the_other_bytes_are_mined(
        self, consortium: EvmLedger, bcos: FiscoNode
    ) -> None:
        bcos.anvil.hold_back()
        first = consortium.prepare(head(5), None)
        rival = with_price(consortium, first, 1)
        consortium.submit(first)
        consortium.submit(rival)
        assert consortium.poll(first) is Progress.PENDING
        bcos.anvil.mine()
        assert consortium.poll(rival) is Progress.FINAL

    def test_keys_held_by_the_node_would_be_answered_with_zeros(self, bcos: FiscoNode) -> None:
        assert rpc.ask(bcos.url, "eth_sendTransaction", {}) == ZERO_HASH
        with pytest.raises(LedgerMisconfiguredError):
            rpc.ask(bcos.url, "eth_feeHistory", "0x1", "latest", [])

    def test_more_than_one_confirmation_is_refused_because_old_states_are_not_kept(self, consortium: EvmLedger) -> None:
        options = {**consortium._options.pins, "rpc_url": "http://127.0.0.1:1", "profile": "fisco"}
        key = {"key_file": str(consortium._options.key_file)}
        with pytest.raises(LedgerMisconfiguredError, match="confirmations"):
            EvmLedger.from_options("bcos", {**options, **key, "confirmations": "2"})
        unpinned = {name: value for name, value in options.items() if name != "genesis"}
        assert "genesis" not in EvmLedger.from_options("bcos", {**unpinned, **key}).identity().pins
