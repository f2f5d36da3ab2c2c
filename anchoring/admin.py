"""The log is read here, never written: a row changed by hand would be found by fsck, and by everyone else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from anchoring.models import Attestation, Checkpoint, LogEntry, TreeHead

# Generic for the type checker alone.
if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Model]
else:
    _ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(_ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    list_display = ("record_id", "kind", "leaf_index", "created_at", "sequenced_at")
    list_filter = ("kind",)
    search_fields = ("record_id",)
    exclude = ("digest",)
    show_full_result_count = False


@admin.register(Checkpoint)
class CheckpointAdmin(ReadOnlyAdmin):
    list_display = ("origin", "size", "signed_at")
    exclude = ("root",)


@admin.register(TreeHead)
class TreeHeadAdmin(ReadOnlyAdmin):
    list_display = ("size", "updated_at")
    exclude = ("root",)


@admin.register(Attestation)
class AttestationAdmin(ReadOnlyAdmin):
    list_display = ("checkpoint", "ledger_id", "state", "attempts", "next_attempt_at", "last_error")
    list_filter = ("ledger_id", "state")
    list_select_related = ("checkpoint",)
    exclude = ("intent", "evidence")
