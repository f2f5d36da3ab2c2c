"""Both sides of the bulk benchmark, in turns, in one process.

usage: python -m bench.inside bulk_run CERTIFICATES ROUNDS, in the environment of bench.world with DEMO=1
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from anchoring import sequencer
from anchoring.models import Checkpoint
from anchoring.receipts import receipts_between
from bench.bare_bulk import BareIssuer, Holder, merkle_root_and_proofs
from bench.people import prepare_agency, register_people
from bench.seed import SLUG, claims_for
from config.memory import spare_loaded_objects
from credentials import bulk
from credentials.models import CredentialType
from identity.keystore import signer_for
from identity.models import Account, Person, SigningKey

People = list[tuple[Person, dict[str, str]]]

CHUNK = 1000
# More than any cache of keys in this process holds, so that none is warm when its holder comes round again.
PEOPLE = 5000
PROOFS_AT_ONCE = 4096


def main(certificates: str, rounds: str) -> None:
    """Print the seconds that each part took on each side, as JSON."""
    count = int(certificates)
    kind, maker, checker = prepare_agency(SLUG)
    people = register_people(min(PEOPLE, count))
    bare = BareIssuer(
        os.environ["DATABASE_URL"], issuer="http://localhost", vct=kind.vct, header=_header(kind), rows=count
    )
    # As every worker of ours does once it has loaded everything; both sides gain.
    spare_loaded_objects()
    spent = {"real issue": 0.0, "bare issue": 0.0}
    for turn, numbers in enumerate(_batches(count, int(rounds))):
        sides = {
            "real issue": _real(kind, maker, checker, people, numbers),
            "bare issue": _bare(bare, people, numbers),
        }
        for name in sorted(sides, reverse=bool(turn % 2)):
            spent[name] += _seconds(sides[name])
    print(json.dumps({**spent, **_trees(bare, count)}))
    bare.close()


def _trees(bare: BareIssuer, certificates: int) -> dict[str, float]:
    sequenced = _seconds(lambda: _drain(sequencer.sequence))
    signed = _seconds(sequencer.sign_checkpoint)
    size = Checkpoint.objects.get().size
    first = size - certificates
    proved = _seconds(lambda: _drain_proofs(first, size))
    plain = _seconds(lambda: merkle_root_and_proofs(bare.leaves))
    assert len(bare.leaves) == certificates
    return {"real tree": sequenced + signed, "real proofs": proved, "bare tree and proofs": plain}


def _drain(step: Callable[[], int]) -> None:
    while step():
        continue


def _drain_proofs(first: int, size: int) -> None:
    made = 0
    for start in range(first, size, PROOFS_AT_ONCE):
        made += len(receipts_between(start=start, stop=min(start + PROOFS_AT_ONCE, size)))
    assert made == size - first


def _real(kind: CredentialType, maker: Account, checker: Account, people: People, numbers: range) -> Callable[[], None]:
    entries = [bulk.Entry(people[number % len(people)][0], claims_for(number)) for number in numbers]

    def issue() -> None:
        bulk.issue_many(credential_type=kind, maker=maker, checker=checker, entries=entries, chunk=CHUNK)

    return issue


def _bare(bare: BareIssuer, people: People, numbers: range) -> Callable[[], None]:
    holders = [Holder(person.pk, jwk, os.urandom(32)) for person, jwk in people]
    entries = [(holders[number % len(holders)], claims_for(number)) for number in numbers]

    def issue() -> None:
        for start in range(0, len(entries), CHUNK):
            bare.issue_chunk(entries[start : start + CHUNK])

    return issue


def _header(kind: CredentialType) -> dict[str, Any]:
    signer = signer_for(purpose=SigningKey.Purpose.CREDENTIAL, agency=kind.agency)
    return {"typ": "dc+sd-jwt", "kid": signer.key_id, "x5c": signer.x5c}


def _batches(certificates: int, rounds: int) -> Iterator[range]:
    size = -(-certificates // rounds)
    for start in range(0, certificates, size):
        yield range(start, min(start + size, certificates))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
