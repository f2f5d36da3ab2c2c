"""The kinds of ledger that come with this service, by name: for the settings, and for verifiers that have none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

BUILT_IN: Final[Mapping[str, str]] = {
    "evm": "anchoring.backends.evm.EvmLedger",
    "rekor": "anchoring.backends.rekor.RekorLedger",
    "timestamp": "anchoring.backends.timestamp.TimestampLedger",
    "witness": "anchoring.backends.witness.WitnessLedger",
}
