"""Where every other app hands over what must stand in the log, inside the transaction of the thing itself.

If that transaction commits, the record waits for its place; if it does not, no trace remains. A record alone rings no
bell: the beat comes by every SEQUENCE_SECONDS, and a tree that grows leaf by leaf would rewrite its border for each.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from anchoring.copying import copy_rows
from anchoring.doorbell import ring_on_commit
from anchoring.errors import RecordConflictError, RecordIdError
from anchoring.models import LogEntry
from protocol.errors import LeafFormatError
from protocol.proof import leaf_data

SEQUENCE_TASK = "anchoring.sequence"
BATCH = 1000

# No slash and no control character: a record id is a segment of its receipt's address.
_RECORD_ID = re.compile(r"[!-.0-~]{1,100}\Z", re.ASCII)
_KINDS = frozenset(LogEntry.Kind.values)
_COLUMNS = ("record_id", "kind", "digest", "created_at")

Record = tuple[str, str, bytes]


def append(*, record_id: str, kind: str, digest: bytes) -> LogEntry:
    """Return the one entry of *record_id*, written now or earlier. Raises RecordConflictError for another digest."""
    record = _checked(record_id, kind, digest)
    with transaction.atomic():
        _insert([record])
        entry = LogEntry.objects.get(record_id=record_id)
        if _record(entry) != record:
            raise RecordConflictError(record_id)
    # One bell in SEQUENCE_BATCH records, without counting those that wait: ids come from one counter.
    if entry.pk % settings.SEQUENCE_BATCH == 0:
        ring_on_commit(SEQUENCE_TASK)
    return entry


def append_many(entries: Iterable[Record]) -> int:
    """Record (record id, kind, digest) rows, all or none, and return how many were given. Repetition is harmless."""
    records = [_checked(*entry) for entry in entries]
    if not records:
        return 0
    if not _copy(records):
        with transaction.atomic():
            _insert(records)
            _refuse_conflicts(records)
    if len(records) >= settings.SEQUENCE_BATCH:
        ring_on_commit(SEQUENCE_TASK)
    return len(records)


def recovered_record_id(*, kind: str, digest: bytes) -> str | None:
    """Return the stand-in name of a leaf that outlived its record (see anchoring.recovery), or None."""
    return recovered_record_ids(kind=kind, digests=[digest]).get(digest)


def recovered_record_ids(*, kind: str, digests: Collection[bytes]) -> dict[bytes, str]:
    """Return the same for many, of those that have one, by digest."""
    recovered = LogEntry.objects.filter(record_id__startswith=LogEntry.RECOVERED, digest__in=digests, kind=kind)
    return {bytes(digest): name for digest, name in recovered.values_list("digest", "record_id")}


def is_record_id(text: str) -> bool:
    return _RECORD_ID.match(text) is not None


def _checked(record_id: str, kind: str, digest: bytes) -> Record:
    if not is_record_id(record_id):
        raise RecordIdError(repr(record_id[:100]))
    if kind not in _KINDS:
        raise LeafFormatError("not a kind of this log")
    leaf_data(kind, digest)
    return record_id, str(kind), digest


def _record(entry: LogEntry) -> Record:
    return entry.record_id, entry.kind, bytes(entry.digest)


def _insert(records: Sequence[Record]) -> None:
    entries = [LogEntry(record_id=record_id, kind=kind, digest=digest) for record_id, kind, digest in records]
    LogEntry.objects.bulk_create(entries, batch_size=BATCH, ignore_conflicts=True)


def _copy(records: Sequence[Record]) -> bool:
    """Whether COPY took all rows: not on SQLite, and not when one of them already stands."""
    if connection.vendor != "postgresql":
        return False
    now = timezone.now()
    try:
        with transaction.atomic():
            copy_rows(LogEntry, _COLUMNS, [(*record, now) for record in records])
    except IntegrityError:
        return False
    return True


def _refuse_conflicts(records: Sequence[Record]) -> None:
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        stored = LogEntry.objects.filter(record_id__in=[record_id for record_id, _, _ in batch])
        found = {entry.record_id: _record(entry) for entry in stored}
        for record in batch:
            if found[record[0]] != record:
                raise RecordConflictError(record[0])
