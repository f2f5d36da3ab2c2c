"""What can be wrong with a query for credentials, or with what was presented in answer to it."""

from __future__ import annotations

from protocol.errors.documents import OpenId4VpError


class DcqlFormatError(OpenId4VpError):
    """A query that breaks DCQL (OpenID4VP 1.0 §6, §7)."""

    code = "dcql_malformed"


class DcqlNotSatisfiedError(OpenId4VpError):
    """The credential is not of the type, or lacks a claim or value, that the query asks for (OpenID4VP 1.0 §6.4.1)."""

    code = "dcql_not_satisfied"


class DcqlResponseError(OpenId4VpError):
    """The response does not answer the query exactly (OpenID4VP 1.0 §6.4, §14.9)."""

    code = "dcql_response_refused"


class DcqlMissingCredentialError(DcqlResponseError):
    """Less than asked: a required credential was not presented (OpenID4VP 1.0 §6.4.2)."""

    code = "dcql_credential_missing"


class DcqlMissingClaimError(DcqlResponseError):
    """Less than asked: a claim is missing or has another value, in every combination (OpenID4VP 1.0 §6.4.1)."""

    code = "dcql_claim_missing"


class DcqlUnaskedCredentialError(DcqlResponseError):
    """More than asked: an unknown id, several credentials for one, or options beside each other (OpenID4VP 1.0 §8.1)."""

    code = "dcql_credential_unasked"


class DcqlUnaskedClaimError(DcqlResponseError):
    """More than asked: a claim was disclosed that could have been withheld (OpenID4VP 1.0 §6.4)."""

    code = "dcql_claim_unasked"


class DcqlOtherCredentialError(DcqlResponseError):
    """Another credential than asked: of another format or type, or without a trusted authority (OpenID4VP 1.0 §6.1)."""

    code = "dcql_credential_other"


class DcqlHolderBindingError(DcqlResponseError):
    """The credential was presented without the holder's signature (OpenID4VP 1.0 §6.1)."""

    code = "dcql_holder_binding_missing"
