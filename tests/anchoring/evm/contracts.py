"""The contract itself on anvil, called as anyone may call it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from coincurve import PrivateKey

from anchoring.backends.evm.contract import WORD, Submission, origin_hash
from anchoring.backends.evm.deployment import contract_code
from anchoring.backends.evm.node import Node, Receipt
from anchoring.backends.evm.transaction import Fees, Transaction, address_of, created_address, sign
from anchoring.log_key import log_key
from protocol.keccak import keccak_256
from tests.processes import ROOT
from tests.simulators.anvil import Anvil

ORIGIN = origin_hash(log_key().name)
ABI = json.loads((ROOT / "contracts" / "CheckpointWitness.json").read_text())["abi"]


class Account:
    """A key with money that sends what it is told, whatever will become of it."""

    def __init__(self, anvil: Anvil, key: PrivateKey | None = None) -> None:
        self.key = key or PrivateKey()
        self.address = address_of(self.key.public_key)
        self.anvil, self.node = anvil, Node(anvil.url)
        anvil.fund(self.address)

    def begin(self, to: bytes, data: bytes, gas: int = 5_000_000) -> bytes:
        """Send without waiting, at a price that comes before others."""
        nonce = self.node.mined_count(self.address)
        draft = Transaction(self.anvil.chain_id, nonce, Fees(10**11, 5 * 10**10), gas, to, data)
        return self.node.send(sign(draft, self.key))

    def send(self, to: bytes, data: bytes) -> Receipt:
        sent = self.begin(to, data)
        self.anvil.settle()
        receipt = self.node.receipt(sent)
        assert receipt is not None
        return receipt


@dataclass
class Contract:
    """One deployed contract. ``owner`` submits, too."""

    owner: Account
    address: bytes

    @classmethod
    def create(cls, anvil: Anvil, origin: bytes = ORIGIN) -> Contract:
        owner = Account(anvil)
        arguments = origin + owner.address.rjust(WORD, b"\0")
        receipt = owner.send(b"", contract_code("creation_code") + arguments)
        assert receipt.is_success
        return cls(owner, created_address(owner.address, 0))

    def submit(self, submission: Submission, by: Account | None = None) -> Receipt:
        return (by or self.owner).send(self.address, submission.encode())

    def change(self, signature: str, *words: bytes, by: Account | None = None) -> Receipt:
        call = selector(signature) + b"".join(word.rjust(WORD, b"\0") for word in words)
        return (by or self.owner).send(self.address, call)

    def read(self, data: bytes) -> bytes:
        return self.owner.node.call(self.address, data)

    def error_of(self, data: bytes, by: Account | None = None) -> str:
        """The name of the custom error with which a call reverts, or an empty text."""
        question = {"to": "0x" + self.address.hex(), "from": "0x" + (by or self.owner).address.hex()}
        try:
            self.owner.anvil.ask("eth_call", {**question, "data": "0x" + data.hex()}, "latest")
        except RuntimeError as error:
            return error_names()[_details(error)["data"][:10]]
        return ""


def selector(signature: str, size: int = 4) -> bytes:
    return keccak_256(signature.encode())[:size]


def error_names() -> dict[str, str]:
    errors = [item for item in ABI if item["type"] == "error"]
    return {"0x" + selector(_signature(item)).hex(): item["name"] for item in errors}


def signatures(kind: str) -> set[str]:
    return {_signature(item) for item in ABI if item["type"] == kind}


def _signature(item: dict[str, Any]) -> str:
    return f"{item['name']}({','.join(part['type'] for part in item['inputs'])})"


def _details(error: RuntimeError) -> dict[str, Any]:
    details: dict[str, Any] = error.args[0]
    return details
