"""Measure pieces of work in turns, so that whatever else the machine does falls on all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

Work = Callable[[], object]
Samples = dict[str, list[float]]

# Long enough that the clock's grain and the call of the loop vanish, short enough to interleave finely.
TURN_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: *rounds* turns for every piece of work."""

    rounds: int = 41
    turn_seconds: float = TURN_SECONDS


def in_turns(work: Mapping[str, Work], effort: Effort) -> Samples:
    """Return, for each piece of *work*, the CPU seconds of one call in every round.

    CPU time of this process, not wall time: a neighbour on the same core then costs cache misses only.
    """
    calls = {name: _calls_per_turn(piece, effort.turn_seconds) for name, piece in work.items()}
    samples: Samples = {name: [] for name in work}
    names = list(work)
    for number in range(effort.rounds):
        # Each round starts elsewhere: no piece always runs after the same neighbour.
        for name in names[number % len(names) :] + names[: number % len(names)]:
            samples[name].append(cpu_seconds(work[name], calls[name]))
    return samples


def cpu_seconds(piece: Work, calls: int) -> float:
    """Return the CPU seconds of one call, averaged over *calls*."""
    turns = range(calls)
    start = time.process_time()
    for _ in turns:
        piece()
    return (time.process_time() - start) / calls


def ratio(samples: Samples, over: str, under: str) -> float:
    """Return the median over all rounds of *over* divided by *under* in the same round."""
    return median(a / b for a, b in zip(samples[over], samples[under], strict=True))


def microseconds(samples: Samples, name: str) -> float:
    """Return the median cost of one call."""
    return median(samples[name]) * 1e6


def _calls_per_turn(piece: Work, turn_seconds: float) -> int:
    piece()
    cost = cpu_seconds(piece, 3)
    return max(1, int(turn_seconds / max(cost, 1e-7)))
