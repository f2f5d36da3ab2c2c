"""Every accident that was seen on real nodes, one by one: what happened, and what the ledger makes of it."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.utils import timezone

from anchoring.backends.evm import EvmLedger
from anchoring.backends.evm.contract import Submission
from anchoring.backends.evm.options import read_key
from anchoring.backends.evm.transaction import parse_signed
from anchoring.errors import (
    AmbiguousLedgerError,
    LedgerMisconfiguredError,
    OutdatedIntentError,
    TransientLedgerError,
    UnderpricedOnLedgerError,
)
from anchoring.ledger import Intent, Presence, Progress
from anchoring.log_key import log_key
from anchoring.models import EvmNonce, EvmTransaction
from tests.anchoring.evm.chains import (
    PromptLedger,
    address_in,
    anchor,
    deployed,
    extension,
    funded_key,
    head,
    settle,
    write_key,
)
from tests.anchoring.evm.contracts import ORIGIN, Account, Contract, selector
from tests.simulators.anvil import Anvil

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(chain: Anvil, tmp_path: Path) -> EvmLedger:
    """On a chain that the test may ill-treat."""
    return PromptLedger.from_options("contract", deployed(chain, funded_key(chain, tmp_path / "submitter.key")))


def quiet(ledger: EvmLedger) -> EvmLedger:
    """The same ledger, which does not wait for a block."""
    return EvmLedger(ledger.identity().ledger_id, ledger._options)


def hash_of(intent: Intent) -> bytes:
    return parse_signed(intent.payload).hash


def nonce_of(intent: Intent) -> int:
    return parse_signed(intent.payload).transaction.nonce


def contract_of(ledger: EvmLedger, chain: Anvil) -> Contract:
    """The contract, in the hands of whoever holds the ledger's key now."""
    return Contract(Account(chain, read_key(ledger._options.key_file)), ledger._state.address)


def restart_with_state(folder: Path) -> Anvil:
    return Anvil(arguments=("--state", str(folder / "state.json"), "--state-interval", "3600"))


class TestRestarts:
    """The node's process ends."""

    def test_a_clean_stop_keeps_everything(self, tmp_path: Path) -> None:
        chain = restart_with_state(tmp_path)
        with chain:
            ledger = PromptLedger.from_options("contract", deployed(chain, funded_key(chain, tmp_path / "key")))
            intent = anchor(ledger, 5)
            chain.stop(signal.SIGTERM)
            chain.start()
            assert ledger.poll(intent) is Progress.FINAL
            anchor(ledger, 9, 5)
            assert ledger.latest(log_key().name) == head(9).checkpoint

    def test_a_confirmed_transaction_that_a_kill_undid_goes_again_as_the_same_bytes(self, tmp_path: Path) -> None:
        chain = restart_with_state(tmp_path)
        with chain:
            ledger = PromptLedger.from_options("contract", deployed(chain, funded_key(chain, tmp_path / "key")))
            chain.stop(signal.SIGTERM)
            chain.start()
            intent = anchor(ledger, 5)
            assert ledger.poll(intent) is Progress.FINAL
            chain.stop(signal.SIGKILL)
            chain.start()
            assert ledger.poll(intent) is Progress.LOST
            ledger.submit(intent)
            assert ledger.poll(intent) is Progress.FINAL

    def test_a_node_that_is_down_or_hangs_says_nothing_about_the_ledger(self, own: EvmLedger, chain: Anvil) -> None:
        intent = own.prepare(head(5), None)
        chain.freeze()
        with pytest.raises(TransientLedgerError):
            own.submit(intent)
        assert not own.health().is_healthy
        chain.thaw()
        own.submit(intent)
        chain.stop(signal.SIGKILL)
        for call in (lambda: own.poll(intent), lambda: own.submit(intent), lambda: own.latest("x")):
            with pytest.raises(TransientLedgerError):
                call()

    def test_a_sending_that_timed_out_is_a_doubt(self, own: EvmLedger, chain: Anvil) -> None:
        intent = own.prepare(head(5), None)
        signed, submission = own._read(intent)
        own._node.mined_count(signed.sender)
        chain.freeze()
        with pytest.raises((AmbiguousLedgerError, TransientLedgerError)) as caught:
            own._node.send(intent.payload)
        chain.thaw()
        assert isinstance(caught.value, AmbiguousLedgerError)
        # Whatever became of it: looked up first, then the same bytes once more, and one effect.
        settle(chain.url)
        assert own.find(head(5).checkpoint) in (Presence.ABSENT, Presence.PRESENT)
        own.submit(intent)
        assert own.poll(intent) is Progress.FINAL
        assert chain.nonce(signed.sender) == nonce_of(intent) + 1
        assert submission.size == 5


