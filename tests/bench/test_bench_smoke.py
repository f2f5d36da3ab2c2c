"""Each benchmark runs once at a tiny size. What it measures is real; how long it takes is not looked at here."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from bench import anchoring, bulk, informative, library, load, log_records, report, rest, sample
from bench.bare_bulk import merkle_root_and_proofs
from bench.measure import Effort, in_turns, ratio
from bench.report import Row
from bench.yardstick import Refused, Yardstick
from protocol.merkle import leaf_hash, verify_inclusion
from protocol.proof import leaf_data

TINY = Effort(rounds=1, turn_seconds=0.001)

needs_postgresql = pytest.mark.skipif(
    not os.environ.get("DATABASE_URL", "postgres").startswith("postgres"), reason="COPY is PostgreSQL's"
)


def test_library_benchmarks_run() -> None:
    rows = library.run(TINY)
    assert [row.goal for row in rows] == [1.6, 2.0, 2.6, 3.0]
    assert all(row.value > 0 for row in rows)


def test_informative_benchmarks_run() -> None:
    assert len(informative.run(TINY, leaves=300)) == 5


@needs_postgresql
@pytest.mark.processes
@pytest.mark.skipif(shutil.which("node") is None, reason="the peer needs Node")
def test_rest_benchmark_runs() -> None:
    effort = rest.Effort(rounds=1, seconds=2.0, warm_up=1.0, certificates=2, in_process_rounds=1, query_seconds=0.1)
    rows = rest.run(effort)
    assert [row.goal for row in rows] == [0.5, 1.1, None, None, None, None, None, 1]
    assert rows[-1].figures["calls"]


@needs_postgresql
@pytest.mark.processes
def test_bulk_benchmark_runs() -> None:
    rows = bulk.run(certificates=40, rounds=2)
    assert rows[0].goal == 0.5
    assert rows[0].figures["real issue, s"]


@needs_postgresql
@pytest.mark.processes
@pytest.mark.skipif(shutil.which("node") is None, reason="the compiler needs Node")
def test_anchoring_benchmark_runs() -> None:
    rows = anchoring.run(anchoring.Effort(leaves=700, proofs=5, certificates=1, rounds=1, checkpoints=2))
    assert [(row.direction, row.goal) for row in rows if row.goal is not None] == [
        ("at least", 10_000),
        ("at least", 10_000),
        ("at most", 50),
        ("at most", 50),
        ("at most", 1),
        ("at most", 16),
        ("at most", 4),
        ("at most", 100_000),
        ("at most", 100),
        ("at least", 0.9),
    ]
    assert all(value > 0 for row in rows for value in row.figures.values() if isinstance(value, float))


def test_both_sides_of_the_log_grow_from_the_same_leaves() -> None:
    first = next(log_records.leaves())
    assert first == leaf_data(log_records.KIND, log_records.digest(0))


def test_a_batch_is_named_before_the_figures_that_it_explains() -> None:
    figures = {
        f"{side} 100, {unit}": value for side in ("ours", "pymerkle") for unit, value in (("leaves", 50.0), ("s", 2.0))
    }
    figures |= {"batch of 100 p50": 0.001, "batch of 100 p99": 0.004, "outbox, leaves": 100.0, "outbox, s": 1.0}
    row = anchoring.growth_row(100, figures)
    assert (row.value, row.figures["one batch, p99 ms"], row.figures["rate ÷ pymerkle"]) == (25.0, 4.0, 1.0)
    assert row.is_met is False


def test_the_yardstick_checks_what_it_is_compared_for() -> None:
    keys, now = sample.make_keys(), int(time.time())
    held = sample.issue(keys, keys.issuer_signer, index=5, now=now)
    shown = sample.present(keys, held, now=now)
    trust = {"issuer": sample.ISSUER, "vct": sample.VCT, "issuer_jwk": keys.issuer_signer.public_jwk}
    yardstick = Yardstick({**trust, "status_size": sample.STATUS_SIZE, "anchored": []})
    assert yardstick.verify(shown, sample.AUDIENCE, sample.NONCE, now)["claims"]["degree"] == sample.CLAIMS["degree"]
    stranger = sample.issue(sample.make_keys(), sample.make_keys().issuer_signer, index=5, now=now)
    without_one = shown.replace(shown.split("~")[1] + "~", "")
    refusals = [
        (sample.present(keys, stranger, now=now), sample.NONCE, now),
        (without_one, sample.NONCE, now),
        (shown, "another nonce", now),
        (shown, sample.NONCE, now + 301),
    ]
    for presentation, nonce, moment in refusals:
        with pytest.raises(Refused):
            yardstick.verify(presentation, sample.AUDIENCE, nonce, moment)


def test_bare_tree_is_the_tree_of_the_standard() -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(13)]
    root, proofs = merkle_root_and_proofs(leaves)
    for index, proof in enumerate(proofs):
        verify_inclusion(leaves[index], index, len(leaves), proof, root)


def test_work_is_measured_in_turns() -> None:
    calls: list[str] = []
    samples = in_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, TINY)
    assert {"a", "b"} == set(samples) == set(calls)
    assert ratio({"a": [2.0, 4.0, 9.0], "b": [1.0, 2.0, 3.0]}, "a", "b") == 2.0


def test_a_request_is_whole_http() -> None:
    request = load.build_requests(8000, [{"presentation": "é"}], "ck_secret")[0]
    head, _, body = request.partition(b"\r\n\r\n")
    assert json.loads(body) == {"presentation": "é"}
    assert f"Content-Length: {len(body)}".encode() in head.splitlines()
    assert b"Authorization: Bearer ck_secret" in head.splitlines()


@pytest.mark.parametrize(
    ("row", "is_met"),
    [
        (Row("slow", 1.7, "at most", 1.6), False),
        (Row("even", 1.6, "at most", 1.6), True),
        (Row("fast", 2.1, "at least", 2.0), True),
        (Row("behind", 1.9, "at least", 2.0), False),
        (Row("only said", 1.0), None),
    ],
)
def test_a_goal_is_met_or_missed(row: Row, is_met: bool | None) -> None:
    assert row.is_met is is_met


def test_results_are_recorded_for_machines_and_people(tmp_path: Path) -> None:
    report.write("library", [Row("verify ÷ bare", 1.7, "at most", 1.6, figures={"verify, µs": 136.0})], tmp_path)
    record = json.loads((tmp_path / "library.json").read_text(encoding="utf-8"))
    assert record["rows"][0]["met"] is False
    assert record["machine"]["cryptography"]
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "| verify ÷ bare | 1.7 × | at most 1.6 | **missed** | verify, µs 136 |" in page
