"""The log: typed digests in one order, the tree over them, its signed checkpoints, and what ledgers say of those.

Nothing here is a person's data: a digest is salted or of high entropy before it arrives.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from protocol.proof import leaf_data


class LogEntry(models.Model):
    """A record waiting for, or holding, its place in the log. Written in the transaction of what it records."""

    # What a leaf is called whose record a restored database no longer knows, before its index.
    RECOVERED = "recovered:"

    class Kind(models.TextChoices):
        CREDENTIAL = "credential", _("Certificate issued")
        STATUS = "status", _("Status changed")
        WEID = "weid", _("WeID document")
        AUTHORIZATION = "authorization", _("Authorization given")
        WITHDRAWAL = "withdrawal", _("Authorization withdrawn")
        REDEMPTION = "redemption", _("Certificate redeemed, or the redemption reversed")
        AUDIT = "audit", _("Audit trail head")
        KEY = "key", _("Signing key made, retired or disabled")
        CHECKPOINT = "checkpoint", _("Checkpoint of another log")
        TRUST = "trust", _("Trust list published")

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
            models.Index(
                fields=["digest"],
                name="log_entry_recovered",
                condition=models.Q(record_id__startswith="recovered:"),
            ),
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
    # The log's COSE signature over the root, by protocol.cose_receipt.sign_root. Checkpoints older than it have none.
    receipt_signature = models.BinaryField(null=True)
    # Never before the checkpoint before it, whatever has been done to the clock.
    signed_at = models.DateTimeField(default=timezone.now)
    # What the clock said: the next checkpoint is paced by it, so that a clock set back neither stops nor floods the log.
    clock_at = models.DateTimeField(default=timezone.now)

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
            models.Index(fields=["ledger_id", "state", "checkpoint"], name="attestation_standing"),
            models.Index(
                fields=["ledger_id"],
                name="attestation_open",
                condition=models.Q(state__in=["planned", "prepared", "submitted", "included", "retry_wait"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ledger_id} {self.checkpoint_id} {self.state}"


class ConfiguredLedger(models.Model):
    """A ledger that an operator added. *options* hold addresses, pins and paths of key files, never a secret."""

    ledger_id = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=50)
    options = models.JSONField(default=dict)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["ledger_id"]

    def __str__(self) -> str:
        return f"{self.ledger_id} ({self.kind})"


class LedgerPause(models.Model):
    """While it stands, nothing is sent to this ledger; its checkpoints wait, and drain as one afterwards."""

    ledger_id = models.CharField(max_length=100, unique=True)
    reason = models.CharField(max_length=200, blank=True)
    paused_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.ledger_id


class LedgerReport(models.Model):
    """What a ledger last answered when it was asked how it is; *spent* is in the ledger's own unit."""

    ledger_id = models.CharField(max_length=100, unique=True)
    is_healthy = models.BooleanField()
    detail = models.CharField(max_length=300, blank=True)
    spent = models.CharField(max_length=100, blank=True)
    asked_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.ledger_id


class Cosignature(models.Model):
    """What a witness answered: signature lines over one of our checkpoints, kept because it answers only once."""

    ledger_id = models.CharField(max_length=100)
    origin = models.CharField(max_length=200)
    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    # The note as the witness saw it, under our log's own signatures.
    note = models.TextField()
    lines = models.TextField()
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ledger_id", "origin", "size"], name="one_cosignature_per_size")]
        indexes = [models.Index(fields=["origin", "size"], name="cosignature_checkpoint")]
        ordering = ["size"]

    def __str__(self) -> str:
        return f"{self.ledger_id} {self.origin} {self.size}"


class WitnessHead(models.Model):
    """Where a witness of ours last said that it stands in our log. It may say less than before: it was restored."""

    ledger_id = models.CharField(max_length=100)
    origin = models.CharField(max_length=200)
    size = models.BigIntegerField()
    told_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ledger_id", "origin"], name="one_head_per_witness")]

    def __str__(self) -> str:
        return f"{self.ledger_id} {self.origin} {self.size}"


