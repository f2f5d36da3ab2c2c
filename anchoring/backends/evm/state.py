"""What the contract holds, read from a node; and why it refuses a submission, told from what it holds.

A refusal is explained by the contract's state, not by the node's words: those differ from node to node.
"""

from __future__ import annotations

from dataclasses import dataclass

from anchoring.backends.evm import contract
from anchoring.backends.evm.contract import Head, Submission
from anchoring.backends.evm.node import LATEST, Node, RevertedError
from anchoring.backends.evm.options import EvmOptions
from anchoring.errors import (
    LedgerConflictError,
    LedgerError,
    LedgerMisconfiguredError,
    OutdatedIntentError,
    RejectedByLedgerError,
    TransientLedgerError,
)


@dataclass(frozen=True, slots=True)
class ContractState:
    """The contract of these options, as *node* sees it. Every question raises LedgerError when it has no answer."""

    node: Node
    options: EvmOptions

    @property
    def address(self) -> bytes:
        """20 bytes."""
        return bytes.fromhex(self.options.address[2:])

    def root_at(self, origin: bytes, size: int, block: int | str = LATEST) -> bytes | None:
        return contract.read_root(self._call(contract.ask_root_at(origin, size), block))

    def newest(self, origin: bytes) -> Head | None:
        return contract.read_newest(self._call(contract.ask_newest(origin), LATEST))

    def is_submitter(self, origin: bytes, account: bytes) -> bool:
        return contract.read_flag(self._call(contract.ask_is_submitter(origin, account), LATEST))

    def is_final(self, origin: bytes, size: int, root: bytes) -> bool:
        """Whether enough blocks, with the one that took the root, lie on one another: asked of the state below them.

        Whatever a reorganisation does to a transaction, its block or its receipt, this is true only of what the chain
        holds that deep now.
        """
        if self.options.confirmations == 1:
            return self.root_at(origin, size) == root
        deep = self.node.height() - self.options.confirmations + 1
        return deep >= 0 and self._holds(origin, size, root, deep)

    def refusal(self, submission: Submission, sender: bytes) -> LedgerError | None:
        """Return why the contract refuses *submission* of *sender*, or None when it holds it already."""
        held = self.root_at(submission.origin, submission.size)
        if held == submission.root:
            return None
        if held is not None:
            return LedgerConflictError(f"another root at {submission.size} leaves")
        newest = self.newest(submission.origin)
        if (newest.size if newest else 0) != submission.old_size:
            return OutdatedIntentError(f"the contract is no longer at {submission.old_size} leaves")
        if not self.is_submitter(submission.origin, sender):
            return LedgerMisconfiguredError(f"0x{sender.hex()} may not submit for this log")
        return self._refusal_of_proof(submission, sender)

    def _refusal_of_proof(self, submission: Submission, sender: bytes) -> LedgerError:
        """Tell a proof that fails from a state that has changed since the refusal: only the former is for good."""
        try:
            self.node.call(self.address, submission.encode(), sender=sender)
        except RevertedError:
            return RejectedByLedgerError("the contract refuses the proof")
        return TransientLedgerError("refused a moment ago, and not any more")

    def _holds(self, origin: bytes, size: int, root: bytes, block: int) -> bool:
        # Before the contract existed, its address answered nothing at all.
        answer = self._call(contract.ask_root_at(origin, size), block)
        return bool(answer) and contract.read_root(answer) == root

    def _call(self, question: bytes, block: int | str) -> bytes:
        try:
            return self.node.call(self.address, question, block=block)
        except RevertedError:
            raise LedgerMisconfiguredError("the contract does not answer") from None
