"""What: certificate types, applications on their way from maker to checker, credentials and their status."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from credentials.subject import open_subject, seal_subject, subject_hmac
from identity.models import Account, Agency, Organisation, Person, SigningKey, WeID


class CredentialType(models.Model):
    """One version of one kind of certificate. A version in use is never changed; a change is a new version."""

    class Approval(models.TextChoices):
        FOUR_EYES = "four_eyes", _("A second person approves")

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="credential_types")
    slug = models.SlugField()
    version = models.PositiveIntegerField(default=1)
    vct = models.URLField(max_length=300, unique=True)
    # One text per language code.
    name = models.JSONField()
    description = models.JSONField(default=dict)
    number_prefix = models.CharField(max_length=10)
    # JSON Schema (2020-12) of the claims.
    schema = models.JSONField()
    # Ordered: [{"path": ["given_name"], "label": {lang: text}, "disclosure": "always" | "selective", "widget": …}].
    claims = models.JSONField()
    validity_days = models.PositiveIntegerField()
    approval = models.CharField(max_length=12, choices=Approval, default=Approval.FOUR_EYES)
    # How much of a certificate can be redeemed, in units of the type's own; none where it is not used up by using it.
    units = models.PositiveIntegerField(null=True)
    is_active = models.BooleanField(default=True)
    # Of its published metadata, as certificates name it; none before they are settled.
    metadata_integrity = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["slug", "version"], name="one_type_per_version")]

    def __str__(self) -> str:
        return f"{self.slug} v{self.version}"


class TypeDocument(models.Model):
    """What is published of a type, byte for byte: certificates hold the digest of its metadata, and these of the rest."""

    METADATA = "metadata"

    credential_type = models.ForeignKey(CredentialType, on_delete=models.CASCADE, related_name="documents")
    # METADATA, or the locale of an SVG template.
    name = models.CharField(max_length=20)
    text = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["credential_type", "name"], name="one_document_per_name")]

    def __str__(self) -> str:
        return f"{self.credential_type_id} {self.name}"


class Application(models.Model):
    """A certificate in the making. The claims are ciphertext under the person's data key."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SUBMITTED = "submitted", _("Waiting for approval")
        RETURNED = "returned", _("Returned")
        APPROVED = "approved", _("Approved, being issued")
        ISSUED = "issued", _("Issued")
        CANCELLED = "cancelled", _("Cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    credential_type = models.ForeignKey(CredentialType, on_delete=models.PROTECT, related_name="applications")
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="applications")
    # Not a foreign key: see credentials.subject.
    person_hmac = models.CharField(max_length=64, db_index=True)
    person_ciphertext = models.BinaryField()
    claims_ciphertext = models.BinaryField()
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    maker = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="made_applications")
    checker = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="checked_applications")
    return_reason = models.CharField(max_length=500, blank=True)
    # Set when a certificate bound to a lost device is issued again, under the same approval: once for each.
    replaces = models.OneToOneField("Credential", null=True, on_delete=models.PROTECT, related_name="replacement")
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    _person: Person | None = None

    class Meta:
        constraints = [
            # A clerk never approves their own work, whatever the code above forgets.
            models.CheckConstraint(
                condition=models.Q(checker__isnull=True) | ~models.Q(checker=models.F("maker")),
                name="checker_is_not_maker",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def person(self) -> Person:
        """Whom it is about, through the sealed link. Raises UnreadableError."""
        if self._person is None:
            self._person = open_subject(self.pk, self.person_ciphertext)
        return self._person

    @person.setter
    def person(self, person: Person) -> None:
        self.person_hmac, self.person_ciphertext = subject_hmac(person), seal_subject(self.pk, person)
        self._person = person


class StatusList(models.Model):
    """A Token Status List: 2 bits a credential, of fixed size, fetched whole by anyone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="status_lists")
    bits = models.PositiveSmallIntegerField(default=2)
    size = models.PositiveIntegerField()
    array = models.BinaryField()
    used = models.PositiveIntegerField(default=0)
    version = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.id)


class IssuanceIntent(models.Model):
    """Written and committed before any signature exists, so that no signature is ever unaccounted for."""

    application = models.OneToOneField(Application, on_delete=models.PROTECT, related_name="intent")
    credential_id = models.UUIDField(unique=True, default=uuid.uuid4)
    weid = models.ForeignKey(WeID, on_delete=models.PROTECT)
    signing_key = models.ForeignKey(SigningKey, on_delete=models.PROTECT)
    number = models.CharField(max_length=40, unique=True)
    status_list = models.ForeignKey(StatusList, on_delete=models.PROTECT)
    status_index = models.PositiveIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["status_list", "status_index"], name="one_intent_per_status_index"),
        ]

    def __str__(self) -> str:
        return self.number


class Credential(models.Model):
    class State(models.TextChoices):
        VALID = "valid", _("Valid")
        SUSPENDED = "suspended", _("Suspended")
        REVOKED = "revoked", _("Revoked")

    id = models.UUIDField(primary_key=True, editable=False)
    application = models.OneToOneField(Application, null=True, on_delete=models.PROTECT, related_name="credential")
    credential_type = models.ForeignKey(CredentialType, on_delete=models.PROTECT, related_name="credentials")
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="credentials")
    weid = models.ForeignKey(WeID, on_delete=models.PROTECT, related_name="credentials")
    number = models.CharField(max_length=40, unique=True)
    # The SD-JWT with every disclosure, as ciphertext under the person's data key.
    sd_jwt_ciphertext = models.BinaryField()
    # SHA-256 of the issuer-signed JWT's signing input; high entropy through its salted digests. Never signature bytes.
    digest = models.BinaryField(max_length=32, unique=True)
    signing_key = models.ForeignKey(SigningKey, on_delete=models.PROTECT, related_name="credentials")
    status_list = models.ForeignKey(StatusList, on_delete=models.PROTECT, related_name="credentials")
    status_index = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.VALID)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["status_list", "status_index"], name="one_credential_per_status_index"),
        ]

    def __str__(self) -> str:
        return self.number


class StatusChange(models.Model):
    """One revocation, suspension or reinstatement, with its reason code; its digest is a leaf."""

    class Reason(models.TextChoices):
        HOLDER_REQUEST = "holder_request", _("The holder asked for it")
        DATA_ERROR = "data_error", _("The certificate held an error")
        SUPERSEDED = "superseded", _("Replaced by a newer certificate")
        NO_LONGER_ENTITLED = "no_longer_entitled", _("The holder is no longer entitled")
        KEY_COMPROMISE = "key_compromise", _("A key may be in the wrong hands")
        INVESTIGATION = "investigation", _("Under investigation")
        RESOLVED = "resolved", _("The matter is settled")

    credential = models.ForeignKey(Credential, on_delete=models.PROTECT, related_name="status_changes")
    from_state = models.CharField(max_length=10, choices=Credential.State)
    to_state = models.CharField(max_length=10, choices=Credential.State)
    reason = models.CharField(max_length=20, choices=Reason)
    salt = models.BinaryField(max_length=16)
    # Empty when the service itself revoked what it had just replaced.
    actor = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="status_changes")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.credential_id} {self.to_state}"


class VerificationPolicy(models.Model):
    """One version of what an organisation demands of a presentation. Never changed: a change is a new version."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="verification_policies")
    slug = models.SlugField(max_length=60)
    version = models.PositiveIntegerField()
    # As `policy` in a request to verify, with every name in it spelled out.
    rules = models.JSONField()
    # The longest that a report made under it may be kept; empty sets no limit of its own.
    retention_days = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "verification policies"
        constraints = [
            models.UniqueConstraint(fields=["organisation", "slug", "version"], name="one_policy_per_version"),
        ]

    def __str__(self) -> str:
        return f"{self.slug} v{self.version}"


class KeptReport(models.Model):
    """The signed report on one verification, sealed, for as long as its organisation chose and the citizen was told."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="kept_reports")
    report_ciphertext = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    delete_after = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["organisation", "-created_at"], name="reports_of_organisation")]

    def __str__(self) -> str:
        return str(self.id)


class Redemption(models.Model):
    """A use that counts: units taken by an organisation to which the holder presented the certificate."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    credential = models.ForeignKey(Credential, on_delete=models.PROTECT, related_name="redemptions")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="redemptions")
    # Which redemption of this certificate it is, from 1: two at once cannot both have counted the same past.
    number = models.PositiveIntegerField()
    units = models.PositiveIntegerField()
    idempotency_key = models.CharField(max_length=64)
    request_digest = models.BinaryField(max_length=32)
    # SHA-256 of what the holder signed: a presentation is redeemed once.
    presentation_digest = models.BinaryField(max_length=32, unique=True)
    salt = models.BinaryField(max_length=16)
    created_at = models.DateTimeField(default=timezone.now)
    reversed_at = models.DateTimeField(null=True)
    reversal_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "idempotency_key"], name="one_redemption_per_key"),
            models.UniqueConstraint(fields=["credential", "number"], name="one_redemption_at_a_time"),
            models.CheckConstraint(condition=models.Q(units__gt=0), name="redemption_takes_units"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class WalletProvider(models.Model):
    """Who vouches for wallets, or for the keys inside them. Without a row nobody does."""

    class Purpose(models.TextChoices):
        WALLET = "wallet", _("Vouches for wallets")
        KEY = "key", _("Vouches for keys")

    name = models.CharField(max_length=80, unique=True)
    public_jwks = models.JSONField()
    purposes = models.JSONField()
    added_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class RequestKey(models.Model):
    """A P-256 key of an agency to which wallets encrypt their requests. A retired one opens what is still under way."""

    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="request_keys")
    key_id = models.CharField(max_length=80, unique=True)
    public_jwk = models.JSONField()
    wrapped_private_key = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agency"], condition=models.Q(retired_at__isnull=True), name="one_request_key_per_agency"
            ),
        ]

    def __str__(self) -> str:
        return self.key_id


