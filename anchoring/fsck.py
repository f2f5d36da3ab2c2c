"""Rebuilds the log from its leaves up and says where what is stored differs. Changes nothing; may run beside the log.

Everything below a head read at the start never changes again, so no lock is needed; what grows meanwhile is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from django.conf import settings
from django.db.models import Max, OuterRef, Q, Subquery
from django.utils.module_loading import import_string

from anchoring.errors import HeadGuardUnreadableError, LedgerError, LogForkError, LogRollbackError
from anchoring.head_guard import refuse_older_tree
from anchoring.ledger import Ledger, Presence, Trust
from anchoring.log_key import log_key, log_keys, log_origin
from anchoring.models import (
    Attestation,
    Checkpoint,
    Cosignature,
    EmbeddedRecord,
    FollowedLog,
    LogEntry,
    Tile,
    TreeHead,
)
from anchoring.registry import ledgers
from protocol import checkpoint as signed_checkpoint
from protocol.cose_receipt import verify_signed_root
from protocol.cosignature import add_lines, verified_cosignatures
from protocol.errors import ProtocolError
from protocol.merkle import EMPTY_ROOT, Tiles, append, consistency_proof, leaf_hash, root, verify_consistency
from protocol.note import VerifierKey

CHUNK = 4096
NOTES = 256


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be: a stable *code*, what it is about, and how it differs.

    A notice is unusual and accounted for, such as a leaf that outlived its record.
    """

    code: str
    subject: str
    detail: str = ""
    is_notice: bool = False

    def __str__(self) -> str:
        prefix = "notice: " if self.is_notice else ""
        return f"{prefix}{self.code} {self.subject} {self.detail}".rstrip()


def check() -> list[Finding]:
    """Check the log itself, then whatever ``FSCK_CHECKS`` of the upper apps have to say."""
    return [*check_log(), *(finding for path in settings.FSCK_CHECKS for finding in _run_check(path))]


def check_log() -> list[Finding]:
    head = TreeHead.objects.filter(id=TreeHead.ONLY_ID).first()
    tree = _RebuiltTree()
    findings = list(tree.rebuild(head.size if head else 0))
    findings += _check_head(tree, head)
    findings += _check_tiles(tree)
    findings += _check_checkpoints(tree)
    findings += _check_guard(tree)
    findings += _check_attestations()
    findings += _check_embedded()
    findings += _check_cosignatures()
    findings += _check_recovered()
    findings += _check_followed()
    return findings


def check_ledgers() -> list[Finding]:
    """Ask each ledger in use whether it still holds what it attested last. Contacts them, which may take seconds."""
    return [finding for name, ledger in sorted(ledgers().items()) for finding in _check_ledger(name, ledger)]


class _RebuiltTree:
    """The tree as the leaves say it is."""

    def __init__(self) -> None:
        self.tiles: Tiles = {}
        self.size = 0
        self.root = EMPTY_ROOT

    def read_tile(self, level: int, index: int) -> bytes:
        return self.tiles.get((level, index), b"")

    def rebuild(self, size: int) -> Iterator[Finding]:
        """Take the leaves in order up to *size*; stop at the first gap, past which no index can be trusted."""
        while self.size < size:
            batch = LogEntry.objects.filter(leaf_index__range=(self.size, min(self.size + CHUNK, size) - 1))
            hashes: list[bytes] = []
            for entry in batch.order_by("leaf_index"):
                if entry.leaf_index != self.size + len(hashes):
                    break
                try:
                    hashes.append(leaf_hash(entry.data))
                except ProtocolError as error:
                    yield Finding("leaf_malformed", entry.record_id, error.detail)
                    break
            changed, self.size, self.root = append(self.read_tile, self.size, hashes)
            self.tiles.update(changed)
            if len(hashes) < min(CHUNK, size - self.size + len(hashes)):
                yield Finding("leaf_missing", str(self.size), f"the head says {size} leaves")
                return

    def root_at(self, size: int) -> bytes:
        return root(self.read_tile, size)


def _run_check(path: str) -> Iterable[Finding]:
    return cast("Callable[[], Iterable[Finding]]", import_string(path))()


def _check_head(tree: _RebuiltTree, head: TreeHead | None) -> Iterator[Finding]:
    if head and head.size == tree.size and bytes(head.root) != tree.root:
        yield Finding("head_root_differs", str(head.size))
    newest = LogEntry.objects.aggregate(newest=Max("leaf_index"))["newest"]
    size = TreeHead.objects.filter(id=TreeHead.ONLY_ID).values_list("size", flat=True).first() or 0
    if newest is not None and newest >= size:
        yield Finding("leaf_beyond_head", str(newest), f"the head says {size} leaves")


