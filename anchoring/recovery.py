"""Brings back what a restored database has lost of the log, from what the log has published. No leaf moves.

After a restore the tree is behind the highest head that was signed, and the guard lets nothing be signed. The newer
leaves are not lost: they stand in published entry bundles. They are read here, checked against the newest checkpoint,
and put back at their places; from there the log signs on.

What a crash leaves behind, in order:

1. The published leaves are read and hashed first, without a lock, into a file that goes with the process. Nothing has
   been changed until they lead to the root of a checkpoint signed with our own key, not older than the guard's head.
2. Then one transaction, under the lock of the one tree-head row, takes back the places given since the restore (no
   checkpoint covers them, so nobody has seen them), puts the published leaves there, rebuilds the tiles, and stores the
   checkpoint as it was published. Killed inside, nothing has happened; run it again.

Whose leaf it is, a bundle does not say. A record that waits with the same kind and digest gets its leaf back; the others
are called ``recovered:<index>``, until the record itself is handed in again (see anchoring.sequencer).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from tempfile import TemporaryFile
from typing import IO

from django.db import transaction
from django.utils import timezone

from anchoring import audit_trail
from anchoring.crashpoint import reach
from anchoring.doorbell import ring_on_commit
from anchoring.errors import LogForkError, LogNotRecoverableError
from anchoring.head_guard import advance_guard, guarded_head, refuse_older_tree
from anchoring.log_key import log_keys, log_origin
from anchoring.log_reader import LogReader
from anchoring.models import Attestation, Checkpoint, LogEntry, TreeHead
from anchoring.outbox import SEQUENCE_TASK
from anchoring.registry import ledgers
from anchoring.sequencer import ATTEST_TASK, lock_head, not_before
from anchoring.tiles import StoredTiles, border_tiles, cut_tiles, store_tiles, tile_width
from protocol import checkpoint as signed_checkpoint
from protocol.errors import LeafFormatError
from protocol.frontier import Frontier
from protocol.merkle import HASH_SIZE, TILE_WIDTH, append, leaf_hash, root, subtree_roots
from protocol.note import split_note
from protocol.proof import leaf_data, parse_leaf_data

CHUNK = 4096
_KIND_SIZE = 20
_ROW_SIZE = _KIND_SIZE + HASH_SIZE

Leaf = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Recovery:
    """The log stands at *size* leaves again. *matched* records have their own leaf back; *nameless* leaves wait for
    theirs; *displaced* records had been given places since the restore and wait for others.
    """

    size: int
    matched: int
    nameless: int
    displaced: int


def recover(*, reader: LogReader, actor: str = audit_trail.OPERATOR) -> Recovery:
    """Put back the published leaves that the database lacks, up to the newest checkpoint of *reader*.

    Raises LogNotRecoverableError when nothing is missing, or what is published is not the whole of what was signed;
    LogForkError when it is another log than the one stored; FetchError and LogResourceNotFoundError as the reader does.
    """
    note = reader.checkpoint()
    head = _published_head(note)
    base = _newest_stored()
    _refuse_unless_missing(head, base)
    with TemporaryFile() as spool:
        _spool_leaves(spool, reader, head, base)
        return _put_back(spool, head, note, base, actor)


def _published_head(note: str) -> signed_checkpoint.Checkpoint:
    """Return what *note* says. The guard says how far the log had come: less is not enough, and else is a fork."""
    head = signed_checkpoint.verify(note, log_keys(), origin=log_origin())
    guarded = guarded_head(log_origin())
    if guarded and head.size < guarded.size:
        raise LogNotRecoverableError(f"{head.size} leaves are published there, but {guarded.size} have been signed")
    if guarded and head.size == guarded.size and head.root != guarded.root:
        raise LogForkError(f"the root published at {head.size} leaves is not the one signed")
    return head


def _newest_stored() -> signed_checkpoint.Checkpoint:
    """Return the head up to which the database is certain to be as published: that of its own newest checkpoint."""
    newest = Checkpoint.objects.filter(origin=log_origin()).order_by("-size").first()
    if newest is None:
        return signed_checkpoint.Checkpoint(log_origin(), 0, Frontier().root())
    return signed_checkpoint.Checkpoint(newest.origin, newest.size, bytes(newest.root))


def _refuse_unless_missing(head: signed_checkpoint.Checkpoint, base: signed_checkpoint.Checkpoint) -> None:
    if head.size <= base.size:
        raise LogNotRecoverableError(f"nothing is missing: the database has a checkpoint of {base.size} leaves")


def _spool_leaves(
    spool: IO[bytes], reader: LogReader, head: signed_checkpoint.Checkpoint, base: signed_checkpoint.Checkpoint
) -> None:
    """Write the missing leaves to *spool*, once they are known to lead from *base* to *head*."""
    frontier = _frontier_at(base.size)
    if frontier.root() != base.root:
        raise LogForkError(f"the stored tree is not that of its checkpoint at {base.size} leaves; run fsck")
    for index in range(base.size // TILE_WIDTH, -(-head.size // TILE_WIDTH)):
        leaves = reader.entries(index, tile_width(0, index, head.size))
        # The first bundle begins with leaves that we have.
        missing = leaves[max(0, base.size - index * TILE_WIDTH) :]
        frontier = frontier.extend([leaf_hash(leaf) for leaf in missing])
        spool.writelines(_packed(leaf) for leaf in missing)
    if frontier.root() != head.root:
        raise LogForkError(f"what the database holds, and what is published past it, do not lead to {head.size} leaves")
    spool.seek(0)


def _frontier_at(size: int) -> Frontier:
    return Frontier(size, tuple(subtree_roots(StoredTiles(border_tiles(size)), size)))


def _packed(leaf: bytes) -> bytes:
    try:
        kind, digest = parse_leaf_data(leaf)
    except LeafFormatError as error:
        raise LogNotRecoverableError(f"a published leaf is not one of ours: {error.detail}") from None
    if len(kind) > _KIND_SIZE:
        raise LogNotRecoverableError("a published leaf is of a kind that this version does not know")
    return kind.ljust(_KIND_SIZE).encode("ascii") + digest


def _unpacked(spool: IO[bytes]) -> Iterator[list[Leaf]]:
    while data := spool.read(CHUNK * _ROW_SIZE):
        rows = (data[at : at + _ROW_SIZE] for at in range(0, len(data), _ROW_SIZE))
        yield [(row[:_KIND_SIZE].decode("ascii").rstrip(), row[_KIND_SIZE:]) for row in rows]


def _put_back(
    spool: IO[bytes], head: signed_checkpoint.Checkpoint, note: str, base: signed_checkpoint.Checkpoint, actor: str
) -> Recovery:
    with transaction.atomic(durable=True):
        tree = lock_head()
        if _newest_stored() != base:
            raise LogNotRecoverableError("the log has been signed meanwhile; run this again")
        displaced = _take_back_places(base.size)
        cut_tiles(base.size)
        tree.size, tree.root = base.size, base.root
        matched = _place_all(spool, tree)
        reach("recover.leaves_placed")
        if (tree.size, bytes(tree.root)) != (head.size, head.root):
            raise LogForkError(f"the leaves put back do not lead to {head.size} leaves")
        # Signed with our key, and yet perhaps not by us: what we know to have signed must lie under it.
        tiles = StoredTiles(border_tiles(head.size))
        refuse_older_tree(origin=head.origin, size=head.size, root_at=partial(root, tiles))
        tree.save()
        _store_checkpoint(head, note)
        nameless = head.size - base.size - len(matched)
        recovery = Recovery(head.size, len(matched), nameless, len(displaced - matched))
        details = {"size": head.size, "nameless": nameless}
        audit_trail.report(actor=actor, action="log.recovered", subject=f"log:{head.origin}", details=details)
        # Before the commit, as in signing: the guard may have been lost with the database.
        advance_guard(head)
        reach("recover.guard_advanced")
        for task in (SEQUENCE_TASK, ATTEST_TASK):
            ring_on_commit(task)
    reach("recover.committed")
    return recovery


def _take_back_places(size: int) -> set[int]:
    """Let the records wait again that were given places past *size*: no checkpoint covers those, so none was published."""
    placed = LogEntry.objects.filter(leaf_index__gte=size)
    displaced = set(placed.values_list("pk", flat=True))
    placed.update(leaf_index=None, sequenced_at=None)
    return displaced


def _place_all(spool: IO[bytes], tree: TreeHead) -> set[int]:
    """Grow *tree* by the leaves of *spool*; return the ids of the records that were waiting for them."""
    # The first of several that say the same comes last, and stays.
    waiting = LogEntry.objects.filter(leaf_index__isnull=True).order_by("-id").values_list("kind", "digest", "pk")
    owners = {(kind, bytes(digest)): pk for kind, digest, pk in waiting.iterator(chunk_size=CHUNK)}
    matched: set[int] = set()
    for leaves in _unpacked(spool):
        matched |= _place(leaves, tree.size, owners)
        hashes = [leaf_hash(leaf_data(*leaf)) for leaf in leaves]
        tiles, tree.size, tree.root = append(StoredTiles(border_tiles(tree.size)), tree.size, hashes)
        store_tiles(tiles)
    return matched


def _place(leaves: list[Leaf], start: int, owners: dict[Leaf, int]) -> set[int]:
    now = timezone.now()
    known: list[LogEntry] = []
    nameless: list[LogEntry] = []
    for index, leaf in enumerate(leaves, start):
        place = {"leaf_index": index, "sequenced_at": now}
        owner = owners.pop(leaf, None)
        if owner is not None:
            known.append(LogEntry(pk=owner, **place))
        else:
            kind, digest = leaf
            nameless.append(LogEntry(record_id=f"{LogEntry.RECOVERED}{index}", kind=kind, digest=digest, **place))
    LogEntry.objects.bulk_update(known, ["leaf_index", "sequenced_at"], batch_size=500)
    LogEntry.objects.bulk_create(nameless, batch_size=1000)
    return {entry.pk for entry in known}


def _store_checkpoint(head: signed_checkpoint.Checkpoint, note: str) -> None:
    """Keep the checkpoint as the log signed it, without what witnesses added, and have it attested again."""
    own = {(key.name, key.key_id) for key in log_keys()}
    text, lines = split_note(note)
    signed = "".join(line.line for line in lines if (line.name, line.key_id) in own)
    now = timezone.now()
    latest = Checkpoint.objects.filter(origin=head.origin).order_by("-size").first()
    checkpoint = Checkpoint.objects.create(
        origin=head.origin,
        size=head.size,
        root=head.root,
        note=f"{text}\n{signed}",
        signed_at=not_before(latest, now),
        clock_at=now,
    )
    Attestation.objects.bulk_create(Attestation(checkpoint=checkpoint, ledger_id=name) for name in ledgers())
