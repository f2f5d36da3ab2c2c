"""Whether the node that answers follows the chain, and the chain holds the contract, that the operator named."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from anchoring.backends.evm.node import Node
from anchoring.backends.evm.options import EvmOptions
from anchoring.backends.evm.rpc import hex_data
from anchoring.errors import LedgerMisconfiguredError, TransientLedgerError
from protocol.keccak import keccak_256

# Reading from a wrong chain does no harm for this long; before every sending the pins are checked anew.
PIN_SECONDS = 10.0


@dataclass
class PinCheck:
    """Remembers for a few seconds that the pins were right."""

    node: Node
    options: EvmOptions
    _checked_at: float = field(default=float("-inf"), init=False)

    def check(self, *, is_fresh: bool = False) -> None:
        """Raise LedgerMisconfiguredError at any other chain, block 0 or code than those pinned."""
        if not is_fresh and time.monotonic() - self._checked_at < PIN_SECONDS:
            return
        self._checked_at = float("-inf")
        self._refuse_other("chain_id", str(self.node.chain_id()))
        if self.options.genesis is not None:
            self._refuse_other("genesis", hex_data(genesis_of(self.node)))
        self._refuse_other("code_hash", code_hash_at(self.node, self.options.address))
        self._checked_at = time.monotonic()

    def _refuse_other(self, name: str, found: str) -> None:
        if found != self.options.pins[name]:
            raise LedgerMisconfiguredError(f"{name} is {found}, not {self.options.pins[name]}")


def genesis_of(node: Node) -> bytes:
    """Return the hash of block 0."""
    block = node.block(0)
    if block is None or block.number != 0:
        raise TransientLedgerError("the node shows no block 0")
    return block.hash


def code_hash_at(node: Node, address: str) -> str:
    """Return the Keccak-256 of the code at *address*, as hexadecimal; that of nothing where there is no contract."""
    return hex_data(keccak_256(node.code(bytes.fromhex(address[2:]))))
