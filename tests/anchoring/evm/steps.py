"""What the children of the race do: two ledgers with one key, each preparing and sending as fast as it can."""

from __future__ import annotations

import json
import os
import time

from anchoring.backends.evm import EvmLedger
from anchoring.errors import LedgerError
from tests.anchoring import steps
from tests.anchoring.evm.chains import PromptLedger, extension, head, settle

SIZES = (3, 8, 20, 33, 64)


def race() -> None:
    """Bring every ledger that the environment names to the last size, in an order of this process's own."""
    options: dict[str, dict[str, str]] = json.loads(os.environ["EVM_OPTIONS"])
    names = sorted(options, reverse=os.getpid() % 2 == 0)
    made = [PromptLedger.from_options(name, options[name]) for name in names]
    old = 0
    for size in SIZES:
        for ledger in made:
            anchor_stubbornly(ledger, old, size)
        old = size


def anchor_stubbornly(ledger: EvmLedger, old: int, size: int) -> None:
    """As attestation does it: look, send, look again, and make anew what is outdated."""
    for _ in range(100):
        latest = ledger.latest(head(size).checkpoint.origin)
        if latest is not None and latest.size >= size:
            return
        try:
            intent = ledger.prepare(head(size), extension(latest.size if latest else 0, size))
            ledger.submit(intent)
            settle(ledger._node.url)
            ledger.poll(intent)
        except LedgerError:
            continue
    raise AssertionError(f"{size} leaves never got there from {old}")


def patiently() -> None:
    """The whole way with a look after each block, for as long as something waits."""
    for _ in range(20):
        steps.whole_way()
        time.sleep(0.05)
