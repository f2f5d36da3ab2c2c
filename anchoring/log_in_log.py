"""The checkpoints of logs that we witness as leaves of our own, and the proofs that lead across both.

Each leaf commits to (origin, size, root) of a checkpoint that we cosigned. Two logs that enter each other's
checkpoints grow by doing so, for ever: at most one leaf per log enters in LOG_IN_LOG_SECONDS, the newest, and a sweep
enters what had to wait.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from http import HTTPStatus

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from anchoring import outbox
from anchoring.errors import ReceiptPendingError, RecordConflictError, RecordNotLoggedError, WitnessedLogMissingError
from anchoring.fetch import exchange
from anchoring.log_key import log_origin
from anchoring.models import Checkpoint as StoredCheckpoint
from anchoring.models import LogEntry, WitnessedLog
from anchoring.receipts import receipt_for
from anchoring.tiles import StoredTiles, path_tiles
from protocol.checkpoint import Checkpoint, VerifierKey, verify
from protocol.merkle import inclusion_proof, leaf_hash
from protocol.proof import MAX_RECEIPT_BYTES, Receipt, parse_receipt
from protocol.proof_chain import CHECKPOINT_KIND, ProofChain, head_digest, verify_chain

logger = logging.getLogger(__name__)


def enter_due() -> int:
    """Enter the newest cosigned checkpoint of every log whose turn has come, and return how many there were."""
    waiting = WitnessedLog.objects.filter(size__gt=F("entered_size")).values_list("pk", flat=True)
    return sum(_enter_one(pk) for pk in list(waiting))


def enter_if_due(log: WitnessedLog) -> bool:
    """Enter the log's cosigned head, unless it stands already or its turn has not come. The caller locks and saves."""
    now = timezone.now()
    if log.root is None or log.size <= log.entered_size:
        return False
    if log.entered_at and abs(now - log.entered_at) < timedelta(seconds=settings.LOG_IN_LOG_SECONDS):
        return False
    head = Checkpoint(log.origin, log.size, bytes(log.root))
    try:
        outbox.append(record_id=checkpoint_record_id(head), kind=CHECKPOINT_KIND, digest=head_digest(head))
    except RecordConflictError:
        # Our log holds another root of theirs at this size: the two notes are a fork of theirs, and signed.
        logger.critical("our log holds another checkpoint of %s at %s leaves", log.origin, log.size)
        return False
    log.entered_size, log.entered_text, log.entered_at = head.size, head.body(), now
    return True


def checkpoint_record_id(head: Checkpoint) -> str:
    return f"{CHECKPOINT_KIND}:{sha256(head.origin.encode()).hexdigest()}:{head.size}"


def entry_proof(log: WitnessedLog) -> Receipt:
    """Return the proof that the newest entered checkpoint of *log* stands in ours, its text as the extra data.

    Raises WitnessedLogMissingError before any was entered, ReceiptPendingError until our own log has published it.
    """
    if not log.entered_text:
        raise WitnessedLogMissingError("nothing entered yet")
    origin_hash = sha256(log.origin.encode()).hexdigest()
    receipt = receipt_for(f"{CHECKPOINT_KIND}:{origin_hash}:{log.entered_size}")
    if receipt is None:
        raise ReceiptPendingError("the checkpoint waits for its place")
    return replace(receipt, extra=log.entered_text.encode())


def chain_to(*, record_id: str, foreign_proof: str | bytes, keys: Sequence[VerifierKey]) -> ProofChain:
    """Return the chain from a record of ours to another log, which has entered one of our checkpoints.

    *foreign_proof* is what that log's ``/witness/<hash of our origin>/tlog-proof`` answers, *keys* are its keys. The
    chain is verified before it is returned. Raises RecordNotLoggedError, ReceiptPendingError while the other log has
    entered no checkpoint that covers the record, and as verify_chain.
    """
    entry = LogEntry.objects.filter(record_id=record_id).first() if outbox.is_record_id(record_id) else None
    if entry is None:
        raise RecordNotLoggedError
    foreign = parse_receipt(foreign_proof)
    # Refused before our own database is searched for what it claims.
    verify(foreign.checkpoint, keys)
    entered = _own_checkpoint(foreign.extra or b"")
    if entry.leaf_index is None or entry.leaf_index >= entered.size:
        raise ReceiptPendingError("no checkpoint entered there covers this record yet")
    tiles = StoredTiles(path_tiles(entry.leaf_index, entered.size))
    path = tuple(inclusion_proof(tiles, entry.leaf_index, entered.size))
    chain = ProofChain((Receipt(entry.leaf_index, path, entered.note), replace(foreign, extra=None)))
    verify_chain(chain, leaf_hash=leaf_hash(entry.data), keys=keys)
    return chain


def fetch_chain(*, record_id: str, url: str, keys: Sequence[VerifierKey]) -> ProofChain:
    """Return the chain into the log whose deployment witnesses ours at *url*, an operator's address.

    Raises as chain_to, FetchError when the other side does not answer, and ReceiptPendingError when it has no proof.
    """
    origin_hash = sha256(log_origin().encode()).hexdigest()
    address = f"{url.rstrip('/')}/{origin_hash}/tlog-proof"
    reply = exchange(address, purpose="proof chain", max_bytes=MAX_RECEIPT_BYTES)
    if reply.status != HTTPStatus.OK:
        raise ReceiptPendingError(f"the other side answers {reply.status}: it has no proof of a checkpoint of ours")
    return chain_to(record_id=record_id, foreign_proof=reply.content, keys=keys)


def _own_checkpoint(text: bytes) -> StoredCheckpoint:
    """Return the checkpoint of ours that has this text. Raises ReceiptPendingError when we know none."""
    for stored in StoredCheckpoint.objects.filter(origin=log_origin(), size=_size_in(text)):
        if Checkpoint(stored.origin, stored.size, bytes(stored.root)).body().encode() == text:
            return stored
    raise ReceiptPendingError("what the other log has entered is no checkpoint of ours")


def _size_in(text: bytes) -> int:
    size = text.split(b"\n")[1:2]
    is_number = bool(size) and size[0].isdigit() and len(size[0]) < 19
    return int(size[0]) if is_number else -1


def _enter_one(pk: int) -> bool:
    with transaction.atomic():
        log = WitnessedLog.objects.select_for_update().filter(pk=pk).first()
        if log is None or not enter_if_due(log):
            return False
        log.save(update_fields=["entered_size", "entered_text", "entered_at"])
        return True
