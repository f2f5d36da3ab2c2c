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
