"""What can be wrong with a request for a token or a credential: OAuth 2.0, DPoP, attestations and OpenID4VCI.

Each class carries, besides its own ``code``, the string that its standard prescribes for the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from protocol.errors.base import ProtocolError


class OAuthError(ProtocolError):
    """A refusal that OAuth words itself: ``oauth_error`` and the HTTP status ``oauth_status`` (RFC 6749 §5.2)."""

    code = "oauth_refused"
    oauth_error: ClassVar[str] = "invalid_request"
    oauth_status: ClassVar[int] = 400


class OAuthRequestError(OAuthError):
    """A parameter missing, repeated or malformed (RFC 6749 §4.1.2.1, §5.2)."""

    code = "oauth_request_invalid"
    oauth_error = "invalid_request"


class OAuthClientError(OAuthError):
    """The client is unknown or did not authenticate (RFC 6749 §5.2)."""

    code = "oauth_client_invalid"
    oauth_error = "invalid_client"
    oauth_status = 401


class ClientAttestationError(OAuthClientError):
    """A wallet attestation or its proof of possession does not hold (OAuth attestation-based client auth. §8)."""

    code = "client_attestation_invalid"


class ClientAttestationChallengeError(OAuthError):
    """The proof of possession answers no challenge of this server (OAuth attestation-based client auth. §6.2)."""

    code = "client_attestation_challenge_missing"
    oauth_error = "use_attestation_challenge"


class ClientAttestationStaleError(OAuthError):
    """The wallet attestation is older than accepted here (OAuth attestation-based client auth. §6.2)."""

    code = "client_attestation_stale"
    oauth_error = "use_fresh_attestation"


class GrantError(OAuthError):
    """A code, transaction code or refresh token that is wrong, used, expired or another client's (RFC 6749 §5.2)."""

    code = "grant_invalid"
    oauth_error = "invalid_grant"


class PkceVerifierError(GrantError):
    """``code_verifier`` is missing or does not answer the challenge (RFC 7636 §4.6)."""

    code = "pkce_verifier_invalid"


class PkceChallengeError(OAuthRequestError):
    """``code_challenge`` is missing, malformed or of another method than S256 (RFC 7636 §4.4.1)."""

    code = "pkce_challenge_invalid"


class ScopeError(OAuthError):
    """No scope, or none that is known here (RFC 6749 §5.2)."""

    code = "scope_invalid"
    oauth_error = "invalid_scope"


class UnauthorizedClientError(OAuthError):
    """The client may not use this grant (RFC 6749 §5.2)."""

    code = "client_unauthorized"
    oauth_error = "unauthorized_client"


class GrantTypeError(OAuthError):
    """A ``grant_type`` that is not supported (RFC 6749 §5.2)."""

    code = "grant_type_unsupported"
    oauth_error = "unsupported_grant_type"


class ResponseTypeError(OAuthError):
    """A ``response_type`` other than ``code`` (RFC 6749 §4.1.2.1)."""

    code = "response_type_unsupported"
    oauth_error = "unsupported_response_type"


class RequestObjectError(OAuthError):
    """An authorization request as a signed object, which is not supported (RFC 9101 §6)."""

    code = "request_object_unsupported"
    oauth_error = "request_not_supported"


class AuthorizationDetailsError(OAuthError):
    """``authorization_details`` malformed or of an unknown type (RFC 9396 §5)."""

    code = "authorization_details_invalid"
    oauth_error = "invalid_authorization_details"


class AuthorizationDeniedError(OAuthError):
    """The resource owner or the server refused (RFC 6749 §4.1.2.1)."""

    code = "authorization_denied"
    oauth_error = "access_denied"


class TargetError(OAuthError):
    """``resource`` names something that is not served here (RFC 8707 §2)."""

    code = "target_invalid"
    oauth_error = "invalid_target"


class AccessTokenError(OAuthError):
    """The access token is missing, malformed, unknown or expired (RFC 6750 §3.1)."""

    code = "access_token_invalid"
    oauth_error = "invalid_token"
    oauth_status = 401


