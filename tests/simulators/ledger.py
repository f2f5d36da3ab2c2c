"""Ledgers that misbehave on request, or that outlive the process which wrote to them. Both keep the real interface."""

from __future__ import annotations

import fcntl
import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from django.conf import settings

from anchoring.backends.memory import MemoryLedger
from anchoring.errors import RejectedByLedgerError, TransientLedgerError
from anchoring.ledger import (
    AttestationVerdict,
    Extension,
    Intent,
    LedgerHealth,
    LedgerIdentity,
    Presence,
    Progress,
    PublishedCheckpoint,
    Trust,
    intent_id,
)
from protocol.checkpoint import Checkpoint, parse, verify
from protocol.errors import ProtocolError

Result = TypeVar("Result")


class FaultyLedger(MemoryLedger):
    """Fails as scheduled: ``before`` the real call, or ``after`` it, when the answer gets lost but the effect stays.

    ``answers`` are given instead of doing anything at all.
    """

    def __init__(self, ledger_id: str = "faulty", confirmations: int = 0) -> None:
        super().__init__(ledger_id=ledger_id, confirmations=confirmations)
        self.before: dict[str, deque[BaseException]] = defaultdict(deque)
        self.after: dict[str, deque[BaseException]] = defaultdict(deque)
        self.answers: dict[str, deque[Any]] = defaultdict(deque)
        self.calls: list[str] = []
        self.on_call: Callable[[str], None] | None = None

    def prepare(self, head: PublishedCheckpoint, previous: Extension | None) -> Intent:
        return self._call("prepare", partial(super().prepare, head, previous))

    def submit(self, intent: Intent) -> None:
        self._call("submit", partial(super().submit, intent))

    def find(self, checkpoint: Checkpoint) -> Presence:
        return self._call("find", partial(super().find, checkpoint))

    def poll(self, intent: Intent) -> Progress:
        return self._call("poll", partial(super().poll, intent))

    def export(self, checkpoint: Checkpoint) -> bytes:
        return self._call("export", partial(super().export, checkpoint))

    def latest(self, origin: str) -> Checkpoint | None:
        return self._call("latest", partial(super().latest, origin))

    def _call(self, name: str, real: Callable[[], Result]) -> Result:
        self.calls.append(name)
        if self.on_call:
            self.on_call(name)
        if self.before[name]:
            raise self.before[name].popleft()
        if self.answers[name]:
            # What the ledger claims, whatever it has done.
            return cast("Result", self.answers[name].popleft())
        result = real()
        if self.after[name]:
            raise self.after[name].popleft()
        return result


class HungLedger(MemoryLedger):
    """Answers nothing, ever, to the two questions that come first."""

    def __init__(self) -> None:
        super().__init__(ledger_id="hung")

    def latest(self, origin: str) -> Checkpoint | None:
        raise TransientLedgerError(self._wait())

    def health(self) -> LedgerHealth:
        return LedgerHealth(is_healthy=False, detail=self._wait())

    @staticmethod
    def _wait() -> str:
        print("hung: asked")
        time.sleep(3600)
        return "an hour later"


class FileLedger:
    """Final at once, in a file: what a killed worker sent is still there. Every submission is counted."""

    @classmethod
    def from_options(cls, ledger_id: str, options: Mapping[str, str]) -> Self:
        return cls()

    def identity(self) -> LedgerIdentity:
        return LedgerIdentity("file", {"path": str(ledger_file())}, "at once", is_offline_verifiable=True)

    def prepare(self, head: PublishedCheckpoint, previous: Extension | None) -> Intent:
        payload = json.dumps({"note": head.note, "previous": previous.size if previous else 0})
        return Intent(intent_id("file", head.checkpoint), payload.encode())

    def submit(self, intent: Intent) -> None:
        note = _note_of(intent)
        with _locked() as lines:
            is_new = self._find(lines, parse(note).checkpoint) is Presence.ABSENT
            with ledger_file().open("a", encoding="utf-8") as file:
                file.write(json.dumps({"note": note, "payload": intent.payload.decode(), "is_new": is_new}) + "\n")

    def replace(self, intent: Intent) -> Intent | None:
        return None

    def find(self, checkpoint: Checkpoint) -> Presence:
        with _locked() as lines:
            return self._find(lines, checkpoint)

    def poll(self, intent: Intent) -> Progress:
        is_there = self.find(parse(_note_of(intent)).checkpoint) is Presence.PRESENT
        return Progress.FINAL if is_there else Progress.LOST

    def export(self, checkpoint: Checkpoint) -> bytes:
        with _locked() as lines:
            for line in lines:
                if parse(line["note"]).checkpoint == checkpoint:
                    return str(line["note"]).encode()
        raise TransientLedgerError("not there")

    @staticmethod
    def verify(attestation: bytes, checkpoint: Checkpoint, trust: Trust) -> AttestationVerdict:
        try:
            attested = verify(attestation, trust.log_keys)
        except ProtocolError as error:
            return AttestationVerdict(is_valid=False, reason=error.code)
        return AttestationVerdict(is_valid=attested == checkpoint, not_checked=("the file",))

    def latest(self, origin: str) -> Checkpoint | None:
        with _locked() as lines:
            heads = [parse(line["note"]).checkpoint for line in lines]
        return max((head for head in heads if head.origin == origin), key=lambda head: head.size, default=None)

    def health(self) -> LedgerHealth:
        return LedgerHealth(is_healthy=True, detail=f"{len(submissions())} submissions")

    def _find(self, lines: list[dict[str, Any]], checkpoint: Checkpoint) -> Presence:
        for line in lines:
            held = parse(line["note"]).checkpoint
            if (held.origin, held.size) == (checkpoint.origin, checkpoint.size):
                return Presence.PRESENT if held.root == checkpoint.root else Presence.CONFLICTING
        return Presence.ABSENT


def ledger_file() -> Path:
    return Path(settings.VAR_DIR) / "ledger.jsonl"


def submissions() -> list[dict[str, Any]]:
    """Everything that was ever sent, the repetitions too."""
    with _locked() as lines:
        return lines


@contextmanager
def _locked() -> Iterator[list[dict[str, Any]]]:
    path = ledger_file()
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _note_of(intent: Intent) -> str:
    try:
        return str(json.loads(intent.payload)["note"])
    except (ValueError, KeyError, TypeError):
        raise RejectedByLedgerError("not an intent of this ledger") from None