def _check_tiles(tree: _RebuiltTree) -> Iterator[Finding]:
    unseen = set(tree.tiles)
    for level, index, hashes in Tile.objects.values_list("level", "index", "hashes").iterator(chunk_size=200):
        expected = tree.tiles.get((level, index))
        if expected is not None:
            unseen.discard((level, index))
            # Wider is right when the tree has grown since: the head check covers the rest.
            if bytes(hashes)[: len(expected)] != expected:
                yield Finding("tile_differs", f"{level}/{index}")
    for level, index in sorted(unseen):
        yield Finding("tile_missing", f"{level}/{index}")


def _check_checkpoints(tree: _RebuiltTree) -> Iterator[Finding]:
    ours = Checkpoint.objects.filter(origin=log_origin(), size__lte=tree.size)
    # One at a time: a year has three million of them, 4 kB each.
    for checkpoint in ours.iterator(chunk_size=NOTES):
        yield from _check_checkpoint(tree, checkpoint)
    for older, newer in pairwise(ours.defer("note").iterator(chunk_size=CHUNK)):
        yield from _check_succession(tree, older, newer)
    size = TreeHead.objects.filter(id=TreeHead.ONLY_ID).values_list("size", flat=True).first() or 0
    for former in Checkpoint.objects.exclude(origin=log_origin()).iterator(chunk_size=NOTES):
        yield from _check_note(former)
    for beyond in Checkpoint.objects.filter(origin=log_origin(), size__gt=size):
        yield Finding("checkpoint_beyond_head", str(beyond.size), f"the head says {size} leaves")


def _check_succession(tree: _RebuiltTree, older: Checkpoint, newer: Checkpoint) -> Iterator[Finding]:
    if newer.signed_at < older.signed_at:
        yield Finding("checkpoint_time_goes_back", f"{older.size} {newer.size}")
    proof = consistency_proof(tree.read_tile, older.size, newer.size)
    try:
        verify_consistency(older.size, newer.size, proof, bytes(older.root), bytes(newer.root))
    except ProtocolError as error:
        yield Finding("checkpoints_inconsistent", f"{older.size} {newer.size}", error.detail)


def _check_checkpoint(tree: _RebuiltTree, checkpoint: Checkpoint) -> Iterator[Finding]:
    try:
        signed = signed_checkpoint.verify(checkpoint.note, log_keys())
    except ProtocolError as error:
        yield Finding("checkpoint_unsigned", str(checkpoint.size), str(error))
        return
    if (signed.origin, signed.size, signed.root) != (checkpoint.origin, checkpoint.size, bytes(checkpoint.root)):
        yield Finding("checkpoint_differs_from_note", str(checkpoint.size))
    if tree.root_at(checkpoint.size) != signed.root:
        yield Finding("checkpoint_root_differs", str(checkpoint.size))
    yield from _check_receipt_signature(checkpoint, signed)


def _check_receipt_signature(row: Checkpoint, checkpoint: signed_checkpoint.Checkpoint) -> Iterator[Finding]:
    if row.receipt_signature is None:
        return
    try:
        verify_signed_root(bytes(row.receipt_signature), checkpoint=checkpoint, keys=[log_key()])
    except ProtocolError as error:
        yield Finding("receipt_signature_wrong", str(row.size), str(error))


def _check_note(row: Checkpoint | EmbeddedRecord) -> Iterator[Finding]:
    """The row says what its own note says. Whether a former log signed it is for whoever holds that log's key."""
    try:
        noted = signed_checkpoint.parse(row.note).checkpoint
        is_same = (noted.origin, noted.size, noted.root) == (row.origin, row.size, bytes(row.root))
    except ProtocolError:
        is_same = False
    if not is_same:
        yield Finding(f"{type(row).__name__.lower()}_differs_from_note", f"{row.origin} {row.size}")


def _signed(field: str) -> Subquery:
    """Return that field of the checkpoint which a row with an origin and a size is about."""
    about = Checkpoint.objects.filter(origin=OuterRef("origin"), size=OuterRef("size"))
    return Subquery(about.values(field)[:1])


def _check_embedded() -> Iterator[Finding]:
    """What the embedded ledger keeps is what was signed, so that it never contradicts the log by damage alone."""
    for record in EmbeddedRecord.objects.annotate(signed_root=_signed("root")).iterator(chunk_size=NOTES):
        yield from _check_note(record)
        if record.signed_root is None or bytes(record.signed_root) != bytes(record.root):
            yield Finding("embedded_record_unknown", f"{record.origin} {record.size}")


