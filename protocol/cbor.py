"""The part of CBOR that COSE Receipts need, in its one deterministic encoding (RFC 8949 §4.2.1).

Integers of 64 bits, byte and text strings, arrays, maps with integers or text for keys, tags and null. Whatever has a
second spelling is refused (lengths that are indefinite or too wide, keys out of order or repeated), and so is whatever
receipts do without (floats, booleans, other simple values): two parsers that disagree about one receipt are an attack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from protocol.errors import CborError, TooLargeError

MAX_BYTES = 1 << 16
MAX_DEPTH = 8

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_NULL = 22
_BITS = 64
# The smallest argument that may be written in one, two, four or eight bytes after the first.
_LEAST = {24: 24, 25: 1 << 8, 26: 1 << 16, 27: 1 << 32}


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value under a tag *number* (RFC 8949 §3.4)."""

    number: int
    value: Value


Value: TypeAlias = int | bytes | str | list["Value"] | dict[int | str, "Value"] | Tagged | None


def encode(value: Value) -> bytes:
    """Return the deterministic encoding of *value*. Raises CborError for what is not of the kinds above."""
    if value is None:
        return _head(_SIMPLE, _NULL)
    # Exactly these types: True is an int to isinstance, and would come back as 1.
    if type(value) is int:
        return _head(_UNSIGNED, value) if value >= 0 else _head(_NEGATIVE, -1 - value)
    if isinstance(value, bytes):
        return _head(_BYTES, len(value)) + value
    if isinstance(value, str):
        data = _utf8(value)
        return _head(_TEXT, len(data)) + data
    return _encode_nested(value)


def decode(data: bytes, *, max_bytes: int = MAX_BYTES) -> Value:
    """Return the one value that *data* is the deterministic encoding of.

    Raises TooLargeError past *max_bytes*, and CborError for anything that encode would not have written, for nesting
    deeper than 8, and for bytes that follow the value. Work is bounded by the length of *data*.
    """
    if len(data) > max_bytes:
        raise TooLargeError(f"CBOR longer than {max_bytes} bytes")
    reader = _Reader(data)
    value = reader.read(MAX_DEPTH)
    if not reader.is_at_end():
        raise CborError("bytes after the value")
    return value


class _Reader:
    """A place in *data* that moves on as values are read."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def is_at_end(self) -> bool:
        return self._at == len(self._data)

    def read(self, depth: int) -> Value:
        """Read one value with at most *depth* levels of arrays, maps and tags."""
        major, argument = self._read_head()
        if major == _UNSIGNED:
            return argument
        if major == _NEGATIVE:
            return -1 - argument
        if major == _BYTES:
            return self._take(argument)
        if major == _TEXT:
            return _text(self._take(argument))
        if major == _SIMPLE:
            _refuse_other_than_null(argument)
            return None
        if depth == 0:
            raise CborError(f"nested deeper than {MAX_DEPTH}")
        return self._read_nested(major, argument, depth - 1)

    def _read_nested(self, major: int, argument: int, depth: int) -> Value:
        if major == _TAG:
            return Tagged(argument, self.read(depth))
        # Every member takes a byte at least, so a count beyond them is a lie; nothing is allocated for it.
        if argument > len(self._data) - self._at:
            raise CborError("ends too early")
        if major == _ARRAY:
            return [self.read(depth) for _ in range(argument)]
        return self._read_map(argument, depth)

    def _read_map(self, count: int, depth: int) -> dict[int | str, Value]:
        members: dict[int | str, Value] = {}
        previous = b""
        for _ in range(count):
            start = self._at
            key = self.read(depth)
            if not isinstance(key, int | str):
                raise CborError("a key that is neither integer nor text")
            written = self._data[start : self._at]
            if written <= previous:
                raise CborError("keys out of order, or one of them repeated")
            members[key], previous = self.read(depth), written
        return members

    def _read_head(self) -> tuple[int, int]:
        """Return the major type and its argument (RFC 8949 §3)."""
        first = self._take(1)[0]
        major, short = first >> 5, first & 0x1F
        if short < min(_LEAST):
            return major, short
        if short not in _LEAST:
            raise CborError("an indefinite or reserved length")
        argument = int.from_bytes(self._take(1 << (short - min(_LEAST))), "big")
        if argument < _LEAST[short]:
            raise CborError("not the shortest form")
        return major, argument

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise CborError("ends too early")
        self._at += count
        return taken


def _encode_nested(value: Value) -> bytes:
    if isinstance(value, list):
        return _head(_ARRAY, len(value)) + b"".join(map(encode, value))
    if isinstance(value, dict):
        members = sorted((_encode_key(key), encode(member)) for key, member in value.items())
        return _head(_MAP, len(members)) + b"".join(key + member for key, member in members)
    if isinstance(value, Tagged):
        return _head(_TAG, value.number) + encode(value.value)
    raise CborError("a kind of value that is not written here")


def _encode_key(key: int | str) -> bytes:
    if type(key) is not int and not isinstance(key, str):
        raise CborError("a key that is neither integer nor text")
    return encode(key)


def _head(major: int, argument: int) -> bytes:
    if argument < 0 or argument.bit_length() > _BITS:
        raise CborError("a number beyond 64 bits")
    if argument < min(_LEAST):
        return bytes([major << 5 | argument])
    short = max(code for code, least in _LEAST.items() if argument >= least)
    return bytes([major << 5 | short]) + argument.to_bytes(1 << (short - min(_LEAST)), "big")


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise CborError("lone surrogate") from None


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise CborError("not UTF-8") from None


def _refuse_other_than_null(argument: int) -> None:
    if argument != _NULL:
        raise CborError("a float, a boolean or another simple value")
