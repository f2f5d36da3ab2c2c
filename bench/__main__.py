"""Run the benchmarks and record what they find; ends with 1 when a goal was missed.

usage: python -m bench [GROUP…] [--certificates N] [--leaves N] [--results FOLDER]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")

from bench import anchoring, bulk, informative, library, report, rest
from bench.measure import Effort

GROUPS: Mapping[str, Callable[[argparse.Namespace], list[report.Row]]] = {
    "library": lambda _: library.run(Effort()),
    "rest": lambda _: rest.run(rest.Effort()),
    "bulk": lambda asked: bulk.run(asked.certificates),
    "anchoring": lambda asked: anchoring.run(anchoring.Effort(leaves=asked.leaves)),
    "informative": lambda _: informative.run(Effort(rounds=21)),
}


def main(arguments: list[str]) -> int:
    """Run the named groups, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Benchmarks as ratios within one run")
    parser.add_argument("group", nargs="*", choices=[*GROUPS, []], help="which to run; all when none is named")
    parser.add_argument("--certificates", type=int, default=bulk.CERTIFICATES, help="size of the bulk run")
    parser.add_argument("--leaves", type=int, default=anchoring.LEAVES, help="size of the log")
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="where to record")
    asked = parser.parse_args(arguments)
    missed = 0
    for name in asked.group or GROUPS:
        print(f"{name}:", flush=True)
        rows = GROUPS[name](asked)
        report.show(rows)
        report.write(name, rows, asked.results)
        missed += sum(row.is_met is False for row in rows)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
