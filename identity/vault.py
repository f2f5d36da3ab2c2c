"""Encryption at rest: AES-256-GCM under a data key per person, itself wrapped under KEY_ENCRYPTION_KEY.

Erasing a person's wrapped key makes every ciphertext under it unreadable, in backups of other tables too. The context
is authenticated: a ciphertext moved to another row or column does not open.
"""

from __future__ import annotations

import hmac
import os
from functools import lru_cache
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from identity.errors import UnreadableError
from identity.models import Person
from protocol.encoding import json_dumps, json_loads

# A driver may hand out memoryview for a binary column.
Binary = bytes | memoryview

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_OVERHEAD = len(_FORMAT) + _NONCE_BYTES + 16
_DATA_KEY_CONTEXT = "chancela data key"


class DataKey:
    """A person's data key, unwrapped: for the several ciphertexts of one moment, and to be let go of with them."""

    __slots__ = ("_cipher",)

    def __init__(self, wrapped: Binary) -> None:
        """Raises UnreadableError after erasure."""
        self._cipher = AESGCM(unwrap(wrapped, context=_DATA_KEY_CONTEXT))

    def seal(self, plaintext: bytes, *, context: str) -> bytes:
        return _encrypt(self._cipher, plaintext, context)

    def unseal(self, ciphertext: Binary, *, context: str) -> bytes:
        """Raises UnreadableError for another context, and for a changed ciphertext."""
        return _decrypt(self._cipher, ciphertext, context)


def create_data_key() -> bytes:
    """Return a new 256-bit data key, wrapped."""
    return wrap(AESGCM.generate_key(256), context=_DATA_KEY_CONTEXT)


def seal(wrapped_data_key: Binary, plaintext: bytes, *, context: str) -> bytes:
    return DataKey(wrapped_data_key).seal(plaintext, context=context)


def unseal(wrapped_data_key: Binary, ciphertext: Binary, *, context: str) -> bytes:
    """Raises UnreadableError after erasure, for another context, and for a changed ciphertext."""
    return DataKey(wrapped_data_key).unseal(ciphertext, context=context)


def seal_json(person: Person, value: Any, *, context: str) -> bytes:
    return seal(person.wrapped_data_key, json_dumps(value), context=context)


def unseal_json(person: Person, ciphertext: Binary, *, context: str) -> Any:
    return json_loads(unseal(person.wrapped_data_key, ciphertext, context=context))


def wrap(key: bytes, *, context: str) -> bytes:
    """Wrap *key* under KEY_ENCRYPTION_KEY."""
    return _encrypt(_key_encryption_cipher(settings.KEY_ENCRYPTION_KEY), key, context)


def unwrap(wrapped_key: Binary, *, context: str) -> bytes:
    return _decrypt(_key_encryption_cipher(settings.KEY_ENCRYPTION_KEY), wrapped_key, context)


def seal_for_service(plaintext: bytes, *, context: str) -> bytes:
    """Seal what belongs to no person yet, under a key of the service."""
    return _encrypt(_service_cipher(settings.KEY_ENCRYPTION_KEY), plaintext, context)


def unseal_for_service(ciphertext: Binary, *, context: str) -> bytes:
    return _decrypt(_service_cipher(settings.KEY_ENCRYPTION_KEY), ciphertext, context)


def lookup_hmac(purpose: str, value: str) -> str:
    """Return the keyed digest by which equal values meet; without LOOKUP_KEY no guess can be tried."""
    return hmac.new(settings.LOOKUP_KEY, f"{purpose}\x00{value}".encode(), sha256).hexdigest()


@lru_cache(maxsize=4)
def _key_encryption_cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


@lru_cache(maxsize=4)
def _service_cipher(key: bytes) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"chancela service sealing v1").derive(key)
    return AESGCM(derived)


def _encrypt(cipher: AESGCM, plaintext: bytes, context: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return _FORMAT + nonce + cipher.encrypt(nonce, plaintext, context.encode())


def _decrypt(cipher: AESGCM, ciphertext: Binary, context: str) -> bytes:
    data = bytes(ciphertext or b"")
    if len(data) < _OVERHEAD or not data.startswith(_FORMAT):
        raise UnreadableError("erased, or not of this form")
    nonce, sealed = data[1 : 1 + _NONCE_BYTES], data[1 + _NONCE_BYTES :]
    try:
        return cipher.decrypt(nonce, sealed, context.encode())
    except InvalidTag:
        raise UnreadableError("changed, moved, or sealed under another key") from None
