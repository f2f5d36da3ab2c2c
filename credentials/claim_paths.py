"""Addresses of claims inside nested JSON: ``("parents", None, "name")`` as specified, ``("parents", 0, "name")`` as met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SpecPath = tuple[str | None, ...]
FoundPath = tuple[str | int, ...]


def dotted(path: Sequence[str | int | None]) -> str:
    """Return the name by which forms and error reports call *path*."""
    return ".".join("*" if step is None else str(step) for step in path)


def values_at(claims: Any, path: Sequence[str | int | None]) -> Iterator[tuple[FoundPath, Any]]:
    """Yield every (found path, value) that *path* leads to; nothing where it leads nowhere."""
    found: list[tuple[FoundPath, Any]] = [((), claims)]
    for step in path:
        found = [pair for at, value in found for pair in _step(at, value, step)]
    yield from found


def _step(at: FoundPath, value: Any, step: str | int | None) -> Iterator[tuple[FoundPath, Any]]:
    # The exact kind first: asking an abstract class costs six times as much.
    if isinstance(step, str) and isinstance(value, (dict, Mapping)) and step in value:
        yield (*at, step), value[step]
    elif step is None and isinstance(value, list):
        yield from (((*at, index), item) for index, item in enumerate(value))
    elif isinstance(step, int) and isinstance(value, list) and 0 <= step < len(value):
        yield (*at, step), value[step]


def matches(found: Sequence[str | int], path: Sequence[str | None]) -> bool:
    """Is *found* one of the places that *path* specifies?"""
    return len(found) == len(path) and all(
        isinstance(met, int) if step is None else met == step for met, step in zip(found, path, strict=True)
    )


def nest(values: Mapping[FoundPath, Any]) -> dict[str, Any]:
    """Return the nested claims that have exactly *values* at their paths; array items close up in order."""
    tree: dict[str | int, Any] = {}
    for path, value in values.items():
        node = tree
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = value
    closed = _close(tree)
    return closed if isinstance(closed, dict) else {}


def _close(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(isinstance(step, int) for step in node):
        return [_close(node[index]) for index in sorted(node)]
    return {step: _close(value) for step, value in node.items()}
