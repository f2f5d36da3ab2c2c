"""The way up to the catalogue of certificate types, which lives in an upper app: a registry in settings, no import."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from django.conf import settings
from django.utils.module_loading import import_string


class KnownType(NamedTuple):
    """A certificate type: its ``vct``, the agency that issues it, its name by language code."""

    vct: str
    agency_id: int
    name: Mapping[str, str]


def known_types() -> list[KnownType]:
    """Return every type of the catalogue, through settings.TYPE_CATALOGUE."""
    catalogue: Callable[[], Iterable[KnownType]] = import_string(settings.TYPE_CATALOGUE)
    return list(catalogue())
