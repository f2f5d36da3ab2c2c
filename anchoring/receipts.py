"""Proof that a record stands in the log: its path to the root of the newest signed checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.db.models import Exists, OuterRef

from anchoring.errors import ReceiptPendingError, RecordNotLoggedError
from anchoring.log_key import log_origin
from anchoring.models import Attestation, Checkpoint, LogEntry
from anchoring.outbox import is_record_id
from anchoring.tiles import StoredTiles, path_tiles
from protocol.merkle import inclusion_proof, inclusion_proofs
from protocol.proof import Receipt

AnchoringState = Literal["unknown", "pending", "sequenced", "published"]


def anchoring_state(record_id: str) -> AnchoringState:
    """Say how far the record has come: published means that a signed checkpoint covers it."""
    if not is_record_id(record_id):
        return "unknown"
    covering = Checkpoint.objects.filter(origin=log_origin(), size__gt=OuterRef("leaf_index"))
    found = LogEntry.objects.filter(record_id=record_id).values_list("leaf_index", Exists(covering)).first()
    if found is None:
        return "unknown"
    index, is_covered = found
    if index is None:
        return "pending"
    return "published" if is_covered else "sequenced"


@dataclass(frozen=True, slots=True)
class RecordStanding:
    """All that the log can say of a record: *attestations* are (ledger id, state) of the receipt's checkpoint."""

    record_id: str
    state: AnchoringState
    receipt: Receipt | None = None
    attestations: tuple[tuple[str, str], ...] = ()

    def proof_text(self) -> str:
        """Return the C2SP tlog-proof. Raises ReceiptPendingError while there is none."""
        if self.receipt is None:
            raise ReceiptPendingError(f"the record is {self.state}")
        return self.receipt.encode()


def standing_of(record_id: str) -> RecordStanding:
    """Return how a record stands. Raises RecordNotLoggedError for an id that the log does not know."""
    entry = _entry_of(record_id)
    if entry is None:
        raise RecordNotLoggedError
    if entry.leaf_index is None:
        return RecordStanding(record_id, "pending")
    checkpoint = newest_checkpoint()
    if checkpoint is None or checkpoint.size <= entry.leaf_index:
        return RecordStanding(record_id, "sequenced")
    attestations = Attestation.objects.filter(checkpoint=checkpoint).order_by("ledger_id")
    return RecordStanding(
        record_id,
        "published",
        _receipt(entry.leaf_index, checkpoint),
        tuple(attestations.values_list("ledger_id", "state")),
    )


def receipt_for(record_id: str) -> Receipt | None:
    """Return the record's receipt, or None while no checkpoint covers it. Three queries, whatever the size."""
    entry = _entry_of(record_id)
    checkpoint = newest_checkpoint() if entry and entry.leaf_index is not None else None
    if entry is None or entry.leaf_index is None or checkpoint is None or checkpoint.size <= entry.leaf_index:
        return None
    return _receipt(entry.leaf_index, checkpoint)


def receipts_between(*, start: int, stop: int) -> list[Receipt]:
    """Return the receipts of leaves *start* to *stop* - 1, as many as a checkpoint covers: for a whole batch at once."""
    checkpoint = newest_checkpoint()
    stop = min(stop, checkpoint.size) if checkpoint else 0
    if checkpoint is None or start >= stop:
        return []
    edges = {*path_tiles(start, checkpoint.size), *path_tiles(stop - 1, checkpoint.size)}
    tiles = StoredTiles(edges, leaves=range(start, stop))
    paths = inclusion_proofs(tiles, start, stop, checkpoint.size)
    return [Receipt(index, tuple(path), checkpoint.note) for index, path in enumerate(paths, start)]


def newest_checkpoint() -> Checkpoint | None:
    return Checkpoint.objects.filter(origin=log_origin()).last()


def _entry_of(record_id: str) -> LogEntry | None:
    # An id that could never have been recorded (a NUL, say) is not worth a query, nor its error.
    return LogEntry.objects.filter(record_id=record_id).first() if is_record_id(record_id) else None


def _receipt(index: int, checkpoint: Checkpoint) -> Receipt:
    tiles = StoredTiles(path_tiles(index, checkpoint.size))
    return Receipt(index, tuple(inclusion_proof(tiles, index, checkpoint.size)), checkpoint.note)
