"""contracts/CheckpointWitness.sol on a real chain: what it accepts, refuses, answers and costs."""

from __future__ import annotations

import random
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from anchoring.backends.evm import contract
from anchoring.backends.evm.contract import Submission, ask_inclusion, ask_newest, ask_root_at, origin_hash
from anchoring.backends.evm.node import Receipt
from anchoring.backends.evm.transaction import created_address
from protocol.merkle import MAX_SIZE, consistency_proof, inclusion_proof, leaf_hash, root
from scripts import contract as compiler
from tests.anchoring.evm.chains import tree
from tests.anchoring.evm.contracts import ORIGIN, Account, Contract, selector, signatures
from tests.protocol.trees import MemoryTree, leaves
from tests.simulators.anvil import Anvil

MILLION = 1_000_003
GAS_LIMIT = 100_000


@pytest.fixture
def witness(anvil: Anvil) -> Contract:
    return Contract.create(anvil)


@pytest.fixture(scope="module")
def big() -> MemoryTree:
    grown = MemoryTree()
    grown.append(leaves(MILLION + 3000))
    return grown


def submission(old: int, new: int, *, fork: int = 0, grown: MemoryTree | None = None) -> Submission:
    source = grown or tree(new, fork=fork)
    proof = consistency_proof(source.read, old, new)
    root = tree(new, fork=fork).root if grown is None else _root_at(grown, new)
    return Submission(ORIGIN, new, root, old, tuple(proof))


def _root_at(grown: MemoryTree, size: int) -> bytes:
    return root(grown.read, size)


def newest(witness: Contract) -> contract.Head | None:
    return contract.read_newest(witness.read(ask_newest(ORIGIN)))


def hold(witness: Contract, size: int) -> None:
    assert witness.submit(submission(0, size)).is_success


def test_the_committed_bytes_are_what_the_source_compiles_to(tmp_path: Path) -> None:
    assert compiler.main("check") == 0
    altered = tmp_path / compiler.SOURCE.name
    altered.write_text(compiler.SOURCE.read_text().replace("if (held == root) return;", ""))
    assert compiler.compile_contract(altered)["runtime_code"] != compiler.compile_contract()["runtime_code"]


def test_a_remark_of_the_compiler_is_a_failure(tmp_path: Path) -> None:
    altered = tmp_path / compiler.SOURCE.name
    shutil.copy(compiler.SOURCE, altered)
    altered.write_text(altered.read_text().replace("bytes32 held =", "bytes32 unused;\n        bytes32 held ="))
    with pytest.raises(ValueError, match="Unused local variable"):
        compiler.compile_contract(altered)


def test_our_calls_are_those_of_the_interface() -> None:
    used = {
        "submit(bytes32,uint64,bytes32,uint64,bytes32[])",
        "rootAt(bytes32,uint64)",
        "newest(bytes32)",
        "isSubmitter(bytes32,address)",
        "verifyInclusion(bytes32,uint64,uint64,bytes32,bytes32[])",
    }
    assert used <= signatures("function")
    assert len([name for name in signatures("event") if name.startswith("Checkpoint")]) == 1


def test_it_holds_size_root_block_and_every_root_by_size(witness: Contract, anvil: Anvil) -> None:
    hold(witness, 5)
    receipt = witness.submit(submission(5, 9))
    assert receipt.is_success
    assert newest(witness) == contract.Head(9, tree(9).root, receipt.block_number)
    assert contract.read_root(witness.read(ask_root_at(ORIGIN, 5))) == tree(5).root
    assert contract.read_root(witness.read(ask_root_at(ORIGIN, 6))) is None
    time = int.from_bytes(witness.read(ask_newest(ORIGIN))[64:96], "big")
    assert time == int(anvil.ask("eth_getBlockByNumber", hex(receipt.block_number), False)["timestamp"], 16)


