from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import TileError, TreeRangeError
from protocol.frontier import Frontier
from protocol.merkle import EMPTY_ROOT, subtree_roots
from tests.protocol.trees import MemoryTree, leaves, reference_root


@pytest.mark.requirement("RFC 6962 §2.1", "The root is the hash over the largest complete subtrees, from the left")
def test_every_size_has_the_root_of_the_reference() -> None:
    frontier = Frontier()
    assert frontier.root() == EMPTY_ROOT
    hashes = leaves(300)
    for size, leaf in enumerate(hashes, 1):
        frontier = frontier.extend([leaf])
        assert (frontier.size, frontier.root()) == (size, reference_root(hashes[:size]))


@given(st.lists(st.integers(0, 700), max_size=6))
def test_it_grows_the_same_in_any_pieces(pieces: list[int]) -> None:
    tree, frontier, at = MemoryTree(), Frontier(), 0
    for count in pieces:
        tree.append(leaves(count, at))
        frontier = Frontier.decode(frontier.size, frontier.extend([]).encode()).extend(leaves(count, at))
        at += count
        assert (frontier.size, frontier.root()) == (tree.size, tree.root)
    assert Frontier.decode(at, frontier.encode()) == frontier


def test_the_tree_before_is_left_as_it_was() -> None:
    first = Frontier().extend(leaves(3))
    root = first.root()
    first.extend(leaves(9, 3))
    assert (first.size, first.root()) == (3, root)


@pytest.mark.parametrize(
    ("size", "data"),
    [(0, bytes(32)), (1, b""), (3, bytes(32)), (4, bytes(64)), (1, bytes(31)), (-1, b""), (1 << 63, b"")],
)
def test_hashes_that_cannot_be_the_subtrees_are_refused(size: int, data: bytes) -> None:
    with pytest.raises(TreeRangeError):
        Frontier.decode(size, data)


def test_the_stored_tiles_lead_to_the_same_subtrees() -> None:
    tree, frontier = MemoryTree(700), Frontier()
    for size, leaf in enumerate([b"", *leaves(700)]):
        frontier = frontier.extend([leaf] if size else [])
        # The tiles are those of the larger tree: what comes after does not matter.
        assert Frontier(size, tuple(subtree_roots(tree.read, size))) == frontier
    with pytest.raises(TreeRangeError):
        subtree_roots(tree.read, -1)
    with pytest.raises(TileError):
        subtree_roots(MemoryTree(3).read, 4)