class CredentialOffer(models.Model):
    """An invitation to one wallet to fetch one certificate, issued already or still being made.

    The code is not stored: whoever holds the reference, or the code itself, brings it, and keyed digests find the row.
    """

    class Grant(models.TextChoices):
        PRE_AUTHORIZED = "pre-authorized_code", _("By the code alone")
        AUTHORIZATION = "authorization_code", _("By sign-in")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="offers")
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="offers")
    grant = models.CharField(max_length=24, choices=Grant)
    code_digest = models.CharField(max_length=64, unique=True)
    reference_digest = models.CharField(max_length=64, unique=True)
    # Empty when the offer asks for none.
    tx_code_digest = models.CharField(max_length=64, blank=True)
    wrong_tx_codes = models.PositiveSmallIntegerField(default=0)
    requires_dpop = models.BooleanField(default=False)
    requires_key_attestation = models.BooleanField(default=False)
    # How many copies one request may ask for.
    most = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    redeemed_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)


class WalletAuthorization(models.Model):
    """A wallet's pushed authorization request, the citizen's answer to it, and the code that came of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="wallet_authorizations")
    credential_type = models.ForeignKey(CredentialType, on_delete=models.PROTECT, related_name="+")
    request_digest = models.CharField(max_length=64, unique=True)
    client_id = models.CharField(max_length=512)
    # Thumbprints of the keys that the wallet has shown: its attested instance key, its DPoP key. Empty for none.
    client_thumbprint = models.CharField(max_length=43, blank=True)
    dpop_thumbprint = models.CharField(max_length=43, blank=True)
    redirect_uri = models.CharField(max_length=2048)
    state = models.CharField(max_length=1024, null=True)  # noqa: DJ001 an empty state is echoed, none is not
    code_challenge = models.CharField(max_length=43)
    # Configuration ids that were asked for by authorization details, to be answered in kind (RFC 9396 §7).
    details = models.JSONField(default=list)
    offer = models.ForeignKey(CredentialOffer, null=True, on_delete=models.PROTECT, related_name="authorizations")
    # What the citizen agreed to hand over.
    application = models.ForeignKey(Application, null=True, on_delete=models.PROTECT, related_name="+")
    code_digest = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001 unique only where there is one
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    decided_at = models.DateTimeField(null=True)
    code_expires_at = models.DateTimeField(null=True)
    redeemed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)


class WalletGrant(models.Model):
    """What one wallet may fetch, from its first access token until it, or the citizen, has enough."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="wallet_grants")
    # Not the certificate: there may be none yet, and what replaces it goes to the same wallet.
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="wallet_grants")
    offer = models.OneToOneField(CredentialOffer, null=True, on_delete=models.PROTECT, related_name="wallet_grant")
    authorization = models.OneToOneField(
        WalletAuthorization, null=True, on_delete=models.PROTECT, related_name="wallet_grant"
    )
    client_id = models.CharField(max_length=512, blank=True)
    client_thumbprint = models.CharField(max_length=43, blank=True)
    dpop_thumbprint = models.CharField(max_length=43, blank=True)
    requires_key_attestation = models.BooleanField(default=False)
    most = models.PositiveSmallIntegerField()
    access_digest = models.CharField(max_length=64, unique=True)
    access_expires_at = models.DateTimeField()
    refresh_digest = models.CharField(max_length=64, unique=True)
    refresh_expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(offer__isnull=False) | models.Q(authorization__isnull=False),
                name="wallet_grant_has_its_reason",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class DeferredIssuance(models.Model):
    """A request whose certificate was not there yet. The holder's keys are settled here and never exchanged."""

    grant = models.ForeignKey(WalletGrant, on_delete=models.PROTECT, related_name="deferred")
    transaction_digest = models.CharField(max_length=64, unique=True)
    format = models.CharField(max_length=20)
    holder_jwks = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    completed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.pk)


