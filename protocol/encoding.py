"""Strict text and byte encodings: base64url and JSON exactly as the JOSE standards require them.

Decoders refuse what lenient libraries forgive (padding, duplicate names, NaN, deep nesting), because two parsers that
disagree about one token are an attack.
"""

from __future__ import annotations

import binascii
import json
import math
import re
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from typing import Any, NoReturn

import orjson

from protocol.errors import Base64UrlError, JsonError, TooLargeError

MAX_JSON_BYTES = 1 << 20
MAX_JSON_DEPTH = 64
MAX_INTEGER_DIGITS = 20
JSON_SCALARS = frozenset({str, int, bool, type(None)})

BASE64_TO_URL = bytes.maketrans(b"+/", b"-_")
_PLUS, _SLASH, _EQUALS = b"+/="
_PADDING = (b"", b"", b"==", b"=")
# The last sign of an incomplete group, by the group's length: those whose unused bits are zero.
_LAST_SIGNS = {2: frozenset(b"AQgw"), 3: frozenset(b"AEIMQUYcgkosw048")}


def b64u_encode(data: bytes) -> str:
    """Return *data* as base64url without padding (RFC 7515 §2)."""
    return b2a_base64(data, newline=False).rstrip(b"=").translate(BASE64_TO_URL).decode()


def b64u_decode(text: str | bytes) -> bytes:
    """Return the bytes of canonical, unpadded base64url *text* (RFC 7515 §2).

    Raises Base64UrlError for padding, characters of plain base64, whitespace, impossible lengths, and for non-zero
    trailing bits, so that every byte string has exactly one spelling.
    """
    try:
        raw = text.encode("ascii") if isinstance(text, str) else text
    except UnicodeEncodeError:
        raise Base64UrlError("non-ASCII character") from None
    # The signs of plain base64 would pass the decoder below, so they are refused here.
    if _PLUS in raw or _SLASH in raw or _EQUALS in raw:
        raise Base64UrlError("character outside the base64url alphabet")
    rest = len(raw) % 4
    if rest:
        # Non-zero trailing bits would give one value two spellings, and so two digests.
        if rest == 1 or raw[-1] not in _LAST_SIGNS[rest]:
            raise Base64UrlError("impossible length, or trailing bits that are not zero")
        raw += _PADDING[rest]
    try:
        return a2b_base64(raw.replace(b"-", b"+").replace(b"_", b"/"), strict_mode=True)
    except binascii.Error:
        raise Base64UrlError("character outside the base64url alphabet") from None


def json_loads(data: bytes | str, *, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """Parse strict JSON (RFC 8259) and return the value.

    *data* is UTF-8 bytes or text. Raises TooLargeError past *max_bytes*, and JsonError for a BOM or invalid UTF-8, lone
    surrogates, duplicate member names, NaN or infinity (also by overflow), integers of more than 20 digits, nesting
    deeper than 64, or trailing text.
    """
    if len(data) > max_bytes:
        raise TooLargeError(f"JSON longer than {max_bytes} bytes")
    # Each level opens and closes, so short text is never too deep.
    if isinstance(data, bytes) and (len(data) < 2 * MAX_JSON_DEPTH or _openings(data) <= MAX_JSON_DEPTH):
        # What comes out of this reader and goes back in byte for byte is compact and strict: a duplicate name, a
        # number out of range or an unpaired surrogate would have been lost on the way. All else is read slowly.
        try:
            value = orjson.loads(data)
            if orjson.dumps(value) == data:
                return value
        except ValueError:
            pass
    return _read_strictly(data)


def _openings(data: bytes) -> int:
    return data.count(b"[") + data.count(b"{")


def _read_strictly(data: bytes | str) -> Any:
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError:
        raise JsonError("not UTF-8") from None
    _check_depth(text)
    text = text.strip(_WHITESPACE)
    try:
        value, end = _SCAN(text, 0)
    except (ValueError, RecursionError, StopIteration) as error:
        raise JsonError(str(error) if isinstance(error, _RuleError) else "not JSON") from None
    if end != len(text):
        raise JsonError("text after the value")
    if "\\u" in text or isinstance(data, str):
        _refuse_surrogates(value)
    return value


def json_object(data: bytes | str, *, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """Parse strict JSON whose top level is an object. Raises as json_loads, and JsonError for any other top level."""
    value = json_loads(data, max_bytes=max_bytes)
    if not isinstance(value, dict):
        raise JsonError("top level is not an object")
    return value


def json_dumps(value: Any) -> bytes:
    """Return compact UTF-8 JSON with members in insertion order. Raises JsonError for what JSON cannot hold."""
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except (TypeError, ValueError, RecursionError):
        raise JsonError("value cannot be written as JSON") from None


def json_dumps_checked(value: Any) -> bytes:
    """As json_dumps, several times faster, for values of which every part passed check_scalar or is a dict or list.

    Raises JsonError for lone surrogates and for integers beyond 64 bits.
    """
    try:
        return orjson.dumps(value)
    except (TypeError, RecursionError):
        raise JsonError("value cannot be written as JSON") from None


def check_scalar(value: Any) -> None:
    """Raise JsonError unless *value* is exactly text, a boolean, None, an integer or a finite float."""
    kind = type(value)
    if kind not in JSON_SCALARS and not (kind is float and math.isfinite(value)):
        raise JsonError("value cannot be written as JSON")


def canonical_json(value: Any) -> bytes:
    """Return one spelling per value: compact UTF-8, names sorted by UTF-16 code units (RFC 8785 without floats).

    Raises JsonError for a float, whose canonical form differs between languages.
    """
    try:
        _refuse_floats(value)
        return json_dumps(_sorted(value))
    except (UnicodeEncodeError, RecursionError):
        raise JsonError("value cannot be written as JSON") from None


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise JsonError("a member name is not text")
        return {name: _sorted(value[name]) for name in sorted(value, key=lambda name: name.encode("utf-16-be"))}
    if isinstance(value, list | tuple):
        return [_sorted(item) for item in value]
    return value


def _refuse_floats(value: Any) -> None:
    if isinstance(value, float):
        raise JsonError("floats have no canonical form")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_floats(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _refuse_floats(item)


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_JSON_DEPTH:
        return
    depth = 0
    for match in _BRACKETS_OUTSIDE_STRINGS.finditer(text):
        sign = match.group()
        if sign in "[{":
            depth += 1
            if depth > MAX_JSON_DEPTH:
                raise JsonError(f"nested deeper than {MAX_JSON_DEPTH}")
        elif sign in "]}":
            depth -= 1


def _refuse_surrogates(value: Any) -> None:
    # json accepts "\ud800" alone; such text has no UTF-8 form and would crash whoever hashes it later.
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise JsonError("lone surrogate") from None


class _RuleError(ValueError):
    """Raised inside the scanner, which lets it through."""


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RuleError("duplicate member name")
    return members


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_DIGITS:
        raise _RuleError("integer too long")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _RuleError("number out of range")
    return value


def _constant(text: str) -> NoReturn:
    raise _RuleError(f"{text} is not JSON")


_WHITESPACE = " \t\n\r"
_BRACKETS_OUTSIDE_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_members, parse_int=_integer, parse_float=_float, parse_constant=_constant
)
# Undocumented, yet in every Python 3: raw_decode without its wrappers, which cost as much as the scan itself.
_SCAN: Callable[[str, int], tuple[Any, int]] = vars(_DECODER)["scan_once"]
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
