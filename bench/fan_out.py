"""Issue certificates with every ledger in order, and beside one that hangs, in turns.

usage: python -m bench.inside fan_out CERTIFICATES ROUNDS, in the environment of bench.world with DEMO=1
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from django.conf import settings

from anchoring import sequencer
from anchoring.models import Attestation, Checkpoint
from bench.dead_ledger import ADDRESS_VARIABLE, LEDGER_ID
from bench.people import prepare_agency, register_people
from bench.seed import SLUG, issue_certificate
from credentials.models import CredentialType
from identity.models import Account, Person

WITHOUT = ("anchoring.backends.embedded.EmbeddedLedger",)
WITH = (*WITHOUT, "bench.dead_ledger.DeadLedger")
SIDES = {"without": WITHOUT, "with": WITH}
LEDGERS = {"without": ("embedded",), "with": ("embedded", LEDGER_ID)}
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Desk:
    """Who issues what to whom."""

    kind: CredentialType
    maker: Account
    checker: Account
    person: Person


def main(certificates: str, rounds: str) -> None:
    """Print the seconds of every round on both sides, as JSON."""
    desk = Desk(*prepare_agency(SLUG), register_people(1)[0][0])
    _issue(desk, range(3))
    spent: dict[str, list[float]] = {f"{side} {part}": [] for side in SIDES for part in ("issue", "attest")}
    begin = 3
    with _hung_node():
        for number in range(int(rounds)):
            for side in sorted(SIDES, reverse=bool(number % 2)):
                numbers = range(begin, begin := begin + int(certificates))
                issued, attested = _round(side, desk, numbers)
                spent[f"{side} issue"].append(issued)
                spent[f"{side} attest"].append(attested)
    print(json.dumps(spent))


def _round(side: str, desk: Desk, numbers: range) -> tuple[float, float]:
    """Issue, and publish what was issued; then wait until the ledger that works has attested it."""
    settings.ANCHORING_LEDGERS = list(SIDES[side])
    if side == "with":
        _owe_the_dead_one()
    with ExitStack() as workers:
        for ledger_id in LEDGERS[side]:
            workers.enter_context(_worker(ledger_id))
        if side == "with":
            _wait_for_the_dead()
        start = time.perf_counter()
        checkpoint = _issue(desk, numbers)
        issued = time.perf_counter()
        _wait_for(checkpoint)
        return issued - start, time.perf_counter() - issued


def _issue(desk: Desk, numbers: range) -> Checkpoint:
    for number in numbers:
        issue_certificate(desk.kind, desk.maker, desk.checker, desk.person, number)
    while sequencer.sequence():
        continue
    checkpoint = sequencer.sign_checkpoint()
    assert checkpoint is not None
    return checkpoint


def _wait_for(checkpoint: Checkpoint) -> None:
    attested = Attestation.objects.filter(checkpoint=checkpoint, ledger_id="embedded", state=Attestation.State.FINAL)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not attested.exists():
        assert time.monotonic() < deadline, "the ledger that works has not attested"
        time.sleep(0.01)


def _owe_the_dead_one() -> None:
    """Leave something open on the dead ledger, without the lease of the worker that was killed after the last round."""
    newest = Checkpoint.objects.order_by("-size").first()
    assert newest is not None
    Attestation.objects.get_or_create(checkpoint=newest, ledger_id=LEDGER_ID)
    Attestation.objects.filter(ledger_id=LEDGER_ID).update(next_attempt_at=None)


def _wait_for_the_dead() -> None:
    """Return once its worker hangs: it has leased the ledger's rows, and waits for the first answer."""
    leased = Attestation.objects.filter(ledger_id=LEDGER_ID, next_attempt_at__isnull=False)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not leased.exists():
        assert time.monotonic() < deadline, "the dead ledger is not being asked"
        time.sleep(0.01)


@contextmanager
def _worker(ledger_id: str) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.inside", "attest_loop", ledger_id]
    environment = {**os.environ, "ANCHORING_LEDGERS": ",".join(WITH), "LOG_LEVEL": "CRITICAL"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "begun\n"
            yield
        finally:
            process.kill()


@contextmanager
def _hung_node() -> Iterator[None]:
    """Listen, and never accept: the system completes the connection, and nobody ever answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        host, port = server.getsockname()[:2]
        os.environ[ADDRESS_VARIABLE] = f"{host}:{port}"
        yield
