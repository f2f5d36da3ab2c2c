"""What the children of the fault tests run: the verbs behind the tasks, in a process that may die at any crash point."""

from __future__ import annotations

import time

from anchoring import attestation, sequencer


def whole_way() -> None:
    """Everything from the outbox to every ledger, once."""
    sequencer.sequence()
    sequencer.sign_checkpoint()
    attest_all()


def race() -> None:
    """Sequence in small bites, sign and attest in between, while records keep coming."""
    deadline = time.monotonic() + 2.5
    while time.monotonic() < deadline:
        sequencer.sequence(limit=40)
        sequencer.sign_checkpoint()
        attest_all()


def attest_all() -> None:
    for ledger_id in attestation.due_ledgers():
        attestation.attest(ledger_id=ledger_id)
