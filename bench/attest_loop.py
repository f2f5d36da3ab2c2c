"""Attests on one ledger without end, as one slot of a Celery worker does.

usage: python -m bench.inside attest_loop LEDGER_ID, in the environment of bench.world; ended from outside
"""

from __future__ import annotations

import time

from anchoring import attestation

PAUSE_SECONDS = 0.05


def main(ledger_id: str) -> None:
    """Say that it has begun, then take whatever is due."""
    print("begun", flush=True)
    while True:
        if ledger_id in attestation.due_ledgers():
            attestation.attest(ledger_id=ledger_id)
        time.sleep(PAUSE_SECONDS)
