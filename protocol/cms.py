"""Signed data with one signer and signed attributes (RFC 5652 §5): as much as a time stamp token needs.

Certificates that travel with it are only a supply: which of them signed is said by a hash among the signed attributes
(RFC 5035), never by the order in which they come. Unsigned attributes and revocation lists are not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.utils import CryptographyDeprecationWarning

from protocol import der
from protocol.errors import DerError, TimeStampFormatError, TimeStampSignatureError, TimeStampSignerError

MAX_CERTIFICATES = 16

_SIGNED_DATA = "1.2.840.113549.1.7.2"
_SIGNED_DATA_VERSION = 3
_CONTENT_TYPE = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
_SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
_SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
_RSA = "1.2.840.113549.1.1.1"

_DIGESTS: Mapping[str, hashes.HashAlgorithm] = MappingProxyType(
    {
        "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
        "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
        "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
    },
)
_ECDSA: Mapping[str, hashes.HashAlgorithm] = MappingProxyType(
    {
        "1.2.840.10045.4.3.2": hashes.SHA256(),
        "1.2.840.10045.4.3.3": hashes.SHA384(),
        "1.2.840.10045.4.3.4": hashes.SHA512(),
    },
)
_RSA_WITH: Mapping[str, hashes.HashAlgorithm] = MappingProxyType(
    {
        "1.2.840.113549.1.1.11": hashes.SHA256(),
        "1.2.840.113549.1.1.12": hashes.SHA384(),
        "1.2.840.113549.1.1.13": hashes.SHA512(),
    },
)
_SHA256 = "2.16.840.1.101.3.4.2.1"


@dataclass(frozen=True, slots=True)
class SignedData:
    """Parsed, *not* verified. *attributes* map each signed attribute's type to its one value, a DER element.

    *signed_bytes* are what the signature is over; *issuer* (DER) and *serial_number* say who claims to have signed.
    """

    content_type: str
    content: bytes
    certificates: tuple[bytes, ...]
    issuer: bytes
    serial_number: int
    digest_algorithm: str
    attributes: Mapping[str, bytes]
    signed_bytes: bytes
    signature_algorithm: str
    signature: bytes


def parse(data: bytes) -> SignedData:
    """Parse a ContentInfo of signed data. Raises DerError and TimeStampFormatError."""
    outer = der.Fields(data)
    if der.read_oid(outer.take(der.OBJECT_IDENTIFIER)) != _SIGNED_DATA:
        raise TimeStampFormatError("not signed data")
    fields = der.Fields(outer.take(der.context(0)).content)
    outer.end()
    if der.read_integer(fields.take(der.INTEGER)) != _SIGNED_DATA_VERSION:
        raise TimeStampFormatError("signed data of another version")
    digest_algorithms = {read_algorithm(each) for each in der.elements(fields.take(der.SET).content)}
    content_type, content = _read_content(fields.take(der.SEQUENCE))
    certificates = _read_certificates(fields.take_optional(der.context(0)))
    fields.take_optional(der.context(1))
    signers = der.elements(fields.take(der.SET).content)
    fields.end()
    if len(signers) != 1:
        raise TimeStampFormatError("not exactly one signer")
    signed = _read_signer(signers[0], content_type, content, certificates)
    if digest_algorithms != {signed.digest_algorithm}:
        raise TimeStampFormatError("the digest algorithms are not those of the signer")
    return signed


def find_signer(signed: SignedData, supplied: Iterable[bytes]) -> x509.Certificate:
    """Return the certificate that the signed attributes name by its hash (RFC 5035 §3, RFC 5816 §2.2.1).

    Looks among those in *signed*, then among *supplied* (DER). Raises TimeStampSignerError where none is it, or where
    the signer information names another; DerError and TimeStampFormatError for attributes of another form.
    """
    algorithm, digest = _named_certificate(signed.attributes)
    for encoded in dict.fromkeys((*signed.certificates, *supplied)):
        if _digest(algorithm, encoded) == digest:
            certificate = load_certificate(encoded)
            if (certificate.issuer.public_bytes(), certificate.serial_number) != (signed.issuer, signed.serial_number):
                raise TimeStampSignerError("signer information and signed attributes name two certificates")
            return certificate
    raise TimeStampSignerError("the signer's certificate is missing")


def verify_signature(signed: SignedData, certificate: x509.Certificate) -> None:
    """Raise TimeStampSignatureError unless the key of *certificate* signed content, content type and attributes.

    RFC 5652 §5.4 and §11.1-2. Raises DerError and TimeStampFormatError for attributes of another form.
    """
    if der.read_oid(der.read(_attribute(signed, _CONTENT_TYPE), der.OBJECT_IDENTIFIER)) != signed.content_type:
        raise TimeStampSignatureError("content of another type was signed")
    stated = der.read(_attribute(signed, _MESSAGE_DIGEST), der.OCTET_STRING).content
    if _digest(_digest_algorithm(signed.digest_algorithm), signed.content) != stated:
        raise TimeStampSignatureError("other content was signed")
    try:
        _verify(signed, certificate.public_key())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise TimeStampSignatureError("not signed by this key") from None


def read_algorithm(element: der.Element) -> str:
    """Return the OID of an AlgorithmIdentifier whose parameters are absent or NULL. Raises DerError."""
    fields = der.Fields(element.encoding)
    oid = der.read_oid(fields.take(der.OBJECT_IDENTIFIER))
    parameters = fields.take_optional(_NULL[0])
    fields.end()
    if parameters is not None and parameters.encoding != _NULL:
        raise DerError("NULL with a value")
    return oid


def load_certificate(encoded: bytes) -> x509.Certificate:
    """Parse a certificate (DER) with a positive serial number (RFC 5280 §4.1.2.2). Raises TimeStampFormatError."""
    try:
        certificate = x509.load_der_x509_certificate(encoded)
    except (ValueError, TypeError, CryptographyDeprecationWarning):
        raise TimeStampFormatError("not a certificate") from None
    if certificate.serial_number <= 0:
        raise TimeStampFormatError("a certificate without a serial number")
    return certificate


_NULL = b"\x05\x00"


def _read_content(element: der.Element) -> tuple[str, bytes]:
    fields = der.Fields(element.encoding)
    content_type = der.read_oid(fields.take(der.OBJECT_IDENTIFIER))
    content = der.read(fields.take(der.context(0)).content, der.OCTET_STRING).content
    fields.end()
    return content_type, content


def _read_certificates(element: der.Element | None) -> tuple[bytes, ...]:
    found = der.elements(element.content) if element is not None else []
    if len(found) > MAX_CERTIFICATES:
        raise TimeStampFormatError("too many certificates")
    # Other choices (attribute certificates) have context tags; they say nothing about the signer.
    return tuple(each.encoding for each in found if each.tag == der.SEQUENCE)


def _read_signer(
    element: der.Element, content_type: str, content: bytes, certificates: tuple[bytes, ...]
) -> SignedData:
    fields = der.Fields(element.encoding)
    if der.read_integer(fields.take(der.INTEGER)) != 1:
        raise TimeStampFormatError("a signer that is not named by issuer and serial number")
    signer = der.Fields(fields.take(der.SEQUENCE).encoding)
    issuer, serial_number = signer.take(der.SEQUENCE), signer.take(der.INTEGER)
    signer.end()
    digest_algorithm = read_algorithm(fields.take(der.SEQUENCE))
    attributes = fields.take(der.context(0))
    signature_algorithm = read_algorithm(fields.take(der.SEQUENCE))
    signature = fields.take(der.OCTET_STRING)
    fields.take_optional(der.context(1))
    fields.end()
    return SignedData(
        content_type=content_type,
        content=content,
        certificates=certificates,
        issuer=issuer.encoding,
        serial_number=der.read_integer(serial_number),
        digest_algorithm=digest_algorithm,
        attributes=_read_attributes(attributes),
        # RFC 5652 §5.4: the signature is over a SET OF, not over the [0] in which it travels.
        signed_bytes=der.write(der.SET, attributes.content),
        signature_algorithm=signature_algorithm,
        signature=signature.content,
    )


def _read_attributes(element: der.Element) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    for attribute in der.elements(element.content):
        fields = der.Fields(attribute.encoding)
        kind = der.read_oid(fields.take(der.OBJECT_IDENTIFIER))
        values = der.elements(fields.take(der.SET).content)
        fields.end()
        if kind in found or len(values) != 1:
            raise TimeStampFormatError("a signed attribute without exactly one value")
        found[kind] = values[0].encoding
    return found


def _attribute(signed: SignedData, kind: str) -> bytes:
    try:
        return signed.attributes[kind]
    except KeyError:
        raise TimeStampFormatError(f"no signed attribute {kind}") from None


def _named_certificate(attributes: Mapping[str, bytes]) -> tuple[hashes.HashAlgorithm, bytes]:
    """Return the hash by which the first entry, the signer's, is named; the newer attribute decides where both are."""
    if _SIGNING_CERTIFICATE_V2 in attributes:
        fields = _first_certificate_id(attributes[_SIGNING_CERTIFICATE_V2])
        named = fields.take_optional(der.SEQUENCE)
        algorithm = _digest_algorithm(read_algorithm(named) if named is not None else _SHA256)
    elif _SIGNING_CERTIFICATE in attributes:
        fields = _first_certificate_id(attributes[_SIGNING_CERTIFICATE])
        # The older form knows SHA-1 only. It names a certificate that is then judged by its own signature.
        algorithm = hashes.SHA1()  # noqa: S303  see above
    else:
        raise TimeStampFormatError("no signed attribute names the signer's certificate")
    digest = fields.take(der.OCTET_STRING).content
    fields.take_optional(der.SEQUENCE)
    fields.end()
    return algorithm, digest


