"""Signs, sends and replaces the transactions of one ledger: never two nonces for one effect, never a gap below one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from coincurve import PrivateKey
from django.utils import timezone

from anchoring.backends.evm import lanes
from anchoring.backends.evm.contract import Submission
from anchoring.backends.evm.fees import bumped, is_allowed, market_fees
from anchoring.backends.evm.lanes import NO_INTENT, Lane
from anchoring.backends.evm.node import Node, RevertedError
from anchoring.backends.evm.options import EvmOptions, read_key
from anchoring.backends.evm.sending import Outcome, hand_over
from anchoring.backends.evm.state import ContractState
from anchoring.backends.evm.transaction import Fees, SignedTransaction, Transaction, address_of
from anchoring.errors import (
    AmbiguousLedgerError,
    LedgerConflictError,
    LedgerError,
    OutdatedIntentError,
    TransientLedgerError,
)
from anchoring.models import EvmTransaction

# Of what the node estimates, a quarter more: the head may move between the estimate and the block.
GAS_MARGIN_DIVISOR = 4
MAX_GAPS_AT_ONCE = 16

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Submitter:
    """The key of *state.options* at work for the ledger *ledger_id*."""

    ledger_id: str
    state: ContractState

    @property
    def node(self) -> Node:
        """Whom we ask and tell."""
        return self.state.node

    @property
    def options(self) -> EvmOptions:
        """What the operator said."""
        return self.state.options

    @property
    def can_replace(self) -> bool:
        """Whether the chain takes more for a nonce that waits, and the operator lets us offer it."""
        return self.options.profile.replaces and self.options.gas_price is None

    def sign(self, name: bytes, submission: Submission) -> bytes:
        """Return signed bytes for the intent *name*: those stored, where they can still be mined, or new ones.

        Raises LedgerError for a submission that the contract would refuse now, before a nonce is given out for it.
        """
        key = read_key(self.options.key_file)
        lane = Lane.of(self.options, address_of(key.public_key))
        mined = self.node.mined_count(lane.sender)
        call = self._draft(Fees(0), 0, self.state.address, submission.encode())
        if stored := lanes.usable(lane, call, ledger_id=self.ledger_id, intent_id=name, mined=mined):
            return bytes(stored.raw)
        gas = self._gas(submission, lane.sender)
        fees, reused = self._fees_and_nonce(lane, mined)
        draft = replace(call, fees=fees, gas=gas)
        row = lanes.sign_in_lane(lane, draft, key, ledger_id=self.ledger_id, intent_id=name, mined=mined, reused=reused)
        return bytes(row.raw)

    def send(self, raw: bytes, submission: Submission, signed: SignedTransaction) -> None:
        """Send stored bytes, after a trial that costs nothing. Raises LedgerError; the caller knows that they are new."""
        try:
            self.node.call(self.state.address, submission.encode(), sender=signed.sender)
        except RevertedError:
            self.raise_refusal(submission, signed.sender)
        self.use_up_gaps(signed)
        outcome = hand_over(self.node, raw)
        if outcome is Outcome.NONCE_USED:
            self.look_after_used_nonce(submission, signed)
        elif outcome is Outcome.REVERTED:
            self.raise_refusal(submission, signed.sender)

    def replace(self, name: bytes, signed: SignedTransaction) -> bytes | None:
        """Return other bytes of the same nonce and effect that offer more; None where that is impossible or too dear."""
        key = read_key(self.options.key_file)
        # A key that was exchanged meanwhile cannot replace what its predecessor signed.
        if not self.can_replace or address_of(key.public_key) != signed.sender:
            return None
        transaction = signed.transaction
        if transaction.nonce < self.node.mined_count(signed.sender):
            return None
        lane = Lane.of(self.options, signed.sender)
        fees = self._fees_above(lanes.stored_at(lane, transaction.nonce))
        if not is_allowed(fees, self.options):
            return None
        draft = self._draft(fees, transaction.gas, transaction.to, transaction.data)
        return bytes(self._sign_again(lane, draft, key, name, transaction.nonce).raw)

    def look_after_used_nonce(self, submission: Submission, signed: SignedTransaction) -> None:
        """Say what follows when a node calls the nonce used: nothing, where our own bytes used it.

        Raises OutdatedIntentError when other bytes did: those of *signed* can never be mined.
        """
        is_used = signed.transaction.nonce < self.node.mined_count(signed.sender)
        held = self.state.root_at(submission.origin, submission.size)
        if held is None and is_used:
            raise OutdatedIntentError("other bytes have used its nonce")
        if held not in (None, submission.root):
            raise LedgerConflictError(f"another root at {submission.size} leaves")

    def raise_refusal(self, submission: Submission, sender: bytes) -> None:
        """Raise the reason for which the contract refuses; return where it holds the checkpoint already."""
        if refusal := self.state.refusal(submission, sender):
            raise refusal

    def use_up_gaps(self, signed: SignedTransaction) -> None:
        """Have nonces below that of *signed* mined which no other ledger cares for any more."""
        mined, nonce = self.node.mined_count(signed.sender), signed.transaction.nonce
        key = read_key(self.options.key_file)
        if mined >= nonce or not self.can_replace or address_of(key.public_key) != signed.sender:
            return
        lane = Lane.of(self.options, signed.sender)
        before = timezone.now() - timedelta(seconds=self.options.stuck_seconds)
        gaps = lanes.abandoned_below(lane, self.ledger_id, mined=mined, nonce=nonce, before=before)
        for gap in gaps[:MAX_GAPS_AT_ONCE]:
            try:
                self._use_up(lane, key, gap)
            except LedgerError as error:
                logger.warning("nonce %s of %s stays unused: %s", gap, lane.name, error)

    def _use_up(self, lane: Lane, key: PrivateKey, nonce: int) -> None:
        fees = self._fees_above(lanes.stored_at(lane, nonce))
        if not is_allowed(fees, self.options):
            raise TransientLedgerError("gas costs more than max_gas_price now")
        # To oneself, nothing, and without data: whatever is mined instead of it was ours too.
        draft = self._draft(fees, self.node.estimate(lane.sender, lane.sender, b""), lane.sender, b"")
        hand_over(self.node, bytes(self._sign_again(lane, draft, key, NO_INTENT, nonce).raw))

    def _gas(self, submission: Submission, sender: bytes) -> int:
        try:
            estimate = self.node.estimate(sender, self.state.address, submission.encode())
        except RevertedError as error:
            self.raise_refusal(submission, sender)
            raise AmbiguousLedgerError(f"refused, although the contract holds it: {error}") from None
        return estimate + estimate // GAS_MARGIN_DIVISOR

    def _fees_and_nonce(self, lane: Lane, mined: int) -> tuple[Fees, int | None]:
        """Return what to offer, and the nonce to use again, if there is one."""
        market = market_fees(self.node, self.options)
        stored = lanes.unmined_of(lane, self.ledger_id, mined)
        if not stored:
            return market, None
        is_waiting = any(self.node.is_known(bytes(row.hash)) for row in stored)
        if is_waiting and not self.can_replace:
            return market, None
        fees = bumped(lanes.highest_fees(stored), market) if is_waiting else market
        if not is_allowed(fees, self.options):
            raise TransientLedgerError("replacing what waits costs more than max_gas_price now")
        return fees, stored[0].nonce

    def _fees_above(self, stored: Sequence[EvmTransaction]) -> Fees:
        return bumped(lanes.highest_fees(stored), market_fees(self.node, self.options))

    def _draft(self, fees: Fees, gas: int, to: bytes, data: bytes) -> Transaction:
        return Transaction(self.options.chain_id, 0, fees, gas, to, data)

    def _sign_again(self, lane: Lane, draft: Transaction, key: PrivateKey, name: bytes, nonce: int) -> EvmTransaction:
        return lanes.sign_again(lane, draft, key, ledger_id=self.ledger_id, intent_id=name, nonce=nonce)