class TestReorganisations:
    """What the chain held, it holds no longer."""

    def deep(self, chain: Anvil, tmp_path: Path, confirmations: str) -> EvmLedger:
        key_file = funded_key(chain, tmp_path / "deep.key")
        return PromptLedger.from_options("deep", deployed(chain, key_file, "deep", confirmations=confirmations))

    def test_final_means_so_many_blocks_on_the_chain_as_it_is_now(self, chain: Anvil, tmp_path: Path) -> None:
        ledger = self.deep(chain, tmp_path, "3")
        intent = anchor(ledger, 5)
        assert ledger.poll(intent) is Progress.INCLUDED
        chain.mine()
        assert ledger.poll(intent) is Progress.INCLUDED
        chain.mine()
        assert ledger.poll(intent) is Progress.FINAL

    def test_a_reorganised_block_is_noticed_and_the_same_bytes_go_again(self, chain: Anvil, tmp_path: Path) -> None:
        ledger = self.deep(chain, tmp_path, "4")
        intent = anchor(ledger, 5)
        chain.mine(2)
        before = ledger.export(head(5).checkpoint)
        chain.reorganise(3)
        assert ledger.find(head(5).checkpoint) is Presence.ABSENT
        if ledger.poll(intent) is Progress.LOST:
            ledger.submit(intent)
        chain.mine()
        settle(chain.url)
        assert ledger.poll(intent) in (Progress.INCLUDED, Progress.FINAL)
        assert ledger.export(head(5).checkpoint) != before
        chain.mine(4)
        assert ledger.poll(intent) is Progress.FINAL
        # Whatever was mined again: one transaction, one nonce.
        assert chain.nonce(address_in(tmp_path / "deep.key")) == nonce_of(intent) + 1

    def test_a_snapshot_put_back_loses_several_at_once_and_all_nonces_are_used_again(
        self, own: EvmLedger, chain: Anvil
    ) -> None:
        snapshot = chain.ask("evm_snapshot")
        first, second = anchor(own, 5), anchor(own, 9, 5)
        assert chain.ask("evm_revert", snapshot)
        assert [own.poll(each) for each in (first, second)] == [Progress.LOST, Progress.LOST]
        assert own.latest(log_key().name) is None
        with pytest.raises(OutdatedIntentError):
            own.submit(second)
        # Planned anew from what the contract holds now, with the lowest of our nonces that is free again.
        again = anchor(own, 12)
        assert nonce_of(again) == nonce_of(first)
        assert own.poll(again) is Progress.FINAL
        assert nonce_of(anchor(own, 20, 12)) == nonce_of(second)


class TestRepetitions:
    """The same bytes twice."""

    def test_bytes_that_wait_or_are_mined_are_no_failure(self, own: EvmLedger, chain: Anvil) -> None:
        chain.hold_back()
        waiting = quiet(own)
        intent = waiting.prepare(head(5), None)
        for _ in range(3):
            waiting.submit(intent)
        assert waiting.poll(intent) is Progress.PENDING
        chain.mine()
        for _ in range(3):
            waiting.submit(intent)
        assert waiting.poll(intent) is Progress.FINAL
        assert chain.nonce(parse_signed(intent.payload).sender) == nonce_of(intent) + 1

    def test_another_submitter_may_have_brought_the_checkpoint(self, own: EvmLedger, chain: Anvil) -> None:
        intent = own.prepare(head(5), None)
        signed, submission = own._read(intent)
        other = Account(chain)
        contract = contract_of(own, chain)
        assert contract.change("addSubmitter(bytes32,address)", ORIGIN, other.address).is_success
        assert contract.submit(submission, other).is_success
        # Our nonce went to that change; the checkpoint is there all the same.
        own.submit(intent)
        assert own.poll(intent) is Progress.FINAL
        exported = own.export(head(5).checkpoint)
        assert b'"transaction":null' in exported
        assert b'"block_number":null' not in exported
        assert signed.hash.hex().encode() not in exported


