"""GET /metrics for Prometheus. Everything comes from the database at the scrape, so any process answers the same.

Labels are names that the operator or the code gave: ledgers, logs, tasks, outcomes. Nothing here concerns a person.
prometheus_client writes the text and nothing more: its own counters live in one process each, and the middleware that
counts requests for Django would cost every request what it tells about all of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from hmac import compare_digest
from ipaddress import ip_address
from threading import Lock

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from anchoring.models import LogEntry, TreeHead
from anchoring.standing import LedgerStanding, LogStanding, alerts
from config import tally
from config.log_state import current_standing
from config.models import Tally
from protocol.errors import ForbiddenError, NotFoundError

PREFIX = "chancela"
# Whoever forwards a request adds one of these: its sender is not the neighbour that REMOTE_ADDR names.
FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")


@csrf_exempt
@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    """The text format that the scraper asks for. Raises NotFoundError, or ForbiddenError where there is a token."""
    _admit(request)
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    registry = CollectorRegistry()
    registry.register(DatabaseCollector())
    return HttpResponse(encode(registry), content_type=content_type, headers={"Cache-Control": "no-store"})


def _admit(request: HttpRequest) -> None:
    if _is_from_network(request):
        return
    if not settings.METRICS_TOKEN:
        raise NotFoundError("metrics")
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not compare_digest(token.encode(), settings.METRICS_TOKEN.encode()):
        raise ForbiddenError("metrics")


def _is_from_network(request: HttpRequest) -> bool:
    if any(name in request.META for name in FORWARDED):
        return False
    try:
        address = ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    return any(address in network for network in settings.METRICS_NETWORKS)


class DatabaseCollector(Collector):
    """All families, anew for each scrape."""

    def collect(self) -> Iterator[Metric]:
        """Yield them. A scrape that cannot be answered whole is answered with an error, never in part."""
        standing = current_standing()
        yield from _log_families(standing)
        yield from _ledger_families(standing)
        yield from _other_logs(standing)
        yield _alert_family(standing)
        yield _leaf_family()
        yield from _tally_families()


def _log_families(now: LogStanding) -> Iterator[Metric]:
    age = (now.at - now.checkpoint_at).total_seconds() if now.checkpoint_at else None
    values: list[tuple[str, str, float | None]] = [
        ("log_size", "Leaves in the tree", now.head_size),
        ("log_published_size", "Leaves under the newest signed checkpoint", now.published_size),
        ("log_pending_records", "Records that wait for their place in the tree", now.pending),
        ("log_lag_seconds", "How long the oldest record that no checkpoint covers has waited", now.lag_seconds),
        ("log_checkpoint_age_seconds", "Time since the newest checkpoint was signed", age),
        ("log_guarded_size", "Leaves that the guard outside the database remembers", now.guarded_size),
        ("log_is_signing", "1 unless the log refuses to sign", not now.refusal),
    ]
    # What is not known is left out: 0 would be a statement.
    yield from (_gauge(name, text, value) for name, text, value in values if value is not None)


def _ledger_families(now: LogStanding) -> Iterator[Metric]:
    states = GaugeMetricFamily(f"{PREFIX}_attestations", "Attestations by ledger and state", labels=["ledger", "state"])
    for ledger in now.ledgers:
        for state, count in sorted(ledger.counts.items()):
            states.add_metric([ledger.ledger_id, state], count)
    yield states

    def behind(ledger: LedgerStanding) -> float:
        return (now.at - ledger.behind_since).total_seconds() if ledger.behind_since else 0.0

    read: list[tuple[str, str, Callable[[LedgerStanding], float | None]]] = [
        ("ledger_final_size", "Leaves under the newest checkpoint that is final there", lambda one: one.final_size),
        ("ledger_behind_seconds", "How long the ledger has owed a checkpoint", behind),
        ("ledger_is_paused", "1 while an operator has paused it", lambda one: one.paused_at is not None),
        ("ledger_is_healthy", "What it last answered", lambda one: one.health.is_healthy if one.health else None),
    ]
    for name, text, value_of in read:
        yield _by("ledger", name, text, ((one.ledger_id, value_of(one)) for one in now.ledgers))


def _other_logs(now: LogStanding) -> Iterator[Metric]:
    followed = [(log.origin, log.size) for log in now.followed]
    yield _by("origin", "followed_log_size", "Leaves that the monitor has verified", followed)
    sound = [(log.origin, log.state == "sound") for log in now.followed]
    yield _by("origin", "followed_log_is_sound", "0 when it is broken or out of reach", sound)
    witnessed = [(log.origin, log.size) for log in now.witnessed]
    yield _by("origin", "witnessed_log_size", "Leaves under the newest checkpoint that we cosigned", witnessed)


def _alert_family(now: LogStanding) -> Metric:
    standing: dict[tuple[str, str], int] = defaultdict(int)
    for alert in alerts(now):
        standing[alert.code, alert.severity] += 1
    family = GaugeMetricFamily(f"{PREFIX}_alerts", "What needs a person, by code", labels=["code", "severity"])
    for labels, count in sorted(standing.items()):
        family.add_metric(labels, count)
    return family


class _LeafCount:
    """Leaves by kind. They never change once they have their place, so each scrape counts only those that are new."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._size = 0
        self._by_kind: dict[str, int] = {}

    def read(self) -> dict[str, int]:
        # Read under the lock: of two scrapes at once, the later must not find the earlier's size.
        with self._lock:
            head = TreeHead.objects.filter(id=TreeHead.ONLY_ID).first()
            size = head.size if head else 0
            if size < self._size:
                # Another database: restored, or a test's.
                self._size, self._by_kind = 0, {}
            new = LogEntry.objects.filter(leaf_index__gte=self._size, leaf_index__lt=size).order_by()
            for kind, count in new.values_list("kind").annotate(Count("pk")) if size > self._size else ():
                self._by_kind[kind] = self._by_kind.get(kind, 0) + count
            self._size = size
            return dict(self._by_kind)