class InsufficientScopeError(OAuthError):
    """The access token does not reach this far (RFC 6750 §3.1)."""

    code = "scope_insufficient"
    oauth_error = "insufficient_scope"
    oauth_status = 403


class DpopProofError(OAuthError):
    """A DPoP proof that is missing or breaks a check of RFC 9449 §4.3; a protected resource answers it with 401."""

    code = "dpop_proof_invalid"
    oauth_error = "invalid_dpop_proof"


class DpopNonceError(OAuthError):
    """A DPoP proof without a nonce of this server (RFC 9449 §8); a protected resource answers it with 401."""

    code = "dpop_nonce_missing"
    oauth_error = "use_dpop_nonce"


class DpopKeyError(OAuthError):
    """The access token is bound to another key than the proof's (RFC 9449 §4.3 check 12, §7.1)."""

    code = "dpop_key_mismatch"
    oauth_error = "invalid_token"
    oauth_status = 401


class CredentialOfferError(ProtocolError):
    """Not a well-formed credential offer, or no link to one (OpenID4VCI 1.0 §4.1)."""

    code = "credential_offer_malformed"


class CredentialRequestError(OAuthError):
    """A credential request that is malformed or lacks something (OpenID4VCI 1.0 §8.3.1.2)."""

    code = "credential_request_invalid"
    oauth_error = "invalid_credential_request"


class CredentialConfigurationError(OAuthError):
    """A credential configuration that this issuer does not have (OpenID4VCI 1.0 §8.3.1.2)."""

    code = "credential_configuration_unknown"
    oauth_error = "unknown_credential_configuration"


class CredentialIdentifierError(OAuthError):
    """A credential identifier that this issuer did not give out (OpenID4VCI 1.0 §8.3.1.2)."""

    code = "credential_identifier_unknown"
    oauth_error = "unknown_credential_identifier"


class KeyProofError(OAuthError):
    """A proof of the holder's key that is missing or does not hold (OpenID4VCI 1.0 §8.3.1.2, appendix F.4)."""

    code = "key_proof_invalid"
    oauth_error = "invalid_proof"


class KeyAttestationError(KeyProofError):
    """A key attestation that is missing, does not hold or attests too little (OpenID4VCI 1.0 appendix D)."""

    code = "key_attestation_invalid"


class KeyProofNonceError(OAuthError):
    """A proof made with a nonce that is not fresh (OpenID4VCI 1.0 §8.3.1.2); a new one will do."""

    code = "key_proof_nonce_invalid"
    oauth_error = "invalid_nonce"


class ResponseEncryptionError(OAuthError):
    """Encryption of a request or response with parameters that are wrong or missing (OpenID4VCI 1.0 §8.3.1.2, §10)."""

    code = "response_encryption_invalid"
    oauth_error = "invalid_encryption_parameters"


class CredentialDeniedError(OAuthError):
    """The credential will not be issued; asking again is of no use (OpenID4VCI 1.0 §8.3.1.2)."""

    code = "credential_denied"
    oauth_error = "credential_request_denied"


class TransactionIdError(OAuthError):
    """A deferred issuance that is unknown or over (OpenID4VCI 1.0 §9.3)."""

    code = "transaction_id_invalid"
    oauth_error = "invalid_transaction_id"


class IssuancePendingError(OAuthError):
    """The credential is not ready; only draft 13 says this as an error (OpenID4VCI draft 13 §9.3)."""

    code = "issuance_pending"
    oauth_error = "issuance_pending"


class NotificationIdError(OAuthError):
    """A notification for an issuance that is unknown (OpenID4VCI 1.0 §11.3)."""

    code = "notification_id_invalid"
    oauth_error = "invalid_notification_id"


class NotificationRequestError(OAuthError):
    """A notification that is malformed (OpenID4VCI 1.0 §11.3)."""

    code = "notification_invalid"
    oauth_error = "invalid_notification_request"


@contextmanager
def refused_as(error: type[ProtocolError]) -> Iterator[None]:
    """Answer whatever breaks a rule inside as *error*: the standards word the refusal, its detail says what it was.

    What OAuth words already stays as it is.
    """
    try:
        yield
    except OAuthError:
        raise
    except ProtocolError as fault:
        raise error(str(fault)) from None
