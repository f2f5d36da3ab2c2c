"""A contract on an EVM chain as our ledger: it checks on chain that each checkpoint extends the one before.

The bytes of an intent are one signed transaction. Everything ever signed for an intent is kept (anchoring.backends.evm.
lanes), and whether any of it took effect is read from the contract, never from a receipt or from a node's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from anchoring.backends.evm import evidence, lanes
from anchoring.backends.evm.contract import Submission, origin_hash, parse_submission
from anchoring.backends.evm.deployment import deploy_contract
from anchoring.backends.evm.follower import Follower
from anchoring.backends.evm.node import Node
from anchoring.backends.evm.options import EvmOptions, parse_options, read_key
from anchoring.backends.evm.pins import PinCheck
from anchoring.backends.evm.state import ContractState
from anchoring.backends.evm.submitter import Submitter
from anchoring.backends.evm.transaction import SignedTransaction, address_of, parse_signed
from anchoring.errors import LedgerError, RejectedByLedgerError, TransientLedgerError
from anchoring.ledger import (
    AttestationVerdict,
    Extension,
    Intent,
    LedgerHealth,
    LedgerIdentity,
    Presence,
    Progress,
    PublishedCheckpoint,
    Trust,
    intent_id,
)
from anchoring.models import EvmTransaction
from protocol.checkpoint import Checkpoint


class EvmLedger:
    """One contract, one submitter key."""

    def __init__(self, ledger_id: str, options: EvmOptions) -> None:
        self._ledger_id, self._options = ledger_id, options
        self._node = Node(options.rpc_url)
        self._pins = PinCheck(self._node, options)
        self._state = ContractState(self._node, options)
        self._submitter = Submitter(ledger_id, self._state)
        self._follower = Follower(self._submitter)

    @classmethod
    def from_options(cls, ledger_id: str, options: Mapping[str, str]) -> Self:
        parsed = parse_options(options)
        read_key(parsed.key_file)
        return cls(ledger_id, parsed)

    @classmethod
    def deploy(cls, ledger_id: str, options: Mapping[str, str], origin: str) -> Mapping[str, str]:
        """Put the contract on the chain for the log *origin*, and return the options that pin it. Raises LedgerError."""
        return deploy_contract(ledger_id, options, origin)

    def identity(self) -> LedgerIdentity:
        return LedgerIdentity(
            ledger_id=self._ledger_id,
            pins=self._options.pins,
            finality=f"{self._options.confirmations} blocks",
            is_offline_verifiable=False,
        )

    def prepare(self, head: PublishedCheckpoint, previous: Extension | None) -> Intent:
        self._pins.check()
        checkpoint, name = head.checkpoint, intent_id(self._ledger_id, head.checkpoint)
        old_size, proof = (previous.size, previous.proof) if previous else (0, ())
        origin = origin_hash(checkpoint.origin)
        submission = Submission(origin, checkpoint.size, checkpoint.root, old_size, proof)
        return Intent(name, self._submitter.sign(name, submission))

    def submit(self, intent: Intent) -> None:
        signed, submission = self._read(intent)
        # Fresh, before every sending: another chain with our key's funds must never see these bytes.
        self._pins.check(is_fresh=True)
        if self._state.root_at(submission.origin, submission.size) == submission.root:
            return
        if signed.transaction.nonce < self._node.mined_count(signed.sender):
            self._submitter.look_after_used_nonce(submission, signed)
        elif not self._node.is_known(signed.hash):
            self._submitter.send(intent.payload, submission, signed)

    def replace(self, intent: Intent) -> Intent | None:
        signed, _ = self._read(intent)
        self._pins.check()
        payload = self._submitter.replace(intent.id, signed)
        return Intent(intent.id, payload) if payload else None

    def find(self, checkpoint: Checkpoint) -> Presence:
        self._pins.check()
        held = self._state.root_at(origin_hash(checkpoint.origin), checkpoint.size)
        if held is None:
            return Presence.ABSENT
        return Presence.PRESENT if held == checkpoint.root else Presence.CONFLICTING

    def poll(self, intent: Intent) -> Progress:
        signed, submission = self._read(intent)
        self._pins.check()
        return self._follower.progress(intent.id, submission, signed)

    def export(self, checkpoint: Checkpoint) -> bytes:
        self._pins.check()
        if self._state.root_at(origin_hash(checkpoint.origin), checkpoint.size) != checkpoint.root:
            raise TransientLedgerError("the contract does not hold it")
        position = self._follower.position(checkpoint, intent_id(self._ledger_id, checkpoint))
        return evidence.write_evidence(self._options, checkpoint, position)

    @staticmethod
    def verify(attestation: bytes, checkpoint: Checkpoint, trust: Trust) -> AttestationVerdict:
        return evidence.judge_evidence(attestation, checkpoint, trust.pins)

    @staticmethod
    def check_online(
        attestation: bytes, checkpoint: Checkpoint, rpc_url: str, trust: Trust | None = None
    ) -> AttestationVerdict:
        """As evidence.ask_node: ask a node whether the contract of the evidence holds the checkpoint."""
        return evidence.ask_node(attestation, checkpoint, rpc_url, trust.pins if trust else None)

    def latest(self, origin: str) -> Checkpoint | None:
        self._pins.check()
        newest = self._state.newest(origin_hash(origin))
        return Checkpoint(origin, newest.size, newest.root) if newest else None

    def health(self) -> LedgerHealth:
        spent = ""
        try:
            spent = f"{lanes.spent_by(self._ledger_id)} wei"
            self._pins.check(is_fresh=True)
            sender = address_of(read_key(self._options.key_file).public_key)
            height, balance = self._node.height(), self._node.balance(sender)
        except LedgerError as error:
            return LedgerHealth(is_healthy=False, detail=f"{error.code}: {error.detail}", spent=spent)
        return LedgerHealth(is_healthy=True, detail=f"block {height}, balance {balance} wei", spent=spent)

    def _read(self, intent: Intent) -> tuple[SignedTransaction, Submission]:
        """Return what the bytes of *intent* do. Raises RejectedByLedgerError unless we signed and stored them."""
        signed = parse_signed(intent.payload)
        own = EvmTransaction.objects.filter(hash=signed.hash, ledger_id=self._ledger_id, intent_id=intent.id)
        is_ours = signed.transaction.to == self._state.address and signed.transaction.chain_id == self._options.chain_id
        if not is_ours or not own.exists():
            raise RejectedByLedgerError("not an intent of this ledger")
        return signed, parse_submission(signed.transaction.data)
