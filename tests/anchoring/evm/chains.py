"""Ledgers on a real chain for the tests: a key of their own, a contract of their own, heads of one growing tree."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from secrets import token_bytes

from coincurve import PrivateKey

from anchoring.backends.evm import EvmLedger, rpc
from anchoring.backends.evm.transaction import address_of
from anchoring.ledger import Extension, Intent, PublishedCheckpoint
from anchoring.log_key import log_key, log_signer
from protocol.checkpoint import Checkpoint, sign
from protocol.merkle import consistency_proof
from tests.protocol.trees import MemoryTree, leaves
from tests.simulators.anvil import Anvil


class PromptLedger(EvmLedger):
    """Waits for the block: anvil mines a transaction a moment after it has taken it."""

    def submit(self, intent: Intent) -> None:
        super().submit(intent)
        settle(self._node.url)


def settle(url: str) -> None:
    deadline = time.monotonic() + 10
    while int(rpc.ask(url, "txpool_status")["pending"], 16):
        assert time.monotonic() < deadline, "not mined"
        time.sleep(0.002)


def write_key(path: Path, key: PrivateKey | None = None, mode: int = 0o600) -> PrivateKey:
    key = key or PrivateKey(token_bytes(32))
    path.write_text(key.secret.hex() + "\n")
    path.chmod(mode)
    return key


def address_in(path: Path) -> bytes:
    return address_of(PrivateKey(bytes.fromhex(path.read_text().strip())).public_key)


def funded_key(anvil: Anvil, path: Path) -> Path:
    anvil.fund(address_of(write_key(path).public_key))
    return path


def deployed(anvil: Anvil, key_file: Path, ledger_id: str = "contract", **more: str) -> dict[str, str]:
    """The options of a ledger whose contract has just been put on the chain."""
    given = {"rpc_url": anvil.url, "key_file": str(key_file), "confirmations": "1", **more}
    return dict(EvmLedger.deploy(ledger_id, given, log_key().name))


@cache
def tree(size: int, *, fork: int = 0) -> MemoryTree:
    grown = MemoryTree()
    grown.append(leaves(size, start=fork))
    return grown


def head(size: int, *, fork: int = 0) -> PublishedCheckpoint:
    checkpoint = Checkpoint(log_key().name, size, tree(size, fork=fork).root)
    return PublishedCheckpoint(checkpoint, sign(checkpoint, log_signer()))


def extension(old: int, new: int, *, fork: int = 0) -> Extension | None:
    if old == 0:
        return None
    proof = consistency_proof(tree(new, fork=fork).read, old, new)
    return Extension(old, tree(old, fork=fork).root, tuple(proof))


def anchor(ledger: EvmLedger, size: int, old: int = 0) -> Intent:
    intent = ledger.prepare(head(size), extension(old, size))
    ledger.submit(intent)
    return intent
