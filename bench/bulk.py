"""Issuing in bulk through the real path, against a bare script that signs, copies and hashes the same."""

from __future__ import annotations

import json

from bench.report import Row
from bench.world import make_world

ROUNDS = 10
CERTIFICATES = 100_000


def run(certificates: int = CERTIFICATES, rounds: int = ROUNDS) -> list[Row]:
    """Issue *certificates* on each side, in turns, on a database of their own."""
    with make_world() as world:
        figures = json.loads(world.run("-m", "bench.inside", "bulk_run", str(certificates), str(rounds), demo=True))
    real = figures["real issue"] + figures["real tree"] + figures["real proofs"]
    bare = figures["bare issue"] + figures["bare tree and proofs"]
    shown = {f"{name}, s": value for name, value in figures.items()}
    shown |= {"real, certificates/s": certificates / real, "bare, certificates/s": certificates / bare}
    tree = (figures["real tree"] + figures["real proofs"]) / real
    return [
        Row(f"Bulk issue of {certificates:,}, rate ÷ bare script", bare / real, "at least", 0.5, figures=shown),
        Row("Bulk issue, share of root and all proofs", 100 * tree, unit="%"),
    ]
