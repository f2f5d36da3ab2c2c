"""Yesterday's backup of the log's tables, row by row: what is restored is exactly what was there."""

from __future__ import annotations

from typing import Any

from anchoring.models import Attestation, Checkpoint, EmbeddedRecord, FollowedLog, LogEntry, Tile, TreeHead

_TABLES: tuple[Any, ...] = (TreeHead, LogEntry, Tile, Checkpoint, Attestation, EmbeddedRecord, FollowedLog)

Backup = list[tuple[Any, list[dict[str, Any]]]]


def take() -> Backup:
    return [(table, list(table._default_manager.values())) for table in _TABLES]


def restore(backup: Backup) -> None:
    for table, _ in reversed(backup):
        table._default_manager.all().delete()
    for table, rows in backup:
        table._default_manager.bulk_create([table(**row) for row in rows])
