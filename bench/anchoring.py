"""The log: growth, proofs, verification, memory and storage beside pymerkle; issuing beside a ledger that hangs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.log_records import BATCHES
from bench.report import Row
from bench.world import make_world

Figures = Mapping[str, float]

LEAVES = 1_000_000
MIB = 1024 * 1024
# In each checkpoint on the chain.
RECORDS = 1000


@dataclass(frozen=True, slots=True)
class Effort:
    """How much to do: *proofs* of random leaves; *certificates* a round, on each side; *checkpoints* on the chain."""

    leaves: int = LEAVES
    proofs: int = 1000
    certificates: int = 50
    rounds: int = 5
    checkpoints: int = 6


def run(effort: Effort) -> list[Row]:
    """Grow a log of *effort.leaves* on a database of its own, then issue beside a dead ledger on another."""
    with make_world() as world:
        figures = json.loads(world.run("-m", "bench.inside", "log_run", str(effort.leaves), str(effort.proofs)))
        gas = json.loads(world.run("-m", "bench.inside", "gas_run", str(effort.checkpoints), str(RECORDS)))
    with make_world() as world:
        arguments = (str(effort.certificates), str(effort.rounds))
        rounds = json.loads(world.run("-m", "bench.inside", "fan_out", *arguments, demo=True))
    return [
        *(growth_row(batch, figures) for batch in BATCHES),
        *_proof_rows(effort.leaves, figures),
        *_storage_rows(effort.leaves, figures),
        *_gas_rows(effort.leaves, gas),
        _fan_out_row(effort.certificates, rounds),
    ]


def growth_row(batch: int, figures: Figures) -> Row:
    """Return how fast *batch* leaves at a time were sequenced, beside the peer."""
    ours, peer = (figures[f"{side} {batch}, leaves"] / figures[f"{side} {batch}, s"] for side in ("ours", "pymerkle"))
    shown = {
        "one batch, p50 ms": figures[f"batch of {batch} p50"] * 1e3,
        "one batch, p99 ms": figures[f"batch of {batch} p99"] * 1e3,
        "handed over before, leaves/s": figures["outbox, leaves"] / figures["outbox, s"],
        "pymerkle on SQLite, leaves/s": peer,
        "rate ÷ pymerkle": ours / peer,
    }
    return Row(f"Sequenced on PostgreSQL in batches of {batch:,}", ours, "at least", 10_000, "leaves/s", shown)


def _proof_rows(leaves: int, figures: Figures) -> list[Row]:
    rows = [
        Row(
            f"Inclusion proof among {leaves:,} leaves from PostgreSQL, {way}, p99",
            figures[f"{name} p99"] * 1e3,
            "at most",
            50,
            "ms",
            {"p50 ms": figures[f"{name} p50"] * 1e3},
        )
        for name, way in (("cold proof", "a new connection each"), ("warm proof", "one connection"))
    ]
    peer = {f"pymerkle, {rank} ms": figures[f"pymerkle proof {rank}"] * 1e3 for rank in ("p50", "p99")}
    against = figures["warm proof p99"] / figures["pymerkle proof p99"]
    verified = {"p50 ms": figures["verify p50"] * 1e3, "receipt, bytes": figures["receipt bytes"]}
    return [
        *rows,
        Row("Inclusion proof, one connection, p99 ÷ pymerkle on SQLite", against, figures=peer),
        Row("Receipt parsed and verified, p99", figures["verify p99"] * 1e3, "at most", 1, "ms", verified),
    ]


def _storage_rows(leaves: int, figures: Figures) -> list[Row]:
    grown = (figures["resident at the end"] - figures["resident after the first share"]) / MIB
    bare = figures["bare leaf hashes, bytes"]
    sizes = {
        "tiles, MiB": figures["tiles table, bytes"] / MIB,
        "tiles compacted, MiB": figures["tiles table compacted, bytes"] / MIB,
        "entries with indexes, bytes a leaf": figures["entries table, bytes"] / leaves,
    }
    resident = {"at the end, MiB": figures["resident at the end"] / MIB}
    return [
        Row(f"Resident memory, grown over {leaves:,} leaves", grown, "at most", 16, "MiB", resident),
        Row("Tile table as left ÷ bare leaf hashes", figures["tiles table, bytes"] / bare, "at most", 4, figures=sizes),
    ]


def _gas_rows(leaves: int, gas: Mapping[str, Any]) -> list[Row]:
    most, theirs = max(gas["checkpoint"]), median(gas["per credential"])
    each = median(gas["checkpoint"]) / RECORDS
    shown = {"median": median(gas["checkpoint"]), "first, without a proof": float(gas["first"])}
    figures = {"one transaction per credential, gas": theirs, "times less": theirs / each}
    return [
        Row(f"Checkpoint of {leaves:,} leaves on an EVM chain, most", most, "at most", 100_000, "gas", shown),
        Row(f"A credential of {RECORDS:,} in a checkpoint", each, "at most", 100, "gas", figures),
    ]


def _fan_out_row(certificates: int, rounds: Mapping[str, list[float]]) -> Row:
    rates = zip(rounds["without issue"], rounds["with issue"], strict=True)
    shown = {f"{side}, certificates/s": certificates / median(rounds[f"{side} issue"]) for side in ("without", "with")}
    shown |= {f"{side}, attested after ms": median(rounds[f"{side} attest"]) * 1e3 for side in ("without", "with")}
    name = "Issuing and signing beside a hung ledger, rate ÷ without it"
    return Row(name, median(without / beside for without, beside in rates), "at least", 0.9, figures=shown)
