"""What this app refuses, one class per broken rule."""

from __future__ import annotations

from protocol.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError, UnavailableError


class ClaimsInvalidError(InvalidInputError):
    """Claims that the type's schema refuses; ``fields`` maps a dotted claim path to what is wrong with it."""

    code = "claims_invalid"


class PolicyInvalidError(InvalidInputError):
    """A verification policy with an unknown member or a value of the wrong kind."""

    code = "policy_invalid"


class VerifyRequestError(InvalidInputError):
    """A request to verify that is not a JSON object of the documented members."""

    code = "verify_request_invalid"


class ApiKeyMissingError(ForbiddenError):
    """Only an organisation, known by its API key, can ask for this."""

    code = "not_authenticated"


class PolicyMissingError(NotFoundError):
    """The organisation has no verification policy of this name and version."""

    code = "policy_missing"


class PolicyExistsError(ConflictError):
    """The organisation has a verification policy of this name already."""

    code = "policy_exists"


class PolicyRetiredError(ConflictError):
    """The verification policy is no longer in use."""

    code = "policy_retired"


class PolicyLimitError(ConflictError):
    """The organisation has as many verification policies, or versions of one, as it may."""

    code = "policy_limit"


class RetentionError(ForbiddenError):
    """A report may not be kept for so long: its organisation is not registered for it, or the citizen was told less."""

    code = "retention_exceeded"

    def __init__(self, *, most_days: int) -> None:
        super().__init__(f"at most {most_days} days")
        self.fields = {"retain": [f"at most {most_days} days"]}


class KeptReportMissingError(NotFoundError):
    """The organisation keeps no report of this id, or not any more."""

    code = "verification_missing"


class ReasonMissingError(InvalidInputError):
    """Work is sent back with a reason, or not at all."""

    code = "reason_missing"


class ReasonUnfitError(InvalidInputError):
    """The reason code does not go with this change of status."""

    code = "reason_unfit"


class OwnWorkError(ForbiddenError):
    """A clerk never approves, or sends back, their own work."""

    code = "own_work"


class NotTheMakerError(ForbiddenError):
    """Only the clerk who drafted an application changes or submits it."""

    code = "not_the_maker"


class AgencyMismatchError(ForbiddenError):
    """The actor holds no fitting role at the agency that issues this type."""

    code = "agency_mismatch"


class ApplicationStateError(ConflictError):
    """The application is not in the state that this step needs; someone may have acted already."""

    code = "application_state"


class StatusTransitionError(ConflictError):
    """The certificate's status does not allow this change; a revocation is final."""

    code = "status_transition"


class WeidMissingError(ConflictError):
    """The person has no active WeID with a device key, so there is nothing to bind a certificate to."""

    code = "weid_missing"


class NotRestorableError(ConflictError):
    """The certificate is not this citizen's, not valid any more, or replaced already."""

    code = "not_restorable"


class PresentationInvalidError(InvalidInputError):
    """Nothing is taken of a certificate that does not verify; the detail is the code of the check that failed."""

    code = "presentation_invalid"


class PresentationUndeterminedError(UnavailableError):
    """Nothing is taken before all of the certificate could be checked."""

    code = "presentation_undetermined"


class PresentationUsedError(ConflictError):
    """This very presentation has been redeemed: the holder signs anew for each time."""

    code = "presentation_used"


class NotRedeemableError(ConflictError):
    """A certificate of this type is not used up, or is not ours to count."""

    code = "not_redeemable"


class UnitsExhaustedError(ConflictError):
    """Less is left of the certificate than is asked."""

    code = "units_exhausted"


class IdempotencyConflictError(ConflictError):
    """The idempotency key stands for an earlier, different request."""

    code = "idempotency_conflict"


class RedemptionMissingError(NotFoundError):
    """No such redemption of this organisation."""

    code = "redemption_missing"


class RedemptionReversedError(ConflictError):
    """It was reversed before."""

    code = "redemption_reversed"


class MediaTypeError(InvalidInputError):
    """The body is not JSON."""

    code = "unsupported_media_type"


class NotAcceptableError(InvalidInputError):
    """The client accepts no media type that this address has."""

    code = "not_acceptable"


class MethodError(InvalidInputError):
    """The endpoint does not speak this HTTP method; ``allow`` lists those that it does."""

    code = "method_not_allowed"

    def __init__(self, *, allow: str) -> None:
        super().__init__(f"one of {allow} expected")
        self.allow = allow


class WalletProviderError(InvalidInputError):
    """A provider of wallets needs a name, at least one public P-256 JWK and at least one purpose."""

    code = "wallet_provider_invalid"


class WalletProviderUnknownError(NotFoundError):
    """No trusted provider of this name."""

    code = "wallet_provider_unknown"


class OfferRequestError(InvalidInputError):
    """An offer that cannot be made as asked; ``fields`` says why."""

    code = "offer_invalid"


class OfferSubjectError(ConflictError):
    """There is nothing to offer: the certificate is not valid any more, or the application was given up."""

    code = "offer_subject"


class OfferMissingError(NotFoundError):
    """No such offer of this agency."""

    code = "offer_missing"


class OfferStateError(ConflictError):
    """The offer has ended, or was taken already."""

    code = "offer_state"


class WalletRequestError(InvalidInputError):
    """A wallet's authorization request that is unknown, ended, or answered already."""

    code = "wallet_request_invalid"


class PresentationRefusedError(InvalidInputError):
    """A credential of a trusted issuer that verification does not find valid; ``detail`` is the code of the check."""

    code = "presentation_refused"


class VcApiRequestError(InvalidInputError):
    """A request of the VC-API without the member that it is about."""

    code = "vc_api_request_invalid"
