"""The records of the log's benchmark: as many as one likes, the same for both sides. No framework is needed here."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import count

from protocol.proof import leaf_data

KIND = "credential"
# The smallest batch that must reach the goal, and a fuller one.
BATCHES = (100, 1000)


def record_id(number: int) -> str:
    """The id under which record *number* is handed over."""
    return f"{KIND}:{number}"


def digest(number: int) -> bytes:
    """The 32 bytes that record *number* commits to."""
    return sha256(number.to_bytes(8, "big")).digest()


def leaves() -> Iterator[bytes]:
    """Yield the leaves of all records, in order."""
    for number in count():
        yield leaf_data(KIND, digest(number))
