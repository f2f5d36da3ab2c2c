"""The Time-Stamp Protocol (RFC 3161, RFC 5816): requests, answers, and whether a token proves a time.

A token is judged at the time it states, not today: a certificate that was good then is good for ever, which is what
time stamps are for. Verification, in this order:

1. The token is signed data with one signer, around a TSTInfo of version 1 (RFC 3161 §2.4.2).
2. It stamps the digest in question, by SHA-256.
3. A signed attribute names the signer's certificate by its hash (RFC 5816 §2.2.1).
4. The signer signed content, content type and attributes (RFC 5652 §5.4).
5. The certificate is for time stamping and nothing else, critically so (RFC 3161 §2.3).
6. At the stated time it led to the pinned certificate (RFC 5280 §6).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import Criticality, ExtensionPolicy, Policy, PolicyBuilder, Store, VerificationError

from protocol import cms, der
from protocol.errors import (
    DerError,
    TimeStampFormatError,
    TimeStampImprintError,
    TimeStampRefusedError,
    TimeStampSignerError,
)

MAX_RESPONSE_BYTES = 1 << 16
DIGEST_SIZE = 32
FINGERPRINT_SIZE = 32

REQUEST_TYPE = "application/timestamp-query"
RESPONSE_TYPE = "application/timestamp-reply"

_VERSION = 1
_SHA256 = "2.16.840.1.101.3.4.2.1"
_TST_INFO = "1.2.840.113549.1.9.16.1.4"
_GRANTED, _LAST_STATUS = 0, 5
_MAX_INTERMEDIATES = 4
_FAILURES = {
    0: "badAlg",
    2: "badRequest",
    5: "badDataFormat",
    14: "timeNotAvailable",
    15: "unacceptedPolicy",
    16: "unacceptedExtension",
    17: "addInfoNotAvailable",
    25: "systemFailure",
}
# RFC 3161 §2.4.2: always UTC, with seconds, and no fraction that ends in zero.
_GENERALIZED_TIME = re.compile(rb"(\d{14})(?:\.(\d{0,11}[1-9]))?Z\Z")
# Path validation bounds curves and hash algorithms, but no RSA key.
_MIN_RSA_BITS = 2048
_X509_ERRORS = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


@dataclass(frozen=True, slots=True)
class TimeStampRequest:
    """What an authority is asked: to stamp a SHA-256 *digest*, under *policy* (dotted OID) where one is named."""

    digest: bytes
    nonce: int
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """What an authority says in a token: it has seen *digest* at *generated_at* (UTC)."""

    digest: bytes
    generated_at: datetime
    policy: str
    serial_number: int
    nonce: int | None


def write_request(request: TimeStampRequest) -> bytes:
    """Return a TimeStampReq (DER) that asks for the signer's certificate, too. Raises DerError for a wrong policy."""
    policy = der.write_oid(request.policy) if request.policy is not None else b""
    return der.write(
        der.SEQUENCE,
        der.write_integer(_VERSION),
        der.write(
            der.SEQUENCE,
            der.write(der.SEQUENCE, der.write_oid(_SHA256), b"\x05\x00"),
            der.write(der.OCTET_STRING, request.digest),
        ),
        policy,
        der.write_integer(request.nonce),
        der.write_true(),
    )


def read_request(data: bytes) -> TimeStampRequest:
    """Parse what write_request wrote. Raises DerError and TimeStampFormatError."""
    fields = der.Fields(data)
    _read_version(fields)
    digest = _read_imprint(fields)
    policy = fields.take_optional(der.OBJECT_IDENTIFIER)
    nonce = der.read_integer(fields.take(der.INTEGER))
    if not fields.take_true():
        raise TimeStampFormatError("a request without the signer's certificate")
    fields.end()
    return TimeStampRequest(digest, nonce, der.read_oid(policy) if policy is not None else None)


def read_response(data: bytes) -> bytes:
    """Return the token (DER) of a TimeStampResp.

    Raises TimeStampRefusedError unless the request was granted as it was, DerError and TimeStampFormatError for other
    forms (RFC 3161 §2.4.2).
    """
    if len(data) > MAX_RESPONSE_BYTES:
        raise TimeStampFormatError(f"longer than {MAX_RESPONSE_BYTES} bytes")
    fields = der.Fields(data)
    status, failure = _read_status(fields.take(der.SEQUENCE))
    if status != _GRANTED:
        raise TimeStampRefusedError(f"status {status} {failure}".rstrip(), failure=failure)
    token = fields.take(der.SEQUENCE)
    fields.end()
    return token.encoding


def verify(token: bytes, digest: bytes, *, anchor: bytes, certificates: Sequence[bytes] = ()) -> TimeStamp:
    """Return what *token* proves about *digest* (32 bytes, SHA-256).

    *anchor* is the SHA-256 fingerprint of the certificate that is trusted: the signer's own, or one above it. It and
    what lies between are looked for in the token and among *certificates* (DER). Revocation is not looked at. Raises
    TimeStampError.
    """
    try:
        return _verify(token, digest, anchor, certificates)
    except (DerError, *_X509_ERRORS) as error:
        raise TimeStampFormatError(str(error)) from None


def fingerprint(certificate: bytes) -> bytes:
    """Return the SHA-256 of a certificate (DER), 32 bytes, by which it is pinned."""
    return sha256(certificate).digest()


