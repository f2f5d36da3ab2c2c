"""What this app refuses, one class per broken rule."""

from __future__ import annotations

from protocol.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, UnavailableError


class UnreadableError(UnavailableError):
    """Ciphertext whose key was destroyed, or that was changed. Trying again cannot help."""

    code = "unreadable"
    permanent = True


class OneTimeValueError(ConflictError):
    """A one-time value that is unknown, expired, already used, or was issued for something else."""

    code = "one_time_value_invalid"


class ApiKeyInvalidError(ForbiddenError):
    """No API key, or one that is unknown or revoked (401 at the edge)."""

    code = "api_key_invalid"


class SignInRequiredError(ForbiddenError):
    """A programme asked for something that needs a session (401 at the edge)."""

    code = "sign_in_required"


class ReauthenticationRequiredError(ForbiddenError):
    """What is asked for needs proof, minutes old at most, that the account's owner is at the keyboard."""

    code = "reauthentication_required"


class LastFactorError(ConflictError):
    """Whoever acts for others keeps at least one second factor."""

    code = "last_factor"


class RoleMissingError(ForbiddenError):
    """The account holds none of the roles that this page is for."""

    code = "role_missing"


class OwnRoleError(ForbiddenError):
    """Nobody changes their own roles."""

    code = "own_role"


class OwnCaseError(ForbiddenError):
    """Nobody decides their own proof of identity."""

    code = "own_case"


class RoleTakenError(ConflictError):
    """The account already holds this role at this agency."""

    code = "role_taken"


class PersonLinkedError(ConflictError):
    """The identity document already belongs to another account."""

    code = "person_already_linked"


class PersonMismatchError(ConflictError):
    """The number is known with another date of birth, so it may belong to someone else."""

    code = "person_mismatch"


class AccountLinkedError(ConflictError):
    """The account already belongs to another person."""

    code = "account_already_linked"


class CaseStateError(ConflictError):
    """The case is not in the state that this step needs; someone may have decided it already."""

    code = "kyc_case_state"


class CaseOpenError(ConflictError):
    """The applicant has a case that still waits for a decision."""

    code = "kyc_case_pending"


class CaseIncompleteError(InvalidInputError):
    """The case lacks the stated identity or every image."""

    code = "kyc_case_incomplete"


class DocumentImageError(InvalidInputError):
    """Not a JPEG or PNG by content, too large, or one too many."""

    code = "kyc_document_invalid"


class UpstreamIdentityError(InvalidInputError):
    """The identity provider did not say who this is in a way that we can rely on."""

    code = "upstream_identity_invalid"


class WeidProofError(InvalidInputError):
    """The proof of possession is not for this service, this moment and this key."""

    code = "weid_proof_invalid"


class WeidExistsError(ConflictError):
    """The person has an active WeID already; a new device is a rotation."""

    code = "weid_exists"


class WeidDeactivatedError(ConflictError):
    """A deactivated WeID never changes again."""

    code = "weid_deactivated"


class WeidPersonError(ForbiddenError):
    """The WeID is not this person's."""

    code = "weid_of_another_person"


class KeyRegisteredError(ConflictError):
    """The public key is registered already: one key, one WeID, once."""

    code = "key_already_registered"


class KeyStateError(ConflictError):
    """No active key for this purpose, or a key that signs no more."""

    code = "signing_key_state"


class KeyFaultError(UnavailableError):
    """A signature that did not verify with the key that should have made it; nothing was released."""

    code = "signing_key_fault"
    permanent = True


class IssuerFormatError(InvalidInputError):
    """An external issuer needs an https identifier, a public P-256 JWK and at least one type."""

    code = "issuer_invalid"


class AccreditationInvalidError(InvalidInputError):
    """An accreditation needs a party with names and keys, at least one type, and an end that is still to come."""

    code = "accreditation_invalid"


class AccreditationExceededError(ConflictError):
    """The grantor does not hold what it would grant, ends before, or stands below whom it would accredit."""

    code = "accreditation_exceeded"


class AccreditationUnknownError(NotFoundError):
    """The party holds no accreditation of this kind."""

    code = "accreditation_unknown"


class TrustListUnknownError(NotFoundError):
    """No trust list is published here under this name."""

    code = "trust_list_unknown"


class TrustAnchorInvalidError(InvalidInputError):
    """A root needs an identifier, the https address of its list, at least one key and one type."""

    code = "trust_anchor_invalid"


class TrustAnchorUnknownError(NotFoundError):
    """No root of this identifier is pinned."""

    code = "trust_anchor_unknown"


class IssuerUnknownError(NotFoundError):
    """No trusted issuer of this identifier."""

    code = "issuer_unknown"