def test_the_identical_checkpoint_again_changes_nothing(witness: Contract, anvil: Anvil) -> None:
    hold(witness, 5)
    before = newest(witness)
    for old in (0, 5, 7):
        receipt = witness.submit(Submission(ORIGIN, 5, tree(5).root, old, ()))
        assert receipt.is_success
        logs = anvil.ask("eth_getLogs", {"blockHash": "0x" + receipt.block_hash.hex()})
        assert logs == []
    assert newest(witness) == before


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (submission(5, 9, fork=1000), "NotAnExtension"),
        (submission(0, 5, fork=1000), "Forked"),
        (submission(0, 3), "RolledBack"),
        (submission(3, 9), "WrongOldSize"),
        (submission(0, 9), "WrongOldSize"),
        (submission(7, 9), "WrongOldSize"),
        (Submission(ORIGIN, 9, tree(9).root, 5, ()), "NotAnExtension"),
        (Submission(ORIGIN, 9, tree(10).root, 5, submission(5, 9).proof), "NotAnExtension"),
        (Submission(ORIGIN, 9, bytes(32), 5, submission(5, 9).proof), "NotACheckpoint"),
        (Submission(ORIGIN, 0, tree(9).root, 5, ()), "NotACheckpoint"),
        (Submission(ORIGIN, MAX_SIZE + 1, tree(9).root, 5, ()), "NotACheckpoint"),
    ],
)
def test_it_refuses_forks_rollbacks_and_whatever_is_not_proved(witness: Contract, made: Submission, error: str) -> None:
    hold(witness, 5)
    assert witness.error_of(made.encode()) == error
    assert not witness.submit(made).is_success
    assert newest(witness) is not None
    assert newest(witness).size == 5  # type: ignore[union-attr]  # asserted above


def test_every_altered_proof_is_refused(witness: Contract) -> None:
    hold(witness, 37)
    good = submission(37, 300)
    assert len(good.proof) > 5
    for at in range(len(good.proof)):
        altered = [*good.proof]
        altered[at] = bytes([altered[at][0] ^ 1]) + altered[at][1:]
        swapped = [*good.proof[:at], *reversed(good.proof[at : at + 2]), *good.proof[at + 2 :]]
        shorter = [*good.proof[:at], *good.proof[at + 1 :]]
        longer = [*good.proof[:at], good.proof[at], *good.proof[at:]]
        for proof in (altered, shorter, longer, *([swapped] if at + 1 < len(good.proof) else [])):
            made = Submission(ORIGIN, 300, good.root, 37, tuple(proof))
            assert witness.error_of(made.encode()) == "NotAnExtension"
    assert witness.submit(good).is_success


@pytest.mark.requirement("RFC 9162 §2.1.4.2", "the contract accepts what the reference accepts, at random sizes")
def test_it_agrees_with_our_own_verifier_at_many_sizes(anvil: Anvil) -> None:
    """Each pair of sizes under an origin of its own: the first is taken on trust, the second proved."""
    rng = random.Random(20261124)
    pairs = {(1, 2), (1, 1100), (1024, 1025), (1023, 1024), (512, 1024), (3, 4), (6, 7)}
    while len(pairs) < 60:
        old, new = sorted(rng.sample(range(1, 1101), 2))
        pairs.add((old, new))
    witness = Contract.create(anvil)
    grown = tree(1100)
    for old, new in sorted(pairs):
        origin = origin_hash(f"{old}-{new}")
        witness.change("addSubmitter(bytes32,address)", origin, witness.owner.address)
        first = Submission(origin, old, _root_at(grown, old), 0, ())
        proof = tuple(consistency_proof(grown.read, old, new))
        assert witness.submit(first).is_success
        wrong = Submission(origin, new, _root_at(grown, new), old, proof[:-1])
        assert witness.error_of(wrong.encode()) == "NotAnExtension"
        assert witness.submit(Submission(origin, new, _root_at(grown, new), old, proof)).is_success, (old, new)


def test_a_checkpoint_at_a_million_leaves_costs_less_than_100_000_gas(witness: Contract, big: MemoryTree) -> None:
    sizes = [MILLION, MILLION + 1, MILLION + 257, MILLION + 1000, MILLION + 1999, MILLION + 3000]
    assert witness.submit(Submission(ORIGIN, sizes[0], _root_at(big, sizes[0]), 0, ())).is_success
    used = []
    for old, new in pairwise(sizes):
        made = submission(old, new, grown=big)
        receipt = witness.submit(made)
        assert receipt.is_success
        used.append((receipt.gas_used, len(made.proof)))
    print("gas and hashes at a million leaves:", used)
    assert max(gas for gas, _ in used) < GAS_LIMIT
    assert min(hashes for _, hashes in used) >= 5


