"""Who: accounts, agencies and their staff, verifier organisations, people, proof of identity, WeIDs and keys.

A person and their WeID are not joined by a foreign key: the link is an encrypted value found by keyed HMAC, opened only
under audit (accountable pseudonymity).
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Account(AbstractUser):
    """A sign-in. What it may do follows from roles, memberships and the person it belongs to."""

    email = models.EmailField(_("email address"), unique=True)
    language = models.CharField(max_length=10, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE)


class Agency(models.Model):
    """A department that issues. Its clerks see only its own people and certificates."""

    slug = models.SlugField(unique=True)
    # One text per language code: {"zh-hant": …, "zh-hans": …, "pt": …, "en": …}.
    name = models.JSONField()
    # Wallets receive its certificates under OpenID4VC HAIP 1.0 alone.
    haip = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "agencies"

    def __str__(self) -> str:
        return self.slug


class Role(models.Model):
    class Name(models.TextChoices):
        MAKER = "maker", _("Maker")
        CHECKER = "checker", _("Checker")
        ADMINISTRATOR = "administrator", _("Agency administrator")
        AUDITOR = "auditor", _("Auditor")

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="roles")
    agency = models.ForeignKey(Agency, on_delete=models.CASCADE, related_name="roles")
    name = models.CharField(max_length=20, choices=Name)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "agency", "name"], name="one_role_once")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.agency_id} {self.name}"


class Organisation(models.Model):
    """A verifier: a bank, an employer, another department."""

    slug = models.SlugField(unique=True)
    name = models.JSONField()
    approved_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.slug


class Membership(models.Model):
    """An account that acts for a verifier organisation (role: verifier)."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "organisation"], name="one_membership")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.organisation_id}"


class RecipientKey(models.Model):
    """A public P-256 key to which envelopes for an organisation are sealed; the private half never comes here."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="recipient_keys")
    label = models.CharField(max_length=80)
    public_jwk = models.JSONField()
    thumbprint = models.CharField(max_length=43)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "thumbprint"], name="one_recipient_key")]

    def __str__(self) -> str:
        return self.label


class ApiKey(models.Model):
    """A secret shown once; only its digest is stored. It speaks for one organisation or for one agency."""

    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.CASCADE, related_name="api_keys")
    agency = models.ForeignKey(Agency, null=True, on_delete=models.CASCADE, related_name="api_keys")
    label = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(organisation__isnull=True) ^ models.Q(agency__isnull=True),
                name="api_key_of_one_owner",
            ),
        ]

    def __str__(self) -> str:
        return self.label


class Person(models.Model):
    """A human being as proven to us. Values are ciphertext under the person's own data key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.OneToOneField(Account, null=True, on_delete=models.SET_NULL, related_name="person")
    # HMAC-SHA-256 under LOOKUP_KEY of document kind and normalised number: equal numbers meet, guesses do not.
    identity_hmac = models.CharField(max_length=64, unique=True)
    # AES-256-GCM data key wrapped under KEY_ENCRYPTION_KEY; empty after erasure, when nothing can be read any more.
    wrapped_data_key = models.BinaryField()
    # Ciphertext of {"name": …, "identity_number": …, "document_kind": …, "birth_date": …}.
    identity_ciphertext = models.BinaryField()
    assurance = models.CharField(max_length=20)
    verified_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return str(self.id)


class KycCase(models.Model):
    class State(models.TextChoices):
        OPEN = "open", _("Begun")
        SUBMITTED = "submitted", _("Waiting for a decision")
        APPROVED = "approved", _("Approved")
        REFUSED = "refused", _("Refused")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    applicant = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="kyc_cases")
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="kyc_cases")
    provider = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    # What the applicant or the provider states, under the service's KYC key until decided, then destroyed.
    stated_ciphertext = models.BinaryField(null=True)
    person = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="kyc_cases")
    evidence = models.JSONField(default=list)
    decided_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="decided_kyc_cases")
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            # An applicant waits for one decision at a time, so that two clerks never decide about two of them.
            models.UniqueConstraint(
                fields=["applicant"], condition=models.Q(state__in=["open", "submitted"]), name="one_undecided_case"
            ),
        ]
        indexes = [models.Index(fields=["agency", "state", "created_at"], name="kyc_queue")]

    def __str__(self) -> str:
        return str(self.id)


