"""DER: one spelling per value, and nothing but that spelling is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import der
from protocol.errors import DerError


@given(st.integers(min_value=0, max_value=1 << 200))
def test_integers_come_back(value: int) -> None:
    assert der.read_integer(der.read(der.write_integer(value), der.INTEGER)) == value


@given(st.integers(0, 2), st.integers(0, 39), st.lists(st.integers(0, 1 << 64), max_size=5))
def test_object_identifiers_come_back(first: int, second: int, rest: list[int]) -> None:
    dotted = ".".join(map(str, [first, second, *rest]))
    assert der.read_oid(der.read(der.write_oid(dotted), der.OBJECT_IDENTIFIER)) == dotted


def test_spellings_of_others_are_ours() -> None:
    # X.690 §8.19.5 and §8.3; 2.999.3 is the joint example.
    assert der.write_oid("2.999.3") == bytes.fromhex("0603883703")
    assert der.write_oid("1.2.840.113549.1.7.2") == bytes.fromhex("06092a864886f70d010702")
    assert der.write_integer(128) == bytes.fromhex("02020080")
    assert der.write_integer(0) == bytes.fromhex("020100")
    assert der.read_integer(der.read(bytes.fromhex("0201ff"), der.INTEGER)) == -1
    assert der.write(der.OCTET_STRING, bytes(200))[:3] == bytes.fromhex("0481c8")
    assert der.write(der.OCTET_STRING, bytes(70000))[:5] == bytes.fromhex("0483011170")


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536])
def test_lengths_of_every_form_come_back(size: int) -> None:
    assert der.read(der.write(der.OCTET_STRING, bytes(size)), der.OCTET_STRING).content == bytes(size)


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "02",
        "0201",
        "02010100",
        "040180",
        "048001000000",
        "30800000",
        "0281010f",
        "028200010f",
        "0285000000000100",
        "0284ffffffff",
        "02ff",
        "1f8101",
    ],
    ids=[
        "nothing",
        "no length",
        "short",
        "bytes after it",
        "another tag",
        "indefinite octets",
        "indefinite",
        "long form for a short length",
        "leading zero in the length",
        "five length bytes",
        "past the end",
        "reserved length",
        "high tag number",
    ],
)
def test_other_spellings_are_refused(encoded: str) -> None:
    with pytest.raises(DerError):
        der.read(bytes.fromhex(encoded), der.INTEGER)


@pytest.mark.parametrize("encoded", ["0200", "02020001", "0202ff80", "040101"])
def test_other_integers_are_refused(encoded: str) -> None:
    (element,) = der.elements(bytes.fromhex(encoded))
    with pytest.raises(DerError):
        der.read_integer(element)


@pytest.mark.parametrize(
    "encoded", ["0600", "060180", "06022a80", "06022a81", "06038001" + "01", "0603" + "2a8001", "020101"]
)
def test_other_object_identifiers_are_refused(encoded: str) -> None:
    with pytest.raises(DerError):
        der.read_oid(der.elements(bytes.fromhex(encoded))[0])


def test_an_endless_object_identifier_is_refused() -> None:
    with pytest.raises(DerError):
        der.read_oid(der.read(der.write(der.OBJECT_IDENTIFIER, b"\x81" * 1000 + b"\x01"), der.OBJECT_IDENTIFIER))


@pytest.mark.parametrize(
    "dotted", ["", "1", "3.1", "1.40", "1.2.-3", "1.2.x", "01.2", "1..2", "1.2.", "1.2 .3", "-1.2"]
)
def test_what_is_no_object_identifier_has_no_encoding(dotted: str) -> None:
    with pytest.raises(DerError):
        der.write_oid(dotted)


def test_fields_are_taken_in_order_and_all_of_them() -> None:
    data = der.write(der.SEQUENCE, der.write_integer(1), der.write_true(), der.write_integer(2))
    fields = der.Fields(data)
    assert fields.take_optional(der.SET) is None
    assert der.read_integer(fields.take(der.INTEGER)) == 1
    with pytest.raises(DerError):
        fields.take(der.INTEGER)
    assert fields.take_true()
    assert not fields.take_true()
    with pytest.raises(DerError):
        fields.end()
    fields.take(der.INTEGER)
    fields.end()
    with pytest.raises(DerError):
        fields.take(der.INTEGER)


@pytest.mark.parametrize("boolean", ["010100", "010101", "0100", "0102ffff"])
def test_true_has_one_spelling_and_a_default_none(boolean: str) -> None:
    with pytest.raises(DerError):
        der.Fields(der.write(der.SEQUENCE, bytes.fromhex(boolean))).take_true()


@given(st.binary(max_size=80))
def test_whatever_is_read_is_written_the_same(data: bytes) -> None:
    try:
        found = der.elements(data)
    except DerError:
        return
    assert b"".join(der.write(each.tag, each.content) for each in found) == data
