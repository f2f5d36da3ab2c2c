"""OpenID4VP 1.0: transaction data (§8.4, §B.3.3). What is asked and answered is in protocol.dcql."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from protocol.encoding import b64u_decode, b64u_encode, json_dumps, json_object
from protocol.errors import EncodingError, TransactionDataFormatError, TransactionDataHashError

MAX_TRANSACTION_DATA_BYTES = 1 << 15
HASH_NAME = "sha-256"


def encode_transaction_data(members: Mapping[str, Any]) -> str:
    """Return *members* as one element of ``transaction_data`` (OpenID4VP §8.4).

    Raises TransactionDataFormatError as parse_transaction_data, so that nothing is made here that would be refused.
    """
    encoded = b64u_encode(json_dumps(dict(members)))
    parse_transaction_data(encoded)
    return encoded


def parse_transaction_data(encoded: Any) -> dict[str, Any]:
    """Return the members of one element of ``transaction_data`` (OpenID4VP §8.4).

    Raises TransactionDataFormatError for anything but base64url of strict JSON with a text ``type`` and
    ``credential_ids``, and past 32 KiB.
    """
    if not isinstance(encoded, str) or len(encoded) > MAX_TRANSACTION_DATA_BYTES:
        raise TransactionDataFormatError(f"not text of at most {MAX_TRANSACTION_DATA_BYTES} characters")
    try:
        members = json_object(b64u_decode(encoded))
    except EncodingError as error:
        raise TransactionDataFormatError(error.detail) from None
    if not isinstance(members.get("type"), str) or not members["type"]:
        raise TransactionDataFormatError("type is not text")
    credential_ids = members.get("credential_ids")
    if not isinstance(credential_ids, list) or not credential_ids or not _all_text(credential_ids):
        raise TransactionDataFormatError("credential_ids is not an array of text")
    return members


def hash_transaction_data(encoded: str) -> str:
    """Return the base64url SHA-256 of an element as sent, never of what it decodes to (OpenID4VP §B.3.3.1)."""
    try:
        return b64u_encode(sha256(encoded.encode("ascii")).digest())
    except UnicodeEncodeError:
        raise TransactionDataFormatError("not ASCII") from None


def check_transaction_data(key_binding: Mapping[str, Any], encoded: Sequence[str]) -> None:
    """Check that a verified key binding JWT covers exactly these elements, in this order (OpenID4VP §B.3.3.1).

    Raises TransactionDataHashError for other hashes, and for any hash but sha-256.
    """
    if key_binding.get("transaction_data_hashes_alg", HASH_NAME) != HASH_NAME:
        raise TransactionDataHashError("another hash algorithm")
    if key_binding.get("transaction_data_hashes") != [hash_transaction_data(item) for item in encoded]:
        raise TransactionDataHashError("signed over other terms")


def _all_text(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) and value for value in values)
