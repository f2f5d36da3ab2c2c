"""What ledgers have said of the checkpoints over one leaf, for whoever weighs it or carries it away."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from anchoring.ledger import Ledger
from anchoring.log_key import log_origin
from anchoring.models import Attestation, FollowedLog
from anchoring.receipts import cosigned_note
from anchoring.registry import kind_names, ledgers
from anchoring.tiles import StoredTiles, border_tiles
from protocol.merkle import consistency_proof

State = Attestation.State


@dataclass(frozen=True, slots=True)
class StoredAttestation:
    """One ledger's word: *note* is the checkpoint it attested, *consistency* ties it to the one asked about.

    What is only asked for so far is pending, and has neither.
    """

    ledger_id: str
    kind: str
    pins: Mapping[str, str]
    note: str = ""
    consistency: tuple[bytes, ...] = ()
    evidence: bytes = b""
    is_pending: bool = field(default=False)


def attestations_over(*, index: int, size: int) -> list[StoredAttestation]:
    """Return for each ledger the first checkpoint over leaf *index* that it attested, or that it was asked to.

    *size* is that of the checkpoint which the reader has. Ledgers of no kind that a stranger could check, such as the
    embedded one, are left out.
    """
    names = kind_names()
    found = [
        _of_ledger(ledger_id, names[type(ledger)], ledger, index=index, size=size)
        for ledger_id, ledger in sorted(ledgers().items())
        if type(ledger) in names
    ]
    return [item for item in found if item]


def contradictions() -> list[str]:
    """Return what says that our log has forked: the ids of ledgers that hold another root, and notes that were found."""
    ids = Attestation.objects.filter(state=State.CONFLICT, checkpoint__origin=log_origin(), ledger_id__in=ledgers())
    # Only a fork: a database that was restored, or damaged, is not yet two histories.
    forked = FollowedLog.objects.filter(origin=log_origin(), state=FollowedLog.State.BROKEN)
    kept = forked.filter(finding__startswith=FollowedLog.FORKED).values_list("evidence", flat=True)
    notes = (note for evidence in kept for note in json.loads(evidence))
    return [*ids.order_by("ledger_id").values_list("ledger_id", flat=True), *notes]


def _of_ledger(ledger_id: str, kind: str, ledger: Ledger, *, index: int, size: int) -> StoredAttestation | None:
    rows = Attestation.objects.filter(ledger_id=ledger_id, checkpoint__origin=log_origin(), checkpoint__size__gt=index)
    # The earliest says most: by then the record was there.
    final = rows.filter(state=State.FINAL, evidence__isnull=False).select_related("checkpoint")
    row = final.order_by("checkpoint__size").first()
    pins = ledger.identity().pins
    if row is not None:
        proof = tuple(_consistency(row.checkpoint.size, size))
        return StoredAttestation(
            ledger_id, kind, pins, cosigned_note(row.checkpoint), proof, bytes(row.evidence or b"")
        )
    is_pending = rows.filter(state__in=Attestation.OPEN).exists()
    return StoredAttestation(ledger_id, kind, pins, is_pending=True) if is_pending else None


def _consistency(one: int, other: int) -> Iterator[bytes]:
    old, new = sorted((one, other))
    yield from consistency_proof(StoredTiles({*border_tiles(old), *border_tiles(new)}), old, new)
