"""Which of the keys that are trusted made an attestation. A token names a key at most; it never brings one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from protocol.errors import SignatureError
from protocol.jose import Jws, TokenTypes, parse_compact, verify_es256
from protocol.keys import jwk_thumbprint, p256_from_jwk, required_members

MAX_ATTESTATION_BYTES = 1 << 15


def verify_by_trusted(token: str, *, keys: Iterable[Mapping[str, Any]], allowed_types: TokenTypes) -> tuple[Jws, str]:
    """Return *token* and the thumbprint (RFC 7638) of the one of *keys*, public P-256 JWKs, that signed it.

    A ``kid`` leaves out the keys of other names; ``x5c`` is not looked at, since trust is in the key and not in who
    certifies it. Raises SignatureError when none of them made it, KeyFormatError, and what parse_compact raises.
    """
    jws = parse_compact(token, allowed_types=allowed_types, max_bytes=MAX_ATTESTATION_BYTES)
    name = jws.header.get("kid")
    for jwk in keys:
        if name is not None and jwk.get("kid", name) != name:
            continue
        try:
            verify_es256(jws, p256_from_jwk(jwk))
        except SignatureError:
            continue
        return jws, jwk_thumbprint(required_members(jwk))
    raise SignatureError("made by no key that is trusted")