def test_one_transaction_per_credential_costs_hundreds_of_times_more(witness: Contract) -> None:
    """The comparison of the benchmark, with the contract that it uses."""
    compiled = compiler.compile_contract(compiler.ROOT / "contracts" / "bench" / "PerCredential.sol")
    owner = witness.owner
    made = created_address(owner.address, owner.node.mined_count(owner.address))
    assert owner.send(b"", bytes.fromhex(compiled["creation_code"][2:])).is_success
    record = selector("record(bytes32)")
    single = owner.send(made, record + leaf_hash(b"1"))
    assert single.is_success
    assert not owner.send(made, record + leaf_hash(b"1")).is_success
    hold(witness, 1)
    ours = witness.submit(submission(1, 1001)).gas_used / 1000
    print("gas per credential:", single.gas_used, "beside", ours)
    assert single.gas_used > 300 * ours


def test_the_deepest_proof_from_half_a_million_costs_less_than_100_000_gas(witness: Contract, big: MemoryTree) -> None:
    old = 524_289
    assert witness.submit(Submission(ORIGIN, old, _root_at(big, old), 0, ())).is_success
    made = submission(old, MILLION, grown=big)
    receipt = witness.submit(made)
    print("from half a million:", receipt.gas_used, len(made.proof))
    assert receipt.is_success
    assert len(made.proof) >= 19
    assert receipt.gas_used < GAS_LIMIT


def test_it_verifies_inclusion_as_we_do(witness: Contract) -> None:
    size = 301
    hold(witness, size)
    grown = tree(size)
    for index in (0, 1, 2, 255, 256, 299, 300):
        leaf = leaf_hash(str(index).encode())
        path = tuple(inclusion_proof(grown.read, index, size))
        assert contract.read_flag(witness.read(ask_inclusion(ORIGIN, size, index, leaf, path)))
        wrong = [
            ask_inclusion(ORIGIN, size, index ^ 1, leaf, path),
            ask_inclusion(ORIGIN, size - 1, index, leaf, path),
            ask_inclusion(ORIGIN, size, size, leaf, path),
            ask_inclusion(ORIGIN, size, index, leaf_hash(b"x"), path),
            ask_inclusion(ORIGIN, size, index, leaf, path[:-1]),
            ask_inclusion(ORIGIN, size, index, leaf, (*path, bytes(32))),
            ask_inclusion(origin_hash("other"), size, index, leaf, path),
        ]
        assert not any(contract.read_flag(witness.read(question)) for question in wrong)


class TestRoles:
    """Who may do what."""

    def test_a_stranger_submits_nothing_and_changes_nothing(self, witness: Contract, anvil: Anvil) -> None:
        eve = Account(anvil)
        assert witness.error_of(submission(0, 5).encode(), eve) == "NotSubmitter"
        assert not witness.submit(submission(0, 5), eve).is_success
        for signature in ("addSubmitter(bytes32,address)", "removeSubmitter(bytes32,address)"):
            assert not witness.change(signature, ORIGIN, eve.address, by=eve).is_success
        assert not witness.change("offerOwnership(address)", eve.address, by=eve).is_success
        assert newest(witness) is None

    def test_one_logs_submitter_cannot_touch_anothers(self, witness: Contract, anvil: Anvil) -> None:
        other = Account(anvil)
        witness.change("addSubmitter(bytes32,address)", origin_hash("other"), other.address)
        assert witness.error_of(submission(0, 5).encode(), other) == "NotSubmitter"

    def test_a_removed_submitter_is_refused(self, witness: Contract, anvil: Anvil) -> None:
        clerk = Account(anvil)
        witness.change("addSubmitter(bytes32,address)", ORIGIN, clerk.address)
        assert witness.submit(submission(0, 5), clerk).is_success
        witness.change("removeSubmitter(bytes32,address)", ORIGIN, clerk.address)
        refused: Receipt = witness.submit(submission(5, 9), clerk)
        assert not refused.is_success

    def test_ownership_passes_in_two_steps(self, witness: Contract, anvil: Anvil) -> None:
        heir, eve = Account(anvil), Account(anvil)
        assert witness.change("offerOwnership(address)", heir.address).is_success
        assert not witness.change("acceptOwnership()", by=eve).is_success
        # The former owner keeps everything until then.
        assert witness.change("addSubmitter(bytes32,address)", ORIGIN, heir.address).is_success
        assert witness.change("acceptOwnership()", by=heir).is_success
        assert not witness.change("addSubmitter(bytes32,address)", ORIGIN, eve.address).is_success
        assert witness.change("removeSubmitter(bytes32,address)", ORIGIN, heir.address, by=heir).is_success
        # What was accepted cannot be accepted twice.
        assert not witness.change("acceptOwnership()", by=heir).is_success
