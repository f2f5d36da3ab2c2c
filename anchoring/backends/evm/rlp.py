"""Recursive length prefix: the encoding of Ethereum's transactions (Ethereum yellow paper, appendix B).

Only what transactions need: byte strings and flat or nested lists. The decoder accepts exactly one spelling of each
value, because it decides what a stored transaction does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from anchoring.errors import RejectedByLedgerError

Item: TypeAlias = "bytes | Sequence[Item]"

MAX_DEPTH = 4
_SHORT = 55
_STRING, _LIST = 0x80, 0xC0


def encode(item: Item) -> bytes:
    """Return the encoding of bytes, or of a list of encodable items."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < _STRING else _prefix(_STRING, len(item)) + item
    content = b"".join(encode(part) for part in item)
    return _prefix(_LIST, len(content)) + content


def decode(data: bytes) -> Item:
    """Return the one item that *data* encodes. Raises RejectedByLedgerError for anything but its canonical encoding."""
    item, end = _read(data, 0, MAX_DEPTH)
    if end != len(data):
        raise RejectedByLedgerError("bytes after the item")
    return item


def encode_integer(value: int) -> bytes:
    """Return *value* as big-endian bytes without leading zeros: zero is the empty string."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode_integer(data: bytes) -> int:
    """Return the number. Raises RejectedByLedgerError for a leading zero or more than 32 bytes."""
    if data[:1] == b"\0" or len(data) > 32:
        raise RejectedByLedgerError("not a canonical number")
    return int.from_bytes(data, "big")


def _prefix(kind: int, length: int) -> bytes:
    if length <= _SHORT:
        return bytes([kind + length])
    size = encode_integer(length)
    return bytes([kind + _SHORT + len(size)]) + size


def _read(data: bytes, start: int, depth: int) -> tuple[Item, int]:
    if start >= len(data) or depth < 0:
        raise RejectedByLedgerError("cut short, or too deep")
    first = data[start]
    if first < _STRING:
        return data[start : start + 1], start + 1
    kind = _LIST if first >= _LIST else _STRING
    begin, end = _bounds(data, start, first - kind)
    if kind == _LIST:
        return _read_list(data, begin, end, depth - 1), end
    if end - begin == 1 and data[begin] < _STRING:
        raise RejectedByLedgerError("a byte that needs no prefix")
    return data[begin:end], end


def _bounds(data: bytes, start: int, length: int) -> tuple[int, int]:
    begin = start + 1
    if length > _SHORT:
        digits = data[begin : begin + length - _SHORT]
        begin += len(digits)
        length = decode_integer(digits)
        if length <= _SHORT:
            raise RejectedByLedgerError("a length that needs no size")
    if begin + length > len(data):
        raise RejectedByLedgerError("cut short")
    return begin, begin + length


def _read_list(data: bytes, begin: int, end: int, depth: int) -> list[Item]:
    items: list[Item] = []
    while begin < end:
        item, begin = _read(data[:end], begin, depth)
        items.append(item)
    return items
