"""A ledger whose node takes connections and never answers: what a hung node looks like from here."""

from __future__ import annotations

import os

from anchoring.backends.memory import MemoryLedger
from anchoring.errors import AmbiguousLedgerError, FetchError
from anchoring.fetch import exchange
from anchoring.ledger import Extension, Intent, Presence, Progress, PublishedCheckpoint
from protocol.checkpoint import Checkpoint

LEDGER_ID = "dead"
# Where bench.fan_out listens.
ADDRESS_VARIABLE = "BENCH_DEAD_LEDGER"


class DeadLedger(MemoryLedger):
    """Every call waits for the answer as long as the client allows, in vain."""

    def __init__(self) -> None:
        super().__init__(ledger_id=LEDGER_ID)

    def prepare(self, head: PublishedCheckpoint, previous: Extension | None) -> Intent:
        """Ask in vain."""
        raise _ask_in_vain()

    def submit(self, intent: Intent) -> None:
        """Ask in vain."""
        raise _ask_in_vain()

    def find(self, checkpoint: Checkpoint) -> Presence:
        """Ask in vain."""
        raise _ask_in_vain()

    def poll(self, intent: Intent) -> Progress:
        """Ask in vain."""
        raise _ask_in_vain()

    def latest(self, origin: str) -> Checkpoint | None:
        """Ask in vain."""
        raise _ask_in_vain()


def _ask_in_vain() -> AmbiguousLedgerError:
    try:
        exchange(f"http://{os.environ[ADDRESS_VARIABLE]}/", purpose="benchmark", max_bytes=1)
    except FetchError as error:
        return AmbiguousLedgerError(str(error))
    raise AssertionError("a dead ledger has answered")
