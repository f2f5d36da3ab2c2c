"""How the log and its ledgers stand, in numbers, and what of it needs a person. Changes nothing.

One source for the command line, the operators' page, the metrics and the health check, so that they never disagree. The
number of queries does not depend on how long the log is, nor on how long a ledger has been away.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, cast

from django.conf import settings
from django.db.models import Count
from django.utils import timezone
from django.utils.module_loading import import_string

from anchoring.errors import HeadGuardUnreadableError
from anchoring.head_guard import guarded_head
from anchoring.ledger import Ledger, LedgerHealth
from anchoring.log_key import log_origin
from anchoring.models import (
    Attestation,
    Checkpoint,
    Cosignature,
    FollowedLog,
    LedgerPause,
    LogEntry,
    TreeHead,
    WitnessedLog,
)
from anchoring.registry import kind_names, ledgers, unusable_ledgers
from anchoring.sequencer import refusal_to_sign

logger = logging.getLogger(__name__)

NEWEST = 10
# For all ledgers together: whoever looks at the page or at the command waits no longer, however many of them hang.
HEALTH_SECONDS = 15.0

Severity = Literal["error", "warning"]
State = Attestation.State


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that needs a person: a stable *code*, and what it is about. An error stands until someone acts."""

    code: str
    severity: Severity
    subject: str


@dataclass(frozen=True, slots=True)
class CheckpointStanding:
    """One of the newest checkpoints: *cosigned_by* and *attested_by* are ledger ids."""

    size: int
    signed_at: datetime
    cosigned_by: tuple[str, ...] = ()
    attested_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerStanding:
    """One ledger in use. *counts* are attestations by state; *behind_since* is when it was first owed a checkpoint that
    no final attestation covers, or None when it has the newest. *health* is None unless the ledger was asked.
    """

    ledger_id: str
    kind: str
    pins: Mapping[str, str]
    counts: Mapping[str, int] = field(default_factory=dict)
    final_size: int | None = None
    final_at: datetime | None = None
    behind_since: datetime | None = None
    last_error: str = ""
    last_error_at: datetime | None = None
    paused_at: datetime | None = None
    pause_reason: str = ""
    health: LedgerHealth | None = None

    @property
    def open(self) -> int:
        return sum(self.counts.get(state, 0) for state in Attestation.OPEN)

    @property
    def dead(self) -> int:
        return self.counts.get(State.DEAD, 0)

    @property
    def conflicts(self) -> int:
        return self.counts.get(State.CONFLICT, 0)


@dataclass(frozen=True, slots=True)
class FollowedStanding:
    """A log that the monitor re-verifies, up to *size* leaves."""

    origin: str
    url: str
    size: int
    state: str
    finding: str
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class WitnessedStanding:
    """Another deployment's log that this one cosigns, up to *size* leaves."""

    origin: str
    size: int
    cosigned_at: datetime | None


@dataclass(frozen=True, slots=True)
class LogStanding:
    """The log at *at*. *pending* records have no place yet; *lag_seconds* is how long the oldest record that no
    checkpoint covers has waited. *refusal* is the code of what keeps the log from signing, or empty.
    """

    origin: str
    at: datetime
    head_size: int
    published_size: int
    pending: int
    lag_seconds: float
    checkpoint_at: datetime | None
    guarded_size: int | None
    refusal: str
    refusal_detail: str
    checkpoints: tuple[CheckpointStanding, ...]
    ledgers: tuple[LedgerStanding, ...]
    unusable: tuple[str, ...]
    followed: tuple[FollowedStanding, ...]
    witnessed: tuple[WitnessedStanding, ...]

    @property
    def unpublished(self) -> int:
        """How many records no checkpoint covers yet."""
        return self.pending + max(0, self.head_size - self.published_size)


