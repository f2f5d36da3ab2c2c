"""How a log can stand, made by the real verbs where they can bring it about, for tests of whoever looks at it."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from anchoring.attestation import attest
from anchoring.configured import pause_ledger
from anchoring.models import (
    Attestation,
    ConfiguredLedger,
    Cosignature,
    FollowedLog,
    LedgerReport,
    WitnessedLog,
)
from tests.anchoring.records import hand_over, log_records

LEDGERS = ("contract-guangdong", "time-stamp", "witness-hong-kong")


def quiet() -> None:
    """Everything attested, nothing waiting."""
    log_records(1, 2, 3)
    attest(ledger_id="embedded")
    LedgerReport.objects.create(ledger_id="embedded", is_healthy=True, detail="1 records", asked_at=timezone.now())


def troubled() -> None:
    """One ledger has contradicted us, one refuses, one is paused; another log is broken, and records wait."""
    for name in LEDGERS:
        ConfiguredLedger.objects.create(ledger_id=name, kind="memory")
    for number in range(0, 36, 3):
        checkpoint = log_records(number, number + 1, number + 2)
        attest(ledger_id="embedded")
    contract, stamp, witness = LEDGERS
    Attestation.objects.filter(checkpoint=checkpoint, ledger_id=contract).update(
        state=Attestation.State.DEAD, last_error="execution reverted: NotSubmitter(0x00)"
    )
    pause_ledger(ledger_id=stamp, reason="The authority changes its certificate tonight")
    Attestation.objects.filter(checkpoint=checkpoint, ledger_id=witness).update(
        state=Attestation.State.CONFLICT, last_error="another root at 36 leaves"
    )
    LedgerReport.objects.create(
        ledger_id=contract, is_healthy=False, detail="balance 0", spent="2912883 gwei", asked_at=timezone.now()
    )
    Cosignature.objects.create(
        ledger_id=witness, origin=settings.LOG_ORIGIN, size=33, root=b"\0" * 32, lines="— hk c2ln\n"
    )
    other_logs()
    hand_over(100, 101)


def other_logs() -> None:
    """Three logs that we follow, and one that we witness."""
    now = timezone.now()
    for name, state, finding in (
        ("hong-kong", "sound", ""),
        ("guangdong", "broken", "two roots at 1,024 leaves"),
        ("fujian", "unreachable", "TimeoutError"),
    ):
        FollowedLog.objects.create(
            origin=f"{name}.example/log",
            url=f"https://{name}.example/log",
            state=state,
            finding=finding,
            size=1024,
            checked_at=now - timedelta(minutes=1),
        )
    WitnessedLog.objects.create(origin="hong-kong.example/log", vkeys="", size=1020, cosigned_at=now)
