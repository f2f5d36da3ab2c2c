from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.entry_bundle import MAX_ENTRY_BYTES, encode_entries, parse_entries
from protocol.errors import ProtocolError, TileError

leaves = st.lists(st.binary(max_size=300), max_size=256)


@given(leaves)
@pytest.mark.requirement("C2SP tlog-tiles, Log entries", "Entries are big-endian uint16 length-prefixed")
def test_what_goes_in_comes_out(entries: list[bytes]) -> None:
    bundle = encode_entries(entries)
    assert parse_entries(bundle, len(entries)) == entries
    assert len(bundle) == sum(2 + len(entry) for entry in entries)
    for width in range(len(entries)):
        assert parse_entries(bundle, width) == entries[:width]


def test_the_form_is_that_of_the_standard() -> None:
    assert encode_entries([b"ab", b"", b"c" * 258]) == b"\x00\x02ab\x00\x00\x01\x02" + b"c" * 258


def test_the_longest_entry_and_one_more_byte() -> None:
    assert parse_entries(encode_entries([bytes(MAX_ENTRY_BYTES)]), 1) == [bytes(MAX_ENTRY_BYTES)]
    with pytest.raises(TileError):
        encode_entries([bytes(MAX_ENTRY_BYTES + 1)])


@pytest.mark.parametrize(
    ("bundle", "width"),
    [
        (b"", 1),
        (b"\x00", 0),
        (b"\x00\x02a", 1),
        (b"\x00\x01a\x00", 1),
        (b"\x00\x01a\xff\xff", 1),
        (b"\x00\x01a", 2),
        (b"\x00\x00" * 257, 256),
    ],
)
def test_another_form_is_refused(bundle: bytes, width: int) -> None:
    with pytest.raises(TileError):
        parse_entries(bundle, width)


@given(st.binary(max_size=2000), st.integers(0, 256))
def test_no_bytes_break_it(bundle: bytes, width: int) -> None:
    try:
        found = parse_entries(bundle, width)
    except ProtocolError:
        return
    assert encode_entries(found) == bundle[: len(encode_entries(found))]
    assert len(found) == width
