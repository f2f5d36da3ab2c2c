"""A node, seen through the few questions that we ask: every answer typed and checked for its form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anchoring.backends.evm import rpc
from anchoring.backends.evm.rpc import NodeRefusalError, hex_data, quantity
from anchoring.errors import AmbiguousLedgerError, TransientLedgerError

HASH_SIZE = 32
LATEST = "latest"


class RevertedError(Exception):
    """The contract refuses the call in the state that the chain has now."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block's number and 32-byte hash, and its price of inclusion in wei per gas, where the chain has one."""

    number: int
    hash: bytes
    base_fee: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a mined transaction; *paid* is in wei, *created* the address of a new contract."""

    is_success: bool
    block_number: int
    block_hash: bytes
    paid: int
    gas_used: int


@dataclass(frozen=True, slots=True)
class Node:
    """Everything raises TransientLedgerError when no usable answer came, and says nothing about the chain then."""

    url: str

    def chain_id(self) -> int:
        return quantity(self._ask("eth_chainId"))

    def height(self) -> int:
        return quantity(self._ask("eth_blockNumber"))

    def block(self, number: int | str) -> Block | None:
        """Return a block by number or tag, without its transactions; None where the chain has none."""
        found = self._ask("eth_getBlockByNumber", _tag(number), False)
        if found is None:
            return None
        fields = _object(found)
        base_fee = fields.get("baseFeePerGas")
        return Block(
            quantity(fields.get("number")),
            rpc.data(fields.get("hash"), HASH_SIZE),
            None if base_fee is None else quantity(base_fee),
        )

    def code(self, address: bytes) -> bytes:
        return rpc.data(self._ask("eth_getCode", hex_data(address), LATEST))

    def balance(self, address: bytes) -> int:
        return quantity(self._ask("eth_getBalance", hex_data(address), LATEST))

    def mined_count(self, address: bytes) -> int:
        """Return how many transactions of *address* are mined: its lowest nonce that is not."""
        return quantity(self._ask("eth_getTransactionCount", hex_data(address), LATEST))

    def gas_price(self) -> int:
        return quantity(self._ask("eth_gasPrice"))

    def tip(self) -> int:
        return quantity(self._ask("eth_maxPriorityFeePerGas"))

    def is_known(self, transaction: bytes) -> bool:
        """Whether the node has the transaction of this hash, waiting or mined."""
        return self._ask("eth_getTransactionByHash", hex_data(transaction)) is not None

    def receipt(self, transaction: bytes) -> Receipt | None:
        found = self._ask("eth_getTransactionReceipt", hex_data(transaction))
        if found is None or _object(found).get("blockHash") is None:
            return None
        gas, price = quantity(found.get("gasUsed")), found.get("effectiveGasPrice")
        return Receipt(
            is_success=quantity(found.get("status")) == 1,
            block_number=quantity(found.get("blockNumber")),
            block_hash=rpc.data(found.get("blockHash"), HASH_SIZE),
            paid=gas * (0 if price is None else quantity(price)),
            gas_used=gas,
        )

    def call(self, to: bytes, data: bytes, *, sender: bytes | None = None, block: int | str = LATEST) -> bytes:
        """Return what the contract answers without changing anything. Raises RevertedError."""
        question = {"to": hex_data(to), "data": hex_data(data)} | ({"from": hex_data(sender)} if sender else {})
        return rpc.data(self._try("eth_call", question, _tag(block)))

    def estimate(self, sender: bytes, to: bytes, data: bytes) -> int:
        """Return the gas that a call takes. Raises RevertedError.

        Of the newest state by name: some nodes would else count in what waits, which is not what the contract holds.
        """
        question = {"from": hex_data(sender), "data": hex_data(data)} | ({"to": hex_data(to)} if to else {})
        return quantity(self._try("eth_estimateGas", question, LATEST))

    def send(self, raw: bytes) -> bytes:
        """Hand over a signed transaction and return the hash that the node gives it. Raises as rpc.send does."""
        answer = rpc.send(self.url, raw)
        try:
            return rpc.data(answer, HASH_SIZE)
        except TransientLedgerError as error:
            # An answer without the form of a hash says nothing about the transaction.
            raise AmbiguousLedgerError(f"sending: {error.detail}") from None

    def _ask(self, method: str, *params: Any) -> Any:
        try:
            return rpc.ask(self.url, method, *params)
        except NodeRefusalError as error:
            raise TransientLedgerError(f"{method}: {error}") from None

    def _try(self, method: str, *params: Any) -> Any:
        try:
            return rpc.ask(self.url, method, *params)
        except NodeRefusalError as error:
            if error.is_revert:
                raise RevertedError(str(error)) from None
            raise TransientLedgerError(f"{method}: {error}") from None


def _tag(block: int | str) -> str:
    return hex(block) if isinstance(block, int) else block


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TransientLedgerError("not an object")
    return value