class TestNonces:
    """One lane: no gap, no double use."""

    def test_a_nonce_that_was_given_out_and_never_sent_is_used_again(self, own: EvmLedger, chain: Anvil) -> None:
        forgotten = own.prepare(head(5), None)
        used = anchor(own, 9)
        assert nonce_of(used) == nonce_of(forgotten)
        assert own.poll(used) is Progress.FINAL
        assert EvmNonce.objects.get().next_nonce == nonce_of(used) + 1
        with pytest.raises(OutdatedIntentError):
            own.submit(forgotten)

    def test_an_outdated_intent_leaves_no_gap(self, own: EvmLedger, chain: Anvil) -> None:
        """Prepared from 0, while another of our workers brings the contract to 5."""
        outdated = own.prepare(head(9), None)
        rival = Account(chain)
        contract = contract_of(own, chain)
        contract.change("addSubmitter(bytes32,address)", ORIGIN, rival.address)
        contract.submit(Submission(ORIGIN, 5, head(5).checkpoint.root, 0, ()), rival)
        with pytest.raises(OutdatedIntentError):
            own.submit(outdated)
        anew = anchor(own, 9, 5)
        assert anew.id == outdated.id
        assert own.poll(anew) is Progress.FINAL
        assert chain.nonce(contract.owner.address) == EvmNonce.objects.get().next_nonce

    def test_a_gap_that_another_ledger_left_is_used_up(
        self, own: EvmLedger, chain: Anvil, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Two contracts, one key; the first ledger is given a nonce, sends nothing, and is removed."""
        other = PromptLedger.from_options("other", deployed(chain, own._options.key_file, "other"))
        gap = own.prepare(head(5), None)
        waiting = quiet(other)
        intent = waiting.prepare(head(5), None)
        assert nonce_of(intent) == nonce_of(gap) + 1
        waiting.submit(intent)
        assert waiting.poll(intent) is Progress.PENDING
        with time_machine.travel(timezone.now() + timedelta(seconds=200), tick=True):
            assert waiting.poll(intent) is Progress.PENDING
        settle(chain.url)
        assert waiting.poll(intent) is Progress.FINAL
        assert own.latest(log_key().name) is None
        used_up = EvmTransaction.objects.get(intent_id=b"")
        transfer = parse_signed(bytes(used_up.raw))
        assert (transfer.transaction.nonce, transfer.transaction.to) == (nonce_of(gap), transfer.sender)
        # The ledger comes back after all: its old bytes can never be mined, and it says so.
        with pytest.raises(OutdatedIntentError):
            own.submit(gap)
        assert own.poll(anchor(own, 5)) is Progress.FINAL

    def test_a_nonce_in_a_lane_that_somebody_else_used_is_skipped(self, own: EvmLedger, chain: Anvil) -> None:
        elsewhere = contract_of(own, chain).owner
        for _ in range(3):
            elsewhere.send(elsewhere.address, b"")
        assert own.poll(anchor(own, 5)) is Progress.FINAL


class TestFees:
    """Too little, stuck, replaced, too dear."""

    def test_a_stuck_transaction_is_replaced_and_either_may_win(self, own: EvmLedger, chain: Anvil) -> None:
        chain.hold_back()
        waiting = quiet(own)
        intent = waiting.prepare(head(5), None)
        waiting.submit(intent)
        assert waiting.poll(intent) is Progress.PENDING
        with time_machine.travel(timezone.now() + timedelta(seconds=200), tick=True):
            with pytest.raises(UnderpricedOnLedgerError):
                waiting.poll(intent)
            replacement = waiting.replace(intent)
            assert replacement is not None
            waiting.submit(replacement)
        old, new = (parse_signed(each.payload).transaction for each in (intent, replacement))
        assert (old.nonce, old.to, old.data) == (new.nonce, new.to, new.data)
        assert new.fees.price * 8 >= old.fees.price * 9
        assert new.fees.tip is not None
        assert old.fees.tip is not None
        assert new.fees.tip * 8 >= old.fees.tip * 9
        # The replaced one is known no longer, and is looked for all the same.
        assert not waiting._node.is_known(hash_of(intent))
        chain.mine()
        assert waiting.poll(intent) is Progress.FINAL
        assert waiting.poll(replacement) is Progress.FINAL
        assert waiting.replace(replacement) is None

    def test_preparing_again_returns_what_replaced(self, own: EvmLedger, chain: Anvil) -> None:
        chain.hold_back()
        waiting = quiet(own)
        intent = waiting.prepare(head(5), None)
        replacement = waiting.replace(intent)
        assert waiting.prepare(head(5), None) == replacement

    def test_bytes_that_a_chain_dropped_go_again(self, own: EvmLedger, chain: Anvil) -> None:
        chain.hold_back()
        waiting = quiet(own)
        intent = waiting.prepare(head(5), None)
        waiting.submit(intent)
        chain.drop(hash_of(intent))
        assert waiting.poll(intent) is Progress.LOST
        waiting.submit(intent)
        chain.mine()
        assert waiting.poll(intent) is Progress.FINAL

    def test_nothing_is_signed_while_gas_costs_too_much(self, chain: Anvil, tmp_path: Path) -> None:
        options = deployed(chain, funded_key(chain, tmp_path / "key"))
        cheap = EvmLedger.from_options("contract", {**options, "max_gas_price": "1000"})
        with pytest.raises(TransientLedgerError, match="max_gas_price"):
            cheap.prepare(head(5), None)
        assert EvmTransaction.objects.exclude(intent_id=b"").count() == 1

    def test_a_fixed_price_is_what_is_offered_and_never_raised(self, chain: Anvil, tmp_path: Path) -> None:
        options = deployed(chain, funded_key(chain, tmp_path / "key"))
        ledger = PromptLedger.from_options("contract", {**options, "gas_price": "5000000000"})
        intent = anchor(ledger, 5)
        assert parse_signed(intent.payload).transaction.fees.price == 5_000_000_000
        assert ledger.replace(intent) is None
        assert ledger.poll(intent) is Progress.FINAL


class TestConfiguration:
    """Mistakes that no repetition heals: they stop this ledger, before anything is sent."""

    def test_a_removed_submitter_is_refused_before_it_costs_anything(self, own: EvmLedger, chain: Anvil) -> None:
        intent = own.prepare(head(5), None)
        contract = contract_of(own, chain)
        contract.change("removeSubmitter(bytes32,address)", ORIGIN, contract.owner.address)
        before = chain.nonce(contract.owner.address)
        with pytest.raises(LedgerMisconfiguredError, match="may not submit"):
            own.prepare(head(9), None)
        with pytest.raises(OutdatedIntentError):
            own.submit(intent)
        assert chain.nonce(contract.owner.address) == before

    def test_a_new_submitter_takes_over_without_a_restart(self, own: EvmLedger, chain: Anvil) -> None:
        anchor(own, 5)
        successor = Account(chain)
        contract = contract_of(own, chain)
        contract.change("addSubmitter(bytes32,address)", ORIGIN, successor.address)
        contract.change("removeSubmitter(bytes32,address)", ORIGIN, contract.owner.address)
        write_key(own._options.key_file, successor.key)
        later = anchor(own, 9, 5)
        assert own.poll(later) is Progress.FINAL
        assert parse_signed(later.payload).sender == successor.address

    def successor(self, own: EvmLedger, chain: Anvil) -> tuple[Contract, EvmLedger]:
        """The contract with its owner, and the ledger signing with another submitter's key, on a chain that waits."""
        contract, account = contract_of(own, chain), Account(chain)
        contract.change("addSubmitter(bytes32,address)", ORIGIN, account.address)
        write_key(own._options.key_file, account.key)
        chain.hold_back()
        return contract, quiet(own)

    def test_a_revert_behind_another_submission_is_told_from_the_head(self, own: EvmLedger, chain: Anvil) -> None:
        """Both are mined in one block, the rival first: ours has status 0, and a nonce that is used."""
        contract, waiting = self.successor(own, chain)
        stale = waiting.prepare(head(9), None)
        waiting.submit(stale)
        contract.owner.begin(contract.address, Submission(ORIGIN, 5, head(5).checkpoint.root, 0, ()).encode())
        chain.mine()
        receipt = waiting._node.receipt(hash_of(stale))
        assert receipt is not None
        assert not receipt.is_success
        with pytest.raises(OutdatedIntentError, match="no longer at 0"):
            waiting.poll(stale)
        assert waiting.health().spent == f"{receipt.paid} wei"
        with pytest.raises(OutdatedIntentError):
            waiting.submit(stale)
        anew = waiting.prepare(head(9), extension(5, 9))
        assert nonce_of(anew) == nonce_of(stale) + 1
        waiting.submit(anew)
        chain.mine()
        assert waiting.poll(anew) is Progress.FINAL

    def test_a_revert_for_a_permission_that_was_taken_away_stops_the_ledger(self, own: EvmLedger, chain: Anvil) -> None:
        contract, waiting = self.successor(own, chain)
        intent = waiting.prepare(head(9), None)
        waiting.submit(intent)
        sender = parse_signed(intent.payload).sender.rjust(32, b"\0")
        contract.owner.begin(contract.address, selector("removeSubmitter(bytes32,address)") + ORIGIN + sender)
        chain.mine()
        with pytest.raises(LedgerMisconfiguredError, match="may not submit"):
            waiting.poll(intent)

    def test_a_revert_whose_reason_is_gone_is_made_anew(self, own: EvmLedger, chain: Anvil) -> None:
        """Too little gas when it was mined: another try with its own estimate is right, with a nonce of its own."""
        _, waiting = self.successor(own, chain)
        intent = waiting.prepare(head(9), None)
        waiting.submit(intent)
        code = chain.ask("eth_getCode", own._options.address, "latest")
        # Code that reverts, only while this block is made.
        chain.ask("anvil_setCode", own._options.address, "0x60006000fd")
        chain.mine()
        chain.ask("anvil_setCode", own._options.address, code)
        with pytest.raises(OutdatedIntentError, match="without effect"):
            waiting.poll(intent)
        anew = waiting.prepare(head(9), None)
        assert nonce_of(anew) == nonce_of(intent) + 1

    def test_without_funds_nothing_goes(self, own: EvmLedger, chain: Anvil) -> None:
        intent = own.prepare(head(5), None)
        chain.fund(parse_signed(intent.payload).sender, 0)
        with pytest.raises(LedgerMisconfiguredError, match=r"(?i)insufficient"):
            own.submit(intent)
        assert own.poll(intent) is Progress.LOST

    def test_an_address_without_code_is_no_empty_ledger(self, own: EvmLedger, chain: Anvil) -> None:
        chain.ask("anvil_setCode", own._options.address, "0x")
        for call in (lambda: own.find(head(5).checkpoint), lambda: own.latest("x"), lambda: own.prepare(head(5), None)):
            with pytest.raises(LedgerMisconfiguredError):
                call()

    def test_a_contract_that_was_exchanged_is_noticed_before_sending(self, own: EvmLedger, chain: Anvil) -> None:
        intent = own.prepare(head(5), None)
        chain.ask("anvil_setCode", own._options.address, "0x60006000f3")
        with pytest.raises(LedgerMisconfiguredError, match="code_hash"):
            own.submit(intent)
        assert not own.health().is_healthy

    @pytest.mark.parametrize(
        ("changed", "pin"), [({"chain_id": 99}, "chain_id"), ({"timestamp": 1_700_000_001}, "genesis")]
    )
    def test_another_chain_at_the_same_address_gets_nothing(
        self, tmp_path: Path, changed: dict[str, int], pin: str
    ) -> None:
        with Anvil() as first:
            ledger = PromptLedger.from_options("contract", deployed(first, funded_key(first, tmp_path / "key")))
            intent = ledger.prepare(head(5), None)
            first.stop(signal.SIGKILL)
            with Anvil(port=first.port, **changed) as second:  # type: ignore[arg-type]  # names of whole numbers
                second.fund(parse_signed(intent.payload).sender)
                with pytest.raises(LedgerMisconfiguredError, match=pin):
                    ledger.submit(intent)
                assert second.nonce(parse_signed(intent.payload).sender) == 0
                assert not ledger.health().is_healthy

    def test_a_chain_that_begins_anew_without_the_contract_gets_nothing(self, tmp_path: Path) -> None:
        with Anvil() as chain:
            ledger = PromptLedger.from_options("contract", deployed(chain, funded_key(chain, tmp_path / "key")))
            intent = anchor(ledger, 5)
            chain.stop(signal.SIGKILL)
            chain.start()
            with pytest.raises(LedgerMisconfiguredError, match="code_hash"):
                ledger.submit(intent)

    def test_a_short_chain_has_no_depth(self, chain: Anvil, tmp_path: Path) -> None:
        """anvil calls block 0 finalized on a short chain: the tags of nodes are not believed."""
        key_file = funded_key(chain, tmp_path / "deep.key")
        ledger = PromptLedger.from_options("deep", deployed(chain, key_file, "deep", confirmations="50"))
        intent = anchor(ledger, 5)
        assert ledger.poll(intent) is Progress.INCLUDED
        assert extension(0, 5) is None
