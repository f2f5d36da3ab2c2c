"""What the workers run. No task carries anything but ids, and each may be delivered twice, late, or never.

Celery beat rings the same tasks on a fixed beat: that, not the broker, guarantees progress.
"""

from __future__ import annotations

from celery import shared_task

from anchoring import attestation, sequencer

BATCH = 4096


@shared_task(name="anchoring.sequence")
def sequence() -> None:
    while sequencer.sequence(limit=BATCH) == BATCH:
        continue


@shared_task(name="anchoring.sign_checkpoint")
def sign_checkpoint() -> None:
    sequencer.sign_checkpoint()


@shared_task(name="anchoring.attest")
def attest() -> None:
    # One message per ledger: a ledger that hangs holds one worker slot until the time limit, and no other ledger.
    for ledger_id in attestation.due_ledgers():
        attest_on_ledger.delay(ledger_id)


@shared_task(name="anchoring.attest_on_ledger")
def attest_on_ledger(ledger_id: str) -> None:
    attestation.attest(ledger_id=ledger_id)
