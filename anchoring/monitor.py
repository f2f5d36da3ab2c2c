"""Follows logs, our own and others', and re-verifies them: whoever publishes a log should expect to be read.

One examination, each step of which is bounded:

1. The newest checkpoint bears a signature of the keys that were pinned when following began.
2. It does not go back behind the one accepted before, and is consistent with it: by a proof computed from the tiles that
   the log serves (RFC 6962 §2.1.2). Two roots for one size, or a proof that fails, are a fork; both notes are kept.
3. The leaves under the accepted checkpoint are read on from where the last examination stopped. Each bundle is hashed,
   compared with its tile, and led to the signed root; the frontier recomputed from leaves alone must end at that root.
4. Some old bundles are read again, in turn: over time, the whole log is.

SOUND and BROKEN are verdicts; UNREACHABLE is the absence of one. A fork stays on record until an operator follows the
log anew; any other fault is withdrawn when the log answers rightly again.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from anchoring.errors import FetchError, LogFollowedError, LogNotFollowedError, LogResourceNotFoundError
from anchoring.log_key import log_origin, log_verifier_key
from anchoring.log_reader import DatabaseLogReader, HttpLogReader, LogReader, PublishedTree
from anchoring.models import FollowedLog
from anchoring.tiles import tile_width
from protocol import checkpoint as signed_checkpoint
from protocol.checkpoint import Checkpoint
from protocol.errors import ConsistencyProofError, NoteFormatError, ProtocolError
from protocol.frontier import Frontier
from protocol.merkle import (
    TILE_WIDTH,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from protocol.note import VerifierKey

logger = logging.getLogger(__name__)

State = FollowedLog.State

# One examination: time for new leaves, bundles for old ones. The next one goes on.
READ_SECONDS = 40.0
RECHECKED_BUNDLES = {"own": 64, "other": 4}
FORK = FollowedLog.FORKED


class _BrokenError(Exception):
    """The log contradicts itself: a stable *code*, where, and the notes that show it."""

    def __init__(self, code: str, detail: str, *notes: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail, self.notes = code, detail, notes


@dataclass(frozen=True, slots=True)
class _Progress:
    """What an examination has established; stored only as a whole."""

    note: str
    frontier: Frontier
    rechecked: int


def follow(*, url: str, vkeys: Iterable[str]) -> FollowedLog:
    """Follow the log at *url* whose checkpoints *vkeys* sign, from its beginning; anew, if it was followed before.

    Raises NoteKeyError for a key of another form, LogFollowedError for keys of two logs and for our own log.
    """
    keys = [VerifierKey.from_vkey(vkey) for vkey in vkeys]
    names = {key.name for key in keys}
    if len(names) != 1:
        raise LogFollowedError("one log has keys of one name")
    origin = names.pop()
    if origin == log_origin():
        raise LogFollowedError("our own log is followed through the database already")
    fresh = {"url": url.rstrip("/"), "vkeys": "\n".join(key.vkey for key in keys), **_BEGINNING}
    row, _ = FollowedLog.objects.update_or_create(origin=origin, defaults=fresh)
    return row


def unfollow(*, origin: str) -> None:
    """Forget a log, and what was found of it. Raises LogNotFollowedError."""
    if not FollowedLog.objects.filter(origin=origin).delete()[0]:
        raise LogNotFollowedError(origin)


def due_logs() -> list[str]:
    """Return the origins of all logs that are followed, our own among them from the first time this is asked."""
    own = {"vkeys": log_verifier_key()}
    FollowedLog.objects.get_or_create(origin=log_origin(), defaults=own)
    # Without an address a log is read from our database: a former log of ours has no keys there to be judged by.
    followed = FollowedLog.objects.exclude(Q(url="") & ~Q(origin=log_origin()))
    return list(followed.values_list("origin", flat=True))


def examine(*, origin: str, seconds: float = READ_SECONDS) -> FollowedLog:
    """Examine one log as far as *seconds* allow, and store what was found. Raises LogNotFollowedError."""
    row = FollowedLog.objects.filter(origin=origin).first()
    if row is None:
        raise LogNotFollowedError(origin)
    if row.state == State.BROKEN and row.finding.startswith(FORK):
        # Convicted by its own signatures: nothing it shows us now takes that back.
        return _store(row, checked_at=timezone.now())
    examination = _Examination(row, deadline=time.monotonic() + seconds)
    verdict: dict[str, object] = {"state": State.SOUND, "finding": "", "evidence": ""}
    try:
        examination.run()
    except _BrokenError as error:
        logger.critical("followed log %s is broken: %s %s", origin, error.code, error.detail)
        finding = f"{error.code}: {error.detail}"[:300]
        verdict = {"state": State.BROKEN, "finding": finding, "evidence": json.dumps(error.notes)}
    except (FetchError, LogResourceNotFoundError, NoteFormatError) as error:
        # Not answering takes back nothing that was found.
        verdict = {} if row.state == State.BROKEN else {"state": State.UNREACHABLE, "finding": str(error)[:300]}
    return _store(row, **verdict, **examination.established(), checked_at=timezone.now())


_BEGINNING = {
    "size": 0,
    "frontier": b"",
    "note": "",
    "rechecked": 0,
    "state": State.SOUND,
    "finding": "",
    "evidence": "",
    "checked_at": None,
}


class _Examination:
    """The four steps over one log. ``established`` holds whatever happens; what a step refuses is not in it."""

    def __init__(self, row: FollowedLog, *, deadline: float) -> None:
        self._row = row
        self._deadline = deadline
        self._keys = [VerifierKey.from_vkey(line) for line in row.vkeys.splitlines()]
        self._reader: LogReader = HttpLogReader(row.url) if row.url else DatabaseLogReader(row.origin)
        frontier = Frontier.decode(row.size, bytes(row.frontier))
        self._progress = _Progress(row.note, frontier, row.rechecked)

    def established(self) -> dict[str, object]:
        now = self._progress
        return {
            "note": now.note,
            "size": now.frontier.size,
            "frontier": now.frontier.encode(),
            "rechecked": now.rechecked,
        }

    def run(self) -> None:
        """Raises _BrokenError, or FetchError, LogResourceNotFoundError and NoteFormatError for what cannot be had."""
        if self._row.url or self._has_checkpoint():
            accepted = self._accept_newest()
            tree = PublishedTree(self._reader, accepted.size)
            self._read_on(tree, accepted)
            self._read_again(tree, accepted)

    def _has_checkpoint(self) -> bool:
        """Our own log may not have begun."""
        try:
            self._reader.checkpoint()
        except LogResourceNotFoundError:
            return bool(self._row.note)
        return True

    def _accept_newest(self) -> Checkpoint:
        note = self._reader.checkpoint()
        newest = self._verified(note)
        if self._row.note:
            self._refuse_unless_extended(signed_checkpoint.parse(self._row.note).checkpoint, newest, note)
        self._progress = replace(self._progress, note=note)
        return newest

    def _verified(self, note: str) -> Checkpoint:
        try:
            return signed_checkpoint.verify(note, self._keys, origin=self._row.origin)
        except NoteFormatError:
            # An error page, most likely: it says nothing of the log.
            raise
        except ProtocolError as error:
            raise _BrokenError(error.code, error.detail, note) from None

    def _refuse_unless_extended(self, accepted: Checkpoint, newest: Checkpoint, note: str) -> None:
        notes = (self._row.note, note)
        if newest.size == accepted.size and newest.root != accepted.root:
            raise _BrokenError(FORK, f"two roots for {newest.size} leaves", *notes)
        if newest.size < accepted.size:
            self._refuse_to_go_back(accepted, newest, notes)
        self._prove_consistent(newest, accepted, notes)

    def _refuse_to_go_back(self, accepted: Checkpoint, newest: Checkpoint, notes: tuple[str, str]) -> None:
        """Raise _BrokenError: for a fork where the tiles of the larger tree, if they are still served, show one."""
        with suppress(LogResourceNotFoundError):
            self._prove_consistent(accepted, newest, notes)
        raise _BrokenError("log_rolled_back", f"{accepted.size} leaves were signed, now {newest.size}", *notes)

    def _prove_consistent(self, newer: Checkpoint, older: Checkpoint, notes: tuple[str, str]) -> None:
        tree = PublishedTree(self._reader, newer.size)
        try:
            # Tiles that do not lead to the newer root prove nothing against the log: something on the way may be broken.
            if root(tree, newer.size) != newer.root:
                raise _BrokenError("log_tiles_differ", f"they do not lead to {newer.size} leaves", *notes)
            proof = consistency_proof(tree, older.size, newer.size)
            verify_consistency(older.size, newer.size, proof, older.root, newer.root)
        except ConsistencyProofError as error:
            raise _BrokenError(FORK, f"{older.size} to {newer.size} leaves: {error}", *notes) from None
        except ProtocolError as error:
            raise _BrokenError("log_tiles_differ", str(error), *notes) from None

    def _read_on(self, tree: PublishedTree, accepted: Checkpoint) -> None:
        while self._progress.frontier.size < accepted.size and time.monotonic() < self._deadline:
            frontier = self._progress.frontier
            index, known = divmod(frontier.size, TILE_WIDTH)
            hashes = self._checked_bundle(tree, index, accepted)
            self._progress = replace(self._progress, frontier=frontier.extend(hashes[known:]))
        frontier = self._progress.frontier
        if frontier.size == accepted.size and frontier.root() != accepted.root:
            raise _BrokenError("log_leaves_differ", f"not the root of {accepted.size} leaves", self._progress.note)

    def _read_again(self, tree: PublishedTree, accepted: Checkpoint) -> None:
        bundles = -(-self._progress.frontier.size // TILE_WIDTH)
        for _ in range(min(bundles, RECHECKED_BUNDLES["other" if self._row.url else "own"])):
            index = self._progress.rechecked % bundles
            self._checked_bundle(tree, index, accepted)
            self._progress = replace(self._progress, rechecked=index + 1)

    def _checked_bundle(self, tree: PublishedTree, index: int, accepted: Checkpoint) -> list[bytes]:
        """Return the leaf hashes of one bundle, once leaves, tile and signed root agree.

        The path of one leaf is hashed from all others of its tile, so that it proves the whole tile.
        """
        width = tile_width(0, index, accepted.size)
        try:
            hashes = [leaf_hash(leaf) for leaf in self._reader.entries(index, width)]
            if b"".join(hashes) != tree(0, index):
                raise _BrokenError("log_leaves_differ", f"bundle {index} is not its tile", self._progress.note)
            first = index * TILE_WIDTH
            path = inclusion_proof(tree, first, accepted.size)
            verify_inclusion(hashes[0], first, accepted.size, path, accepted.root)
        except ProtocolError as error:
            raise _BrokenError("log_leaves_differ", f"bundle {index}: {error}", self._progress.note) from None
        return hashes


def _store(row: FollowedLog, **changes: object) -> FollowedLog:
    """Compare and swap: of two that examined at once, one is kept; both are right."""
    unmoved = FollowedLog.objects.filter(pk=row.pk, size=row.size, note=row.note, rechecked=row.rechecked)
    with transaction.atomic():
        unmoved.update(**changes)
    for name, value in changes.items():
        setattr(row, name, value)
    return row
