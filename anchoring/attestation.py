"""Has ledgers attest checkpoints, each at its own pace: no ledger waits for another, and nothing else waits for any.

    PLANNED -> PREPARED -> SUBMITTED -> INCLUDED -> FINAL
    RETRY_WAIT (try again later)   SUPERSEDED (a later checkpoint covers it)   CONFLICT (a fork)   DEAD (refused)

What a crash leaves behind:

1. The final bytes are stored (PREPARED) before anything is sent, and only stored bytes are ever sent.
2. SUBMITTED commits before the bytes leave, so PREPARED was certainly never sent and SUBMITTED perhaps was.
3. Before the first submission and after every doubt the ledger itself is asked (``find``). Found there: done, by
   whomever. Not found: the same bytes go again, which has no second effect.
4. One worker at a time holds a ledger's lane, by a lease that runs out when the worker dies. Should two hold it after
   all, every step is a compare-and-swap on the row, and one intent in flight per ledger is a constraint.

A ledger that was away for a day gets one checkpoint, the newest; the older ones it never saw are superseded, because
the newest extends them.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from secrets import SystemRandom

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from anchoring import events
from anchoring.crashpoint import reach
from anchoring.errors import (
    AmbiguousLedgerError,
    LedgerConflictError,
    LedgerError,
    LedgerMisconfiguredError,
    OutdatedIntentError,
    RejectedByLedgerError,
    UnderpricedOnLedgerError,
)
from anchoring.ledger import (
    Extension,
    Intent,
    Ledger,
    Presence,
    Progress,
    PublishedCheckpoint,
    Trust,
    intent_id,
    printable,
)
from anchoring.log_key import log_key, log_origin
from anchoring.models import Attestation, Checkpoint, LedgerPause
from anchoring.registry import ledgers
from anchoring.tiles import StoredTiles, border_tiles
from protocol import checkpoint as signed_checkpoint
from protocol.merkle import consistency_proof, root

logger = logging.getLogger(__name__)

State = Attestation.State

MAX_DELAY_SECONDS = 60
MAX_ERROR = 200
MISCONFIGURED_DELAY = timedelta(minutes=10)
# Given to _move in place of bytes: the row has none again.
_NO_INTENT = b""
IN_FLIGHT = (State.PREPARED, State.SUBMITTED, State.RETRY_WAIT)

_random = SystemRandom()


class _LaneTakenError(Exception):
    """Another worker has moved the row since we read it."""


def due_ledgers() -> list[str]:
    """Return the ids of the ledgers for which something is open and neither leased, waiting nor paused."""
    rows = Attestation.objects.filter(state__in=Attestation.OPEN, ledger_id__in=ledgers())
    held = Attestation.objects.filter(state__in=Attestation.OPEN, next_attempt_at__gt=timezone.now())
    paused = LedgerPause.objects.values("ledger_id")
    due = rows.exclude(ledger_id__in=held.values("ledger_id")).exclude(ledger_id__in=paused)
    due = due.exclude(ledger_id__in=_contradictions().values("ledger_id")).order_by("ledger_id")
    return list(due.values_list("ledger_id", flat=True).distinct())


def attest(*, ledger_id: str) -> int:
    """Take this ledger's open attestations as far as they go now; return how many of them reached their end."""
    ledger = ledgers().get(ledger_id)
    if ledger is None:
        logger.warning("ledger %s is not in use", ledger_id)
        return 0
    if LedgerPause.objects.filter(ledger_id=ledger_id).exists():
        return 0
    lease = timezone.now() + timedelta(seconds=settings.ATTESTATION_LEASE_SECONDS)
    lane = _claim_lane(ledger_id, lease)
    reach("attest.lane_claimed")
    try:
        return sum(_advance_safely(row, ledger) for row in lane)
    except _LaneTakenError:
        logger.info("lane of %s taken over", ledger_id)
        return 0
    finally:
        # Rows that wait carry a time of their own by now, and so does a lane that somebody else has taken over.
        Attestation.objects.filter(pk__in=[row.pk for row in lane], next_attempt_at=lease).update(next_attempt_at=None)


