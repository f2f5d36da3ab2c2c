"""Run the benchmarks and record what they find; ends with 1 when a goal was missed.

usage: python -m bench [GROUP…] [--certificates N] [--results FOLDER]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")

from bench import bulk, informative, library, report, rest
from bench.measure import Effort


def main(arguments: list[str]) -> int:
    """Run the named groups, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Benchmarks as ratios within one run")
    groups = _groups()
    parser.add_argument("group", nargs="*", choices=[*groups, []], help="which to run; all when none is named")
    parser.add_argument("--certificates", type=int, default=bulk.CERTIFICATES, help="size of the bulk run")
    parser.add_argument("--results", type=Path, default=report.RESULTS, help="where to record")
    asked = parser.parse_args(arguments)
    missed = 0
    for name in asked.group or groups:
        print(f"{name}:", flush=True)
        rows = groups[name](asked.certificates)
        report.show(rows)
        report.write(name, rows, asked.results)
        missed += sum(row.is_met is False for row in rows)
    return 1 if missed else 0


def _groups() -> dict[str, Callable[[int], list[report.Row]]]:
    return {
        "library": lambda _: library.run(Effort()),
        "rest": lambda _: rest.run(rest.Effort()),
        "bulk": bulk.run,
        "informative": lambda _: informative.run(Effort(rounds=21)),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
