"""Two deployments, each with its own processes, database and keys, witness each other over HTTP."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

import pytest

from anchoring.witnessing import hash_of_origin
from protocol.checkpoint import VerifierKey, verify
from protocol.cosignature import verified_cosignatures
from protocol.errors import NoteUnsignedError
from protocol.merkle import leaf_hash
from protocol.proof import leaf_data, parse_receipt, verify_receipt
from protocol.proof_chain import parse_chain, verify_chain
from protocol.quorum import Outcome, evaluate, parse_policy
from tests.journeys import stack
from tests.journeys.http import read

pytestmark = [pytest.mark.xdist_group("journeys"), pytest.mark.processes]

Result = TypeVar("Result")
SECONDS = 90
# A checkpoint without the record may be the first to enter the other log; the next one is not long in coming.
PACE = {"LOG_IN_LOG_SECONDS": "2"}


@dataclass(frozen=True, slots=True)
class Deployment:
    service: stack.Stack
    name: str

    @property
    def digest(self) -> bytes:
        return self.name.encode().ljust(32, b"\x5a")

    @property
    def record_id(self) -> str:
        return f"credential:of-{self.name}"

    @property
    def leaf(self) -> bytes:
        return leaf_hash(leaf_data("credential", self.digest))

    @property
    def log_vkeys(self) -> list[str]:
        return read(f"{self.service.url}/log/vkey").decode().split()

    @property
    def witness_vkeys(self) -> list[str]:
        return read(f"{self.service.url}/witness/vkey").decode().split()

    @property
    def origin(self) -> str:
        return VerifierKey.from_vkey(self.log_vkeys[0]).name

    def manage(self, *arguments: str) -> str:
        done = self.service.manage(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def be_witnessed_by(self, other: Deployment) -> None:
        """What the two operators do: one command on each side."""
        other.manage("witness", "add", self.origin, *self.log_vkeys)
        vkey = " ".join(other.witness_vkeys)
        self.manage("ledger", "add", "witness", other.name, f"url={other.service.url}/witness", f"vkey={vkey}")

    def record(self) -> None:
        code = f"outbox.append(record_id={self.record_id!r}, kind='credential', digest={self.digest!r})"
        self.manage("shell", "-c", f"from anchoring import outbox; {code}")

    def proof_cosigned_by(self, other: Deployment) -> str:
        """Wait for the record's tlog-proof under a policy that demands our log and the other's witness."""
        policy = parse_policy(policy_of(self, other))

        def look() -> str | None:
            text = read(f"{self.service.url}/api/v1/log/receipts/{self.record_id}?format=tlog-proof").decode()
            satisfied = policy.cosigned_by(parse_receipt(text).checkpoint)
            return text if evaluate(policy, satisfied=satisfied).outcome is Outcome.MET else None

        return eventually(look)


def policy_of(log: Deployment, witness: Deployment) -> str:
    keys = [f"witness {witness.name}{number} {vkey}" for number, vkey in enumerate(witness.witness_vkeys)]
    group = f"group both all {witness.name}0 {witness.name}1"
    return "\n".join([f"log {log.log_vkeys[0]}", *keys, group, "quorum both", ""])


def eventually(look: Callable[[], Result | None]) -> Result:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except urllib.error.HTTPError as error:
            if error.code not in {404, 409}:
                raise
        time.sleep(0.3)
    raise TimeoutError


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deployment, Deployment]]:
    with ExitStack() as running:
        macau, guangdong = (
            Deployment(running.enter_context(stack.running("embedded", tmp_path_factory.mktemp(name), **PACE)), name)
            for name in ("macau", "guangdong")
        )
        macau.be_witnessed_by(guangdong)
        guangdong.be_witnessed_by(macau)
        for each in (macau, guangdong):
            each.record()
        yield macau, guangdong


@pytest.fixture(params=["macau", "guangdong"])
def pair(request: pytest.FixtureRequest, neighbours: tuple[Deployment, Deployment]) -> tuple[Deployment, Deployment]:
    """(the log asked, its neighbour), both ways round."""
    first, second = neighbours
    return (first, second) if request.param == first.name else (second, first)


def test_a_proof_of_one_holds_under_a_policy_that_demands_the_other(pair: tuple[Deployment, Deployment]) -> None:
    log, neighbour = pair
    receipt = parse_receipt(log.proof_cosigned_by(neighbour))
    policy = parse_policy(policy_of(log, neighbour))
    assert verify_receipt(receipt, leaf_hash=log.leaf, keys=policy.log_keys).origin == log.origin
    made = verified_cosignatures(receipt.checkpoint, policy.witness_keys)
    assert all(abs(cosignature.timestamp - time.time()) < SECONDS * 3 for cosignature in made)
    # The same proof is worth nothing under a policy that demands this log's own witness.
    own = parse_policy(policy_of(log, log))
    assert evaluate(own, satisfied=own.cosigned_by(receipt.checkpoint)).outcome is Outcome.NOT_MET


def test_a_record_of_one_is_proven_by_the_others_key_alone(pair: tuple[Deployment, Deployment]) -> None:
    log, neighbour = pair
    keys = [VerifierKey.from_vkey(vkey) for vkey in neighbour.log_vkeys]
    url = f"{neighbour.service.url}/witness"

    def look() -> str | None:
        done = log.service.manage("witness", "chain", log.record_id, url, *neighbour.log_vkeys)
        assert done.returncode == 0 or "receipt_pending" in done.stderr, done.stderr
        return done.stdout if done.returncode == 0 else None

    chain = parse_chain(eventually(look))
    first, last = verify_chain(chain, leaf_hash=log.leaf, keys=keys)
    assert (first.origin, last.origin) == (log.origin, neighbour.origin)
    with pytest.raises(NoteUnsignedError):
        verify_chain(chain, leaf_hash=log.leaf, keys=[VerifierKey.from_vkey(vkey) for vkey in log.log_vkeys])


def test_each_serves_what_it_saw_of_the_other(pair: tuple[Deployment, Deployment]) -> None:
    """A monitor compares what the log shows with what its witness shows: no two views."""
    log, neighbour = pair
    log.proof_cosigned_by(neighbour)
    listed = neighbour.manage("witness", "list")
    assert f"{log.origin}: " in listed
    assert "leaves cosigned" in listed
    seen = read(f"{neighbour.service.url}/witness/{hash_of_origin(log.origin)}/checkpoint")
    assert verify(seen, [VerifierKey.from_vkey(vkey) for vkey in log.log_vkeys]).origin == log.origin
    assert "contradict" not in log.service.log.read_text(errors="replace")
