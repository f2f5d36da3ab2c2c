"""Deterministic CBOR: the published examples, one spelling per value, and no input that breaks the reader."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import cbor
from protocol.cbor import Tagged, Value, decode, encode
from protocol.errors import CborError, TooLargeError

# RFC 8949, Appendix A: every example of a kind that is read here.
EXAMPLES: list[tuple[str, Value]] = [
    ("00", 0),
    ("01", 1),
    ("0a", 10),
    ("17", 23),
    ("1818", 24),
    ("1819", 25),
    ("1864", 100),
    ("1903e8", 1000),
    ("1a000f4240", 1_000_000),
    ("1b000000e8d4a51000", 1_000_000_000_000),
    ("1bffffffffffffffff", 18446744073709551615),
    ("3bffffffffffffffff", -18446744073709551616),
    ("20", -1),
    ("29", -10),
    ("3863", -100),
    ("3903e7", -1000),
    ("f6", None),
    ("c11a514b67b0", Tagged(1, 1363896240)),
    ("d74401020304", Tagged(23, b"\1\2\3\4")),
    ("d818456449455446", Tagged(24, b"dIETF")),
    ("d82076687474703a2f2f7777772e6578616d706c652e636f6d", Tagged(32, "http://www.example.com")),
    ("40", b""),
    ("4401020304", b"\1\2\3\4"),
    ("60", ""),
    ("6161", "a"),
    ("6449455446", "IETF"),
    ("62225c", '"\\'),
    ("62c3bc", "ü"),
    ("63e6b0b4", "水"),
    ("64f0908591", "\U00010151"),
    ("80", []),
    ("83010203", [1, 2, 3]),
    ("8301820203820405", [1, [2, 3], [4, 5]]),
    ("98190102030405060708090a0b0c0d0e0f101112131415161718181819", list(range(1, 26))),
    ("a0", {}),
    ("a201020304", {1: 2, 3: 4}),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ("826161a161626163", ["a", {"b": "c"}]),
    ("a56161614161626142616361436164614461656145", {"a": "A", "b": "B", "c": "C", "d": "D", "e": "E"}),
]

# The rest of Appendix A, and what breaks RFC 8949 §4.2.1 or is not well formed.
REFUSED = {
    "bignum as a plain tag content": "c249",
    "half float": "f93c00",
    "single float": "fa47c35000",
    "double float": "fb3ff199999999999a",
    "infinity": "f97c00",
    "not a number": "f97e00",
    "false": "f4",
    "true": "f5",
    "undefined": "f7",
    "simple 16": "f0",
    "simple 255": "f8ff",
    "null in two bytes": "f816",
    "break alone": "ff",
    "indefinite bytes": "5f42010243030405ff",
    "indefinite text": "7f657374726561646d696e67ff",
    "indefinite array": "9fff",
    "indefinite map": "bf61610161629f0203ffff",
    "reserved length 28": "1c",
    "reserved length 29": "5d",
    "reserved length 30": "9e",
    "0 in two bytes": "1800",
    "23 in two bytes": "1817",
    "255 in three bytes": "1900ff",
    "65535 in five bytes": "1a0000ffff",
    "2^32-1 in nine bytes": "1b00000000ffffffff",
    "-1 in two bytes": "3800",
    "length 1 in two bytes": "580161",
    "text length in three bytes": "79000161",
    "array length in two bytes": "980100",
    "map length in two bytes": "b8010000",
    "tag in two bytes": "d80100",
    "keys out of order": "a203040102",
    "text before integer": "a261610101 02".replace(" ", ""),
    "one key twice": "a201020103",
    "one text key twice": "a2616101616102",
    "longer key first": "a262616101616202",
    "key in bytes": "a1410001",
    "key an array": "a18001",
    "key null": "a1f601",
    "key tagged": "a1c10001",
    "nothing": "",
    "head cut": "19",
    "head cut in the middle": "1903",
    "bytes cut": "4401",
    "text cut": "6461",
    "array cut": "8201",
    "map without value": "a101",
    "tag without value": "c1",
    "not UTF-8": "61ff",
    "surrogate in UTF-8": "63eda080",
    "overlong UTF-8": "62c080",
    "two values": "0000",
    "value and noise": "00ff",
    "endless bytes": "5bffffffffffffffff",
    "endless text": "7bffffffffffffffff",
    "endless array": "9bffffffffffffffff",
    "endless map": "bbffffffffffffffff",
    "array of more than there are": "9affffffff00",
}


@pytest.mark.requirement("RFC 8949 §4.2.1", "the published examples, each in its one encoding")
@pytest.mark.parametrize(("written", "value"), EXAMPLES, ids=[written for written, _ in EXAMPLES])
def test_the_published_examples_are_read_and_written(written: str, value: Value) -> None:
    assert decode(bytes.fromhex(written)) == value
    assert encode(value) == bytes.fromhex(written)


@pytest.mark.requirement("RFC 8949 §4.2.1", "indefinite lengths, wide heads, unsorted and repeated keys are refused")
@pytest.mark.parametrize("written", REFUSED.values(), ids=REFUSED.keys())
def test_anything_with_a_second_spelling_is_refused(written: str) -> None:
    with pytest.raises(CborError):
        decode(bytes.fromhex(written))


@pytest.mark.requirement("RFC 8949 §4.2.1", "keys stand in the order of their encodings, not of their values")
def test_keys_are_sorted_by_their_bytes() -> None:
    members: Value = {"aa": 0, -1: 1, 100: 2, "b": 3, 10: 4}
    assert encode(members) == bytes.fromhex("a50a04186402200161620362616100")
    assert list(decode(encode(members))) == [10, 100, -1, "b", "aa"]  # type: ignore[arg-type]  # a map


SCALARS = st.integers(-(1 << 64), (1 << 64) - 1) | st.binary(max_size=40) | st.text(max_size=20) | st.none()
KEYS = st.integers(-(1 << 64), (1 << 64) - 1) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.builds(Tagged, st.integers(0, (1 << 64) - 1), inner)
    ),
    max_leaves=8,
)


def depth(value: Value) -> int:
    if isinstance(value, Tagged):
        return 1 + depth(value.value)
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(VALUES)
def test_values_read_back_as_they_were(value: Value) -> None:
    if depth(value) <= cbor.MAX_DEPTH:
        assert decode(encode(value)) == value
    else:
        with pytest.raises(CborError, match="nested"):
            decode(encode(value))


@given(st.binary(max_size=60))
def test_noise_has_one_spelling_or_none(data: bytes) -> None:
    try:
        value = decode(data)
    except CborError:
        return
    assert encode(value) == data


@pytest.mark.requirement("RFC 8949 §4.2.1", "no other bytes stand for the same value")
def test_no_altered_byte_means_the_same() -> None:
    value: Value = Tagged(18, [b"\xa1\x01\x26", {396: {-1: [b"proof", "水", -500]}}, None, b"\0" * 64, 1 << 40])
    written = encode(value)
    altered = {written[:at] + bytes([byte]) + written[at + 1 :] for at in range(len(written)) for byte in range(256)}
    altered |= {written[:at] for at in range(len(written))}
    altered |= {written[:at] + written[at : at + 1] + written[at:] for at in range(len(written))}
    for data in altered - {written}:
        try:
            assert decode(data) != value
        except CborError:
            continue


def nested(depth: int) -> bytes:
    return b"\x81" * depth + b"\x00"


def test_depth_is_bounded() -> None:
    assert decode(nested(cbor.MAX_DEPTH)) == [[[[[[[[0]]]]]]]]
    for data in (nested(cbor.MAX_DEPTH + 1), b"\x81" * 60_000, b"\xc1" * 60_000, b"\xa1\x01" * 30_000):
        with pytest.raises(CborError):
            decode(data)


def test_size_is_bounded_before_any_work() -> None:
    assert decode(encode(bytes(90)), max_bytes=92) == bytes(90)
    with pytest.raises(TooLargeError):
        decode(encode(bytes(91)), max_bytes=92)
    with pytest.raises(TooLargeError):
        decode(b"\x00" * (cbor.MAX_BYTES + 1))


def test_a_long_hostile_input_costs_no_more_than_its_length() -> None:
    zeros = encode([0] * (cbor.MAX_BYTES - 8))
    started = time.perf_counter()
    with pytest.raises(CborError, match="ends too early"):
        decode(b"\x82" + zeros)
    for _ in range(1000):
        with pytest.raises(CborError):
            decode(b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff" * 8)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    "value",
    [
        True,
        1.0,
        (1, 2),
        {1, 2},
        bytearray(b"a"),
        NotImplemented,
        1 << 64,
        -(1 << 64) - 1,
        "\ud800",
        {True: 1},
        {1.0: 1},
        {b"a": 1},
        {None: 1},
        {(1,): 1},
        [False],
        {1: False},
        Tagged(-1, 0),
        Tagged(1 << 64, 0),
        Tagged(1, 1.5),  # type: ignore[arg-type]  # on purpose
    ],
    ids=repr,
)
def test_what_has_no_encoding_here_is_refused(value: Any) -> None:
    with pytest.raises(CborError):
        encode(value)


@settings(max_examples=50)
@given(st.integers(0, (1 << 64) - 1))
def test_numbers_take_the_fewest_bytes(number: int) -> None:
    widths = [(24, 1), (1 << 8, 2), (1 << 16, 3), (1 << 32, 5), (1 << 64, 9)]
    assert len(encode(number)) == next(width for bound, width in widths if number < bound)
