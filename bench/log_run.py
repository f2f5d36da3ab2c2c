"""Grow the log on PostgreSQL beside pymerkle, in turns; then prove and verify at its full size.

usage: python -m bench.inside log_run LEAVES PROOFS, in the environment of bench.world
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import IO

from django.conf import settings
from django.db import connection

from anchoring import outbox, sequencer
from anchoring.log_key import log_key, log_origin
from anchoring.models import TreeHead
from anchoring.receipts import receipt_for
from bench.log_records import BATCHES, KIND, digest, record_id
from protocol.merkle import HASH_SIZE, leaf_hash
from protocol.proof import Receipt, leaf_data, parse_receipt, verify_receipt

SHARES = 50
SEED = 6962
ENTRIES, TILES = "anchoring_logentry", "anchoring_tile"
Times = list[float]


def main(leaves: str, proofs: str) -> None:
    """Print what was found, as JSON."""
    count, asked = int(leaves), int(proofs)
    with _peer() as peer:
        grown = _grow(count, peer)
        checkpoint = sequencer.sign_checkpoint()
        assert checkpoint is not None
        assert checkpoint.size == count
        chosen = random.Random(SEED).sample(range(count), min(asked, count))
        proved = _prove(chosen)
        theirs = peer({"prove": chosen})
    print(json.dumps({**grown, **_storage(count), **proved, **_percentiles("pymerkle proof", theirs)}))


def _grow(count: int, peer: Callable[[dict[str, object]], Times]) -> dict[str, float]:
    """Append *count* leaves on each side in turns, a share of them in each size of batch, and watch the memory."""
    spent: dict[str, float] = {}
    calls: dict[str, Times] = {f"batch of {batch}": [] for batch in BATCHES}
    resident: Times = []
    for turn, numbers in enumerate(_shares(count)):
        batch = BATCHES[turn % len(BATCHES)]
        filled = _seconds(partial(_hand_over, numbers))
        took = _sequence(len(numbers), batch, calls[f"batch of {batch}"])
        theirs = peer({"append": len(numbers), "batch": batch})[0]
        for name, seconds, leaves in (
            ("outbox", filled, len(numbers)),
            (f"ours {batch}", took, len(numbers)),
            (f"pymerkle {batch}", theirs, len(numbers)),
        ):
            spent[f"{name}, s"] = spent.get(f"{name}, s", 0.0) + seconds
            spent[f"{name}, leaves"] = spent.get(f"{name}, leaves", 0.0) + leaves
        resident.append(_resident_bytes())
    assert TreeHead.objects.get().size == count
    # The first share loads code and opens caches; what grows after it would grow for ever.
    memory = {"resident after the first share": resident[0], "resident at the end": resident[-1]}
    timed = {name: value for batch, times in calls.items() for name, value in _percentiles(batch, times).items()}
    return {**spent, **memory, **timed}


def _shares(count: int) -> Iterator[range]:
    size = max(1, -(-count // SHARES))
    for start in range(0, count, size):
        yield range(start, min(start + size, count))


def _hand_over(numbers: range) -> None:
    for start in range(numbers.start, numbers.stop, outbox.BATCH):
        part = range(start, min(start + outbox.BATCH, numbers.stop))
        outbox.append_many((record_id(number), KIND, digest(number)) for number in part)


def _sequence(leaves: int, batch: int, calls: Times) -> float:
    done, begin = 0, time.perf_counter()
    start = begin
    for count in sequencer.drain(limit=batch):
        done, now = done + count, time.perf_counter()
        calls.append(now - start)
        start = now
    assert done == leaves
    return time.perf_counter() - begin


def _prove(chosen: list[int]) -> dict[str, float]:
    """Prove the *chosen* leaves: over a new connection each, which has planned and cached nothing; then over one."""
    few = chosen[: max(1, len(chosen) // 4)]
    cold = [_seconds(partial(_receipt, index), before=connection.close) for index in few]
    _receipt(chosen[0])
    warm = [_seconds(partial(_receipt, index)) for index in chosen]
    receipts = [(index, _receipt(index)) for index in chosen[:200]]
    texts = [(index, receipt.encode()) for index, receipt in receipts]
    verified = [_seconds(partial(_verify, index, text)) for index, text in texts]
    return {
        **_percentiles("cold proof", cold),
        **_percentiles("warm proof", warm),
        **_percentiles("verify", verified),
        "receipt bytes": float(len(texts[0][1])),
    }


def _receipt(index: int) -> Receipt:
    receipt = receipt_for(record_id(index))
    assert receipt is not None
    assert receipt.index == index
    return receipt


def _verify(index: int, text: str) -> None:
    leaf = leaf_hash(leaf_data(KIND, digest(index)))
    verify_receipt(parse_receipt(text), leaf_hash=leaf, keys=[log_key()], origin=log_origin())


def _storage(count: int) -> dict[str, float]:
    """The tables' sizes in bytes as the run left them, and after a VACUUM FULL: the difference is bloat."""
    tables = {"tiles": TILES, "entries": ENTRIES}
    left = {f"{name} table, bytes": _table_bytes(table) for name, table in tables.items()}
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM FULL {TILES}")
    return {
        **left,
        "tiles table compacted, bytes": _table_bytes(TILES),
        "bare leaf hashes, bytes": float(count * HASH_SIZE),
    }


def _table_bytes(table: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s)", [table])
        return float(cursor.fetchone()[0])


def _percentiles(name: str, times: Times) -> dict[str, float]:
    """Median and 99th percentile of *times*, in seconds."""
    high = quantiles(times, n=100, method="inclusive")[98] if len(times) > 1 else times[0]
    return {f"{name} p50": median(times), f"{name} p99": high}


def _seconds(work: Callable[[], object], before: Callable[[], object] | None = None) -> float:
    if before:
        before()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _resident_bytes() -> float:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return float(int(pages) * os.sysconf("SC_PAGE_SIZE"))


@contextmanager
def _peer() -> Iterator[Callable[[dict[str, object]], Times]]:
    path = Path(settings.VAR_DIR) / "peer.sqlite3"
    command = [sys.executable, "-m", "bench.log_peer", str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        requests: IO[str] = process.stdin
        answers: IO[str] = process.stdout

        def ask(request: dict[str, object]) -> Times:
            requests.write(json.dumps(request) + "\n")
            requests.flush()
            times: Times = json.loads(answers.readline())
            return times

        try:
            yield ask
        finally:
            requests.close()