def _first_certificate_id(value: bytes) -> der.Fields:
    fields = der.Fields(value)
    ids = der.elements(fields.take(der.SEQUENCE).content)
    fields.take_optional(der.SEQUENCE)
    fields.end()
    if not ids:
        raise TimeStampFormatError("no signed attribute names the signer's certificate")
    return der.Fields(ids[0].encoding)


def _digest_algorithm(oid: str) -> hashes.HashAlgorithm:
    try:
        return _DIGESTS[oid]
    except KeyError:
        raise TimeStampFormatError(f"digest algorithm {oid} is not accepted") from None


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    context = hashes.Hash(algorithm)
    context.update(data)
    return context.finalize()


def _verify(signed: SignedData, key: object) -> None:
    oid = signed.signature_algorithm
    if isinstance(key, ec.EllipticCurvePublicKey) and oid in _ECDSA:
        key.verify(signed.signature, signed.signed_bytes, ec.ECDSA(_ECDSA[oid]))
    elif isinstance(key, rsa.RSAPublicKey) and (oid == _RSA or oid in _RSA_WITH):
        algorithm = _DIGESTS[signed.digest_algorithm] if oid == _RSA else _RSA_WITH[oid]
        key.verify(signed.signature, signed.signed_bytes, padding.PKCS1v15(), algorithm)
    else:
        raise TimeStampSignatureError(f"signature algorithm {oid} is not accepted with this key")
