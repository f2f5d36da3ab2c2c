"""Strict DER (ITU-T X.690 §10): one spelling per value, read one level at a time, so that nesting costs nothing.

Only what RFC 3161 messages are made of: definite lengths, tag numbers below 31.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.errors import DerError

INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
OBJECT_IDENTIFIER = 0x06
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31

_BOOLEAN_TRUE = b"\x01\x01\xff"
_HIGH_TAG = 0x1F
_LONG_FORM = 0x80
# Four bytes count 4 GiB: no input that is accepted anywhere comes near it.
_MAX_LENGTH_BYTES = 4
_MAX_OID_BYTES = 64


@dataclass(frozen=True, slots=True)
class Element:
    """One tag-length-value: *encoding* is the whole, *content* its value."""

    tag: int
    content: bytes
    encoding: bytes


def context(number: int, *, is_constructed: bool = True) -> int:
    """Return the tag byte ``[number]``; *number* is below 31."""
    return (0xA0 if is_constructed else 0x80) | number


def read(data: bytes, tag: int) -> Element:
    """Return the one element with *tag* that *data* consists of. Raises DerError."""
    element, end = _read_at(data, 0)
    if end != len(data):
        raise DerError("bytes after the value")
    if element.tag != tag:
        raise DerError(f"tag {element.tag:#04x} where {tag:#04x} belongs")
    return element


def elements(data: bytes) -> list[Element]:
    """Return the elements that follow each other in *data*, the content of a SEQUENCE or SET. Raises DerError."""
    found: list[Element] = []
    start = 0
    while start < len(data):
        element, start = _read_at(data, start)
        found.append(element)
    return found


class Fields:
    """The fields of a SEQUENCE, taken in order; ``end`` refuses what nobody took."""

    def __init__(self, data: bytes, tag: int = SEQUENCE) -> None:
        """Read the SEQUENCE that *data* is. Raises DerError."""
        self._elements = elements(read(data, tag).content)
        self._elements.reverse()

    def take(self, tag: int) -> Element:
        """Return the next field, which must have *tag*. Raises DerError."""
        element = self.take_optional(tag)
        if element is None:
            raise DerError(f"no field with tag {tag:#04x}")
        return element

    def take_optional(self, tag: int) -> Element | None:
        """Return the next field if it has *tag*."""
        return self._elements.pop() if self._elements and self._elements[-1].tag == tag else None

    def take_true(self) -> bool:
        """Return whether the next field is TRUE; one that is FALSE by default is left out. Raises DerError."""
        element = self.take_optional(_BOOLEAN_TRUE[0])
        if element is not None and element.encoding != _BOOLEAN_TRUE:
            raise DerError("a default value, or no BOOLEAN of DER")
        return element is not None

    def end(self) -> None:
        """Raise DerError where fields are left."""
        if self._elements:
            raise DerError("a field that does not belong here")


def read_integer(element: Element) -> int:
    """Return the value of an INTEGER in its shortest form. Raises DerError."""
    content = element.content
    if element.tag != INTEGER or not content:
        raise DerError("not an INTEGER")
    if len(content) > 1 and (content[0], content[1] >> 7) in ((0, 0), (0xFF, 1)):
        raise DerError("an INTEGER longer than it must be")
    return int.from_bytes(content, "big", signed=True)


def read_oid(element: Element) -> str:
    """Return an OBJECT IDENTIFIER in dotted form. Raises DerError."""
    content = element.content
    if element.tag != OBJECT_IDENTIFIER or not 0 < len(content) <= _MAX_OID_BYTES or content[-1] & 0x80:
        raise DerError("not an OBJECT IDENTIFIER")
    arcs, arc, is_first_byte = list[int](), 0, True
    for byte in content:
        if is_first_byte and byte == 0x80:
            raise DerError("an arc longer than it must be")
        arc, is_first_byte = arc << 7 | byte & 0x7F, not byte & 0x80
        if is_first_byte:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))


def write(tag: int, *contents: bytes) -> bytes:
    """Return the element *tag* around *contents*, one after another."""
    content = b"".join(contents)
    return bytes([tag]) + _write_length(len(content)) + content


def write_integer(value: int) -> bytes:
    """Return *value*, zero or more, as INTEGER."""
    return write(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def write_oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER from its dotted form. Raises DerError where it has no such form."""
    try:
        first, second, *rest = [int(arc) for arc in dotted.split(".")]
    except ValueError:
        raise DerError("not a dotted OBJECT IDENTIFIER") from None
    content = b"".join(_write_arc(arc) for arc in (40 * first + second, *rest) if arc >= 0)
    element = Element(OBJECT_IDENTIFIER, content, write(OBJECT_IDENTIFIER, content))
    # Whatever reads back as something else (a third root, a sign, a leading zero) was not one.
    if read_oid(element) != dotted:
        raise DerError("not a dotted OBJECT IDENTIFIER")
    return element.encoding


def write_true() -> bytes:
    """Return the BOOLEAN TRUE; FALSE as a default is not written."""
    return _BOOLEAN_TRUE


def _read_at(data: bytes, start: int) -> tuple[Element, int]:
    header = data[start : start + 2]
    if len(header) < 2 or header[0] & _HIGH_TAG == _HIGH_TAG:
        raise DerError("no tag and length")
    length, begin = header[1], start + 2
    if length >= _LONG_FORM:
        length, begin = _read_long_length(data, begin, length & 0x7F)
    end = begin + length
    if end > len(data):
        raise DerError("shorter than its length says")
    return Element(header[0], data[begin:end], data[start:end]), end


def _read_long_length(data: bytes, begin: int, count: int) -> tuple[int, int]:
    end = begin + count
    if not 0 < count <= _MAX_LENGTH_BYTES or end > len(data):
        raise DerError("an indefinite length, or one out of bounds")
    length = int.from_bytes(data[begin:end], "big")
    if length < _LONG_FORM or length >> 8 * (count - 1) == 0:
        raise DerError("a length longer than it must be")
    return length, end


def _write_length(length: int) -> bytes:
    if length < _LONG_FORM:
        return bytes([length])
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([_LONG_FORM | len(size)]) + size


def _write_arc(arc: int) -> bytes:
    groups = [arc & 0x7F]
    while arc := arc >> 7:
        groups.append(arc & 0x7F | 0x80)
    return bytes(reversed(groups))
