"""The append-only Merkle tree of RFC 6962 §2.1 (unchanged in RFC 9162 §2.1), kept as C2SP tiles.

A tile is the concatenation of up to 256 hashes of 32 bytes. Tile ``(level, index)`` holds the nodes of tree height
``8 * level`` from number ``256 * index`` on; only complete subtrees are ever stored. Every function here is pure: a
caller passes ``read_tile(level, index) -> bytes``, which may return a wider tile than the tree size needs (a reader at
an older size sees the tiles of a newer one), and stores what ``append`` returns. No tile is read twice in one call.

The size of a tree is not part of its root: a proof often verifies under a wrong size too. Take sizes from a signed
checkpoint only, never from whoever supplies the proof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from hashlib import sha256

from protocol.errors import ConsistencyProofError, InclusionProofError, TileError, TreeRangeError

HASH_SIZE = 32
TILE_WIDTH = 256
TILE_HEIGHT = 8
MAX_SIZE = (1 << 63) - 1
MAX_TILE_LEVEL = 63
MAX_CONSISTENCY_PATH = 2 * 63

EMPTY_ROOT = sha256(b"").digest()

ReadTile = Callable[[int, int], bytes]
Tiles = dict[tuple[int, int], bytes]


def leaf_hash(data: bytes) -> bytes:
    """Return SHA-256(0x00 || data), 32 bytes (RFC 6962 §2.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right), 32 bytes (RFC 6962 §2.1)."""
    return sha256(b"\x01" + left + right).digest()


def append(read_tile: ReadTile, size: int, leaf_hashes: Sequence[bytes]) -> tuple[Tiles, int, bytes]:
    """Append *leaf_hashes* (32 bytes each) to the tree of *size* leaves.

    Returns the new bytes of every tile that changed, the new size, and the new root. Raises TreeRangeError for a leaf
    hash of another length or a tree past 2^63-1 leaves, TileError where a stored tile is too short.
    """
    new_size = _checked_size(_checked_size(size) + len(_checked_hashes(leaf_hashes)))
    stored = cache(read_tile)
    changed: Tiles = {}
    level, start, added = 0, size, list(leaf_hashes)
    while added:
        full: list[bytes] = []
        for index, tile in _extend(stored, level, start, added):
            changed[level, index] = tile
            if len(tile) == TILE_WIDTH * HASH_SIZE:
                full.append(_fold(tile))
        level, start, added = level + 1, start // TILE_WIDTH, full

    def read(level: int, index: int) -> bytes:
        return changed[level, index] if (level, index) in changed else stored(level, index)

    return changed, new_size, root(read, new_size)


def root(read_tile: ReadTile, size: int) -> bytes:
    """Return the root of the first *size* leaves: MTH(D[size]) of RFC 6962 §2.1."""
    return _range_hash(cache(read_tile), 0, _checked_size(size)) if size else EMPTY_ROOT


def subtree_roots(read_tile: ReadTile, size: int) -> list[bytes]:
    """Return the roots of the complete subtrees that the first *size* leaves fall into: left to right, ever smaller."""
    return _subtree_hashes(cache(read_tile), 0, _checked_size(size))


def inclusion_proof(read_tile: ReadTile, index: int, size: int) -> list[bytes]:
    """Return PATH(index, D[size]), from the leaf's sibling up (RFC 6962 §2.1.1).

    Raises TreeRangeError unless 0 <= index < size.
    """
    _checked_size(size)
    if not 0 <= index < size:
        raise TreeRangeError("index outside the tree")
    read_tile, path = cache(read_tile), list[bytes]()
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_range_hash(read_tile, middle, end))
            end = middle
        else:
            path.append(_range_hash(read_tile, begin, middle))
            begin = middle
    return path[::-1]


def inclusion_proofs(read_tile: ReadTile, start: int, stop: int, size: int) -> list[list[bytes]]:
    """Return the inclusion proofs of leaves *start* to *stop* - 1 in the tree of *size* leaves.

    Equal to calling inclusion_proof for each, but hashes every node once: for the proofs of a whole batch. Raises
    TreeRangeError unless 0 <= start <= stop <= size.
    """
    _checked_size(size)
    if not 0 <= start <= stop <= size:
        raise TreeRangeError("range outside the tree")
    if start == stop:
        return []
    heights = list(_sibling_heights(cache(read_tile), start, stop, size))
    paths: list[list[bytes]] = [[]]
    for height in range(len(heights) - 1, -1, -1):
        nodes, offset = heights[height]
        above = start >> (height + 1)
        paths = [
            # A last node without a sibling is promoted unchanged, so its path is its parent's.
            [nodes[(number ^ 1) - offset], *paths[(number >> 1) - above]]
            if (number ^ 1) - offset < len(nodes)
            else paths[(number >> 1) - above]
            for number in range(start >> height, ((stop - 1) >> height) + 1)
        ]
    return paths


def consistency_proof(read_tile: ReadTile, old: int, new: int) -> list[bytes]:
    """Return PROOF(old, D[new]) (RFC 6962 §2.1.2); empty when *old* is 0 or equals *new*.

    Raises TreeRangeError unless 0 <= old <= new.
    """
    _checked_size(new)
    if not 0 <= old <= new:
        raise TreeRangeError("the earlier size is outside the tree")
    if old == 0:
        return []
    read_tile, path = cache(read_tile), list[bytes]()
    begin, end, is_whole = 0, new, True
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(_range_hash(read_tile, middle, end))
            end = middle
        else:
            path.append(_range_hash(read_tile, begin, middle))
            begin, is_whole = middle, False
    if not is_whole:
        path.append(_range_hash(read_tile, begin, end))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise InclusionProofError unless *proof* leads from leaf hash *leaf* at *index* to *root* (RFC 9162 §2.1.3.2).

    Work is bounded by 63 hashes whatever the input.
    """
    if inclusion_root(leaf, index, size, proof) != root:
        raise InclusionProofError("the path leads to another root")


