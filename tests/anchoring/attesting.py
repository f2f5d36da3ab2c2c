"""Short words for the tests of attestations."""

from __future__ import annotations

import pytest

from anchoring import attestation, sequencer
from anchoring.ledger import Ledger
from anchoring.models import Attestation
from tests.simulators.ledger import FaultyLedger


def use(monkeypatch: pytest.MonkeyPatch, *used: FaultyLedger) -> None:
    """Put ledgers of this test where the settings would have put classes."""
    registry: dict[str, Ledger] = {ledger.ledger_id: ledger for ledger in used}
    for module in (attestation, sequencer):
        monkeypatch.setattr(module, "ledgers", lambda: registry)


def attest(times: int = 1) -> None:
    for _ in range(times):
        attestation.attest(ledger_id="faulty")


def states() -> list[str]:
    return list(Attestation.objects.order_by("checkpoint__size").values_list("state", flat=True))


def row() -> Attestation:
    return Attestation.objects.order_by("checkpoint__size").last() or pytest.fail("nothing is planned")


def sent(ledger: FaultyLedger) -> int:
    return ledger.calls.count("submit")
