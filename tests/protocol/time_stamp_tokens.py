"""Time stamp tokens built part by part, so that a test can get any one part wrong and sign the whole nevertheless."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha1, sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from protocol import der
from tests.simulators.tsa import POLICY, Certified

SHA256 = "2.16.840.1.101.3.4.2.1"
SHA512 = "2.16.840.1.101.3.4.2.3"
TST_INFO = "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
SIGNING_TIME = "1.2.840.113549.1.9.5"
SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"
RSA = "1.2.840.113549.1.1.1"
RSA_SHA256 = "1.2.840.113549.1.1.11"
NULL = b"\x05\x00"


def sequence(*parts: bytes) -> bytes:
    return der.write(der.SEQUENCE, *parts)


def algorithm(oid: str, parameters: bytes = NULL) -> bytes:
    return sequence(der.write_oid(oid), parameters)


def octets(data: bytes) -> bytes:
    return der.write(der.OCTET_STRING, data)


def attribute(oid: str, *values: bytes) -> bytes:
    return sequence(der.write_oid(oid), der.write(der.SET, *values))


def named_by_sha256(certificate: bytes) -> bytes:
    return attribute(SIGNING_CERTIFICATE_V2, sequence(sequence(sequence(octets(sha256(certificate).digest())))))


def named_by_sha1(certificate: bytes) -> bytes:
    digest = sha1(certificate, usedforsecurity=False).digest()
    return attribute(SIGNING_CERTIFICATE, sequence(sequence(sequence(octets(digest)))))


@dataclass
class Info:
    """A TSTInfo; *tail* follows the time: accuracy, ordering, nonce, tsa, extensions."""

    digest: bytes
    time: bytes = b"20300102030405Z"
    version: int = 1
    hash: bytes = field(default_factory=lambda: algorithm(SHA256))
    policy: bytes = field(default_factory=lambda: der.write_oid(POLICY))
    tail: bytes = b""

    def encode(self) -> bytes:
        imprint = sequence(self.hash, octets(self.digest))
        time = der.write(der.GENERALIZED_TIME, self.time)
        return sequence(der.write_integer(self.version), self.policy, imprint, der.write_integer(7), time, self.tail)


@dataclass
class Token:
    """Signed data around *content*; what is None is made as the standards ask."""

    signer: Certified
    content: bytes
    certificates: tuple[bytes, ...] | None = None
    content_type: str = TST_INFO
    version: int = 3
    digests: bytes = field(default_factory=lambda: der.write(der.SET, algorithm(SHA256)))
    lists: bytes = b""
    attributes: list[bytes] | None = None
    sid: bytes | None = None
    signature_algorithm: bytes | None = None
    signature: bytes | None = None
    after: bytes = b""
    signers: int = 1

    def encode(self) -> bytes:
        info = self._signer_info()
        content = sequence(der.write_oid(self.content_type), der.write(der.context(0), octets(self.content)))
        own = (self.signer.der,) if self.certificates is None else self.certificates
        certificates = der.write(der.context(0), *own) if own else b""
        signers = der.write(der.SET, *[info] * self.signers)
        parts = (der.write_integer(self.version), self.digests, content, certificates, self.lists, signers)
        return sequence(der.write_oid("1.2.840.113549.1.7.2"), der.write(der.context(0), sequence(*parts)))

    def standard_attributes(self) -> list[bytes]:
        return [
            attribute(CONTENT_TYPE, der.write_oid(self.content_type)),
            attribute(MESSAGE_DIGEST, octets(sha256(self.content).digest())),
            named_by_sha256(self.signer.der),
        ]

    def _signer_info(self) -> bytes:
        attributes = b"".join(self.standard_attributes() if self.attributes is None else self.attributes)
        algorithm_used, signature = self._sign(der.write(der.SET, attributes))
        return sequence(
            der.write_integer(1),
            issued_by(self.signer) if self.sid is None else self.sid,
            algorithm(SHA256),
            der.write(der.context(0), attributes),
            algorithm_used if self.signature_algorithm is None else self.signature_algorithm,
            octets(signature if self.signature is None else self.signature),
            self.after,
        )

    def _sign(self, data: bytes) -> tuple[bytes, bytes]:
        key = self.signer.key
        if isinstance(key, rsa.RSAPrivateKey):
            return algorithm(RSA), key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return algorithm(ECDSA_SHA256, b""), key.sign(data, ec.ECDSA(hashes.SHA256()))


def issued_by(certified: Certified, serial_number: int | None = None) -> bytes:
    number = certified.certificate.serial_number if serial_number is None else serial_number
    return sequence(certified.certificate.issuer.public_bytes(), der.write_integer(number))
