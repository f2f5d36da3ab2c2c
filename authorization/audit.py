"""The audit trail: every event carries the hash of the one before, so that no change and no gap goes unseen.

An event holds names and pseudonymous ids, never a claim value. The hash of the newest event becomes a leaf of the log
every day: whoever rewrites the whole chain, its head included, still contradicts what was published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from anchoring import outbox
from anchoring.fsck import Finding
from anchoring.models import LogEntry
from authorization.models import AuditEvent, AuditHead
from identity.models import Organisation, WeID
from protocol.encoding import canonical_json

_THE_ROW = 1
_BATCH = 2000
_RECORD_PREFIX = "audit:"


@transaction.atomic
def record(
    *,
    actor: str,
    action: str,
    subject: str,
    weid: WeID | None = None,
    organisation: Organisation | None = None,
    outcome: str = "done",
    details: Mapping[str, Any] | None = None,
) -> AuditEvent:
    """Append an event to the chain. Call it last in a transaction: everyone else waits for the head until it ends."""
    head = _lock_head()
    event = AuditEvent(
        sequence=head.sequence + 1,
        at=timezone.now(),
        actor=actor,
        action=action,
        subject=subject,
        weid=weid,
        organisation=organisation,
        outcome=outcome,
        details=dict(details or {}),
        previous_hash=head.hash,
    )
    event.hash = hash_event(event)
    event.save(force_insert=True)
    head.sequence, head.hash = event.sequence, event.hash
    head.save(update_fields=["sequence", "hash"])
    return event


def hash_event(event: AuditEvent) -> str:
    """Return SHA-256, in hexadecimal, over everything the event says and the hash of the one before."""
    members = {
        "sequence": event.sequence,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": event.actor,
        "action": event.action,
        "subject": event.subject,
        "weid": event.weid_id,
        "organisation": event.organisation_id,
        "outcome": event.outcome,
        "details": event.details,
        "previous_hash": event.previous_hash,
    }
    return sha256(canonical_json(members)).hexdigest()


def check_chain() -> list[Finding]:
    """Return every event that was changed, removed or put in, and every published head that no longer stands."""
    previous = _start_of_chain()
    published = dict(_published_heads())
    findings: list[Finding] = []
    for event in AuditEvent.objects.order_by("sequence").iterator(chunk_size=_BATCH):
        findings += _check_event(event, *previous)
        previous = event.sequence, event.hash
        if published.pop(event.sequence, event.hash) != event.hash:
            findings.append(_finding(event.sequence, "audit_contradicts_log", "is not what was published"))
    head = AuditHead.objects.filter(pk=_THE_ROW).first() or AuditHead()
    if previous != (head.sequence, head.hash):
        findings.append(_finding(head.sequence, "audit_cut_short", "the chain does not end at its head"))
    missing = (_finding(sequence, "audit_contradicts_log", "was published and is gone") for sequence in published)
    return [*findings, *missing]


def timeline(weid: WeID) -> QuerySet[AuditEvent]:
    """Return who asked for what of *weid*, newest first."""
    return AuditEvent.objects.filter(weid=weid).select_related("organisation").order_by("-sequence")


@transaction.atomic
def anchor_head() -> LogEntry | None:
    """Put the hash of the newest event into the log; None while nothing was ever recorded."""
    head = AuditHead.objects.filter(pk=_THE_ROW, sequence__gt=0).first()
    if head is None:
        return None
    return outbox.append(
        record_id=f"{_RECORD_PREFIX}{head.sequence}", kind=LogEntry.Kind.AUDIT, digest=bytes.fromhex(head.hash)
    )


def _lock_head() -> AuditHead:
    locked = AuditHead.objects.select_for_update()
    head = locked.filter(pk=_THE_ROW).first()
    if head is None:
        AuditHead.objects.bulk_create([AuditHead(pk=_THE_ROW)], ignore_conflicts=True)
        head = locked.get(pk=_THE_ROW)
    return head


def _start_of_chain() -> tuple[int, str]:
    empty = AuditHead()
    return empty.sequence, empty.hash


def _check_event(event: AuditEvent, previous_sequence: int, previous_hash: str) -> Iterator[Finding]:
    if event.sequence != previous_sequence + 1:
        detail = f"events {previous_sequence + 1} to {event.sequence - 1} are gone"
        yield _finding(event.sequence, "audit_gap", detail)
    elif event.previous_hash != previous_hash:
        yield _finding(event.sequence, "audit_out_of_order", "does not follow the event before it")
    if hash_event(event) != event.hash:
        yield _finding(event.sequence, "audit_changed", "is not what was recorded")


def _finding(sequence: int, code: str, detail: str) -> Finding:
    return Finding(code, f"{_RECORD_PREFIX}{sequence}", detail)


def _published_heads() -> Iterator[tuple[int, str]]:
    published = LogEntry.objects.filter(kind=LogEntry.Kind.AUDIT).values_list("record_id", "digest")
    for record_id, digest in published.iterator(chunk_size=_BATCH):
        yield int(record_id.removeprefix(_RECORD_PREFIX)), bytes(digest).hex()
