"""What can be wrong with a JWS, an SD-JWT, a key binding or a credential."""

from __future__ import annotations

from protocol.errors.base import ProtocolError


class JwsFormatError(ProtocolError):
    """Not three base64url parts holding a JSON header (RFC 7515 §7.1)."""

    code = "jws_malformed"


class AlgorithmError(ProtocolError):
    """``alg`` missing, or outside the allow-list (RFC 7515 §4.1.1, RFC 8725 §3.1)."""

    code = "algorithm_not_allowed"


class TokenTypeError(ProtocolError):
    """``typ`` missing, or not exactly the type this place accepts (RFC 8725 §3.11)."""

    code = "typ_not_allowed"


class CriticalHeaderError(ProtocolError):
    """``crit`` present: no extension is supported, so each one must be refused (RFC 7515 §4.1.11)."""

    code = "crit_not_supported"


class HeaderNotAllowedError(ProtocolError):
    """A header that brings its own key, changes the encoding or belongs to encryption (RFC 8725 §3.10)."""

    code = "header_not_allowed"


class HeaderFormatError(ProtocolError):
    """``kid`` or ``x5c`` of the wrong type, length or alphabet (RFC 7515 §4.1.4, §4.1.6)."""

    code = "header_invalid"


class SignatureError(ProtocolError):
    """The signature was not made over these bytes by this key (RFC 7515 §5.2)."""

    code = "signature_invalid"


class SignatureFormatError(SignatureError):
    """Not exactly 64 bytes of r and s (RFC 7518 §3.4)."""

    code = "signature_malformed"


class SdJwtFormatError(ProtocolError):
    """Not issuer JWT, disclosures and optional key binding JWT, each followed by a tilde (RFC 9901 §4)."""

    code = "sd_jwt_malformed"


class SdJwtLimitError(ProtocolError):
    """More disclosures or deeper nesting than this project handles."""

    code = "sd_jwt_too_complex"


class HashAlgorithmError(ProtocolError):
    """``_sd_alg`` misplaced or not a supported hash (RFC 9901 §4.1.1)."""

    code = "sd_alg_not_supported"


class DisclosureFormatError(ProtocolError):
    """Not an array of salt, optional name and value, or used where the other form belongs (RFC 9901 §4.2, §7.1)."""

    code = "disclosure_malformed"


class ReservedNameError(ProtocolError):
    """``_sd``, ``...`` or ``_sd_alg`` used as the name of a claim (RFC 9901 §4.2.1, §7.1)."""

    code = "claim_name_reserved"


class ClaimCollisionError(ProtocolError):
    """A disclosure names a claim that is already there (RFC 9901 §7.1)."""

    code = "claim_collision"


class DigestFormatError(ProtocolError):
    """``_sd`` is not an array of text, or an array placeholder is not exactly ``{"...": text}`` (RFC 9901 §4.2.4)."""

    code = "digest_malformed"


class DigestRepeatedError(ProtocolError):
    """One digest found twice, in the payload or among the disclosures (RFC 9901 §7.1)."""

    code = "digest_repeated"


class DisclosureUnreferencedError(ProtocolError):
    """A disclosure whose digest nothing signed refers to (RFC 9901 §7.1)."""

    code = "disclosure_unreferenced"


class ClaimPathError(ProtocolError):
    """A path that leads to no claim, or to one that cannot be hidden."""

    code = "claim_path_unknown"


class HolderKeyError(ProtocolError):
    """``cnf.jwk`` missing from what the issuer signed, or not a usable key (RFC 9901 §4.1.2, RFC 7800 §3.2)."""

    code = "holder_key_invalid"


class KeyBindingMissingError(ProtocolError):
    """A key binding JWT is required and none was presented (RFC 9901 §7.3)."""

    code = "key_binding_missing"


class KeyBindingFormatError(ProtocolError):
    """The key binding JWT lacks a required claim, or has one of the wrong type (RFC 9901 §4.3)."""

    code = "key_binding_malformed"


class KeyBindingSignatureError(SignatureError):
    """The key binding JWT was not signed by the holder key (RFC 9901 §7.3)."""

    code = "key_binding_signature_invalid"


class KeyBindingHashError(ProtocolError):
    """``sd_hash`` does not cover exactly what was presented (RFC 9901 §7.3)."""

    code = "key_binding_hash_mismatch"


class KeyBindingAudienceError(ProtocolError):
    """``aud`` is not this verifier (RFC 9901 §7.3)."""

    code = "key_binding_audience_mismatch"


class KeyBindingNonceError(ProtocolError):
    """``nonce`` is not the one this transaction set (RFC 9901 §7.3)."""

    code = "key_binding_nonce_mismatch"


class KeyBindingStaleError(ProtocolError):
    """``iat`` is older than the verifier accepts, or ``exp`` has passed (RFC 9901 §7.3)."""

    code = "key_binding_stale"


class KeyBindingFutureError(ProtocolError):
    """``iat`` or ``nbf`` lies in the future (RFC 9901 §7.3)."""

    code = "key_binding_from_future"


class CredentialTypeError(ProtocolError):
    """``vct`` missing, empty or not text (SD-JWT VC §3.2.2.1)."""

    code = "vct_invalid"


class CredentialTypeMismatchError(ProtocolError):
    """``vct`` is not the type that was asked for, compared character by character (SD-JWT VC §3.2.2.1)."""

    code = "vct_mismatch"


class IssuerMismatchError(ProtocolError):
    """``iss`` is not the issuer whose key was used, compared character by character (RFC 7519 §4.1.1)."""

    code = "issuer_mismatch"


class RegisteredClaimError(ProtocolError):
    """A claim that must never be selectively disclosable was (SD-JWT VC §3.2.2.2)."""

    code = "registered_claim_disclosable"


class ClaimFormatError(ProtocolError):
    """A registered claim of the wrong type; a NumericDate must be a finite number (RFC 7519 §2, §4.1)."""

    code = "claim_malformed"


class ExpiredError(ProtocolError):
    """``exp`` has passed (RFC 7519 §4.1.4)."""

    code = "expired"


class NotYetValidError(ProtocolError):
    """``nbf`` has not come yet (RFC 7519 §4.1.5)."""

    code = "not_yet_valid"


class IssuedInFutureError(ProtocolError):
    """``iat`` lies in the future (RFC 7519 §4.1.6)."""

    code = "issued_in_future"
