"""The deposited envelope, judged from outside: its form and its recipients. Nobody here can open it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from authorization.errors import EnvelopeSealingError
from protocol.encoding import b64u_decode, json_object
from protocol.envelope import ENCRYPTION, IV_BYTES, KEY_WRAP, TAG_BYTES
from protocol.errors import ProtocolError
from protocol.keys import p256_from_jwk

MAX_ENVELOPE_CHARACTERS = 1 << 18
WRAPPED_KEY_BYTES = 40

_MEMBERS = {"protected", "recipients", "iv", "ciphertext", "tag"}
_RECIPIENT_MEMBERS = {"header", "encrypted_key"}
_HEADER_MEMBERS = {"alg", "kid", "epk"}
_KEY_MEMBERS = {"kty", "crv", "x", "y"}


def check_envelope(envelope: Any, *, key_ids: Collection[str]) -> dict[str, Any]:
    """Return *envelope* if it is sealed in the one accepted form, to exactly *key_ids* (RFC 7516 §7.2.1).

    Anything optional is refused: what the recipient need not understand cannot trip it, and nothing but ciphertext is
    kept here. Raises EnvelopeSealingError.
    """
    try:
        return _check(envelope, key_ids)
    except ProtocolError as error:
        raise EnvelopeSealingError(error.detail) from None


def _check(envelope: Any, key_ids: Collection[str]) -> dict[str, Any]:
    members = _object(envelope, _MEMBERS)
    if json_object(_bytes(members["protected"], at_most=1024)) != {"enc": ENCRYPTION}:
        raise EnvelopeSealingError("protected header")
    _bytes(members["iv"], exactly=IV_BYTES)
    _bytes(members["tag"], exactly=TAG_BYTES)
    _bytes(members["ciphertext"], at_most=MAX_ENVELOPE_CHARACTERS)
    if not isinstance(members["recipients"], list) or not members["recipients"]:
        raise EnvelopeSealingError("recipients")
    found = [_check_recipient(recipient) for recipient in members["recipients"]]
    # A recipient too many would be someone the citizen was not told of; one too few, a key that cannot read.
    if sorted(found) != sorted(key_ids):
        raise EnvelopeSealingError("recipients are not the active keys")
    return members


def _check_recipient(recipient: Any) -> str:
    members = _object(recipient, _RECIPIENT_MEMBERS)
    header = _object(members["header"], _HEADER_MEMBERS)
    if header["alg"] != KEY_WRAP or not isinstance(header["kid"], str):
        raise EnvelopeSealingError("recipient header")
    p256_from_jwk(_object(header["epk"], _KEY_MEMBERS), use="enc")
    _bytes(members["encrypted_key"], exactly=WRAPPED_KEY_BYTES)
    return str(header["kid"])


def _object(value: Any, names: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != names:
        raise EnvelopeSealingError(f"not an object of {', '.join(sorted(names))}")
    return value


def _bytes(value: Any, *, exactly: int | None = None, at_most: int = 0) -> bytes:
    if not isinstance(value, str) or (exactly is None and len(value) > at_most):
        raise EnvelopeSealingError("a part is not text, or too long")
    decoded = b64u_decode(value)
    if not decoded or (exactly is not None and len(decoded) != exactly):
        raise EnvelopeSealingError("a part has another length")
    return decoded