def _check_cosignatures() -> Iterator[Finding]:
    """What a witness answered is of a checkpoint that we signed, and verifies with the keys that it is known by."""
    used = ledgers()
    ours = Cosignature.objects.filter(origin=log_origin()).annotate(signed_note=_signed("note"))
    for row in ours.iterator(chunk_size=NOTES):
        pins = used[row.ledger_id].identity().pins if row.ledger_id in used else {}
        keys = [VerifierKey.from_vkey(text) for text in pins.get("vkey", "").split()]
        if fault := _cosignature_fault(row, row.signed_note, keys):
            yield Finding("cosignature_wrong", f"{row.ledger_id} {row.size}", fault)


def _cosignature_fault(row: Cosignature, note: str | None, keys: list[VerifierKey]) -> str:
    if note is None:
        return "no such checkpoint"
    try:
        if signed_checkpoint.parse(note).checkpoint.root != bytes(row.root):
            return "another root"
        # Of a witness no longer in use only the form can be judged here.
        made = verified_cosignatures(add_lines(note, row.lines), keys)
    except ProtocolError as error:
        return str(error)
    return "" if made or not keys else "no line of its keys"


def _check_recovered() -> Iterator[Finding]:
    recovered = LogEntry.objects.filter(record_id__startswith=LogEntry.RECOVERED).order_by("leaf_index")
    for record_id, kind in recovered.values_list("record_id", "kind").iterator(chunk_size=CHUNK):
        yield Finding("leaf_recovered", record_id, f"a {kind} whose record was lost", is_notice=True)


def _check_followed() -> Iterator[Finding]:
    broken = FollowedLog.objects.filter(state=FollowedLog.State.BROKEN)
    for origin, finding in broken.values_list("origin", "finding"):
        # Another's fault is no damage of ours, and no less worth knowing.
        yield Finding("followed_log_broken", origin, finding, is_notice=origin != log_origin())


def _check_ledger(name: str, ledger: Ledger) -> Iterator[Finding]:
    final = Attestation.objects.filter(
        ledger_id=name, state=Attestation.State.FINAL, checkpoint__origin=log_origin()
    ).select_related("checkpoint")
    newest = final.order_by("-checkpoint__size").first()
    if newest is None:
        return
    stored = newest.checkpoint
    try:
        presence = ledger.find(signed_checkpoint.Checkpoint(stored.origin, stored.size, bytes(stored.root)))
    except LedgerError as error:
        yield Finding("ledger_out_of_reach", name, str(error), is_notice=True)
    else:
        if presence is not Presence.PRESENT:
            yield Finding(f"attestation_{presence}", f"{name} {stored.size}", "was final")


def _check_guard(tree: _RebuiltTree) -> Iterator[Finding]:
    try:
        refuse_older_tree(origin=log_origin(), size=tree.size, root_at=tree.root_at)
    except (LogRollbackError, LogForkError, HeadGuardUnreadableError) as error:
        yield Finding(error.code, log_origin(), error.detail)


def _check_attestations() -> Iterator[Finding]:
    wrong = Q(state__in=[Attestation.State.CONFLICT, Attestation.State.DEAD]) | Q(state=Attestation.State.FINAL)
    # Those of a former log are for whoever holds its key to judge.
    ours = Attestation.objects.filter(wrong, checkpoint__origin=log_origin())
    used = ledgers()
    for attestation in ours.select_related("checkpoint").iterator(chunk_size=NOTES):
        subject = f"{attestation.ledger_id} {attestation.checkpoint.size}"
        if attestation.state != Attestation.State.FINAL:
            yield Finding(f"attestation_{attestation.state}", subject, attestation.last_error)
        elif reason := _evidence_fault(attestation, used.get(attestation.ledger_id)):
            yield Finding("attestation_unproven", subject, reason)


def _evidence_fault(attestation: Attestation, ledger: Ledger | None) -> str:
    if ledger is None:
        # Evidence of a ledger no longer in use is kept; whoever checks it brings that ledger's own verifier.
        return "" if attestation.evidence else "no evidence"
    stored = attestation.checkpoint
    checkpoint = signed_checkpoint.Checkpoint(stored.origin, stored.size, bytes(stored.root))
    verdict = ledger.verify(bytes(attestation.evidence or b""), checkpoint, Trust((log_key(),), ledger.identity().pins))
    return "" if verdict.is_valid else verdict.reason