def _claim_lane(ledger_id: str, lease: datetime) -> list[Attestation]:
    """Lease the ledger's open rows: those begun, oldest first, then the newest planned one, which covers the others."""
    _supersede_untouched(ledger_id)
    with transaction.atomic():
        rows = Attestation.objects.select_related("checkpoint").filter(ledger_id=ledger_id)
        lane = list(
            rows.filter(state__in=Attestation.OPEN).select_for_update(of=("self",)).order_by("checkpoint__size")
        )
        if _contradictions().filter(ledger_id=ledger_id).exists() or any(_is_held(row) for row in lane):
            return []
        lane = _without_former_logs(lane)
        planned = [row for row in lane if row.intent is None]
        _supersede(Q(pk__in=[row.pk for row in planned[:-1]]))
        # The newest takes over the back-off too, or a dead ledger would be asked afresh at every checkpoint.
        for row in planned[-1:]:
            row.attempts = max(earlier.attempts for earlier in planned)
        claimed = [row for row in lane if row.intent is not None] + planned[-1:]
        for row in claimed:
            row.next_attempt_at = lease
        Attestation.objects.bulk_update(claimed, ["attempts", "next_attempt_at"])
    return claimed


def _supersede_untouched(ledger_id: str) -> None:
    """End, without reading them, the plans that nobody has begun but the newest: a long pause leaves any number."""
    untouched = Q(ledger_id=ledger_id, state=State.PLANNED, intent__isnull=True, attempts=0, next_attempt_at=None)
    ours = Attestation.objects.filter(untouched, checkpoint__origin=log_origin())
    # Ids of checkpoints grow with their size. Rows that another worker holds are left to it: this takes locks in no
    # order, so it must wait for none, and it commits before the lane's own locks are taken.
    older = Q(checkpoint_id__lt=ours.aggregate(newest=Max("checkpoint_id"))["newest"] or 0)
    with transaction.atomic():
        free = Attestation.objects.select_for_update(skip_locked=True).filter(untouched & older)
        _supersede(Q(pk__in=free.values("pk")))


def _without_former_logs(lane: list[Attestation]) -> list[Attestation]:
    """End what an earlier origin left open: nobody here can check its evidence, and it would hold the lane for ever."""
    _supersede(Q(pk__in=[row.pk for row in lane if row.checkpoint.origin != log_origin()]))
    return [row for row in lane if row.checkpoint.origin == log_origin()]


def _contradictions() -> QuerySet[Attestation]:
    """Return what ledgers say against our log. Such a one is asked nothing more: a new chain is a new ledger id."""
    return Attestation.objects.filter(state=State.CONFLICT, checkpoint__origin=log_origin())


def _is_held(row: Attestation) -> bool:
    return row.next_attempt_at is not None and row.next_attempt_at > timezone.now()


def _advance_safely(row: Attestation, ledger: Ledger) -> bool:
    """Advance the row and record how that failed; whether it has reached its end."""
    try:
        _advance(row, ledger)
    except _LaneTakenError:
        raise
    except LedgerConflictError as error:
        logger.critical("%s contradicts checkpoint %s: signing stops", row.ledger_id, row.checkpoint)
        _move(row, State.CONFLICT, last_error=str(error))
    except RejectedByLedgerError as error:
        logger.exception("%s refused checkpoint %s for good", row.ledger_id, row.checkpoint)
        _move(row, State.DEAD, last_error=str(error))
    except LedgerMisconfiguredError as error:
        logger.exception("%s is misconfigured", row.ledger_id)
        _wait(row, str(error), timezone.now() + MISCONFIGURED_DELAY)
    except OutdatedIntentError as error:
        _plan_anew(row, str(error))
    except UnderpricedOnLedgerError as error:
        _replace(row, ledger, str(error))
    except LedgerError as error:
        _wait(row, str(error), _next_attempt_at(row.attempts))
    except (Exception, SystemExit) as error:
        # A backend is somebody else's code: whatever it raises is a doubt about its ledger, never a crash of ours.
        logger.exception("%s failed with an error that is not a ledger's", row.ledger_id)
        _wait(row, type(error).__name__, _next_attempt_at(row.attempts))
    return row.state not in Attestation.OPEN