def _verify(token: bytes, digest: bytes, anchor: bytes, certificates: Sequence[bytes]) -> TimeStamp:
    if len(token) > MAX_RESPONSE_BYTES or len(certificates) > cms.MAX_CERTIFICATES:
        raise TimeStampFormatError("too large")
    signed = cms.parse(token)
    if signed.content_type != _TST_INFO:
        raise TimeStampFormatError("not a time stamp token")
    stamp = _read_info(signed.content)
    if stamp.digest != digest:
        raise TimeStampImprintError("stamps other bytes")
    signer = cms.find_signer(signed, certificates)
    cms.verify_signature(signed, signer)
    _check_purpose(signer)
    _check_chain(signer, (*signed.certificates, *certificates), anchor, stamp.generated_at)
    return stamp


def _read_info(data: bytes) -> TimeStamp:
    fields = der.Fields(data)
    _read_version(fields)
    policy = der.read_oid(fields.take(der.OBJECT_IDENTIFIER))
    digest = _read_imprint(fields)
    serial_number = der.read_integer(fields.take(der.INTEGER))
    generated_at = _read_time(fields.take(der.GENERALIZED_TIME))
    fields.take_optional(der.SEQUENCE)  # accuracy
    fields.take_true()  # ordering
    nonce = fields.take_optional(der.INTEGER)
    fields.take_optional(der.context(0))  # the authority's name; its certificate decides
    _refuse_critical_extensions(fields.take_optional(der.context(1)))
    fields.end()
    return TimeStamp(digest, generated_at, policy, serial_number, der.read_integer(nonce) if nonce else None)


def _read_version(fields: der.Fields) -> None:
    if der.read_integer(fields.take(der.INTEGER)) != _VERSION:
        raise TimeStampFormatError("another version")


def _read_imprint(fields: der.Fields) -> bytes:
    imprint = der.Fields(fields.take(der.SEQUENCE).encoding)
    algorithm = cms.read_algorithm(imprint.take(der.SEQUENCE))
    digest = imprint.take(der.OCTET_STRING).content
    imprint.end()
    if algorithm != _SHA256 or len(digest) != DIGEST_SIZE:
        raise TimeStampImprintError("not an imprint by SHA-256")
    return digest


def _read_time(element: der.Element) -> datetime:
    match = _GENERALIZED_TIME.match(element.content)
    if match is None:
        raise TimeStampFormatError("not a GeneralizedTime of DER")
    seconds, fraction = match.group(1).decode(), (match.group(2) or b"").decode()
    moment = datetime.strptime(seconds, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return moment + timedelta(microseconds=int(fraction[:6].ljust(6, "0")))


def _refuse_critical_extensions(element: der.Element | None) -> None:
    for extension in der.elements(element.content) if element is not None else []:
        fields = der.Fields(extension.encoding)
        fields.take(der.OBJECT_IDENTIFIER)
        if fields.take_true():
            raise TimeStampFormatError("a critical extension that is not understood")


def _read_status(element: der.Element) -> tuple[int, str]:
    fields = der.Fields(element.encoding)
    status = der.read_integer(fields.take(der.INTEGER))
    if not _GRANTED <= status <= _LAST_STATUS:
        raise TimeStampFormatError("another status")
    fields.take_optional(der.SEQUENCE)  # words for people
    failure = fields.take_optional(der.BIT_STRING)
    fields.end()
    return status, _failure_name(failure.content[1:]) if failure is not None else ""


def _failure_name(bits: bytes) -> str:
    value = int.from_bytes(bits[:4].ljust(4, b"\0"), "big")
    return " ".join(name for bit, name in _FAILURES.items() if value >> 31 - bit & 1)


def _check_purpose(signer: x509.Certificate) -> None:
    extensions = list(signer.extensions)
    purposes = [each for each in extensions if isinstance(each.value, x509.ExtendedKeyUsage)]
    if not any(each.critical and list(each.value) == [ExtendedKeyUsageOID.TIME_STAMPING] for each in purposes):
        raise TimeStampSignerError("the signer's certificate is not for time stamping only")
    for usage in (each.value for each in extensions):
        if isinstance(usage, x509.KeyUsage) and not (usage.digital_signature or usage.content_commitment):
            raise TimeStampSignerError("the signer's key is not for signatures")


def _check_chain(signer: x509.Certificate, supplied: Sequence[bytes], anchor: bytes, moment: datetime) -> None:
    pinned = next((encoded for encoded in supplied if fingerprint(encoded) == anchor), None)
    if pinned is None:
        raise TimeStampSignerError("the pinned certificate is not among those given")
    others = [cms.load_certificate(encoded) for encoded in dict.fromkeys(supplied) if encoded != pinned]
    policies = {"ca_policy": _authority_policy(), "ee_policy": ExtensionPolicy.permit_all()}
    builder = PolicyBuilder().store(Store([cms.load_certificate(pinned)])).time(moment)
    verifier = builder.max_chain_depth(_MAX_INTERMEDIATES).extension_policies(**policies).build_client_verifier()
    try:
        chain = verifier.verify(signer, others).chain
    except VerificationError as error:
        raise TimeStampSignerError(str(error)) from None
    for certificate in chain:
        _refuse_name_constraints(certificate)
        _refuse_weak_key(certificate)


def _authority_policy() -> ExtensionPolicy:
    policy = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    return policy.may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _check_authority_usage)


def _check_authority_usage(policy: Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("an authority whose key may not sign certificates")


def _refuse_name_constraints(certificate: x509.Certificate) -> None:
    # Path validation refuses critical extensions that it does not know; these it knows, but compares no directory names.
    if any(isinstance(extension.value, x509.NameConstraints) for extension in certificate.extensions):
        raise TimeStampSignerError("an authority that is constrained to names")


def _refuse_weak_key(certificate: x509.Certificate) -> None:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
        raise TimeStampSignerError(f"an RSA key of less than {_MIN_RSA_BITS} bits")
