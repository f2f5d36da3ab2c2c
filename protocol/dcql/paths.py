"""Claims path pointers over JSON (OpenID4VP §7.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from protocol.disclosure import WITHHELD, Path


def select_values(claims: Mapping[str, Any], path: Sequence[str | int | None]) -> list[Any]:
    """Return every value that a claims path pointer selects, none when it leads nowhere (OpenID4VP §7.1.1).

    A step that does not fit the kind of an element ends the search, as §7.1.1 says, with nothing selected. A withheld
    element of an array keeps its position and is never selected.
    """
    nodes: list[Any] = [claims]
    for step in path:
        kind = Mapping if isinstance(step, str) else list
        if not all(isinstance(node, kind) for node in nodes):
            return []
        nodes = [child for node in nodes for child in _children(node, step) if child is not WITHHELD]
    return nodes


def is_within(inner: Path, outer: Path) -> bool:
    """Whether everything that *inner* selects lies in what *outer* selects."""
    return len(inner) >= len(outer) and meets(inner, outer)


def meets(found: Path, asked: Path) -> bool:
    """Whether *found* leads to what is *asked*, or lies beneath it: one is the start of the other."""
    return all(
        step == wanted or (wanted is None and isinstance(step, int)) for step, wanted in zip(found, asked, strict=False)
    )


def _children(node: Any, step: str | int | None) -> list[Any]:
    if step is None:
        return list(node)
    if isinstance(step, str):
        return [node[step]] if step in node else []
    return [node[step]] if step < len(node) else []
