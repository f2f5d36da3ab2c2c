"""We as a witness of other deployments' logs: one POST asks us to cosign, and we never contradict what we cosigned.

C2SP tlog-witness and tlog-cosignature. What a crash leaves behind, in order:

1. A request is judged without any lock first, so that only what may be cosigned waits for one; then again under the
   log's row lock, which alone decides. Killed before that: nothing has happened.
2. The guard file of that log, outside the database, moves to the new head before the row does. Killed in between, the
   file is ahead by a head whose cosignature never left; it counts as cosigned all the same, because a restored
   database looks just like that. The log is told this size (409) and proves on from there.
3. The row commits, with our cosignatures, before the answer leaves. An answer that gets lost is asked for again at the
   same size and given anew, with a new time.

Whatever happens to the database, nothing below the highest head in row or file is ever cosigned.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from anchoring.crashpoint import reach
from anchoring.errors import HeadGuardUnreadableError, WitnessedLogError, WitnessedLogMissingError, WitnessMemoryError
from anchoring.head_guard import advance_guard, guarded_head
from anchoring.log_in_log import enter_if_due
from anchoring.log_key import log_origin
from anchoring.models import WitnessedLog
from anchoring.throttle import count_request
from anchoring.witness_key import witness_cosigners
from protocol.checkpoint import Checkpoint, VerifierKey, parse, verified_lines
from protocol.cosignature import cosign
from protocol.errors import NoteKeyError, WitnessOriginError
from protocol.witness import AddCheckpoint, judge, parse_add_checkpoint

logger = logging.getLogger(__name__)

GUARD_FOLDER = "witness"
MAX_ORIGIN = 200
MAX_KEYS = 16


def cosign_checkpoint(body: bytes) -> str:
    """Return our cosignature lines for the checkpoint that an ``add-checkpoint`` request asks us to cosign.

    Raises a protocol.errors.WitnessError with the status that the standard asks for, WitnessDisabledError,
    RateLimitedError, and, rather than cosign in doubt, HeadGuardUnreadableError and WitnessMemoryError.
    """
    witness_cosigners()
    request = parse_add_checkpoint(body)
    head = _judge(request, _find(WitnessedLog.objects.all(), request.origin))
    # The newest head is public, so anyone can have it cosigned again: that must not use up what the log itself needs.
    asker = request.origin if head.size > request.old_size else f"{request.origin} again"
    count_request(asker, name="WITNESS_LOG_RATE", rate=settings.WITNESS_LOG_RATE)
    reach("witness.judged")
    # durable: the answer must not leave before the memory is on disk.
    with transaction.atomic(durable=True):
        log = _find(WitnessedLog.objects.select_for_update(), request.origin)
        lines = _cosign(request, _judge(request, log), log)
    reach("witness.committed")
    return lines


def add_log(*, origin: str, vkeys: Sequence[str]) -> WitnessedLog:
    """Begin to witness a log under its *vkeys*, or give a witnessed one other keys; what was cosigned stays cosigned.

    Raises WitnessedLogError for our own log, and for keys of another name or of a kind that signs no checkpoints.
    """
    if origin == log_origin():
        # Each checkpoint entered would make the next one.
        raise WitnessedLogError("a log does not witness itself")
    if len(origin) > MAX_ORIGIN:
        raise WitnessedLogError(f"an origin of at most {MAX_ORIGIN} characters")
    text = "\n".join(key.vkey for key in _checked_keys(origin, vkeys))
    log, _ = WitnessedLog.objects.update_or_create(origin=origin, defaults={"vkeys": text})
    return log


def remove_log(*, origin: str) -> None:
    """Witness a log no longer. The guard file keeps its head, should it come back. Raises WitnessedLogMissingError."""
    deleted, _ = WitnessedLog.objects.filter(origin=origin).delete()
    if not deleted:
        raise WitnessedLogMissingError(origin)


def witnessed_log(origin_hash: str) -> WitnessedLog:
    """Return the log whose origin has this SHA-256, lower-case hexadecimal. Raises WitnessedLogMissingError."""
    for pk, origin in WitnessedLog.objects.values_list("pk", "origin"):
        if hash_of_origin(origin) == origin_hash:
            return WitnessedLog.objects.get(pk=pk)
    raise WitnessedLogMissingError


def read_cosigned(origin_hash: str) -> str:
    """Return the newest note we cosigned, with its log's signatures and ours. Raises WitnessedLogMissingError."""
    log = witnessed_log(origin_hash)
    if not log.note:
        raise WitnessedLogMissingError("nothing cosigned yet")
    return log.note


