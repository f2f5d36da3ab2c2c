"""Records for the log's tests: any number, each with its own digest."""

from __future__ import annotations

from hashlib import sha256

from anchoring import outbox, sequencer
from anchoring.models import Checkpoint
from protocol.merkle import leaf_hash
from protocol.proof import leaf_data


def record_id(number: int) -> str:
    return f"credential:{number}"


def digest(number: int) -> bytes:
    return sha256(f"record {number}".encode()).digest()


def leaf_hash_of(number: int) -> bytes:
    return leaf_hash(leaf_data("credential", digest(number)))


def hand_over(*numbers: int) -> None:
    outbox.append_many((record_id(number), "credential", digest(number)) for number in numbers)


def log_records(*numbers: int) -> Checkpoint:
    """Hand over, sequence and sign."""
    hand_over(*numbers)
    sequencer.sequence(limit=1 << 20)
    checkpoint = sequencer.sign_checkpoint()
    assert checkpoint is not None
    return checkpoint
