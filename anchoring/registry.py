"""Which ledgers this deployment uses: those of the settings, and those that an operator added.

A kind of ledger is a class, found by name among ``LEDGER_KINDS`` and the entry points ``chancela.ledgers`` of whatever
is installed: a ledger that we have never heard of needs no change here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from anchoring.errors import LedgerMisconfiguredError
from anchoring.ledger import Ledger
from anchoring.models import ConfiguredLedger

ENTRY_POINTS = "chancela.ledgers"

logger = logging.getLogger(__name__)


def ledgers() -> Mapping[str, Ledger]:
    """Return the ledgers in use by id. One that cannot be made is left out, and the system check names it."""
    added = ConfiguredLedger.objects.values_list("ledger_id", "kind", "options")
    found = {name: _configured(name, kind, json.dumps(options, sort_keys=True)) for name, kind, options in added}
    return {**{name: ledger for name, ledger in found.items() if ledger}, **ledgers_of_settings()}


def ledgers_of_settings() -> Mapping[str, Ledger]:
    """Return those that ANCHORING_LEDGERS names, without asking the database."""
    return _load(tuple(settings.ANCHORING_LEDGERS))


def unusable_ledgers() -> list[str]:
    """Return the ids of ledgers that were added but cannot be made from their options."""
    usable = ledgers()
    return [name for name in ConfiguredLedger.objects.values_list("ledger_id", flat=True) if name not in usable]


def kinds() -> Mapping[str, type[Ledger]]:
    """Return every kind of ledger that can be added, by name."""
    found: dict[str, type[Ledger]] = {}
    for entry_point in entry_points(group=ENTRY_POINTS):
        try:
            found[entry_point.name] = entry_point.load()
        except Exception:
            logger.exception("ledger kind %s cannot be loaded", entry_point.name)
    return {**found, **{name: import_string(path) for name, path in settings.LEDGER_KINDS.items()}}


def kind_names() -> Mapping[type[Ledger], str]:
    """Return the name of every kind that can be added, by its class."""
    return {kind: name for name, kind in kinds().items()}


def make_ledger(*, ledger_id: str, kind: str, options: Mapping[str, str]) -> Ledger:
    """Return a ledger, uncached. Raises LedgerMisconfiguredError for an unknown kind and for wrong options."""
    found = kinds().get(kind)
    if found is None:
        raise LedgerMisconfiguredError(f"no kind {kind!r}; there are {', '.join(sorted(kinds()))}")
    return found.from_options(ledger_id, options)


@cache
def _load(paths: tuple[str, ...]) -> Mapping[str, Ledger]:
    loaded: dict[str, Ledger] = {}
    for path in paths:
        try:
            ledger: Ledger = import_string(path)()
            loaded.setdefault(ledger.identity().ledger_id, ledger)
        except Exception:
            # A broken backend must block neither signing nor the other backends.
            logger.exception("ledger %s cannot be loaded", path)
    return loaded


def _configured(ledger_id: str, kind: str, options: str) -> Ledger | None:
    try:
        return _make(ledger_id, kind, options)
    except Exception:
        logger.exception("ledger %s cannot be made", ledger_id)
        return None


# What fails is not kept: whoever mends the file that an option names needs no restart.
@cache
def _make(ledger_id: str, kind: str, options: str) -> Ledger:
    ledger = make_ledger(ledger_id=ledger_id, kind=kind, options=cast("Mapping[str, str]", json.loads(options)))
    # One that cannot say what it is would break every page that lists it.
    ledger.identity()
    return ledger
