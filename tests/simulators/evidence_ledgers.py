"""A ledger whose word only its own node can confirm, as a contract's is: what evidence says of such a one."""

from __future__ import annotations

from typing import Self

from anchoring.backends.memory import MemoryLedger
from anchoring.ledger import AttestationVerdict, LedgerIdentity, Trust
from protocol.checkpoint import Checkpoint

NODE_PINS = {"address": "0x52908400098527886E0F7030069857D2E4169EE7", "chain_id": "20200"}


class NodeLedger(MemoryLedger):
    """Its evidence must fit and name the pins, and proves nothing by itself."""

    def __init__(self) -> None:
        super().__init__(ledger_id="node")

    @classmethod
    def from_options(cls, ledger_id: str, options: object) -> Self:
        return cls()

    def identity(self) -> LedgerIdentity:
        return LedgerIdentity("node", NODE_PINS, "at once", is_offline_verifiable=False)

    @staticmethod
    def verify(attestation: bytes, checkpoint: Checkpoint, trust: Trust) -> AttestationVerdict:
        fitting = MemoryLedger.verify(attestation, checkpoint, trust)
        is_meant = {name: value.casefold() for name, value in trust.pins.items()} == {
            name: value.casefold() for name, value in NODE_PINS.items()
        }
        return AttestationVerdict(
            is_valid=fitting.is_valid and is_meant,
            reason=fitting.reason,
            not_checked=("that the contract holds it",),
            is_conclusive=False,
        )