def inclusion_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that *proof* leads to from leaf hash *leaf* at *index*: what a detached signature must be over.

    It proves nothing by itself. Raises InclusionProofError when no tree of *size* leaves has a path of this form
    (RFC 9162 §2.1.3.2). Work is bounded by 63 hashes whatever the input.
    """
    if not _is_count(index) or not _is_count(size) or index >= size:
        raise InclusionProofError("index outside the tree")
    inner, border = _path_lengths(index, size)
    if len(proof) != inner + border or not _are_hashes([leaf, *proof]):
        raise InclusionProofError("wrong number or length of hashes")
    computed = _climb(leaf, proof[:inner], index)
    for sibling in proof[inner:]:
        computed = node_hash(sibling, computed)
    return computed


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Raise ConsistencyProofError unless the tree of *new* leaves extends the one of *old* (RFC 9162 §2.1.4.2).

    Every tree extends the empty one, without a proof and only from EMPTY_ROOT (as C2SP tlog-witness has it).
    """
    if not _is_count(old) or not _is_count(new) or old > new:
        raise ConsistencyProofError("sizes do not grow")
    if old == new and old_root != new_root:
        raise ConsistencyProofError("two roots for one size")
    if old in (0, new):
        if proof or (old == 0 and (old_root != EMPTY_ROOT or not _are_hashes([new_root]))):
            raise ConsistencyProofError("a proof where none is needed, or not the empty root")
    elif len(proof) > MAX_CONSISTENCY_PATH or not _are_hashes([old_root, new_root, *proof]):
        raise ConsistencyProofError("wrong number or length of hashes")
    else:
        _verify_growth(old, new, proof, old_root, new_root)


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile below the log's prefix, like ``tile/0/x001/067.p/8`` (C2SP tlog-tiles, Merkle Tree).

    *width* is the number of hashes, 1 to 256; 256 is the full tile. Raises TreeRangeError outside the ranges.
    """
    if not 0 <= level <= MAX_TILE_LEVEL or not 0 <= index <= MAX_SIZE or not 1 <= width <= TILE_WIDTH:
        raise TreeRangeError("no such tile")
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03d}")
    suffix = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(groups))}{suffix}"


def _verify_growth(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    # The proof starts at the largest complete subtree that ends the old tree; when that is the whole old tree (a power
    # of two), its hash is the old root itself and is left out of the proof.
    shift = (old & -old).bit_length() - 1
    inner, border = _path_lengths(old - 1, new)
    hashes = [old_root, *proof] if old == 1 << shift else list(proof)
    if len(hashes) != inner - shift + border + 1:
        raise ConsistencyProofError("wrong number of hashes")
    index = (old - 1) >> shift
    inner -= shift
    old_hash = new_hash = hashes[0]
    for height, sibling in enumerate(hashes[1 : inner + 1]):
        if index >> height & 1:
            old_hash, new_hash = node_hash(sibling, old_hash), node_hash(sibling, new_hash)
        else:
            new_hash = node_hash(new_hash, sibling)
    for sibling in hashes[inner + 1 :]:
        old_hash, new_hash = node_hash(sibling, old_hash), node_hash(sibling, new_hash)
    if old_hash != old_root:
        raise ConsistencyProofError("the path leads to another earlier root")
    if new_hash != new_root:
        raise ConsistencyProofError("the path leads to another later root")


def _path_lengths(index: int, size: int) -> tuple[int, int]:
    """Return how many siblings lie below and along the right border of the tree."""
    inner = (index ^ (size - 1)).bit_length()
    return inner, (index >> inner).bit_count()


def _climb(computed: bytes, siblings: Sequence[bytes], index: int) -> bytes:
    for height, sibling in enumerate(siblings):
        computed = node_hash(sibling, computed) if index >> height & 1 else node_hash(computed, sibling)
    return computed


def _split(size: int) -> int:
    """Return the largest power of two smaller than *size*."""
    return 1 << ((size - 1).bit_length() - 1)


def _extend(read_tile: ReadTile, level: int, start: int, added: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield each tile of *level* that *added* touches, from node number *start* on."""
    index, used = divmod(start, TILE_WIDTH)
    tile = _read(read_tile, level, index, used) if used else b""
    taken = 0
    while taken < len(added):
        part = added[taken : taken + TILE_WIDTH - used]
        yield index, tile + b"".join(part)
        taken += len(part)
        index, used, tile = index + 1, 0, b""


