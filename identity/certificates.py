"""X.509 for x5c (RFC 5280): one authority of our own, and a short certificate for each signing key."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

_COUNTRY = "MO"
_ORGANISATION = "Chancela"
_AUTHORITY_LIFETIME = timedelta(days=365 * 20)
# Certificates are judged by the registered key, so this bounds new signatures, not old ones.
_KEY_LIFETIME = timedelta(days=365 * 5)
# A verifier whose clock lags must not refuse a certificate made a moment ago.
_CLOCK_SKEW = timedelta(hours=1)


def certify_authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """Return the self-signed certificate of an authority that certifies keys, never other authorities."""
    name = _name(f"{_ORGANISATION} issuing authority")
    builder = _builder(name, name, key.public_key(), _AUTHORITY_LIFETIME)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return builder.sign(key, hashes.SHA256())


def certify_key(
    *,
    public_key: ec.EllipticCurvePublicKey,
    subject: str,
    identifier: str,
    organisation: str = _ORGANISATION,
    authority_key: ec.EllipticCurvePrivateKey,
    authority_certificate: str,
) -> x509.Certificate:
    """Return a certificate naming *identifier* as URI and its host, as SD-JWT VC and OpenID4VP look for.

    *subject* is its common name, and *organisation* whose key it is, as a wallet shows it.
    """
    authority = decode_certificate(authority_certificate)
    builder = _builder(_name(subject, organisation), authority.subject, public_key, _KEY_LIFETIME)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=False), critical=True)
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identifier), _host_name(identifier)])
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    authority_key_identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    builder = builder.add_extension(authority_key_identifier, critical=False)
    return builder.sign(authority_key, hashes.SHA256())


def encode_certificate(certificate: x509.Certificate) -> str:
    """Return standard base64 of DER, as RFC 7515 §4.1.6 wants it."""
    return b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")


def decode_certificate(encoded: str) -> x509.Certificate:
    return x509.load_der_x509_certificate(b64decode(encoded))


# Asked before every signature, of the few certificates in use.
@lru_cache(maxsize=256)
def expiry_of(encoded: str) -> datetime:
    return decode_certificate(encoded).not_valid_after_utc


def _builder(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, lifetime: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - _CLOCK_SKEW).not_valid_after(now + lifetime)


def _name(common_name: str, organisation: str = _ORGANISATION) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, _COUNTRY),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64]),
        ]
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _host_name(identifier: str) -> x509.GeneralName:
    host = urlsplit(identifier).hostname or ""
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
