"""Many processes, one key: nonces without gap or double use, and each checkpoint once."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from anchoring.backends.evm import EvmLedger
from anchoring.backends.evm.contract import SUBMIT
from anchoring.backends.evm.lanes import Lane, sign_again, sign_in_lane
from anchoring.backends.evm.options import read_key
from anchoring.backends.evm.transaction import Fees, Transaction, parse_signed
from anchoring.log_key import log_key
from anchoring.models import EvmNonce, EvmTransaction
from tests.anchoring.evm import steps
from tests.anchoring.evm.chains import address_in, deployed, funded_key, head, settle
from tests.anchoring.evm.contracts import selector
from tests.processes import Forker, process_environment
from tests.simulators.anvil import Anvil


@pytest.mark.django_db(transaction=True)
@pytest.mark.processes
def test_processes_that_race_on_one_lane_leave_no_gap_and_one_effect_each(chain: Anvil, tmp_path: Path) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("processes share a database server; SQLite in a test is this process's own memory")
    key_file = funded_key(chain, tmp_path / "shared.key")
    options = {name: deployed(chain, key_file, name, stuck_seconds="1") for name in ("one", "two")}
    environment = process_environment(var_dir=tmp_path, EVM_OPTIONS=json.dumps(options))
    with Forker(environment) as forker:
        assert forker.run("tests.anchoring.evm.steps.race", copies=4) == [0] * 4
    settle(chain.url)
    for name, given in options.items():
        ledger = EvmLedger.from_options(name, given)
        assert ledger.latest(log_key().name) == head(steps.SIZES[-1]).checkpoint
    mined = chain.nonce(address_in(key_file))
    given_out = set(EvmTransaction.objects.values_list("nonce", flat=True))
    # What was given out last may be unused; below it, everything is mined.
    assert given_out == set(range(EvmNonce.objects.get().next_nonce))
    assert set(range(mined)) <= given_out
    assert set(effects(chain).values()) == {1}
    assert len(effects(chain)) == 2 * len(steps.SIZES)


def effects(chain: Anvil) -> Counter[tuple[str, str]]:
    """How often each contract said that it took a size."""
    topic = "0x" + selector("CheckpointWitnessed(bytes32,uint64,bytes32)", 32).hex()
    logs = chain.ask("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "topics": [topic]})
    return Counter((log["address"], log["topics"][2]) for log in logs)


@pytest.mark.django_db
def test_a_lane_is_a_key_on_a_chain_by_its_block_0(tmp_path: Path) -> None:
    sender = bytes(20)
    chains: list[tuple[int, str | None]] = [(1, None), (1, "0xaa"), (1, "0xbb"), (2, "0xaa")]
    names = {Lane(chain_id, genesis, sender).name for chain_id, genesis in chains}
    assert len(names) == 4
    assert Lane(1, "0xaa", bytes(19) + b"\1").name not in names


@pytest.mark.django_db
def test_bytes_are_stored_with_their_nonce_or_neither_is(ledger: EvmLedger) -> None:
    key = read_key(ledger._options.key_file)
    lane = Lane.of(ledger._options, b"\7" * 20)
    draft = Transaction(31337, 0, Fees(1), 21000, bytes(20), SUBMIT)
    row = sign_in_lane(lane, draft, key, ledger_id="x", intent_id=b"1" * 32, mined=4)
    assert (row.nonce, parse_signed(bytes(row.raw)).transaction.nonce) == (4, 4)
    with pytest.raises(AttributeError):
        sign_in_lane(lane, draft, None, ledger_id="x", intent_id=b"2" * 32, mined=0)  # type: ignore[arg-type]  # no key
    assert EvmNonce.objects.get(lane=lane.name).next_nonce == 5
    # The same bytes signed again are the same row.
    again = sign_in_lane(lane, draft, key, ledger_id="x", intent_id=b"1" * 32, mined=4)
    assert again.pk == row.pk
    assert sign_again(lane, draft, key, ledger_id="x", intent_id=b"1" * 32, nonce=4).pk == row.pk
    assert EvmNonce.objects.get(lane=lane.name).next_nonce == 5
    # Once that nonce is mined, another is given out.
    assert sign_in_lane(lane, draft, key, ledger_id="x", intent_id=b"1" * 32, mined=5).nonce == 5