def _read(read_tile: ReadTile, level: int, index: int, width: int) -> bytes:
    tile = read_tile(level, index)
    if len(tile) < width * HASH_SIZE:
        raise TileError(f"tile {level}/{index} is shorter than {width} hashes")
    return tile[: width * HASH_SIZE]


def _fold(hashes: bytes) -> bytes:
    """Return the root over a power of two of concatenated *hashes*."""
    while len(hashes) > HASH_SIZE:
        hashes = b"".join(
            [sha256(b"\x01" + hashes[at : at + 2 * HASH_SIZE]).digest() for at in range(0, len(hashes), 2 * HASH_SIZE)]
        )
    return hashes


def _subtree_hash(read_tile: ReadTile, height: int, number: int) -> bytes:
    """Return node *number* of tree height *height*, a complete subtree."""
    level, inner = divmod(height, TILE_HEIGHT)
    index, offset = divmod(number << inner, TILE_WIDTH)
    end = offset + (1 << inner)
    return _fold(_read(read_tile, level, index, end)[offset * HASH_SIZE :])


def _subtree_hashes(read_tile: ReadTile, begin: int, end: int) -> list[bytes]:
    """Return the hashes of the complete subtrees that make up [begin, end): left to right, ever smaller."""
    parts: list[bytes] = []
    while begin < end:
        height = (end - begin).bit_length() - 1
        parts.append(_subtree_hash(read_tile, height, begin >> height))
        begin += 1 << height
    return parts


def _range_hash(read_tile: ReadTile, begin: int, end: int) -> bytes:
    """Return MTH(D[begin:end]) for a range that is a node of the tree."""
    parts = _subtree_hashes(read_tile, begin, end)
    computed = parts.pop()
    while parts:
        computed = node_hash(parts.pop(), computed)
    return computed


def _sibling_heights(read_tile: ReadTile, start: int, stop: int, size: int) -> Iterator[tuple[list[bytes], int]]:
    """Yield for each height below the root the nodes over [start, stop) with their siblings, and the first's number."""
    nodes = _leaf_range(read_tile, start, stop)
    height = 0
    while (size - 1) >> height:
        first, last = start >> height, (stop - 1) >> height
        if first & 1:
            first -= 1
            nodes.insert(0, _node_hash_at(read_tile, height, first, size))
        if not last & 1 and last < (size - 1) >> height:
            nodes.append(_node_hash_at(read_tile, height, last + 1, size))
        yield nodes, first
        pairs = [node_hash(nodes[at], nodes[at + 1]) for at in range(0, len(nodes) - 1, 2)]
        nodes = [*pairs, nodes[-1]] if len(nodes) & 1 else pairs
        height += 1


def _node_hash_at(read_tile: ReadTile, height: int, number: int, size: int) -> bytes:
    return _range_hash(read_tile, number << height, min((number + 1) << height, size))


def _leaf_range(read_tile: ReadTile, start: int, stop: int) -> list[bytes]:
    leaves: list[bytes] = []
    for index in range(start // TILE_WIDTH, (stop - 1) // TILE_WIDTH + 1):
        first, last = max(start - index * TILE_WIDTH, 0), min(stop - index * TILE_WIDTH, TILE_WIDTH)
        tile = _read(read_tile, 0, index, last)
        leaves += [tile[at * HASH_SIZE : (at + 1) * HASH_SIZE] for at in range(first, last)]
    return leaves


def _checked_size(size: int) -> int:
    if not _is_count(size):
        raise TreeRangeError("size outside 0 to 2^63-1")
    return size


def _checked_hashes(hashes: Sequence[bytes]) -> Sequence[bytes]:
    if not _are_hashes(hashes):
        raise TreeRangeError("a leaf hash is not 32 bytes")
    return hashes


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_SIZE


def _are_hashes(values: Sequence[object]) -> bool:
    return all(isinstance(value, bytes) and len(value) == HASH_SIZE for value in values)
