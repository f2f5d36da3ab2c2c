"""Gives records their place in the tree, and signs what the tree has become.

What a crash leaves behind, in order:

1. A record is in the outbox (committed with what it records) but has no index. Whoever sequences next takes it.
2. Sequencing is one transaction under the lock of the one tree-head row: indices, tiles and head move together or not
   at all. A process killed inside leaves nothing; one killed after the commit has finished. A second sequencer waits for
   the lock and then sees the first one's work, so running it twice, or four at once, gives the same kind of tree.
3. Signing is one transaction under the same lock. The tree is checked against the highest head ever signed (a file
   outside the database); then the file is moved forward, and only then the checkpoint commits. Killed between the two,
   the file is ahead by a head that was never published; the tree still has exactly that root at that size, because
   sequenced leaves never move, so the next run signs on from it.
4. The attestations of a checkpoint are planned in its own transaction: each ledger has its row, or there is no
   checkpoint.

An index, once committed, is never given again: the tree only grows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from anchoring.crashpoint import reach
from anchoring.doorbell import ring_on_commit
from anchoring.errors import LogForkError, LogRollbackError
from anchoring.head_guard import advance_guard, refuse_older_tree
from anchoring.log_key import cosigned_at, is_signed_by_us, log_key, log_origin, log_signer, sign_note
from anchoring.models import Attestation, Checkpoint, LogEntry, TreeHead
from anchoring.registry import ledgers
from anchoring.tiles import StoredTiles, border_tiles, store_tiles
from protocol import checkpoint as signed_checkpoint
from protocol.cose_receipt import sign_root, verify_signed_root
from protocol.errors import CodedError, ConflictError, TileError, UnavailableError
from protocol.merkle import EMPTY_ROOT, append, leaf_hash, root
from protocol.proof import leaf_data

logger = logging.getLogger(__name__)

ATTEST_TASK = "anchoring.attest"

# Before every id.
_FIRST = 0

# The order of ids is the order of the outbox; the window function turns it into contiguous indices in one statement.
_PLACE = """
UPDATE anchoring_logentry SET leaf_index = placed.leaf_index, sequenced_at = %s
FROM (
    SELECT id, %s + row_number() OVER (ORDER BY id) - 1 AS leaf_index
    FROM anchoring_logentry WHERE leaf_index IS NULL AND id > %s ORDER BY id LIMIT %s
) AS placed
WHERE anchoring_logentry.id = placed.id
RETURNING anchoring_logentry.leaf_index, anchoring_logentry.id, anchoring_logentry.kind, anchoring_logentry.digest
"""


def sequence(*, limit: int = 4096) -> int:
    """Append up to *limit* waiting records to the tree and return how many."""
    return _sequence(limit=limit, after=_FIRST).placed


def drain(*, limit: int = 4096) -> Iterator[int]:
    """Append all waiting records, up to *limit* at a time, and yield how many each time.

    Only the first search begins at the start, where the index is littered with what has been placed since the last
    VACUUM. A record that commits late, with an id already passed by, is found by the next who drains.
    """
    batch = _sequence(limit=limit, after=_FIRST)
    while batch.placed:
        yield batch.placed
        if batch.placed < limit:
            return
        batch = _sequence(limit=limit, after=batch.last_id)


class _Batch(NamedTuple):
    placed: int
    last_id: int


def _sequence(*, limit: int, after: int) -> _Batch:
    if not LogEntry.objects.filter(leaf_index__isnull=True, id__gt=after).exists():
        return _Batch(0, after)
    # durable: a caller's open transaction would keep every other sequencer waiting for the head.
    with transaction.atomic(durable=True):
        head = lock_head()
        reach("sequence.head_locked")
        placed = _place_records(start=head.size, after=after, limit=limit)
        reach("sequence.records_placed")
        if placed:
            _grow_tree(head, [leaf_hash(leaf_data(kind, bytes(digest))) for _, _, kind, digest in placed])
    reach("sequence.committed")
    return _Batch(len(placed), placed[-1][1] if placed else after)


def sign_checkpoint(*, min_seconds: float = 0) -> Checkpoint | None:
    """Sign the tree if it has grown since the last checkpoint, and that one is *min_seconds* old; else return None.

    Raises LogRollbackError or LogForkError, and signs nothing, when the tree is not an extension of what was signed.
    """
    if not _is_due(_newest_checkpoint(), min_seconds):
        return None
    with transaction.atomic(durable=True):
        head = lock_head()
        # Again, now that nobody else can sign: two rings within the interval make one checkpoint.
        latest = _newest_checkpoint()
        if head.size == (latest.size if latest else 0) or not _is_due(latest, min_seconds):
            return None
        _refuse_to_fork(head, latest)
        now = timezone.now()
        checkpoint = _sign(head, signed_at=not_before(latest, now), clock_at=now)
        reach("sign.checkpoint_stored")
        ring_on_commit(ATTEST_TASK)
    reach("sign.committed")
    return checkpoint


def refusal_to_sign() -> CodedError | None:
    """Return what keeps the stored tree from being signed, or None: for whoever watches the log. Takes no lock."""
    refusal: CodedError | None = None
    # Without the lock, log and guard may move between two reads: what really stands in the way stands there each time.
    for _ in range(3):
        head = TreeHead.objects.filter(id=TreeHead.ONLY_ID).first()
        try:
            _refuse_to_fork(head or TreeHead(size=0, root=EMPTY_ROOT), _newest_checkpoint())
        except (ConflictError, UnavailableError, TileError) as error:
            refusal = error
        else:
            return None
    return refusal


def _newest_checkpoint() -> Checkpoint | None:
    return Checkpoint.objects.filter(origin=log_origin()).last()


def _is_due(latest: Checkpoint | None, min_seconds: float) -> bool:
    # By the clock's own word for the last one, which a clock set back since has made a time to come: then, too, it is due.
    return latest is None or not 0 <= (timezone.now() - latest.clock_at).total_seconds() < min_seconds


def lock_head() -> TreeHead:
    """Return the tree head, made if there is none, locked until the transaction ends."""
    head, _ = TreeHead.objects.select_for_update().get_or_create(id=TreeHead.ONLY_ID, defaults={"root": EMPTY_ROOT})
    return head


def _place_records(*, start: int, after: int, limit: int) -> list[tuple[int, int, str, bytes]]:
    """Return index, id, kind and digest of each record placed, in order."""
    _adopt_recovered(after, limit)
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(_PLACE, [now, start, after, limit])
        return sorted(cursor.fetchall())


def _adopt_recovered(after: int, limit: int) -> None:
    """Give a record that is handed in again, after a restore, the leaf it had before instead of a second one."""
    recovered = LogEntry.objects.filter(record_id__startswith=LogEntry.RECOVERED)
    if not recovered.exists():
        return
    waiting = list(LogEntry.objects.filter(leaf_index__isnull=True, id__gt=after).order_by("id")[:limit])
    leaves = {
        (leaf.kind, bytes(leaf.digest)): leaf for leaf in recovered.filter(digest__in=[r.digest for r in waiting])
    }
    for record in waiting:
        leaf = leaves.pop((record.kind, bytes(record.digest)), None)
        if leaf is not None:
            record.delete()
            leaf.record_id, leaf.created_at = record.record_id, record.created_at
            leaf.save(update_fields=["record_id", "created_at"])


def _grow_tree(head: TreeHead, leaf_hashes: list[bytes]) -> None:
    tiles, head.size, head.root = append(StoredTiles(border_tiles(head.size)), head.size, leaf_hashes)
    store_tiles(tiles)
    reach("sequence.tiles_stored")
    head.save()
    reach("sequence.head_moved")


def _refuse_to_fork(head: TreeHead, latest: Checkpoint | None) -> None:
    tiles = StoredTiles(border_tiles(head.size))

    def root_at(size: int) -> bytes:
        return root(tiles, size)

    refuse_older_tree(origin=log_origin(), size=head.size, root_at=root_at)
    if latest and not is_signed_by_us(latest.note):
        raise LogForkError("LOG_SIGNING_SEED is not the one that signed the newest checkpoint of this LOG_ORIGIN")
    if latest and head.size < latest.size:
        raise LogRollbackError(f"the tree holds {head.size} leaves, its newest checkpoint {latest.size}")
    if latest and root_at(latest.size) != bytes(latest.root):
        raise LogForkError(f"the tree differs from its checkpoint at {latest.size} leaves")
    if root_at(head.size) != bytes(head.root):
        raise LogForkError(f"the tiles do not lead to the root of {head.size} leaves; run fsck")
    # A ledger that contradicts us may be right. It is removed, with a reason, once it is known to be wrong.
    conflicts = Attestation.objects.filter(state=Attestation.State.CONFLICT, checkpoint__origin=log_origin())
    contradicted = conflicts.filter(ledger_id__in=ledgers()).first()
    if contradicted:
        raise LogForkError(f"{contradicted.ledger_id} contradicts checkpoint {contradicted.checkpoint_id}")


def not_before(latest: Checkpoint | None, now: datetime) -> datetime:
    """Return the time to sign at: *now*, unless the clock has been set back behind the checkpoint before."""
    # Whoever sees times go back in what a log signs sees a log that lies about them.
    if latest is None:
        return now
    return max(now, latest.signed_at, datetime.fromtimestamp(cosigned_at(latest.note), UTC))


def _sign(head: TreeHead, *, signed_at: datetime, clock_at: datetime) -> Checkpoint:
    statement = signed_checkpoint.Checkpoint(log_origin(), head.size, bytes(head.root))
    note = sign_note(statement, timestamp=int(signed_at.timestamp()))
    receipt_signature = sign_root(statement, log_signer(), issued_at=int(signed_at.timestamp()))
    verify_signed_root(receipt_signature, checkpoint=statement, keys=[log_key()])
    reach("sign.note_made")
    # Before the row: a head that may have been published is never unknown to the guard.
    advance_guard(statement)
    reach("sign.guard_advanced")
    checkpoint = Checkpoint.objects.create(
        origin=statement.origin,
        size=head.size,
        root=statement.root,
        note=note,
        receipt_signature=receipt_signature,
        signed_at=signed_at,
        clock_at=clock_at,
    )
    Attestation.objects.bulk_create(Attestation(checkpoint=checkpoint, ledger_id=name) for name in ledgers())
    return checkpoint
