"""What a presentation says of itself, read before anything about it is verified. Pure: no Django.

Nothing here is authentic: good for loading facts beforehand, and for erring on the side of what a citizen was told.
"""

from __future__ import annotations

from hashlib import sha256

from protocol.encoding import b64u_decode, json_object
from protocol.errors import CodedError

MAX_NAMED = 8


def signed_digest(presentation: str) -> bytes:
    """Return SHA-256 of what the issuer signed, by which the log and our records know a certificate."""
    token = presentation.partition("~")[0]
    return sha256(token.rpartition(".")[0].encode()).digest()


def named_terms(presentation: str) -> tuple[str, ...]:
    """Return the digests of terms in the holder's signature, in order, each once; none where there is none to read."""
    parts = presentation.rpartition("~")[2].split(".")
    try:
        hashes = json_object(b64u_decode(parts[1])).get("transaction_data_hashes") if len(parts) == 3 else None
    except CodedError:
        return ()
    if not isinstance(hashes, list):
        return ()
    return tuple(dict.fromkeys(each for each in hashes[:MAX_NAMED] if isinstance(each, str) and "\0" not in each))
