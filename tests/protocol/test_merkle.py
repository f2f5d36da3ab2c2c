"""RFC 6962 §2.1 trees in C2SP tiles, judged by a literal recursive reference."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import merkle
from protocol.errors import ConsistencyProofError, InclusionProofError, TileError, TreeRangeError
from tests.protocol.trees import MemoryTree, leaves, reference_consistency, reference_path, reference_root

SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 31, 255, 256, 257, 300, 511, 512, 513, 1023]


@pytest.mark.requirement("RFC 6962 §2.1", "leaves and nodes are hashed under different prefixes")
def test_leaf_and_node_hashes_have_their_own_prefixes() -> None:
    assert merkle.leaf_hash(b"a") == hashlib.sha256(b"\x00a").digest()
    assert merkle.node_hash(b"a", b"b") == hashlib.sha256(b"\x01ab").digest()


@pytest.mark.requirement("RFC 6962 §2.1", "the root of the empty tree is the hash of nothing")
def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert MemoryTree().root == merkle.root(MemoryTree().read, 0) == hashlib.sha256(b"").digest()


@pytest.mark.requirement("RFC 6962 §2.1", "the root of any number of leaves")
@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_that_of_the_recursive_definition(size: int) -> None:
    tree = MemoryTree(size)
    assert tree.root == merkle.root(tree.read, size) == reference_root(leaves(size))


@settings(deadline=None)
@given(batches=st.lists(st.integers(0, 300), max_size=6))
def test_batches_of_any_size_build_the_same_tiles_as_one(batches: list[int]) -> None:
    tree = MemoryTree()
    for count in batches:
        tree.append(leaves(count, start=tree.size))
    assert (tree.tiles, tree.root) == (MemoryTree(sum(batches)).tiles, MemoryTree(sum(batches)).root)


@pytest.mark.requirement("C2SP tlog-tiles, Merkle Tree", "a full tile becomes one hash of the tile above")
def test_only_complete_subtrees_are_stored() -> None:
    tree = MemoryTree(70_000)
    assert {key: len(tile) // 32 for key, tile in tree.tiles.items() if len(tile) < 256 * 32} == {
        (0, 273): 112,
        (1, 1): 17,
        (2, 0): 1,
    }


@pytest.mark.requirement("RFC 6962 §2.1", "a reader at an older size sees the older tree")
def test_old_roots_are_read_from_the_newer_tiles() -> None:
    tree = MemoryTree(1000)
    assert [merkle.root(tree.read, size) for size in SIZES if size < 1000] == [
        reference_root(leaves(size)) for size in SIZES if size < 1000
    ]


@pytest.mark.requirement("RFC 6962 §2.1.1", "inclusion proofs of every leaf are made and verify")
@pytest.mark.parametrize("size", [*range(1, 34), 255, 257, 520])
def test_inclusion_proofs_are_those_of_the_definition_and_verify(size: int) -> None:
    tree, hashes = MemoryTree(size), leaves(size)
    bulk = merkle.inclusion_proofs(tree.read, 0, size, size)
    for index in range(0, size, 1 if size < 34 else 37):
        proof = merkle.inclusion_proof(tree.read, index, size)
        assert proof == reference_path(index, hashes) == bulk[index]
        merkle.verify_inclusion(hashes[index], index, size, proof, tree.root)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), size=st.integers(1, 1500))
def test_the_proofs_of_a_batch_are_those_of_its_leaves(data: st.DataObject, size: int) -> None:
    tree = MemoryTree(size + 40)
    start = data.draw(st.integers(0, size))
    stop = data.draw(st.integers(start, min(size, start + 50)))
    single = [merkle.inclusion_proof(tree.read, index, size) for index in range(start, stop)]
    assert merkle.inclusion_proofs(tree.read, start, stop, size) == single


@pytest.mark.requirement("RFC 6962 §2.1.2", "consistency proofs between any two sizes are made and verify")
@pytest.mark.parametrize("new", [*range(1, 24), 256, 300, 515])
def test_consistency_proofs_are_those_of_the_definition_and_verify(new: int) -> None:
    tree, hashes = MemoryTree(new), leaves(new)
    for old in range(1, new + 1, 1 if new < 24 else 41):
        proof = merkle.consistency_proof(tree.read, old, new)
        assert proof == reference_consistency(old, hashes)
        merkle.verify_consistency(old, new, proof, reference_root(hashes[:old]), tree.root)


@pytest.mark.requirement("C2SP tlog-witness", "every tree extends the empty one, without proof")
def test_every_tree_extends_the_empty_one() -> None:
    tree = MemoryTree(5)
    assert merkle.consistency_proof(tree.read, 0, 5) == []
    merkle.verify_consistency(0, 5, [], merkle.EMPTY_ROOT, tree.root)
    merkle.verify_consistency(0, 0, [], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT)


@pytest.mark.requirement("RFC 6962 §2.1.1", "an altered leaf, index, path or root is refused")
@settings(deadline=None)
@given(data=st.data(), size=st.integers(2, 200))
def test_an_altered_inclusion_proof_is_refused(data: st.DataObject, size: int) -> None:
    tree, index = MemoryTree(size), data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(tree.read, index, size)
    values = [leaves(size)[index], tree.root, *proof]
    at, bit = data.draw(st.integers(0, len(values) - 1)), data.draw(st.integers(0, 255))
    values[at] = (int.from_bytes(values[at], "big") ^ 1 << bit).to_bytes(32, "big")
    with pytest.raises(InclusionProofError):
        merkle.verify_inclusion(values[0], index, size, values[2:], values[1])


@pytest.mark.requirement("RFC 6962 §2.1.2", "an altered path or root is refused")
@settings(deadline=None)
@given(data=st.data(), new=st.integers(2, 200))
def test_an_altered_consistency_proof_is_refused(data: st.DataObject, new: int) -> None:
    tree, old = MemoryTree(new), data.draw(st.integers(1, new - 1))
    values = [merkle.root(tree.read, old), tree.root, *merkle.consistency_proof(tree.read, old, new)]
    at, bit = data.draw(st.integers(0, len(values) - 1)), data.draw(st.integers(0, 255))
    values[at] = (int.from_bytes(values[at], "big") ^ 1 << bit).to_bytes(32, "big")
    with pytest.raises(ConsistencyProofError):
        merkle.verify_consistency(old, new, values[2:], values[0], values[1])


HASH = b"\x11" * 32


@pytest.mark.parametrize(
    ("leaf", "index", "size", "proof", "root"),
    [
        (HASH, 0, 0, [], HASH),
        (HASH, -1, 1, [], HASH),
        (HASH, 1, 1, [], HASH),
        (HASH, 1, 1, [HASH], merkle.node_hash(HASH, HASH)),
        (HASH, True, 2, [HASH], HASH),
        (HASH, 0.0, 1, [], HASH),
        ("text", 0, 1, [], HASH),
        (HASH, 0, 1, [], None),
        (HASH[:31], 0, 1, [], HASH[:31]),
        (HASH, 0, 1, [HASH], HASH),
        (HASH, 0, 2, [], HASH),
        (HASH, 0, 2, [HASH[:31]], HASH),
        (HASH, 0, 2, [3], HASH),
        (HASH, 0, 2**63, [HASH] * 63, HASH),
        (HASH, 2**62, 2**63 - 1, [HASH] * 100_000, HASH),
    ],
)
def test_hostile_inclusion_proofs_are_refused_without_work(
    leaf: Any, index: Any, size: Any, proof: Any, root: Any
) -> None:
    with pytest.raises(InclusionProofError):
        merkle.verify_inclusion(leaf, index, size, proof, root)


@pytest.mark.parametrize(
    ("old", "new", "proof", "old_root", "new_root"),
    [
        (2, 1, [], HASH, HASH),
        (-1, 1, [], HASH, HASH),
        (True, 2, [HASH], HASH, HASH),
        ("1", 2, [HASH], HASH, HASH),
        (1, 2**63, [HASH] * 63, HASH, HASH),
        (0, 3, [], HASH, HASH),
        (0, 3, [HASH], merkle.EMPTY_ROOT, HASH),
        (0, 3, [], merkle.EMPTY_ROOT, HASH[:31]),
        (0, 0, [], HASH, HASH),
        (0, 0, [HASH], merkle.EMPTY_ROOT, merkle.EMPTY_ROOT),
        (3, 3, [HASH], HASH, HASH),
        (3, 3, [], HASH, merkle.EMPTY_ROOT),
        (3, 4, [], HASH, HASH),
        (3, 4, [HASH] * 7, HASH, HASH),
        (3, 4, [HASH] * 200, HASH, HASH),
        (3, 4, [HASH, HASH, None], HASH, HASH),
        (3, 4, [HASH, HASH, HASH], HASH, b""),
    ],
)
def test_hostile_consistency_proofs_are_refused_without_work(
    old: Any, new: Any, proof: Any, old_root: Any, new_root: Any
) -> None:
    with pytest.raises(ConsistencyProofError):
        merkle.verify_consistency(old, new, proof, old_root, new_root)


def test_a_rewritten_history_is_told_from_an_extended_one() -> None:
    honest, forked = MemoryTree(6), MemoryTree()
    forked.append([*leaves(5), merkle.leaf_hash(b"other"), *leaves(4)])
    proof = merkle.consistency_proof(forked.read, 6, 10)
    with pytest.raises(ConsistencyProofError, match="earlier root"):
        merkle.verify_consistency(6, 10, proof, honest.root, forked.root)


def test_a_proof_often_verifies_under_a_wrong_size() -> None:
    """Why the size is taken from a signed checkpoint: this is inherent in RFC 6962, not a fault of ours."""
    tree = MemoryTree(7)
    proof = merkle.inclusion_proof(tree.read, 1, 7)
    merkle.verify_inclusion(leaves(2)[1], 1, 8, proof, tree.root)


@pytest.mark.parametrize("index", [-1, 3])
def test_no_proof_is_made_outside_the_tree(index: int) -> None:
    tree = MemoryTree(3)
    with pytest.raises(TreeRangeError):
        merkle.inclusion_proof(tree.read, index, 3)
    with pytest.raises(TreeRangeError):
        merkle.inclusion_proofs(tree.read, index, index, 2)
    with pytest.raises(TreeRangeError):
        merkle.consistency_proof(tree.read, index, 2)


def test_appending_refuses_what_is_not_a_leaf_hash_or_a_size() -> None:
    tree = MemoryTree()
    for size, hashes in ((0, [b"short"]), (-1, leaves(2)), (2**63 - 1, leaves(1))):
        with pytest.raises(TreeRangeError):
            merkle.append(tree.read, size, hashes)


def test_a_damaged_store_is_found_out() -> None:
    tree = MemoryTree(300)
    tree.tiles[0, 1] = tree.tiles[0, 1][:-1]
    for use in (
        lambda: merkle.root(tree.read, 300),
        lambda: merkle.append(tree.read, 300, leaves(1)),
        lambda: merkle.inclusion_proofs(tree.read, 280, 300, 300),
    ):
        with pytest.raises(TileError):
            use()


def test_every_tile_is_read_once_per_call() -> None:
    tree, asked = MemoryTree(70_000), list[tuple[int, int]]()

    def read(level: int, index: int) -> bytes:
        asked.append((level, index))
        return tree.read(level, index)

    for use in (
        lambda: merkle.root(read, 70_000),
        lambda: merkle.inclusion_proof(read, 69_999, 70_000),
        lambda: merkle.inclusion_proofs(read, 69_000, 70_000, 70_000),
        lambda: merkle.consistency_proof(read, 65_000, 70_000),
        lambda: merkle.append(read, 70_000, leaves(3)),
    ):
        asked.clear()
        use()
        assert 0 < len(asked) == len(set(asked)) <= 12


@pytest.mark.requirement("C2SP tlog-tiles, Merkle Tree", "tile paths")
@pytest.mark.parametrize(
    ("level", "index", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 1234067, 256, "tile/0/x001/x234/067"),
        (0, 1067, 8, "tile/0/x001/067.p/8"),
        (2, 999, 1, "tile/2/999.p/1"),
        (1, 1000, 255, "tile/1/x001/000.p/255"),
    ],
)
def test_tile_paths(level: int, index: int, width: int, path: str) -> None:
    assert merkle.tile_path(level, index, width) == path


@pytest.mark.parametrize(("level", "index", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)])
def test_tiles_that_cannot_be_have_no_path(level: int, index: int, width: int) -> None:
    with pytest.raises(TreeRangeError):
        merkle.tile_path(level, index, width)


def test_a_hundred_thousand_leaves_and_proofs_take_moments() -> None:
    """A bound ten times what is measured, to catch a change of order, not a slow machine."""
    tree, hashes = MemoryTree(), leaves(100_000)
    began = time.process_time()
    tree.append(hashes)
    proofs = merkle.inclusion_proofs(tree.read, 0, 100_000, 100_000)
    assert time.process_time() - began < 3
    merkle.verify_inclusion(hashes[77_777], 77_777, 100_000, proofs[77_777], tree.root)