def log_standing(*, asks_ledgers: bool = False) -> LogStanding:
    """Return how everything stands now. *asks_ledgers* contacts each ledger for its health, which may take seconds."""
    at = timezone.now()
    head = TreeHead.objects.filter(id=TreeHead.ONLY_ID).first()
    newest = list(Checkpoint.objects.filter(origin=log_origin()).order_by("-size").defer("note")[:NEWEST])
    published = newest[0].size if newest else 0
    refusal = refusal_to_sign()
    return LogStanding(
        origin=log_origin(),
        at=at,
        head_size=head.size if head else 0,
        published_size=published,
        pending=LogEntry.objects.filter(leaf_index__isnull=True).count(),
        lag_seconds=_lag(published, at),
        checkpoint_at=newest[0].signed_at if newest else None,
        guarded_size=_guarded_size(),
        refusal=refusal.code if refusal else "",
        refusal_detail=refusal.detail if refusal else "",
        checkpoints=tuple(_checkpoints(newest)),
        ledgers=tuple(_ledgers(asks_ledgers=asks_ledgers)),
        unusable=tuple(unusable_ledgers()),
        followed=tuple(_followed()),
        witnessed=tuple(_witnessed()),
    )


def alerts(standing: LogStanding | None = None) -> list[Alert]:
    """Return what needs a person, errors first; *standing* is taken afresh unless given."""
    now = standing or log_standing()
    found = [
        *_log_alerts(now),
        *(alert for ledger in now.ledgers for alert in _ledger_alerts(ledger, now.at)),
        *(Alert("ledger_unusable", "error", name) for name in now.unusable),
        *(alert for log in now.followed for alert in _followed_alerts(log, now.at)),
        *(alert for path in settings.ALERT_SOURCES for alert in _of_upper_app(path)),
    ]
    return sorted(found, key=lambda alert: (alert.severity, alert.code, alert.subject))


def _lag(published: int, at: datetime) -> float:
    """The wait of the first leaf past the newest checkpoint, or of the first record without a place."""
    # Two queries, each with an index of its own; one over both would read the whole log.
    unpublished = LogEntry.objects.filter(leaf_index=published).values_list("created_at", flat=True).first()
    pending = LogEntry.objects.filter(leaf_index__isnull=True).order_by("id")
    since = unpublished or pending.values_list("created_at", flat=True).first()
    return max(0.0, (at - since).total_seconds()) if since else 0.0


def _guarded_size() -> int | None:
    try:
        guarded = guarded_head(log_origin())
    except HeadGuardUnreadableError:
        return None
    return guarded.size if guarded else None


def _checkpoints(newest: list[Checkpoint]) -> Iterator[CheckpointStanding]:
    rows = Attestation.objects.filter(checkpoint__in=newest, state=State.FINAL).order_by("ledger_id")
    attested = list(rows.values_list("checkpoint_id", "ledger_id"))
    lines = Cosignature.objects.filter(origin=log_origin(), size__in=[row.size for row in newest])
    cosigned = list(lines.order_by("ledger_id").values_list("size", "ledger_id"))
    for row in newest:
        yield CheckpointStanding(
            row.size,
            row.signed_at,
            tuple(name for size, name in cosigned if size == row.size),
            tuple(name for pk, name in attested if pk == row.pk),
        )


def _ledgers(*, asks_ledgers: bool) -> Iterator[LedgerStanding]:
    counts, kinds = _counts(), kind_names()
    pauses = {pause.ledger_id: pause for pause in LedgerPause.objects.all()}
    deadline = time.monotonic() + HEALTH_SECONDS
    for name, ledger in sorted(ledgers().items()):
        error, pause = _last_error(name), pauses.get(name)
        final_size, final_at, behind_since = _reach_of(name)
        yield LedgerStanding(
            ledger_id=name,
            kind=kinds.get(type(ledger), type(ledger).__name__),
            pins=dict(ledger.identity().pins),
            counts={state: rows for (ledger_id, state), rows in counts.items() if ledger_id == name},
            final_size=final_size,
            final_at=final_at,
            behind_since=behind_since,
            last_error=error.last_error if error else "",
            last_error_at=error.updated_at if error else None,
            paused_at=pause.paused_at if pause else None,
            pause_reason=pause.reason if pause else "",
            health=_health(ledger, deadline) if asks_ledgers else None,
        )


def _counts() -> Mapping[tuple[str, str], int]:
    # Without those of former logs, which are few or none: a join with all of ours would take most of the time.
    former = Checkpoint.objects.exclude(origin=log_origin())
    rows = Attestation.objects.exclude(checkpoint__in=former).order_by().values_list("ledger_id", "state")
    return {(name, state): count for name, state, count in rows.annotate(Count("pk"))}


