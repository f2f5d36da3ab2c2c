"""What this app refuses, one class per broken rule."""

from __future__ import annotations

from protocol.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError


class TemplateInvalidError(InvalidInputError):
    """A request template that asks for too much, for nothing, or without saying why; ``fields`` names what is wrong."""

    code = "template_invalid"


class TemplateMissingError(NotFoundError):
    """No such request template, or none that this actor may know of."""

    code = "template_missing"


class TemplateUnusableError(ConflictError):
    """The request template is not approved, or no longer in use."""

    code = "template_unusable"


class OrganisationUnapprovedError(ForbiddenError):
    """The organisation has not been approved to ask for anything."""

    code = "organisation_unapproved"


class RecipientKeyMissingError(ConflictError):
    """The organisation has no key to which a presentation could be sealed."""

    code = "recipient_key_missing"


class RecipientKeyInvalidError(InvalidInputError):
    """Not a public P-256 key for encryption, or one that is registered already."""

    code = "recipient_key_invalid"


class VerifierKeyMissingError(NotFoundError):
    """No such key of this organisation."""

    code = "verifier_key_missing"


class RequestMissingError(NotFoundError):
    """No such request, or none that this actor may know of."""

    code = "request_missing"


class RequestExpiredError(ConflictError):
    """The time to answer the request is over."""

    code = "request_expired"


class RequestDecidedError(ConflictError):
    """The request has been answered already."""

    code = "request_decided"


class RequestUnansweredError(ConflictError):
    """The citizen has not answered the request."""

    code = "request_unanswered"


class RequestRefusedError(ConflictError):
    """The citizen refused the request."""

    code = "request_refused"


class TermsMismatchError(InvalidInputError):
    """The terms that were signed are not those of the request and the choice made."""

    code = "terms_mismatch"


class ClaimsOutsideRequestError(InvalidInputError):
    """The choice holds a claim that was not asked for, or leaves out a required one."""

    code = "claims_outside_request"


class CredentialUnusableError(ConflictError):
    """The certificate is not this citizen's, not of the type asked for, expired, suspended or revoked."""

    code = "certificate_unusable"


class DeviceKeyNotCurrentError(ConflictError):
    """The certificate is bound to a device key that the WeID no longer has."""

    code = "device_key_not_current"


class PresentationMismatchError(InvalidInputError):
    """The key binding covers other disclosures than exactly the claims consented to."""

    code = "presentation_mismatch"


class EnvelopeSealingError(InvalidInputError):
    """The envelope is not sealed in the one accepted form, to exactly the organisation's active keys."""

    code = "envelope_sealing"


class AuthorizationMissingError(NotFoundError):
    """No such authorization, or none that this actor may know of."""

    code = "authorization_missing"


class AuthorizationWithdrawnError(ForbiddenError):
    """The citizen withdrew the authorization."""

    code = "authorization_withdrawn"


class AuthorizationExpiredError(ForbiddenError):
    """The granted time is over."""

    code = "authorization_expired"


class ReadsExhaustedError(ForbiddenError):
    """The granted number of reads is used up."""

    code = "reads_exhausted"


class WithdrawalProofError(InvalidInputError):
    """The signed withdrawal is not of this authorization, by this WeID's device, and fresh."""

    code = "withdrawal_proof_invalid"
