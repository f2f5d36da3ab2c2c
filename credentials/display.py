"""Claims as a person reads them: labelled rows in the type's own order, values still values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from credentials.claim_paths import FoundPath, values_at
from credentials.models import CredentialType
from identity.languages import localised

_GROUPS = frozenset({"group", "rows"})


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """One value. ``value`` is as in the certificate, or, from a list of options, that option's texts."""

    path: FoundPath
    label: str
    value: Any

    @property
    def lang(self) -> str:
        """The language to read the value in, where the page's own would read it wrongly."""
        is_chinese = isinstance(self.value, str) and any("㐀" <= character <= "鿿" for character in self.value)
        return "zh-Hant" if is_chinese else ""


def claim_rows(credential_type: CredentialType, claims: Mapping[str, Any]) -> list[ClaimRow]:
    """Return every value of *claims* that the type specifies, in its order; the items of a list one after the other."""
    specs = credential_type.claims
    place = {tuple(spec["path"]): number for number, spec in enumerate(specs)}
    rows = [
        ClaimRow(path, label_of(specs, path), _named(spec, value))
        for spec in specs
        if spec.get("widget") not in _GROUPS
        for path, value in values_at(claims, spec["path"])
    ]
    return sorted(rows, key=lambda row: _position(row.path, place))


def _position(path: FoundPath, place: Mapping[tuple[str | None, ...], int]) -> list[int]:
    """Return the place of every claim along *path*, and the index where it passes through a list."""
    specified = [None if isinstance(step, int) else step for step in path]
    return [
        step if isinstance(step, int) else place.get(tuple(specified[:length]), 0)
        for length, step in enumerate(path, 1)
    ]


def plain_rows(claims: Mapping[str, Any]) -> list[ClaimRow]:
    """Return the values of a certificate whose type is not known here, under the names it uses itself."""
    return [ClaimRow((name,), name, value) for name, value in claims.items()]


def hidden_labels(credential_type: CredentialType, claims: Mapping[str, Any]) -> list[str]:
    """Return what certificates of this type may also say and this presentation does not."""
    top = [spec for spec in credential_type.claims if len(spec["path"]) == 1]
    return [localised(spec["label"]) for spec in top if spec["path"][0] not in claims]


def label_of(specs: Iterable[Mapping[str, Any]], path: Sequence[str | int]) -> str:
    """Return the labels along *path*, with a number for an item of a list: "Parents 1: Name"."""
    by_path = {tuple(spec["path"]): localised(spec["label"]) for spec in specs}
    specified = tuple(None if isinstance(step, int) else step for step in path)
    parts: list[str] = []
    for length in range(1, len(path) + 1):
        if isinstance(path[length - 1], int):
            parts[-1] = f"{parts[-1]} {int(path[length - 1]) + 1}"
        else:
            parts.append(by_path.get(specified[:length], str(path[length - 1])))
    return ": ".join(parts)


def _named(spec: Mapping[str, Any], value: Any) -> Any:
    return next((option["label"] for option in spec.get("options", []) if option["value"] == value), value)
