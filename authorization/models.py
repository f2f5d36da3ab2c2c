"""Why: registered requests, the citizen's consent as a signed artefact, the sealed transfer, and the audit trail."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from credentials.models import Credential, CredentialType
from identity.models import Account, Agency, ApiKey, Organisation, SigningKey, WeID


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
        # By a wallet, without terms of consent: what was shown is in the session.
        PRESENTED = "presented", _("Shown by a wallet")
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


class PresentationSession(models.Model):
    """A request as any wallet may answer it, over OpenID4VP 1.0: once, in the way in which it was asked.

    Every step forward is a conditional UPDATE. The time to answer is the request's.
    """

    class Outcome(models.TextChoices):
        PRESENTED = "presented", _("Shown by a wallet")
        REFUSED = "refused", _("Refused")

    class Keep(models.TextChoices):
        RETENTION = "retention", _("For as long as the citizen was told")
        FIRST_READ = "first_read", _("Until it is read")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.OneToOneField(PresentationRequest, on_delete=models.PROTECT, related_name="session")
    response_mode = models.CharField(max_length=20)
    # The whole of it, prefix included: the audience of every key binding.
    client_id = models.CharField(max_length=400)
    # Whose certificate or DID the client id names; none where a client of tests has no key.
    signing_key = models.ForeignKey(SigningKey, null=True, on_delete=models.PROTECT, related_name="sessions")
    request_uri_method = models.CharField(max_length=4, default="get")
    nonce = models.CharField(max_length=43)
    # `state` and the private key that the answer is encrypted to, sealed; empty once nothing can be answered any more.
    secrets_ciphertext = models.BinaryField()
    dcql_query = models.JSONField()
    # Elements exactly as sent, for their hashes; the first are the terms where `carries_terms`.
    transaction_data = models.JSONField(default=list)
    carries_terms = models.BooleanField(default=False)
    # Digital Credentials API: the pages that may ask.
    expected_origins = models.JSONField(default=list)
    # Same device: where the wallet leads the browser. Empty across devices.
    redirect_uri = models.CharField(max_length=1000, blank=True)
    keep = models.CharField(max_length=10, choices=Keep, default=Keep.RETENTION)
    fetched_at = models.DateTimeField(null=True)
    # The code of the last refusal, ours or the wallet's, that left the session open.
    last_error = models.CharField(max_length=80, blank=True)
    answered_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    # "valid" or "undetermined": what is invalid is refused.
    verdict = models.CharField(max_length=12, blank=True)
    # Whose certificate it was, where it is one of ours; from then on the citizen sees who read it.
    weid = models.ForeignKey(WeID, null=True, on_delete=models.PROTECT, related_name="sessions")
    # Per presentation: checks with codes and evidence, and names of claims; never a value.
    report = models.JSONField(default=list)
    # What was presented, sealed; destroyed when the retention is over, or once read where the verifier said so.
    presentation_ciphertext = models.BinaryField(null=True)
    retained_until = models.DateTimeField(null=True)
    response_code_digest = models.CharField(max_length=64, blank=True)
    code_redeemed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)


class RelyingParty(models.Model):
    """A system of an organisation that speaks OpenID Connect only: citizens sign in to it by showing a certificate."""

    class Method(models.TextChoices):
        SECRET = "client_secret_basic", _("A shared secret")
        KEY = "private_key_jwt", _("A key of its own")
        NONE = "none", _("None: the system runs where it can keep no secret")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client_id = models.CharField(max_length=40, unique=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="relying_parties")
    template = models.ForeignKey(RequestTemplate, on_delete=models.PROTECT, related_name="relying_parties")
    # Citizens read it on the page on which they sign in.
    name = models.CharField(max_length=80)
    method = models.CharField(max_length=20, choices=Method)
    # Keyed digest of the secret, with that method.
    secret_digest = models.CharField(max_length=64, blank=True)
    # Public JWKs, with that method.
    keys = models.JSONField(default=list)
    # Compared character by character.
    redirect_uris = models.JSONField()
    # What is passed on, under which name: [{"path": ["birth_date"], "claim": "birthdate"}].
    claim_names = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class BridgeLogin(models.Model):
    """One sign-in to a relying party: asked for by a browser, answered by a wallet, redeemed by the system.

    Every step forward is a conditional UPDATE. What was disclosed rests sealed between the answer and the end of the
    code or token, and is destroyed then.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    party = models.ForeignKey(RelyingParty, on_delete=models.PROTECT, related_name="logins")
    redirect_uri = models.CharField(max_length=2048)
    state = models.CharField(max_length=1024, blank=True)
    nonce = models.CharField(max_length=512, blank=True)
    code_challenge = models.CharField(max_length=43)
    # Keyed digest of a cookie: only the browser that began goes on.
    browser_digest = models.CharField(max_length=64)
    # For a wallet on another device, and for one on the same.
    session = models.OneToOneField(PresentationSession, on_delete=models.PROTECT, related_name="login")
    device_session = models.OneToOneField(
        PresentationSession, null=True, on_delete=models.PROTECT, related_name="device_login"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    # When the browser was sent back, with a code or with the error in `outcome`.
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=40, blank=True)
    subject = models.CharField(max_length=64, blank=True)
    authenticated_at = models.DateTimeField(null=True)
    claims_ciphertext = models.BinaryField(default=bytes)
    code_digest = models.CharField(max_length=64, blank=True)
    redeemed_at = models.DateTimeField(null=True)
    token_digest = models.CharField(max_length=64, blank=True)
    # Of the code, and once that is redeemed, of the access token.
    usable_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["code_digest"], condition=~models.Q(code_digest=""), name="one_login_per_code"
            ),
            models.UniqueConstraint(
                fields=["token_digest"], condition=~models.Q(token_digest=""), name="one_login_per_token"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


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


class WebhookEndpoint(models.Model):
    """Where an organisation or an agency wants to be told of events, and by which secrets it knows that it is us."""

    class DisabledReason(models.TextChoices):
        OWNER = "owner", _("You switched it off")
        GONE = "gone", _("The receiver answered that it is gone for good (410)")
        FAILING = "failing", _("The receiver accepted nothing for more than a day")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="webhook_endpoints"
    )
    agency = models.ForeignKey(Agency, null=True, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.CharField(max_length=500)
    # Types of event, in the order of authorization.webhooks.catalogue.
    events = models.JSONField()
    # Wrapped under KEY_ENCRYPTION_KEY; shown once.
    wrapped_secret = models.BinaryField()
    # Signs beside the new one until then, so that a receiver can change over without missing a delivery.
    wrapped_previous_secret = models.BinaryField(null=True)
    previous_until = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=10, choices=DisabledReason, blank=True)
    # A worker holds the endpoint until then; a later one takes over from a worker that died.
    leased_until = models.DateTimeField(null=True)
    # After a failure the receiver is left alone until then, whatever waits for it.
    rests_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    accepted_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(organisation__isnull=True) ^ models.Q(agency__isnull=True),
                name="webhook_of_one_owner",
            ),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def owner(self) -> Organisation | Agency:
        owner = self.organisation or self.agency
        if owner is None:
            raise ValueError("kept by webhook_of_one_owner")
        return owner


class WebhookDelivery(models.Model):
    """One event for one endpoint, written in the transaction of the event; its id is the `webhook-id`."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting to be delivered")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Given up")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=40)
    # The body, exactly as signed and sent at every attempt.
    payload = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    last_attempt_at = models.DateTimeField(null=True)
    # Of the last answer; empty where none came, and then `last_error` says why.
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error = models.CharField(max_length=1000, blank=True)
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["endpoint", "-created_at"], name="webhook_deliveries"),
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                name="webhook_deliveries_due",
                condition=models.Q(state="pending"),
            ),
        ]

    def __str__(self) -> str:
        return self.webhook_id

    @property
    def webhook_id(self) -> str:
        """What the receiver knows it by: the same at every attempt and replay."""
        return f"msg_{self.pk.hex}"
