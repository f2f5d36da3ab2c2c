"""What the workers run. No task carries anything but names, and each may be delivered twice, late, or never.

Celery beat rings the same tasks on a fixed beat: that, not the broker, guarantees progress.
"""

from __future__ import annotations

from celery import shared_task
from django.conf import settings

from anchoring import attestation, ledger_health, log_in_log, monitor, sequencer
from anchoring.registry import ledgers


@shared_task(name="anchoring.sequence")
def sequence() -> None:
    for _ in sequencer.drain():
        continue


@shared_task(name="anchoring.sign_checkpoint")
def sign_checkpoint() -> None:
    sequencer.sign_checkpoint(min_seconds=settings.CHECKPOINT_SECONDS)


@shared_task(name="anchoring.monitor")
def monitor_logs() -> None:
    for origin in monitor.due_logs():
        # One message per log: one that hangs keeps no other waiting.
        monitor_log.delay(origin)


@shared_task(name="anchoring.monitor_log")
def monitor_log(origin: str) -> None:
    monitor.examine(origin=origin)


@shared_task(name="anchoring.enter_checkpoints")
def enter_checkpoints() -> None:
    log_in_log.enter_due()


@shared_task(name="anchoring.attest")
def attest() -> None:
    # One message per ledger: a ledger that hangs holds one worker slot until the time limit, and no other ledger.
    for ledger_id in attestation.due_ledgers():
        attest_on_ledger.delay(ledger_id)


@shared_task(name="anchoring.ask_ledgers")
def ask_ledgers() -> None:
    for ledger_id in ledgers():
        # One message per ledger, as above.
        ask_ledger.delay(ledger_id)


@shared_task(name="anchoring.ask_ledger")
def ask_ledger(ledger_id: str) -> None:
    ledger_health.note_health(ledger_id=ledger_id)


@shared_task(name="anchoring.attest_on_ledger")
def attest_on_ledger(ledger_id: str) -> None:
    attestation.attest(ledger_id=ledger_id)
