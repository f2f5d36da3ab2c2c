"""Proof that a record stands in the log: its path to the root of a signed checkpoint, with what witnesses say of it.

Two forms of one stored path: the C2SP tlog-proof, which carries the cosignatures and belongs in an archive, and the
COSE Receipt (RFC 9942), which is smaller and can be embedded. Neither signs anything: the log's signatures are those
that the sequencer made with the checkpoint.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from django.db.models import Exists, OuterRef

from anchoring.errors import ReceiptPendingError, RecordNotLoggedError
from anchoring.log_key import log_origin
from anchoring.models import Attestation, Checkpoint, Cosignature, LogEntry
from anchoring.outbox import is_record_id
from anchoring.tiles import StoredTiles, path_tiles
from protocol.cose_receipt import encode_receipt
from protocol.cosignature import add_lines
from protocol.errors import NoteError
from protocol.merkle import inclusion_proof, inclusion_proofs
from protocol.proof import Receipt

logger = logging.getLogger(__name__)

# As many of the newest cosignatures are compared: several witnesses over a minute or so of checkpoints.
RECENT_COSIGNATURES = 32

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
    """All that the log can say of a record: *attestations* are (ledger id, state) of the receipt's checkpoint.

    *signed_root* is the log's COSE signature over that checkpoint of *size* leaves.
    """

    record_id: str
    state: AnchoringState
    receipt: Receipt | None = None
    attestations: tuple[tuple[str, str], ...] = ()
    size: int = 0
    signed_root: bytes | None = None

    def proof_text(self) -> str:
        """Return the C2SP tlog-proof. Raises ReceiptPendingError while there is none."""
        if self.receipt is None:
            raise ReceiptPendingError(f"the record is {self.state}")
        return self.receipt.encode()

    def cose_receipt(self) -> bytes:
        """Return the COSE Receipt. Raises ReceiptPendingError while there is none.

        So it is, too, until the next checkpoint, where the log last signed before it made COSE signatures.
        """
        if self.receipt is None or self.signed_root is None:
            raise ReceiptPendingError(f"the record is {self.state}, without a COSE signature over its checkpoint")
        return encode_receipt(self.signed_root, size=self.size, index=self.receipt.index, path=self.receipt.path)


def standing_of(record_id: str) -> RecordStanding:
    """Return how a record stands. Raises RecordNotLoggedError for an id that the log does not know."""
    entry = _entry_of(record_id)
    if entry is None:
        raise RecordNotLoggedError
    if entry.leaf_index is None:
        return RecordStanding(record_id, "pending")
    checkpoint = _checkpoint_over(entry.leaf_index)
    if checkpoint is None:
        return RecordStanding(record_id, "sequenced")
    attestations = Attestation.objects.filter(checkpoint=checkpoint).order_by("ledger_id")
    return RecordStanding(
        record_id,
        "published",
        _receipt(entry.leaf_index, checkpoint),
        tuple(attestations.values_list("ledger_id", "state")),
        checkpoint.size,
        None if checkpoint.receipt_signature is None else bytes(checkpoint.receipt_signature),
    )


def receipt_for(record_id: str) -> Receipt | None:
    """Return the record's receipt, or None while no checkpoint covers it. Five queries, whatever the size."""
    entry = _entry_of(record_id)
    if entry is None or entry.leaf_index is None:
        return None
    checkpoint = _checkpoint_over(entry.leaf_index)
    return _receipt(entry.leaf_index, checkpoint) if checkpoint else None


def receipts_between(*, start: int, stop: int) -> list[Receipt]:
    """Return the receipts of leaves *start* to *stop* - 1, as many as a checkpoint covers: for a whole batch at once."""
    checkpoint = newest_checkpoint()
    stop = min(stop, checkpoint.size) if checkpoint else 0
    if checkpoint is None or start >= stop:
        return []
    edges = {*path_tiles(start, checkpoint.size), *path_tiles(stop - 1, checkpoint.size)}
    tiles = StoredTiles(edges, leaves=range(start, stop))
    paths, note = inclusion_proofs(tiles, start, stop, checkpoint.size), cosigned_note(checkpoint)
    return [Receipt(index, tuple(path), note) for index, path in enumerate(paths, start)]


def receipts_for(record_ids: Iterable[str]) -> dict[str, Receipt]:
    """Return the receipts of all those records that the newest checkpoint covers. Four queries, however many."""
    checkpoint = newest_checkpoint()
    if checkpoint is None:
        return {}
    covered = LogEntry.objects.filter(record_id__in=list(record_ids), leaf_index__lt=checkpoint.size)
    places = {name: index for name, index in covered.values_list("record_id", "leaf_index") if index is not None}
    tiles = StoredTiles({tile for index in places.values() for tile in path_tiles(index, checkpoint.size)})
    note = cosigned_note(checkpoint)
    return {
        name: Receipt(index, tuple(inclusion_proof(tiles, index, checkpoint.size)), note)
        for name, index in places.items()
    }


def newest_checkpoint() -> Checkpoint | None:
    return Checkpoint.objects.filter(origin=log_origin()).last()


def cosigned_note(checkpoint: Checkpoint) -> str:
    """Return the checkpoint's note with every line that witnesses have answered so far."""
    gathered = Cosignature.objects.filter(origin=checkpoint.origin, size=checkpoint.size, root=checkpoint.root)
    note = checkpoint.note
    for ledger_id, lines in gathered.order_by("ledger_id").values_list("ledger_id", "lines"):
        try:
            note = add_lines(note, lines)
        except NoteError as error:
            # What one witness said must not keep the log's own proof from anyone; fsck reports the row.
            logger.warning("cosignature of %s at size %d left out: %s", ledger_id, checkpoint.size, error.code)
    return note


def _entry_of(record_id: str) -> LogEntry | None:
    # An id that could never have been recorded (a NUL, say) is not worth a query, nor its error.
    return LogEntry.objects.filter(record_id=record_id).first() if is_record_id(record_id) else None


def _checkpoint_over(index: int) -> Checkpoint | None:
    """Return the checkpoint to prove a leaf under: the newest, or one that more witnesses have already cosigned.

    Witnesses answer seconds after a checkpoint is signed, so that the newest one of a busy log never has its lines yet,
    and a proof taken for the archive is not taken again.
    """
    cosigned = Cosignature.objects.filter(origin=log_origin(), size__gt=index).order_by("-size")
    sizes = Counter(cosigned.values_list("size", flat=True)[:RECENT_COSIGNATURES])
    covering = Checkpoint.objects.filter(origin=log_origin(), size__gt=index)
    if sizes:
        covering = covering.filter(size=max(sizes, key=lambda size: (sizes[size], size)))
    return covering.last()


def _receipt(index: int, checkpoint: Checkpoint) -> Receipt:
    tiles = StoredTiles(path_tiles(index, checkpoint.size))
    return Receipt(index, tuple(inclusion_proof(tiles, index, checkpoint.size)), cosigned_note(checkpoint))
