"""cbor2 reads what we write, and writes what we read."""

from __future__ import annotations

from typing import Any

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from protocol.cbor import MAX_DEPTH, Tagged, Value, decode, encode
from protocol.errors import CborError

SCALARS = st.integers(-(1 << 64), (1 << 64) - 1) | st.binary(max_size=300) | st.text(max_size=30) | st.none()
# Tags that cbor2 gives no meaning of its own.
TAGS = st.sampled_from([18, 98, 60_000, (1 << 64) - 1])
LISTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=30) | st.builds(Tagged, TAGS, inner),
    max_leaves=MAX_DEPTH,
)
KEYS = st.integers(-(1 << 64), (1 << 64) - 1) | st.text(max_size=8)
MAPS = st.dictionaries(KEYS, st.dictionaries(KEYS, SCALARS, max_size=3) | SCALARS, max_size=30)


def foreign(value: Value) -> Any:
    if isinstance(value, Tagged):
        return cbor2.CBORTag(value.number, foreign(value.value))
    if isinstance(value, dict):
        return {key: foreign(member) for key, member in value.items()}
    return [foreign(member) for member in value] if isinstance(value, list) else value


def ours(value: Any) -> Value:
    if isinstance(value, cbor2.CBORTag):
        return Tagged(value.tag, ours(value.value))
    if hasattr(value, "items"):
        return {key: ours(member) for key, member in value.items()}
    return [ours(member) for member in value] if isinstance(value, list | tuple) else value


@given(LISTS)
def test_both_write_the_same_bytes(value: Value) -> None:
    assert encode(value) == cbor2.dumps(foreign(value))


@given(LISTS | MAPS)
def test_cbor2_reads_what_we_write(value: Value) -> None:
    assert ours(cbor2.loads(encode(value))) == value


@given(st.binary(max_size=80))
def test_what_we_read_cbor2_reads_alike(data: bytes) -> None:
    try:
        value = decode(data)
    except CborError:
        return
    if not has_meaning(value):
        assert ours(cbor2.loads(data)) == value


def has_meaning(value: Value) -> bool:
    """Whether a tag stands in it: cbor2 turns many into dates, numbers and the like."""
    if isinstance(value, Tagged):
        return True
    members = [*value.values()] if isinstance(value, dict) else value
    return isinstance(members, list) and any(map(has_meaning, members))
