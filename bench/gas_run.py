"""Anchor a log that has grown large on a real EVM node, beside a contract that takes one transaction per credential.

usage: python -m bench.inside gas_run CHECKPOINTS RECORDS, in the environment of bench.world, after bench.log_run
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from coincurve import PrivateKey
from django.conf import settings

from anchoring import outbox, sequencer
from anchoring.attestation import attest
from anchoring.backends.evm.node import Node, Receipt
from anchoring.backends.evm.transaction import Fees, Transaction, address_of, created_address, sign
from anchoring.configured import deploy_ledger
from anchoring.models import Attestation, Checkpoint, EvmTransaction, TreeHead
from bench.log_records import KIND, digest, record_id
from protocol.keccak import keccak_256
from scripts.contract import compile_contract
from tests.simulators.anvil import Anvil

LEDGER_ID = "contract"
PEER_SOURCE = settings.BASE_DIR / "contracts" / "bench" / "PerCredential.sol"
PATIENCE_SECONDS = 60.0
GAS_LIMIT = 2_000_000
GAS_PRICE = 10**11
# Enough to tell that each costs the same.
PEER_RECORDS = 20


def main(checkpoints: str, records: str) -> None:
    """Print the gas of each transaction on both sides, as JSON."""
    with Anvil() as anvil:
        key_file = _funded_key(anvil)
        options = {"rpc_url": anvil.url, "key_file": str(key_file), "confirmations": "1"}
        deploy_ledger(ledger_id=LEDGER_ID, kind="evm", options=options)
        node = Node(anvil.url)
        spent = list(_anchor(node, int(checkpoints), int(records)))
        theirs = list(_record_each(anvil, node))
    print(json.dumps({"first": spent[0], "checkpoint": spent[1:], "per credential": theirs}))


def _anchor(node: Node, checkpoints: int, records: int) -> Iterator[int]:
    """Yield the gas of the log's first checkpoint there, then of *checkpoints* more, each of *records* new leaves."""
    for _ in range(checkpoints + 1):
        first = TreeHead.objects.get().size
        outbox.append_many((record_id(number), KIND, digest(number)) for number in range(first, first + records))
        while sequencer.sequence():
            continue
        checkpoint = sequencer.sign_checkpoint()
        assert checkpoint is not None
        yield _attested(node, checkpoint)


def _attested(node: Node, checkpoint: Checkpoint) -> int:
    rows = Attestation.objects.filter(checkpoint=checkpoint, ledger_id=LEDGER_ID)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while rows.get().state != Attestation.State.FINAL:
        assert time.monotonic() < deadline, rows.get().last_error
        attest(ledger_id=LEDGER_ID)
        rows.update(next_attempt_at=None)
    sent = EvmTransaction.objects.filter(ledger_id=LEDGER_ID).latest("nonce")
    return _mined(node, bytes(sent.hash)).gas_used


def _record_each(anvil: Anvil, node: Node) -> Iterator[int]:
    """Yield the gas of recording one credential's digest, as often as PEER_RECORDS."""
    key = PrivateKey()
    sender = address_of(key.public_key)
    anvil.fund(sender)
    contract = bytes.fromhex(compile_contract(PEER_SOURCE)["creation_code"][2:])
    selector = keccak_256(b"record(bytes32)")[:4]
    calls = (selector + digest(number) for number in range(PEER_RECORDS))
    for nonce, data in enumerate((contract, *calls)):
        to = created_address(sender, 0) if nonce else b""
        draft = Transaction(anvil.chain_id, nonce, Fees(GAS_PRICE, 0), GAS_LIMIT, to, data)
        receipt = _mined(node, node.send(sign(draft, key)))
        if nonce:
            yield receipt.gas_used


def _mined(node: Node, sent: bytes) -> Receipt:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (receipt := node.receipt(sent)) is None:
        assert time.monotonic() < deadline, "not mined"
        time.sleep(0.01)
    assert receipt.is_success
    return receipt


def _funded_key(anvil: Anvil) -> Path:
    path = Path(settings.VAR_DIR) / "submitter.key"
    key = secrets.token_bytes(32)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key.hex())
    anvil.fund(address_of(PrivateKey(key).public_key))
    return path
