"""Set Django up, then run one part of the benchmarks, which may import models.

usage: python -m bench.inside PART [ARGUMENT…]
"""

from __future__ import annotations

import sys
from importlib import import_module

import django

PARTS = frozenset({"seed", "in_process", "bulk_run", "log_run", "fan_out", "attest_loop", "gas_run"})


def main(part: str, arguments: list[str]) -> None:
    """Call ``main`` of bench.<part> with *arguments*."""
    if part not in PARTS:
        sys.exit(f"one of {', '.join(sorted(PARTS))} expected")
    django.setup()
    import_module(f"bench.{part}").main(*arguments)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
