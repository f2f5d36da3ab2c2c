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


class WalletOptionsError(InvalidInputError):
    """How a wallet is to be asked is not one of the ways spoken here; ``fields`` names what is wrong."""

    code = "wallet_options_invalid"


class VerifierMissingError(NotFoundError):
    """No organisation of this name is registered to ask."""

    code = "verifier_missing"


class WalletLinkError(InvalidInputError):
    """Not the link of a request that can be answered here."""

    code = "wallet_link_invalid"


class OverAskingError(ForbiddenError):
    """The query asks for more than the organisation is registered for."""

    code = "over_asking"


class SessionMissingError(NotFoundError):
    """No such presentation session, or none that a wallet can still fetch."""

    code = "presentation_session_missing"


class SessionAnsweredError(ConflictError):
    """A wallet has answered already; an answer is accepted once."""

    code = "presentation_answered"


class AnsweredByWalletError(ConflictError):
    """A wallet answered the request, so there is no envelope: the result is read instead."""

    code = "answered_by_wallet"


class AnswerRefusedError(InvalidInputError):
    """A presentation failed a check; ``reason`` is the code of the check."""

    code = "wallet_answer_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PresentationGoneError(ConflictError):
    """What was presented has been destroyed: its time is over, or it was read and not to be kept."""

    code = "presentation_gone"


class ResponseCodeError(ForbiddenError):
    """The response code is missing, wrong, or used already."""

    code = "response_code_invalid"


class RelyingPartyInvalidError(InvalidInputError):
    """A system registered for sign-in with addresses, keys or names of claims that cannot be used; ``fields`` says which."""

    code = "relying_party_invalid"


class RelyingPartyMissingError(NotFoundError):
    """No such registered system, or none that this actor may know of."""

    code = "relying_party_missing"


class LoginMissingError(NotFoundError):
    """No such sign-in, or none that this browser began."""

    code = "login_missing"


class LoginOverError(ConflictError):
    """The browser was sent back already, or the time to sign in is over."""

    code = "login_over"


class WithdrawalProofError(InvalidInputError):
    """The signed withdrawal is not of this authorization, by this WeID's device, and fresh."""

    code = "withdrawal_proof_invalid"


class WebhookInvalidError(InvalidInputError):
    """A webhook without a public https address, or without an event that its owner may subscribe to; see ``fields``."""

    code = "webhook_invalid"


class WebhookMissingError(NotFoundError):
    """No such webhook endpoint of this owner."""

    code = "webhook_missing"


class WebhookDeliveryMissingError(NotFoundError):
    """No such delivery to this endpoint; deliveries are kept for a month."""

    code = "webhook_delivery_missing"


class WebhookDisabledError(ConflictError):
    """The endpoint is switched off, so nothing is sent to it."""

    code = "webhook_disabled"


class WebhookLimitError(ConflictError):
    """The owner has as many endpoints in use as there may be."""

    code = "webhook_limit"