class KycDocument(models.Model):
    """An uploaded image, encrypted; its bytes go once the case is decided and the configured days have passed."""

    class Kind(models.TextChoices):
        FRONT = "front", _("Front of the document")
        BACK = "back", _("Back of the document")
        OTHER = "other", _("Other page")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(KycCase, on_delete=models.CASCADE, related_name="documents")
    kind = models.CharField(max_length=20, choices=Kind)
    content_type = models.CharField(max_length=40)
    ciphertext = models.BinaryField(null=True)
    uploaded_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.id)


class WeID(models.Model):
    """A registered did:weid. The link to its person opens only through identity.weid.person_of, which leaves a trace."""

    did = models.CharField(max_length=120, unique=True)
    person_hmac = models.CharField(max_length=64, db_index=True)
    person_ciphertext = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)
    deactivated_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "WeID"
        constraints = [
            models.UniqueConstraint(
                fields=["person_hmac"], condition=models.Q(deactivated_at__isnull=True), name="one_active_weid"
            ),
        ]

    def __str__(self) -> str:
        return self.did


class VerificationMethod(models.Model):
    """A device key of a WeID. Rotation adds one and revokes another; history stays."""

    weid = models.ForeignKey(WeID, on_delete=models.PROTECT, related_name="verification_methods")
    fragment = models.CharField(max_length=60)
    public_jwk = models.JSONField()
    thumbprint = models.CharField(max_length=43)
    added_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["weid", "fragment"], name="one_fragment_per_weid"),
            models.UniqueConstraint(fields=["thumbprint"], name="one_weid_per_key"),
        ]

    def __str__(self) -> str:
        return f"{self.weid_id}#{self.fragment}"

    @property
    def number(self) -> str:
        """Which device of its owner this is, counted from 1."""
        return self.fragment.rpartition("-")[2]


class DidVersion(models.Model):
    """One published version of a DID document; its digest is a leaf of the log."""

    weid = models.ForeignKey(WeID, on_delete=models.PROTECT, related_name="versions")
    version_id = models.PositiveIntegerField()
    document = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["weid", "version_id"], name="one_document_per_version")]

    def __str__(self) -> str:
        return f"{self.weid_id} v{self.version_id}"


class OneTimeValue(models.Model):
    """A nonce or code. Consumed in the transaction that uses it, after every other check."""

    purpose = models.CharField(max_length=40)
    digest = models.CharField(max_length=64, unique=True)
    subject = models.CharField(max_length=120)
    expires_at = models.DateTimeField(db_index=True)
    consumed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.purpose


class SigningKey(models.Model):
    """A private key of the service, wrapped; or, for a certificate authority, the root of our x5c chains."""

    class Purpose(models.TextChoices):
        AUTHORITY = "authority", _("Issuing certificate authority")
        CREDENTIAL = "credential", _("Certificates")
        STATUS = "status", _("Status lists")
        RECEIPT = "receipt", _("Receipts")
        REQUEST = "request", _("Requests of a verifier")
        TRUST = "trust", _("Trust lists")
        BRIDGE = "bridge", _("Sign-ins passed on over OpenID Connect")

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        RETIRED = "retired", _("Retired: verifies, signs no more")
        DISABLED = "disabled", _("Disabled: verifies no more")

    key_id = models.CharField(max_length=80, unique=True)
    # Whose key it is: an agency's, a verifier organisation's, or with neither the service's own.
    agency = models.ForeignKey(Agency, null=True, on_delete=models.PROTECT, related_name="signing_keys")
    organisation = models.ForeignKey(Organisation, null=True, on_delete=models.PROTECT, related_name="signing_keys")
    purpose = models.CharField(max_length=12, choices=Purpose)
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    algorithm = models.CharField(max_length=10, default="ES256")
    public_jwk = models.JSONField()
    # AES-256-GCM under KEY_ENCRYPTION_KEY; key id, algorithm and purpose are the associated data.
    wrapped_private_key = models.BinaryField()
    # DER certificates, leaf first, standard base64 as x5c wants them (RFC 7515 §4.1.6).
    x5c = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    state_changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["agency", "purpose"], condition=models.Q(state="active"), name="one_active_key_per_agency"
            ),
            # NULLs differ from each other in a unique index, so keys of the service itself need their own.
            models.UniqueConstraint(
                fields=["purpose"],
                condition=models.Q(state="active", agency__isnull=True, organisation__isnull=True),
                name="one_active_key_of_service",
            ),
            models.UniqueConstraint(
                fields=["organisation", "purpose"],
                condition=models.Q(state="active"),
                name="one_active_key_per_organisation",
            ),
            models.CheckConstraint(
                condition=models.Q(agency__isnull=True) | models.Q(organisation__isnull=True), name="one_owner_per_key"
            ),
        ]

    def __str__(self) -> str:
        return self.key_id