class CredentialInstance(models.Model):
    """One copy of a certificate in a wallet, with a key, salts, a status entry and a leaf of its own.

    The row is committed before anything is signed; what is signed is released once, with its digest. The copy itself is
    not kept, nor the key it is bound to: from here no two copies can be told to be one wallet's but by our own rows.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    credential = models.ForeignKey(Credential, on_delete=models.PROTECT, related_name="instances")
    grant = models.ForeignKey(WalletGrant, on_delete=models.PROTECT, related_name="instances")
    # The copies of one response, by the name under which the wallet reports on them.
    handover = models.UUIDField(db_index=True)
    format = models.CharField(max_length=20)
    signing_key = models.ForeignKey(SigningKey, on_delete=models.PROTECT, related_name="instances")
    status_list = models.ForeignKey(StatusList, on_delete=models.PROTECT, related_name="instances")
    status_index = models.PositiveIntegerField()
    # As Credential.digest; none before the release.
    digest = models.BinaryField(max_length=32, null=True, unique=True)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)
    released_at = models.DateTimeField(null=True)
    # The citizen gave this copy up, as with a lost phone; the certificate lives on.
    withdrawn_at = models.DateTimeField(null=True)
    wallet_event = models.CharField(max_length=30, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["status_list", "status_index"], name="one_instance_per_status_index"),
            models.CheckConstraint(
                condition=models.Q(digest__isnull=True) ^ models.Q(released_at__isnull=False),
                name="instance_released_with_its_digest",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
