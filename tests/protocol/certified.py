"""Certificates of verifiers for tests: an authority, what it certifies, and what others pretend."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from protocol.keys import PublicKey, generate_p256
from tests.protocol.makers import NOW

MOMENT = datetime.fromtimestamp(NOW, UTC)
YEAR = timedelta(days=365)


class Authority:
    """A certificate authority with a key of its own."""

    def __init__(self, name: str = "authority") -> None:
        self.key, self.name = generate_p256(), name
        self.certificate = _certify(self.key.public_key(), name, self.key, name, is_authority=True)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def certify(
        self,
        key: PublicKey,
        *,
        names: Sequence[str] = ("verifier.example",),
        is_authority: bool = False,
        expired: bool = False,
        signs: bool = True,
    ) -> bytes:
        certificate = _certify(
            key, "verifier", self.key, self.name, names=names, is_authority=is_authority, expired=expired, signs=signs
        )
        return certificate.public_bytes(Encoding.DER)


def encode(*certificates: bytes) -> list[str]:
    return [b64encode(certificate).decode() for certificate in certificates]


def _certify(
    key: PublicKey,
    subject: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    issuer: str,
    *,
    names: Sequence[str] = (),
    is_authority: bool = False,
    expired: bool = False,
    signs: bool = True,
) -> x509.Certificate:
    begins, ends = (MOMENT - 2 * YEAR, MOMENT - YEAR) if expired else (MOMENT - YEAR, MOMENT + YEAR)
    builder = x509.CertificateBuilder().subject_name(_name(subject)).issuer_name(_name(issuer)).public_key(key)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begins).not_valid_after(ends)
    builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    usage = x509.KeyUsage(
        digital_signature=signs and not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not signs,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = builder.add_extension(authority_key, critical=False)
    if names:
        alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternative, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
