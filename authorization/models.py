"""Why: registered requests, the citizen's consent as a signed artefact, the sealed transfer, and the audit trail."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from credentials.models import Credential, CredentialType
from identity.models import Account, ApiKey, Organisation, WeID


class RequestTemplate(models.Model):
    """What an organisation may ask for: which claims, why, kept how long, readable until when and how often."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="request_templates")
    # The one type the query asks for; its agency decides whether the asking is fit.
    credential_type = models.ForeignKey(CredentialType, on_delete=models.PROTECT, related_name="request_templates")
    name = models.CharField(max_length=80)
    # One text per language code.
    purpose = models.JSONField()
    # OpenID4VP 1.0 §6: one credential query of format dc+sd-jwt; optional claims are those outside `required_claims`.
    dcql_query = models.JSONField()
    # Claim paths the citizen cannot leave out; the rest of the query starts unticked.
    required_claims = models.JSONField()
    retention_days = models.PositiveIntegerField()
    access_days = models.PositiveIntegerField()
    max_reads = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="approved_templates")
    retired_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name

    @property
    def is_usable(self) -> bool:
        return self.approved_at is not None and self.retired_at is None


class PresentationRequest(models.Model):
    """One asking, made from an approved template; its link and QR lead the citizen to the consent page."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting for the citizen")
        GRANTED = "granted", _("Shared")
        REFUSED = "refused", _("Refused")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    template = models.ForeignKey(RequestTemplate, on_delete=models.PROTECT, related_name="requests")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="requests")
    # The verifier's own reference, echoed back; never shown to anyone else.
    reference = models.CharField(max_length=80, blank=True)
    nonce = models.CharField(max_length=43)
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    # The WeID that opened it first; nobody else may answer.
    weid = models.ForeignKey(WeID, null=True, on_delete=models.PROTECT, related_name="requests")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="requests")
    created_by = models.ForeignKey(Account, null=True, on_delete=models.SET_NULL, related_name="requests")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organisation", "-created_at"], name="requests_of_organisation")]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_expired(self) -> bool:
        return self.state == self.State.PENDING and self.expires_at <= timezone.now()


class Authorization(models.Model):
    """The citizen's signed consent, countersigned. The holder's signature, not this row, is the authority."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.OneToOneField(PresentationRequest, on_delete=models.PROTECT, related_name="authorization")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="authorizations")
    credential = models.ForeignKey(Credential, on_delete=models.PROTECT, related_name="authorizations")
    weid = models.ForeignKey(WeID, on_delete=models.PROTECT, related_name="authorizations")
    # OpenID4VP transaction_data exactly as hashed into the key-binding JWT.
    terms = models.TextField()
    terms_digest = models.CharField(max_length=43, unique=True)
    # Names (paths) only, never values.
    claims = models.JSONField()
    key_binding_jwt = models.TextField()
    # JWS of the platform over terms digest, key-binding digest and time.
    receipt = models.TextField()
    max_reads = models.PositiveIntegerField()
    reads_used = models.PositiveIntegerField(default=0)
    granted_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)
    # The holder's signed withdrawal, or empty where it was made by a signed-in citizen without the device key.
    withdrawal_jwt = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(reads_used__lte=models.F("max_reads")), name="reads_within_grant"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_active(self) -> bool:
        return self.withdrawn_at is None and self.expires_at > timezone.now()

    @property
    def is_readable(self) -> bool:
        return self.is_active and self.reads_used < self.max_reads


class Transfer(models.Model):
    """The sealed presentation, deposited as ciphertext that we cannot read."""

    authorization = models.OneToOneField(Authorization, on_delete=models.CASCADE, related_name="transfer")
    envelope = models.JSONField(null=True)
    deposited_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.authorization_id)


class AuditHead(models.Model):
    """The one row that every recording locks: where the chain ends. A chain cut short is shorter than this says."""

    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="0" * 64)

    def __str__(self) -> str:
        return str(self.sequence)


class AuditEvent(models.Model):
    """Who did what under which authorization: a hash chain of names and ids, never values."""

    sequence = models.BigIntegerField(unique=True)
    at = models.DateTimeField()
    # "account:<id>", "organisation:<slug>", "system".
    actor = models.CharField(max_length=120)
    action = models.CharField(max_length=40)
    # Pseudonymous object reference, e.g. "credential:<uuid>", "weid:<did>".
    subject = models.CharField(max_length=160)
    # Whose "who asked for what" this belongs to, where it belongs to a citizen.
    weid = models.ForeignKey(WeID, null=True, on_delete=models.PROTECT, related_name="audit_events")
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="audit_events")
    # "done", or the code of the refusal.
    outcome = models.CharField(max_length=40, default="done")
    details = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["sequence"]
        indexes = [models.Index(fields=["weid", "-sequence"], name="audit_of_weid")]

    def __str__(self) -> str:
        return f"{self.sequence} {self.action}"
