"""A certificate chain in a JWS header (RFC 7515 §4.1.6), judged against anchors that the caller trusts (RFC 5280 §6).

The chain never brings its own anchor: what it says counts only as far as a certificate held elsewhere signed it.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from protocol.encoding import b64u_encode
from protocol.errors import CertificateChainError

MAX_INTERMEDIATES = 4
_MALFORMED = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


def verify_chain(x5c: Any, *, anchors: Sequence[bytes], moment: datetime) -> x509.Certificate:
    """Return the first certificate of *x5c* (base64 DER) once it leads to one of *anchors* (DER) at *moment*.

    Raises CertificateChainError, also for a first certificate whose key may not sign, or is not P-256.
    """
    if not isinstance(x5c, list) or not x5c:
        raise CertificateChainError("no certificate")
    leaf, *others = [_load(item) for item in x5c]
    try:
        store = Store([x509.load_der_x509_certificate(anchor) for anchor in anchors])
        builder = PolicyBuilder().store(store).time(moment).max_chain_depth(MAX_INTERMEDIATES)
        policies = {"ca_policy": _authority_policy(), "ee_policy": ExtensionPolicy.permit_all()}
        builder.extension_policies(**policies).build_client_verifier().verify(leaf, others)
        _check_key(leaf)
    except (*_MALFORMED, VerificationError):
        raise CertificateChainError("leads to no certificate that is trusted here") from None
    return leaf


def leaf_hash(certificate: bytes) -> str:
    """Return base64url SHA-256 of a DER certificate: the value of the prefix ``x509_hash`` (OpenID4VP §5.9.3)."""
    return b64u_encode(sha256(certificate).digest())


def dns_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the host names of the subject alternative name, none where there is no such extension."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, *_MALFORMED):
        return ()
    return tuple(names.get_values_for_type(x509.DNSName))


def signing_key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey:
    """Return the P-256 key of *certificate*. Raises CertificateChainError for another kind."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
        raise CertificateChainError("not a P-256 key")
    return key


def _load(item: Any) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(b64decode(item, validate=True))
    except _MALFORMED:
        raise CertificateChainError("not a certificate") from None


def _check_key(leaf: x509.Certificate) -> None:
    signing_key(leaf)
    usage = [each.value for each in leaf.extensions if isinstance(each.value, x509.KeyUsage)]
    # An authority's own certificate must not be taken for that of a party it certified.
    constraints = [each.value for each in leaf.extensions if isinstance(each.value, x509.BasicConstraints)]
    if any(not each.digital_signature for each in usage) or any(each.ca for each in constraints):
        raise CertificateChainError("a key that is not for signatures")


def _authority_policy() -> ExtensionPolicy:
    return ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
