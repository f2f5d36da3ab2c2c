"""Claims as items on the consent page: what of a certificate can be asked for, what it always shows, what stays hidden.

A *path* is one of the type's own claim specifications, so everything asked has a label in every language.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from credentials.catalog import claim_specs
from credentials.display import ClaimRow, claim_rows
from credentials.models import CredentialType
from protocol.dcql import select_values
from protocol.disclosure import Path

Texts = Mapping[str, str]
_ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Item:
    """One claim asked for, with everything beneath it that would be shown."""

    path: Path
    label: Texts
    rows: tuple[ClaimRow, ...]


def askable_paths(credential_type: CredentialType) -> tuple[Path, ...]:
    """Return what can be asked for one by one: what the holder can hide, whole arrays rather than their elements."""
    hidden = [spec for spec in claim_specs(credential_type) if spec["disclosure"] != _ALWAYS]
    return tuple(_path(spec) for spec in hidden if _path(spec)[-1] is not None)


def always_shown(credential_type: CredentialType) -> tuple[Path, ...]:
    """Return what every presentation shows: values that neither are hidden themselves nor stand beneath a hidden one."""
    specs = {_path(spec): spec for spec in claim_specs(credential_type)}
    return tuple(path for path in specs if _is_leaf(path, specs) and _is_always_shown(path, specs))


def label_of(credential_type: CredentialType, path: Path) -> Texts:
    """Return the label of *path*; for a claim that the type no longer has, its names as they are."""
    found = next((spec["label"] for spec in claim_specs(credential_type) if _path(spec) == path), None)
    return found or {"en": ".".join(str(step) for step in path if step is not None)}


def items_of(credential_type: CredentialType, claims: Mapping[str, Any], paths: Iterable[Path]) -> tuple[Item, ...]:
    """Return the items at *paths* with their exact values; a claim that this certificate lacks is left out."""
    rows = claim_rows(credential_type, claims)
    return tuple(
        Item(path, label_of(credential_type, path), tuple(_rows_beneath(rows, path)))
        for path in paths
        if select_values(claims, path)
    )


def hidden_labels(
    credential_type: CredentialType, claims: Mapping[str, Any], shown: Collection[Path]
) -> tuple[Texts, ...]:
    """Return the labels of what this certificate holds and a presentation of *shown* keeps hidden."""
    return tuple(
        label_of(credential_type, path)
        for path in askable_paths(credential_type)
        if select_values(claims, path) and not any(_overlap(path, other) for other in shown)
    )


def _rows_beneath(rows: Iterable[ClaimRow], path: Path) -> list[ClaimRow]:
    """What belongs to one element of a list stands together."""
    beneath = [row for row in rows if _is_beneath(row.path, path)]
    return sorted(beneath, key=lambda row: [step for step in row.path if isinstance(step, int)])


def _is_beneath(found: Sequence[str | int], path: Path) -> bool:
    met = tuple(None if isinstance(step, int) else step for step in found)
    return met[: len(path)] == path


def _path(spec: Mapping[str, Any]) -> Path:
    return tuple(spec["path"])


def _is_leaf(path: Path, paths: Collection[Path]) -> bool:
    return not any(len(other) > len(path) and other[: len(path)] == path for other in paths)


def _is_always_shown(path: Path, specs: Mapping[Path, Mapping[str, Any]]) -> bool:
    above = [path[:length] for length in range(1, len(path) + 1)]
    return all(specs[at]["disclosure"] == _ALWAYS for at in above if at in specs)


def _overlap(one: Path, other: Path) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]
