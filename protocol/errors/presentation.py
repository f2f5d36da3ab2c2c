"""What can be wrong with a request for presentations, and with what a wallet answers (OpenID4VP 1.0 §5, §8)."""

from __future__ import annotations

from protocol.errors.base import ProtocolError


class CertificateChainError(ProtocolError):
    """``x5c`` does not lead from its first certificate to one that is trusted here (RFC 5280 §6)."""

    code = "certificate_chain_invalid"


class RequestObjectFormatError(ProtocolError):
    """A parameter of the request is missing, of the wrong kind, or beside one that excludes it (OpenID4VP §5)."""

    code = "request_object_malformed"


class RequestClientError(ProtocolError):
    """Signed by, or made for, another client than ``client_id`` says (OpenID4VP §5.9)."""

    code = "request_object_client"


class RequestAudienceError(ProtocolError):
    """``aud`` is not a wallet of this kind (OpenID4VP §5.8)."""

    code = "request_object_audience"


class RequestObjectExpiredError(ProtocolError):
    """The request is not yet, or no longer, to be answered (RFC 9101 §4, RFC 7519 §4.1.4)."""

    code = "request_object_expired"


class WalletNonceError(ProtocolError):
    """``wallet_nonce`` is not the one that the wallet sent (OpenID4VP §5.10)."""

    code = "wallet_nonce_mismatch"


class ResponseEndpointError(ProtocolError):
    """``response_uri`` lies elsewhere than the client that asks (OpenID4VP §5.9.3)."""

    code = "response_uri_mismatch"


class ResponseFormatError(ProtocolError):
    """The answer is not a form with a ``vp_token`` of arrays of presentations, or with an ``error`` (OpenID4VP §8)."""

    code = "vp_response_malformed"


class WalletResponseEncryptionError(ProtocolError):
    """Not encrypted as was asked, or to another key than the one of this request (OpenID4VP §8.3)."""

    code = "vp_response_encryption"


class ResponseStateError(ProtocolError):
    """``state`` is not the one of this request (OpenID4VP §5.3, §8.2)."""

    code = "vp_response_state"
