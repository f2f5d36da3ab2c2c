"""Records for the log's tests: any number, each with its own digest."""

from __future__ import annotations

from hashlib import sha256

from anchoring import outbox, sequencer
from anchoring.models import Attestation, Checkpoint, EmbeddedRecord, LogEntry, Tile, TreeHead
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


def forget_everything() -> None:
    """As if the database had been lost, and an older or an empty one put in its place."""
    for model in (Attestation, Checkpoint, EmbeddedRecord, LogEntry, Tile, TreeHead):
        model._default_manager.all().delete()