def _reach_of(ledger_id: str) -> tuple[int | None, datetime | None, datetime | None]:
    """Return size and time of the newest final checkpoint, and when the ledger was first owed one past it."""
    # One row from the end of an index each, however long the log is.
    rows = Attestation.objects.filter(ledger_id=ledger_id, checkpoint__origin=log_origin()).order_by("checkpoint_id")
    final = rows.filter(state=State.FINAL).values_list("checkpoint_id", "checkpoint__size", "updated_at").last()
    if final is None:
        return None, None, rows.values_list("checkpoint__signed_at", flat=True).first()
    reached, size, at = final
    owed = Checkpoint.objects.filter(origin=log_origin(), pk__gt=reached).order_by("pk")
    return size, at, owed.values_list("signed_at", flat=True).first()


def _last_error(ledger_id: str) -> Attestation | None:
    wrong = Attestation.objects.filter(state__in=[*Attestation.OPEN, State.DEAD, State.CONFLICT]).exclude(last_error="")
    rows = wrong.filter(ledger_id=ledger_id, checkpoint__origin=log_origin()).defer("intent", "evidence")
    return rows.order_by("updated_at").last()


def _health(ledger: Ledger, deadline: float) -> LedgerHealth:
    if time.monotonic() > deadline:
        return LedgerHealth(is_healthy=False, detail="not asked: other ledgers took too long")
    try:
        return ledger.health()
    except Exception as error:
        # A backend is somebody else's code.
        logger.exception("health of a ledger could not be asked")
        return LedgerHealth(is_healthy=False, detail=type(error).__name__)


def _followed() -> Iterator[FollowedStanding]:
    for row in FollowedLog.objects.defer("note", "evidence", "frontier"):
        yield FollowedStanding(row.origin, row.url, row.size, row.state, row.finding, row.checked_at)


def _witnessed() -> Iterator[WitnessedStanding]:
    for row in WitnessedLog.objects.defer("note", "vkeys"):
        yield WitnessedStanding(row.origin, row.size, row.cosigned_at)


def _log_alerts(now: LogStanding) -> Iterator[Alert]:
    if now.refusal:
        yield Alert(now.refusal, "error", now.origin)
    if now.lag_seconds > settings.ALERT_CHECKPOINT_SECONDS:
        yield Alert("checkpoint_overdue", "error", now.origin)
    elif now.lag_seconds > settings.ALERT_LAG_SECONDS or now.pending > settings.ALERT_BACKLOG:
        yield Alert("backlog_growing", "warning", now.origin)


def _ledger_alerts(ledger: LedgerStanding, at: datetime) -> Iterator[Alert]:
    if ledger.conflicts:
        yield Alert("attestation_conflict", "error", ledger.ledger_id)
    if ledger.dead:
        yield Alert("attestation_dead", "error", ledger.ledger_id)
    if ledger.paused_at is not None:
        yield Alert("ledger_paused", "warning", ledger.ledger_id)
    elif ledger.behind_since and at - ledger.behind_since > timedelta(seconds=settings.ALERT_LEDGER_SECONDS):
        yield Alert("ledger_behind", "warning", ledger.ledger_id)
    if ledger.health is not None and not ledger.health.is_healthy:
        yield Alert("ledger_unhealthy", "warning", ledger.ledger_id)


def _followed_alerts(log: FollowedStanding, at: datetime) -> Iterator[Alert]:
    stale = timedelta(seconds=settings.ALERT_MONITOR_SECONDS)
    if log.state == FollowedLog.State.BROKEN:
        yield Alert("followed_log_broken", "error", log.origin)
    elif log.state == FollowedLog.State.UNREACHABLE:
        yield Alert("followed_log_unreachable", "warning", log.origin)
    elif log.checked_at is not None and at - log.checked_at > stale:
        yield Alert("monitor_stopped", "warning", log.origin)


def _of_upper_app(path: str) -> Iterable[Alert]:
    return cast("Callable[[], Iterable[Alert]]", import_string(path))()
