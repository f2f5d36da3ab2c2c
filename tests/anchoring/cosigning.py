"""A simulated witness as this deployment's ledger, and what its tests ask again and again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from anchoring import attestation, sequencer
from anchoring.backends.witness import WitnessLedger
from anchoring.errors import LogForkError
from anchoring.ledger import Trust
from anchoring.log_key import log_key, log_origin
from anchoring.models import Attestation, ConfiguredLedger
from anchoring.registry import ledgers
from anchoring.tiles import StoredTiles, border_tiles
from protocol.checkpoint import Checkpoint
from protocol.merkle import root
from tests.anchoring.records import hand_over
from tests.protocol.trees import MemoryTree, leaves
from tests.simulators.witness import SimulatedWitness, serve_witness

State = Attestation.State
NAME = "guangdong.example/witness"


@pytest.fixture
def witness() -> Iterator[SimulatedWitness]:
    with serve_witness(NAME, log_key()) as running:
        yield running


@pytest.fixture
def ledger(witness: SimulatedWitness, settings: Settings) -> WitnessLedger:
    """The witness as this deployment's only ledger, added as an operator does."""
    settings.ANCHORING_LEDGERS = []
    return add_ledger(witness)


def add_ledger(witness: SimulatedWitness) -> WitnessLedger:
    ledger_id = witness.name.partition(".")[0]
    options = {"url": witness.url, "vkey": witness.vkey}
    ConfiguredLedger.objects.create(ledger_id=ledger_id, kind="witness", options=options)
    ledger = ledgers()[ledger_id]
    assert isinstance(ledger, WitnessLedger)
    return ledger


def attest(ledger: WitnessLedger, *, times: int = 1) -> Attestation:
    """Attest as the sweepers do, a minute or two apart, and return the newest attestation."""
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(times):
            if number:
                clock.shift(timedelta(minutes=2))
            attestation.attest(ledger_id=ledger.ledger_id)
    return newest(ledger)


def newest(ledger: WitnessLedger) -> Attestation:
    return Attestation.objects.filter(ledger_id=ledger.ledger_id).order_by("checkpoint__size").last()  # type: ignore[return-value]  # there is one


def trust(ledger: WitnessLedger) -> Trust:
    return Trust((log_key(),), ledger.identity().pins)


def checkpoint_of(row: Attestation) -> Checkpoint:
    stored = row.checkpoint
    return Checkpoint(stored.origin, stored.size, bytes(stored.root))


def forked(size: int) -> Checkpoint:
    tree = MemoryTree()
    tree.append(leaves(size, start=5000))
    return Checkpoint(log_origin(), size, tree.root)


def own_tree(size: int) -> Checkpoint:
    """The head that our log had at *size* leaves, whether it was signed or not."""
    return Checkpoint(log_origin(), size, root(StoredTiles(border_tiles(size)), size))


def log_records_would_fail(*numbers: int) -> None:
    hand_over(*numbers)
    sequencer.sequence()
    with pytest.raises(LogForkError):
        sequencer.sign_checkpoint()
