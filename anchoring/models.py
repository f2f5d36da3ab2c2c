"""The log: typed digests in one order, the tree over them, its signed checkpoints, and what ledgers say of those.

Nothing here is a person's data: a digest is salted or of high entropy before it arrives.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from protocol.proof import leaf_data


class LogEntry(models.Model):
    """A record waiting for, or holding, its place in the log. Written in the transaction of what it records."""

    class Kind(models.TextChoices):
        CREDENTIAL = "credential", _("Certificate issued")
        STATUS = "status", _("Status changed")
        WEID = "weid", _("WeID document")
        AUTHORIZATION = "authorization", _("Authorization given")
        WITHDRAWAL = "withdrawal", _("Authorization withdrawn")
        AUDIT = "audit", _("Audit trail head")

    # Exact deduplication: the same record asked for twice is one leaf.
    record_id = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, choices=Kind)
    digest = models.BinaryField(max_length=32)
    leaf_index = models.BigIntegerField(null=True, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sequenced_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "log entries"
        indexes = [
            models.Index(fields=["id"], name="log_entry_pending", condition=models.Q(leaf_index__isnull=True)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(leaf_index__isnull=True, sequenced_at__isnull=True)
                | models.Q(leaf_index__gte=0, sequenced_at__isnull=False),
                name="log_entry_pending_or_placed",
            ),
        ]

    def __str__(self) -> str:
        return self.record_id

    @property
    def data(self) -> bytes:
        """The leaf as published: its hash is what the tree holds."""
        return leaf_data(self.kind, bytes(self.digest))


class Tile(models.Model):
    """Up to 256 consecutive hashes of one level (C2SP tlog-tiles)."""

    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hashes = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "index"], name="tile_position")]

    def __str__(self) -> str:
        return f"{self.level}/{self.index}"


class TreeHead(models.Model):
    """The one row that sequencers lock: size and root of the tree as stored."""

    ONLY_ID = 1

    size = models.BigIntegerField(default=0)
    root = models.BinaryField(max_length=32)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_tree_head")]

    def __str__(self) -> str:
        return str(self.size)


class Checkpoint(models.Model):
    """A signed statement of (origin, size, root); the only source of a tree size that a proof may use."""

    origin = models.CharField(max_length=200)
    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    signed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["origin", "size"], name="one_checkpoint_per_size")]
        ordering = ["size"]

    def __str__(self) -> str:
        return f"{self.origin} {self.size}"


class Attestation(models.Model):
    """What one ledger says of one checkpoint. Final bytes are stored before they are sent."""

    class State(models.TextChoices):
        PLANNED = "planned", _("Planned")
        PREPARED = "prepared", _("Prepared")
        SUBMITTED = "submitted", _("Submitted")
        INCLUDED = "included", _("Included")
        FINAL = "final", _("Final")
        RETRY_WAIT = "retry_wait", _("Waiting to try again")
        SUPERSEDED = "superseded", _("Covered by a later checkpoint")
        CONFLICT = "conflict", _("Contradicts the ledger")
        DEAD = "dead", _("Stopped until an operator acts")

    OPEN = (State.PLANNED, State.PREPARED, State.SUBMITTED, State.INCLUDED, State.RETRY_WAIT)

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="attestations")
    ledger_id = models.CharField(max_length=100)
    state = models.CharField(max_length=12, choices=State, default=State.PLANNED)
    intent = models.BinaryField(null=True)
    evidence = models.BinaryField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["checkpoint", "ledger_id"], name="one_attestation_per_ledger"),
            # A ledger's submissions go one after another: whatever races, only one intent is between pen and paper.
            models.UniqueConstraint(
                fields=["ledger_id"],
                name="one_intent_in_flight_per_ledger",
                condition=models.Q(intent__isnull=False, state__in=["prepared", "submitted", "retry_wait"]),
            ),
        ]
        indexes = [
            models.Index(
                fields=["ledger_id"],
                name="attestation_open",
                condition=models.Q(state__in=["planned", "prepared", "submitted", "included", "retry_wait"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ledger_id} {self.checkpoint_id} {self.state}"


class EmbeddedRecord(models.Model):
    """A checkpoint that the embedded ledger has accepted."""

    intent_id = models.BinaryField(max_length=32, unique=True)
    origin = models.CharField(max_length=200)
    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["origin", "size"], name="one_embedded_record_per_size")]
        ordering = ["size"]

    def __str__(self) -> str:
        return f"{self.origin} {self.size}"
