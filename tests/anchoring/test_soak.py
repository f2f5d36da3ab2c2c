"""Fifty thousand records in one go: flat memory, tiles of the size they must have, proofs as quick as at the start."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import Func, IntegerField, Sum

from anchoring import monitor, sequencer
from anchoring.export import export_log
from anchoring.log_key import log_key, log_origin
from anchoring.models import Checkpoint, FollowedLog, Tile
from anchoring.receipts import receipt_for
from protocol.proof import verify_receipt
from tests.anchoring.records import hand_over, leaf_hash_of, record_id

pytestmark = pytest.mark.django_db

COUNT, STEP = 50_000, 1000


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def log_step(start: int) -> float:
    """Hand over and sequence STEP records as they come in a busy second, four runs of it; return the seconds."""
    hand_over(*range(start, start + STEP))
    begun = time.perf_counter()
    while sequencer.sequence(limit=256):
        pass
    return time.perf_counter() - begun


def proof_seconds(number: int) -> float:
    begun = time.perf_counter()
    receipt = receipt_for(record_id(number))
    lasted = time.perf_counter() - begun
    assert receipt is not None
    verify_receipt(receipt, leaf_hash=leaf_hash_of(number), keys=[log_key()])
    return lasted


def test_fifty_thousand_records(tmp_path: Path) -> None:
    lasted = [log_step(start) for start in range(0, 5 * STEP, STEP)]
    sequencer.sign_checkpoint()
    early_proofs = sorted(proof_seconds(number) for number in range(0, 5 * STEP, 97))
    before = megabytes()
    lasted += [log_step(start) for start in range(5 * STEP, COUNT, STEP)]
    checkpoint = sequencer.sign_checkpoint()
    assert checkpoint is not None
    assert checkpoint.size == COUNT
    assert megabytes() - before < 40

    # Every hash is stored once: leaves, and one per full tile below.
    stored = Tile.objects.aggregate(total=Sum(Func("hashes", function="length", output_field=IntegerField())))["total"]
    assert stored == 32 * (COUNT + COUNT // 256)
    assert Tile.objects.count() == -(-COUNT // 256) + 1

    # Medians of one run against each other: later steps cost what the first did.
    early, late = sorted(lasted[:10])[5], sorted(lasted[-10:])[5]
    assert late < 3 * early
    late_proofs = sorted(proof_seconds(number) for number in range(0, COUNT, 977))
    assert late_proofs[len(late_proofs) // 2] < 3 * early_proofs[len(early_proofs) // 2]

    before = megabytes()
    assert export_log(folder=tmp_path / "public").size == COUNT
    monitor.due_logs()
    row = monitor.examine(origin=log_origin(), seconds=120)
    assert (row.state, row.size) == (FollowedLog.State.SOUND, COUNT)
    assert megabytes() - before < 40
    assert Checkpoint.objects.count() == 2


def test_runs_of_few_records_do_not_bloat_the_tiles() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("measures PostgreSQL's files")
    before, runs, each = tile_bytes(), 400, 25
    for start in range(0, runs * each, each):
        hand_over(*range(start, start + each))
        sequencer.sequence()
    # Nothing is vacuumed inside this transaction: an upper bound, of one tile of at most 8 kB rewritten per run.
    assert tile_bytes() - before < runs * 12_000


def tile_bytes() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('anchoring_tile')")
        return int(cursor.fetchone()[0])