class KeptAnswer(models.Model):
    """What an outside service answered once about one of our checkpoints: an RFC 3161 token, a remote log's entry."""

    ledger_id = models.CharField(max_length=100)
    origin = models.CharField(max_length=200)
    size = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    answer = models.BinaryField()
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ledger_id", "origin", "size"], name="one_kept_answer_per_size")]
        ordering = ["size"]

    def __str__(self) -> str:
        return f"{self.ledger_id} {self.origin} {self.size}"


class EvmTransaction(models.Model):
    """Signed bytes that may have been sent for one intent. Those of one lane and nonce exclude each other.

    Bytes without an intent only use up a nonce, so that later ones can be mined.
    """

    ledger_id = models.CharField(max_length=100)
    intent_id = models.BinaryField(max_length=32)
    lane = models.CharField(max_length=200)
    nonce = models.BigIntegerField()
    hash = models.BinaryField(max_length=32, unique=True)
    raw = models.BinaryField()
    # Wei, up to 2^256: more than any integer column holds.
    gas_price = models.CharField(max_length=78)
    paid = models.CharField(max_length=78, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["ledger_id", "intent_id"], name="evm_transaction_intent"),
            models.Index(fields=["lane", "nonce"], name="evm_transaction_nonce"),
        ]
        ordering = ["nonce", "id"]

    def __str__(self) -> str:
        return f"{self.ledger_id} {self.nonce}"


class EvmNonce(models.Model):
    """The next unused nonce of one submitter key on one chain: the row that whoever signs for it locks."""

    lane = models.CharField(max_length=200, unique=True)
    next_nonce = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.lane


class WitnessedLog(models.Model):
    """Another deployment's log that this one witnesses: its keys, and the newest checkpoint we cosigned."""

    origin = models.CharField(max_length=200, unique=True)
    # One or several verifier keys, a line each.
    vkeys = models.TextField()
    size = models.BigIntegerField(default=0)
    root = models.BinaryField(max_length=32, null=True)
    note = models.TextField(blank=True)
    cosigned_at = models.DateTimeField(null=True)
    # The newest of its checkpoints that is a leaf of our own log: the text whose digest the leaf holds.
    entered_text = models.TextField(blank=True)
    entered_size = models.BigIntegerField(default=0)
    entered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["origin"]

    def __str__(self) -> str:
        return f"{self.origin} {self.size}"


class FollowedLog(models.Model):
    """A log that the monitor re-verifies, ours (without a url) or another's: how far it has come, and what it found.

    *note* is the newest checkpoint that was proven consistent with all before it; the leaves under it have been read
    up to *size*.
    """

    class State(models.TextChoices):
        SOUND = "sound", _("Sound")
        BROKEN = "broken", _("Broken")
        UNREACHABLE = "unreachable", _("Out of reach")

    # How a finding begins that the log's own signatures prove, so that nothing it shows later takes it back.
    FORKED = "log_forked"

    origin = models.CharField(max_length=200, unique=True)
    url = models.CharField(max_length=500)
    vkeys = models.TextField()
    size = models.BigIntegerField(default=0)
    # The hashes of the complete subtrees left of size: enough to go on from, and no more.
    frontier = models.BinaryField(default=bytes)
    note = models.TextField(blank=True)
    # The entry bundle that is read again next: old ones come round for ever.
    rechecked = models.BigIntegerField(default=0)
    state = models.CharField(max_length=12, choices=State, default=State.SOUND)
    finding = models.CharField(max_length=300, blank=True)
    # JSON: the notes that show the finding, such as the two that cannot both be true.
    evidence = models.TextField(blank=True)
    checked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["origin"]

    def __str__(self) -> str:
        return f"{self.origin} {self.size}"


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