def _advance(row: Attestation, ledger: Ledger) -> None:
    if row.intent is None:
        if _is_lane_busy(row):
            return
        _prepare(row, ledger)
    if row.state in (State.PREPARED, State.RETRY_WAIT):
        _submit(row, ledger)
    if row.state in (State.SUBMITTED, State.INCLUDED):
        _follow(row, ledger)


def _is_lane_busy(row: Attestation) -> bool:
    return Attestation.objects.filter(ledger_id=row.ledger_id, state__in=IN_FLIGHT, intent__isnull=False).exists()


def _prepare(row: Attestation, ledger: Ledger) -> None:
    head = _published(row)
    latest = ledger.latest(head.checkpoint.origin)
    if latest and latest.size > head.checkpoint.size:
        _refuse_unknown_head(latest)
        _move(row, State.SUPERSEDED)
        return
    intent = ledger.prepare(head, _extension(latest, head.checkpoint))
    reach("attest.intent_made")
    _move(row, State.PREPARED, intent=intent.payload)
    reach("attest.intent_stored")


def _submit(row: Attestation, ledger: Ledger) -> None:
    presence = ledger.find(_published(row).checkpoint)
    reach("attest.ledger_asked")
    if presence is Presence.CONFLICTING:
        raise LedgerConflictError(f"another root at {row.checkpoint.size} leaves")
    # Committed before the bytes leave: whoever finds SUBMITTED knows that they may have.
    _move(row, State.SUBMITTED)
    reach("attest.before_submission")
    if presence is Presence.ABSENT:
        ledger.submit(_intent(row))
    reach("attest.after_submission")


def _follow(row: Attestation, ledger: Ledger) -> None:
    progress = ledger.poll(_intent(row))
    reach("attest.progress_known")
    if progress is Progress.LOST:
        _submit_later(row)
    elif progress is Progress.INCLUDED and row.state != State.INCLUDED:
        _move(row, State.INCLUDED)
    elif progress is Progress.FINAL:
        _finish(row, ledger)


def _submit_later(row: Attestation) -> None:
    """Take a row that the ledger does not know, or no longer, back to where its bytes are sent."""
    if row.state == State.INCLUDED and _is_lane_busy(row):
        # What is on its way is newer, and covers this one.
        _move(row, State.SUPERSEDED)
        return
    if row.state == State.INCLUDED:
        _move(row, State.SUBMITTED)
    raise AmbiguousLedgerError("the ledger does not know it, or no longer")


def _plan_anew(row: Attestation, reason: str) -> None:
    """Forget bytes that the ledger refused because it has moved on; certainly none of them took effect."""
    until = _next_attempt_at(row.attempts)
    _move(row, State.PLANNED, intent=_NO_INTENT, last_error=reason, attempts=row.attempts + 1, next_attempt_at=until)


def _replace(row: Attestation, ledger: Ledger, reason: str) -> None:
    """Put bytes that offer more in place of those sent. A backend keeps all it ever returned: any one may be taken."""
    try:
        replacement = ledger.replace(_intent(row))
    except LedgerError as error:
        logger.warning("%s replaces nothing now: %s", row.ledger_id, error)
        replacement = None
    if replacement is None:
        _wait(row, reason, _next_attempt_at(row.attempts))
    else:
        until = _next_attempt_at(row.attempts)
        _move(row, State.RETRY_WAIT, intent=replacement.payload, last_error=reason, next_attempt_at=until)


