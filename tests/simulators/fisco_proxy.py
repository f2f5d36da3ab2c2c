"""FISCO BCOS 3.9 as its Web3 JSON-RPC answers (reference of its 3.16 source), with anvil's machine behind it.

Only its methods exist; a nonce that waits is refused; blocks are final, so that every tag and every old state is the
newest one; there is no base fee; keys held by the node sign nothing, and say so with a hash of zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anchoring.backends.evm.transaction import SignedTransaction
from tests.simulators.evm_node import ZERO_HASH, RefusalError, StrictNode

METHODS = frozenset(
    [
        "web3_clientVersion",
        "web3_sha3",
        "net_version",
        "net_listening",
        "net_peerCount",
        "eth_protocolVersion",
        "eth_syncing",
        "eth_coinbase",
        "eth_chainId",
        "eth_mining",
        "eth_hashrate",
        "eth_gasPrice",
        "eth_accounts",
        "eth_blockNumber",
        "eth_getBalance",
        "eth_getStorageAt",
        "eth_getTransactionCount",
        "eth_getBlockTransactionCountByHash",
        "eth_getBlockTransactionCountByNumber",
        "eth_getUncleCountByBlockHash",
        "eth_getUncleCountByBlockNumber",
        "eth_getCode",
        "eth_sign",
        "eth_signTransaction",
        "eth_sendTransaction",
        "eth_sendRawTransaction",
        "eth_call",
        "eth_estimateGas",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getTransactionByHash",
        "eth_getTransactionByBlockHashAndIndex",
        "eth_getTransactionByBlockNumberAndIndex",
        "eth_getTransactionReceipt",
        "eth_getUncleByBlockHashAndIndex",
        "eth_getUncleByBlockNumberAndIndex",
        "eth_newFilter",
        "eth_newBlockFilter",
        "eth_newPendingTransactionFilter",
        "eth_uninstallFilter",
        "eth_getFilterChanges",
        "eth_getFilterLogs",
        "eth_getLogs",
        "eth_maxPriorityFeePerGas",
    ]
)
_TAGS = {"safe", "finalized", "pending"}
# Where the block stands among the parameters of a method that reads a state.
_BLOCK_AT = {"eth_call": 1, "eth_getCode": 1, "eth_getBalance": 1, "eth_getTransactionCount": 1}


@dataclass
class FiscoNode(StrictNode):
    """A StrictNode with those rules."""

    def answer(self, method: str, params: list[Any]) -> Any:
        if method not in METHODS:
            raise RefusalError(-32601, "Method not found")
        if method == "eth_sendTransaction":
            return ZERO_HASH
        if method == "eth_maxPriorityFeePerGas":
            return "0x0"
        if method in _BLOCK_AT and len(params) > _BLOCK_AT[method]:
            params = [*params]
            params[_BLOCK_AT[method]] = "latest"
        if method == "eth_getBlockByNumber":
            return self._block(params)
        return super().answer(method, params)

    def replace(self, waiting: SignedTransaction, signed: SignedTransaction) -> None:
        raise RefusalError(-32000, "NonceCheckFail")

    def _block(self, params: list[Any]) -> Any:
        tag = "latest" if params[0] in _TAGS else params[0]
        block = self.forward("eth_getBlockByNumber", [tag, *params[1:]])
        return block and {**block, "baseFeePerGas": "0x0"}