def cosigned_head(log: WitnessedLog) -> Checkpoint | None:
    """Return the newest head we cosigned, by the row or the guard file, whichever is further.

    Raises WitnessMemoryError when they name two trees of one size, HeadGuardUnreadableError when the file is damaged.
    """
    stored = Checkpoint(log.origin, log.size, bytes(log.root)) if log.root is not None else None
    guarded = guarded_head(log.origin, path=guard_path_of(log.origin))
    if stored is None or guarded is None:
        return stored or guarded
    if stored.size == guarded.size and stored.root != guarded.root:
        raise WitnessMemoryError(f"{guard_path_of(log.origin)} and the database differ at {stored.size} leaves")
    return max(stored, guarded, key=lambda head: head.size)


def guard_path_of(origin: str) -> Path:
    """Return the file that remembers this log's head. One file a log: it is written under that log's row lock only."""
    return Path(settings.VAR_DIR) / GUARD_FOLDER / f"{hash_of_origin(origin)}.json"


def hash_of_origin(origin: str) -> str:
    """Return the name of a log in addresses: SHA-256 of its origin, in hexadecimal (C2SP tlog-witness)."""
    return sha256(origin.encode()).hexdigest()


def keys_of(log: WitnessedLog) -> tuple[VerifierKey, ...]:
    return tuple(VerifierKey.from_vkey(line) for line in log.vkeys.split())


def _find(logs: QuerySet[WitnessedLog], origin: str) -> WitnessedLog:
    log = logs.filter(origin=origin).first()
    if log is None:
        raise WitnessOriginError("a log that is not witnessed here")
    return log


def _judge(request: AddCheckpoint, log: WitnessedLog) -> Checkpoint:
    return judge(request, keys=keys_of(log), latest=cosigned_head(log))


def _cosign(request: AddCheckpoint, checkpoint: Checkpoint, log: WitnessedLog) -> str:
    """Remember *checkpoint*, in the file first, and return the lines. The caller holds the row's lock."""
    timestamp = _next_timestamp(log)
    lines = "".join(cosign(request.note, cosigner, timestamp) for cosigner in witness_cosigners())
    _remember_outside(checkpoint)
    reach("witness.guard_advanced")
    log.size, log.root = checkpoint.size, checkpoint.root
    log.note = _signed_by_log(request.note, keys_of(log)) + lines
    log.cosigned_at = datetime.fromtimestamp(timestamp, UTC)
    enter_if_due(log)
    log.save()
    reach("witness.row_saved")
    return lines


def _remember_outside(checkpoint: Checkpoint) -> None:
    path = guard_path_of(checkpoint.origin)
    try:
        advance_guard(checkpoint, path=path)
    except OSError as error:
        # A full disk, say: nothing is cosigned that a restored database could make us forget.
        raise HeadGuardUnreadableError(f"{path}: {type(error).__name__}") from None


def _next_timestamp(log: WitnessedLog) -> int:
    # "As of this time the largest tree seen": a clock that went back must not make us say so of an earlier time.
    last = int(log.cosigned_at.timestamp()) if log.cosigned_at else 0
    return max(int(time.time()), last)


def _signed_by_log(note: str, keys: Sequence[VerifierKey]) -> str:
    """Return *note* without the lines that we did not verify: nobody chooses what else we store and serve."""
    parsed = parse(note)
    lines = dict.fromkeys(line.signature.line for line in verified_lines(parsed, keys))
    return f"{parsed.text}\n{''.join(lines)}"


def _checked_keys(origin: str, vkeys: Sequence[str]) -> list[VerifierKey]:
    if not 1 <= len(vkeys) <= MAX_KEYS:
        raise WitnessedLogError(f"1 to {MAX_KEYS} keys")
    try:
        keys = [VerifierKey.from_vkey(text) for text in vkeys]
    except NoteKeyError as error:
        raise WitnessedLogError(error.detail) from None
    if any(key.name != origin for key in keys):
        raise WitnessedLogError("a log's keys bear its origin as their name")
    return keys