_leaf_count = _LeafCount()


def _leaf_family() -> Metric:
    text = "Leaves by kind: certificates issued, changes of status, authorizations, withdrawals and so on"
    family = CounterMetricFamily(f"{PREFIX}_log_leaves", text, labels=["kind"])
    for kind, count in sorted(_leaf_count.read().items()):
        family.add_metric([kind], count)
    return family


def _tally_families() -> Iterator[Metric]:
    tally.write_totals()
    rows = list(Tally.objects.order_by("name", "label"))
    yield _counter("verifications", "Verifications by outcome", "outcome", rows, tally.VERIFICATION)
    yield _counter("task_failures", "Tasks that ended in an error", "task", rows, tally.TASK_FAILURE)
    yield _durations([row for row in rows if row.name == tally.TASK])


def _counter(name: str, text: str, label: str, rows: Iterable[Tally], tallied: str) -> Metric:
    family = CounterMetricFamily(f"{PREFIX}_{name}", text, labels=[label])
    for row in rows:
        if row.name == tallied:
            family.add_metric([row.label], row.count)
    return family


def _durations(rows: list[Tally]) -> Metric:
    family = HistogramMetricFamily(f"{PREFIX}_task_seconds", "How long tasks took", labels=["task"])
    for task in sorted({row.label for row in rows}):
        counts = {row.bucket: row.count for row in rows if row.label == task}
        total, buckets = 0, []
        # A bucket of the text format holds all that took no longer, not only what the one before does not.
        for bound in (*map(str, tally.BUCKETS), tally.MORE):
            total += counts.get(bound, 0)
            buckets.append((bound, float(total)))
        family.add_metric([task], buckets, sum(row.seconds for row in rows if row.label == task))
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=float(value))


def _by(label: str, name: str, text: str, values: Iterable[tuple[str, float | None]]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=[label])
    for key, value in values:
        if value is not None:
            family.add_metric([key], float(value))
    return family
