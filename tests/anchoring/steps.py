"""What the children of the fault tests run: the verbs behind the tasks, in a process that may die at any crash point."""

from __future__ import annotations

import time
from collections.abc import Iterator

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


def race_to_sequence() -> None:
    """Place records in small bites and sign what there is, while others do the same."""
    for _ in _until_late():
        sequencer.sequence(limit=40)
        sequencer.sign_checkpoint(min_seconds=0.05)


def race_to_attest() -> None:
    """Go for every ledger, due or not, while others do the same."""
    for _ in _until_late():
        attest_all()
        for ledger_id in ("file", "embedded"):
            attestation.attest(ledger_id=ledger_id)


def _until_late(seconds: float = 4) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield


def attest_all() -> None:
    for ledger_id in attestation.due_ledgers():
        attestation.attest(ledger_id=ledger_id)