def _finish(row: Attestation, ledger: Ledger) -> None:
    checkpoint = _published(row).checkpoint
    evidence = ledger.export(checkpoint)
    # Never take a ledger's word for it: what is stored is what a stranger will be able to check.
    verdict = ledger.verify(evidence, checkpoint, Trust((log_key(),), ledger.identity().pins))
    if not verdict.is_valid:
        raise AmbiguousLedgerError(f"its evidence does not verify: {verdict.reason}")
    reach("attest.evidence_checked")
    with transaction.atomic():
        _move(row, State.FINAL, evidence=evidence)
        events.emit(events.anchor_final(row.ledger_id, checkpoint))
        older = Q(ledger_id=row.ledger_id, state__in=Attestation.OPEN, checkpoint__size__lt=row.checkpoint.size)
        _supersede(older)
    reach("attest.final")


def _refuse_unknown_head(latest: signed_checkpoint.Checkpoint) -> None:
    """Raise LedgerConflictError when the ledger is ahead of us: we hold an older database than the one it saw."""
    known = Checkpoint.objects.filter(origin=latest.origin, size=latest.size).first()
    if known is None or bytes(known.root) != latest.root:
        raise LedgerConflictError(f"the ledger holds {latest.size} leaves that are not ours")


def _extension(latest: signed_checkpoint.Checkpoint | None, head: signed_checkpoint.Checkpoint) -> Extension | None:
    if latest is None:
        return None
    tiles = StoredTiles(border_tiles(head.size))
    if root(tiles, latest.size) != latest.root:
        raise LedgerConflictError(f"another root at {latest.size} leaves")
    return Extension(latest.size, latest.root, tuple(consistency_proof(tiles, latest.size, head.size)))


def _published(row: Attestation) -> PublishedCheckpoint:
    stored = row.checkpoint
    return PublishedCheckpoint(
        signed_checkpoint.Checkpoint(stored.origin, stored.size, bytes(stored.root)),
        stored.note,
    )


def _intent(row: Attestation) -> Intent:
    return Intent(intent_id(row.ledger_id, _published(row).checkpoint), bytes(row.intent or b""))


def _wait(row: Attestation, reason: str, until: datetime) -> None:
    # INCLUDED stays so: a ledger that does not answer says nothing about what it holds.
    state = State.INCLUDED if row.state == State.INCLUDED else State.RETRY_WAIT
    _move(row, state, last_error=reason, attempts=row.attempts + 1, next_attempt_at=until)


def _next_attempt_at(attempts: int) -> datetime:
    seconds = min(2.0 ** min(attempts, 10), MAX_DELAY_SECONDS)
    # Jitter: many lanes must not come back at the same instant.
    return timezone.now() + timedelta(seconds=seconds * _random.uniform(0.5, 1.0))


def _move(
    row: Attestation,
    state: Attestation.State,
    *,
    intent: bytes | None = None,
    evidence: bytes | None = None,
    last_error: str = "",
    attempts: int | None = None,
    next_attempt_at: datetime | None = None,
) -> None:
    """Compare and swap: the row moves only from the state in which we read it."""
    changes = {
        "state": state,
        "intent": row.intent if intent is None else intent or None,
        "evidence": row.evidence if evidence is None else evidence,
        "last_error": printable(last_error, MAX_ERROR),
        "attempts": row.attempts if attempts is None else attempts,
        "next_attempt_at": row.next_attempt_at if next_attempt_at is None else next_attempt_at,
        "updated_at": timezone.now(),
    }
    unmoved = Attestation.objects.filter(pk=row.pk, state=row.state, attempts=row.attempts)
    if row.intent is None:
        unmoved = unmoved.filter(intent__isnull=True)
    try:
        with transaction.atomic():
            is_moved = unmoved.update(**changes) == 1
    except IntegrityError:
        # one_intent_in_flight_per_ledger: another worker's row was faster.
        is_moved = False
    if not is_moved:
        raise _LaneTakenError
    for name, value in changes.items():
        setattr(row, name, value)


def _supersede(rows: Q) -> None:
    Attestation.objects.filter(rows).update(state=State.SUPERSEDED, next_attempt_at=None, updated_at=timezone.now())
