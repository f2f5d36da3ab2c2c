"""Results as rows: a ratio, its goal, and the figures it came from; written as JSON and as one readable page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from bench.machine import describe_machine

RESULTS = Path(__file__).parent / "results"

Direction = Literal["at most", "at least"]


@dataclass(frozen=True, slots=True)
class Row:
    """*value* is a ratio unless *unit* says otherwise; without *goal* the row only informs."""

    name: str
    value: float
    direction: Direction | None = None
    goal: float | None = None
    unit: str = "×"
    figures: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        """None when there is no goal to meet."""
        if self.goal is None:
            return None
        return self.value <= self.goal if self.direction == "at most" else self.value >= self.goal

    @property
    def verdict(self) -> str:
        """One word for the table."""
        return {True: "met", False: "missed", None: "–"}[self.is_met]


def write(group: str, rows: Iterable[Row], folder: Path = RESULTS) -> None:
    """Record *rows* as the latest run of *group*, and write the page of all groups again."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "group": group,
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "rows": [{**asdict(row), "met": row.is_met} for row in rows],
    }
    (folder / f"{group}.json").write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "results.md").write_text(_page(folder), encoding="utf-8")


def show(rows: Iterable[Row]) -> None:
    """Print *rows* as they are known."""
    for row in rows:
        goal = f"{row.direction} {row.goal:g}" if row.goal is not None else ""
        print(f"  {row.name:<72} {_number(row.value):>8} {row.unit:<8} {goal:<14} {row.verdict}", flush=True)
        for name, figure in row.figures.items():
            print(f"      {name}: {_figure(figure)}", flush=True)


def _page(folder: Path) -> str:
    lines = [
        "# Benchmark results",
        "",
        "Written by `make bench`; what each row means is in [the README](../README.md).",
        "",
    ]
    for path in sorted(folder.glob("*.json")):
        lines += _section(json.loads(path.read_text(encoding="utf-8")))
    return "\n".join(lines) + "\n"


def _section(record: Mapping[str, Any]) -> list[str]:
    machine: Mapping[str, str] = record["machine"]
    lines = [f"## {record['group'].capitalize()}, {record['measured_at']}", ""]
    lines += ["; ".join(f"{name} {value}" for name, value in machine.items()) + ".", ""]
    lines += ["| measured | value | goal | | figures |", "|---|---:|---|---|---|"]
    return [*lines, *(_line(row) for row in record["rows"]), ""]


def _line(row: Mapping[str, Any]) -> str:
    goal = f"{row['direction']} {row['goal']:g}" if row["goal"] is not None else ""
    verdict = {True: "met", False: "**missed**", None: ""}[row["met"]]
    figures = "; ".join(f"{name} {_figure(value)}" for name, value in row["figures"].items())
    return f"| {row['name']} | {_number(row['value'])} {row['unit']} | {goal} | {verdict} | {figures} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _figure(value: float | str) -> str:
    return value if isinstance(value, str) else _number(value)