class TrustedIssuer(models.Model):
    """An issuer from elsewhere: identifier, public keys, and the types it may issue. Our own agencies need no row."""

    identifier = models.CharField(max_length=300, unique=True)
    public_jwks = models.JSONField()
    # Exact `vct` values; ["*"] admits every type.
    types = models.JSONField()
    added_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.identifier


class Accreditation(models.Model):
    """Who may issue which types, or accredit others for them, by whose word. Changed by withdrawing and granting anew."""

    class Kind(models.TextChoices):
        BODY = "body", _("Accrediting body")
        ISSUER = "issuer", _("Issuer")

    kind = models.CharField(max_length=10, choices=Kind)
    # In whose list it stands; none for this government's own, the root.
    grantor = models.ForeignKey(Agency, null=True, on_delete=models.PROTECT, related_name="accreditations_granted")
    # The party is one of our agencies, whose keys are those that it signs with; or one from elsewhere, described below.
    agency = models.ForeignKey(Agency, null=True, on_delete=models.PROTECT, related_name="accreditations")
    identifier = models.CharField(max_length=300, blank=True)
    name = models.JSONField(default=dict)
    public_jwks = models.JSONField(default=list)
    # Of an accrediting body elsewhere: where it publishes its list.
    list_uri = models.CharField(max_length=500, blank=True)
    # Exact `vct` values; ["*"] stands for every type that the catalogue gives the agency, or that the grantor holds.
    types = models.JSONField()
    valid_from = models.DateTimeField(default=timezone.now)
    valid_until = models.DateTimeField(null=True)
    granted_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="accreditations_granted")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(agency__isnull=False, identifier="")
                | (models.Q(agency__isnull=True) & ~models.Q(identifier="")),
                name="accreditation_of_one_party",
            ),
            models.UniqueConstraint(
                fields=["agency", "kind"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="one_accreditation_of_agency",
            ),
            models.UniqueConstraint(
                fields=["identifier", "kind"],
                condition=models.Q(withdrawn_at__isnull=True, agency__isnull=True),
                name="one_accreditation_of_party",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.agency_id or self.identifier}"


class PublishedTrustList(models.Model):
    """One version of one of our lists, as signed. Its digest is a leaf of the log; versions only ever rise."""

    slug = models.SlugField()
    version = models.PositiveBigIntegerField()
    token = models.TextField()
    # SHA-256 of what was signed, and of the entries alone, which tells whether there is anything new to say.
    digest = models.BinaryField(max_length=32)
    entries_digest = models.BinaryField(max_length=32)
    signing_key = models.ForeignKey(SigningKey, on_delete=models.PROTECT, related_name="trust_lists")
    issued_at = models.DateTimeField()
    next_update = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["slug", "version"], name="one_trust_list_per_version")]

    def __str__(self) -> str:
        return f"{self.slug} v{self.version}"


class TrustAnchor(models.Model):
    """A root elsewhere whose lists count here. Its keys are pinned: nothing that it publishes changes them."""

    # A root that is removed and added again is the same: what was seen of its lists is still remembered.
    identifier = models.CharField(max_length=300, unique=True)
    list_uri = models.CharField(max_length=500)
    public_jwks = models.JSONField()
    # The types for which its word counts here; ["*"] admits every type.
    types = models.JSONField()
    added_by = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="trust_anchors")
    added_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.identifier


class TrustList(models.Model):
    """The last good list from one address under an anchor, and what became of the last attempt to fetch a newer one."""

    anchor = models.ForeignKey(TrustAnchor, on_delete=models.CASCADE, related_name="lists")
    uri = models.CharField(max_length=500)
    publisher = models.CharField(max_length=300)
    # Empty until a first list was accepted.
    token = models.TextField(blank=True)
    # What protocol.trust_list.Seen remembers of it.
    version = models.PositiveBigIntegerField(default=0)
    digest = models.BinaryField(max_length=32, default=bytes)
    signed_by = models.CharField(max_length=43, blank=True)
    fetched_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    # The code of what was wrong with the last attempt; empty when nothing was.
    finding = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["anchor", "uri"], name="one_trust_list_per_address")]

    def __str__(self) -> str:
        return self.uri


class TrustVersion(models.Model):
    """One row, bumped in the transaction of every change to keys or trust, so that processes reload what they hold."""

    version = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.version)
