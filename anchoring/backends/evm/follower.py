"""Follows what was sent: how far it has come, what it cost, where the chain took it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from anchoring.backends.evm import lanes
from anchoring.backends.evm.contract import Submission, origin_hash
from anchoring.backends.evm.evidence import Position
from anchoring.backends.evm.lanes import Lane
from anchoring.backends.evm.node import Node, Receipt, RevertedError
from anchoring.backends.evm.state import ContractState
from anchoring.backends.evm.submitter import Submitter
from anchoring.backends.evm.transaction import SignedTransaction
from anchoring.errors import LedgerConflictError, OutdatedIntentError, UnderpricedOnLedgerError
from anchoring.ledger import Progress
from anchoring.models import EvmTransaction
from protocol.checkpoint import Checkpoint

# Of the bytes signed for one intent, the newest: an older one that wins is seen in the contract all the same.
MAX_FOLLOWED = 8


@dataclass(frozen=True, slots=True)
class Follower:
    """Reads the chain for the same ledger for which *submitter* writes."""

    submitter: Submitter

    @property
    def node(self) -> Node:
        """Whom we ask."""
        return self.submitter.node

    @property
    def state(self) -> ContractState:
        """What the contract holds."""
        return self.submitter.state

    def progress(self, name: bytes, submission: Submission, signed: SignedTransaction) -> Progress:
        """Say how far the checkpoint of *submission* has come, whichever bytes carried it there. Raises LedgerError."""
        # Before the contract is read: what it does not hold after this count was not taken by any nonce below it.
        mined = self.node.mined_count(signed.sender)
        held = self.state.root_at(submission.origin, submission.size)
        receipts = self._receipts(lanes.transactions_of(self.submitter.ledger_id, name)[-MAX_FOLLOWED:])
        if held is None:
            return self._progress_of_absent(name, receipts, submission, signed, mined)
        if held != submission.root:
            raise LedgerConflictError(f"another root at {submission.size} leaves")
        is_final = self.state.is_final(submission.origin, submission.size, submission.root)
        return Progress.FINAL if is_final else Progress.INCLUDED

    def position(self, checkpoint: Checkpoint, name: bytes) -> Position:
        """Return where the chain took *checkpoint*, as far as our own transactions or the contract tell."""
        rows = lanes.transactions_of(self.submitter.ledger_id, name)[-MAX_FOLLOWED:]
        mined = [(row, receipt) for row, receipt in self._receipts(rows) if receipt.is_success]
        if mined:
            # The first one took effect; another would have found the checkpoint there.
            row, receipt = min(mined, key=lambda pair: (pair[1].block_number, pair[0].nonce))
            return Position(receipt.block_number, receipt.block_hash, bytes(row.hash))
        newest = self.state.newest(origin_hash(checkpoint.origin))
        block = self.node.block(newest.block_number) if newest and newest.size == checkpoint.size else None
        return Position(block.number, block.hash) if block else Position()

    def _receipts(self, rows: Sequence[EvmTransaction]) -> list[tuple[EvmTransaction, Receipt]]:
        """Return those mined, and note what they cost."""
        found: list[tuple[EvmTransaction, Receipt]] = []
        for row in rows:
            receipt = self.node.receipt(bytes(row.hash))
            if receipt is None:
                continue
            if row.paid != str(receipt.paid):
                EvmTransaction.objects.filter(pk=row.pk).update(paid=str(receipt.paid))
            found.append((row, receipt))
        return found

    def _progress_of_absent(
        self,
        name: bytes,
        receipts: Sequence[tuple[EvmTransaction, Receipt]],
        submission: Submission,
        signed: SignedTransaction,
        mined: int,
    ) -> Progress:
        lane, nonce = Lane.of(self.submitter.options, signed.sender), signed.transaction.nonce
        same_nonce = [receipt for row, receipt in receipts if (row.lane, row.nonce) == (lane.name, nonce)]
        if any(not receipt.is_success for receipt in same_nonce):
            self._raise_reason_of_failure(submission, signed)
        if same_nonce:
            # Mined since the contract was asked; the next look sees it.
            return Progress.PENDING
        rivals = [row for row in lanes.stored_at(lane, nonce)[-MAX_FOLLOWED:] if bytes(row.intent_id) == name]
        waiting = [row for row in rivals if self.node.is_known(bytes(row.hash))]
        if waiting:
            return self._progress_of_waiting(waiting, signed, mined)
        if nonce < mined:
            raise OutdatedIntentError("other bytes have used its nonce")
        return Progress.LOST

    def _progress_of_waiting(
        self, waiting: Sequence[EvmTransaction], signed: SignedTransaction, mined: int
    ) -> Progress:
        patience = timedelta(seconds=self.submitter.options.stuck_seconds)
        if timezone.now() - max(row.created_at for row in waiting) > patience:
            if mined < signed.transaction.nonce:
                # No price helps while a lower nonce is missing.
                self.submitter.use_up_gaps(signed)
            elif self.submitter.can_replace:
                raise UnderpricedOnLedgerError(f"not mined within {patience.seconds} s")
        return Progress.PENDING

    def _raise_reason_of_failure(self, submission: Submission, signed: SignedTransaction) -> None:
        """Raise why a mined transaction had no effect: its nonce is used, so its bytes never will have one."""
        try:
            self.node.call(self.state.address, submission.encode(), sender=signed.sender)
        except RevertedError:
            self.submitter.raise_refusal(submission, signed.sender)
        raise OutdatedIntentError("mined without effect")
