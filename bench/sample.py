"""The one credential that every library benchmark uses: ten claims, all of them selectively disclosable, a holder key
and a status, signed under a certificate chain; three claims are shown, with key binding.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.disclosure import SdJwt
from protocol.key_binding import create_key_binding
from protocol.keys import Signer, SoftwareSigner, generate_p256, public_jwk
from protocol.sd_jwt import select
from protocol.sd_jwt_vc import issue_credential
from protocol.status_list import status_claim

ISSUER = "https://certificates.example/issuers/education"
VCT = "https://certificates.example/types/diploma/1"
STATUS_URI = "https://certificates.example/status/0c5fbb6e-3a44-4f47-9d5c-3a54e4a7dd1a"
STATUS_SIZE = 1 << 17
AUDIENCE = "https://verifier.example/organisations/bank"
NONCE = "n-0S6_WzA2MjV-vW4qBqyK7mQn3p5T8d"
AUTHORITY = "Issuing authority"
DAY = 86_400

CLAIMS: dict[str, Any] = {
    "given_name": "小明",
    "family_name": "李",
    "birth_date": "1990-05-17",
    "document_number": "1234567(8)",
    "institution": "University of Macau",
    "degree": "Master of Science",
    "field_of_study": "Computer science",
    "graduation_date": "2019-06-28",
    "final_grade": 17,
    "is_distinction": True,
}
DISCLOSABLE: tuple[tuple[str | int | None, ...], ...] = tuple((name,) for name in CLAIMS)
SHOWN: tuple[tuple[str | int | None, ...], ...] = (("family_name",), ("degree",), ("graduation_date",))


@dataclass(frozen=True, slots=True)
class Keys:
    """Private keys as every library of the comparison can take them, and the header that goes with the issuer's."""

    issuer: ec.EllipticCurvePrivateKey
    holder: ec.EllipticCurvePrivateKey
    header: dict[str, Any]

    holder_jwk: dict[str, str]

    @property
    def issuer_signer(self) -> SoftwareSigner:
        """The issuer's key behind the interface of protocol.keys."""
        return SoftwareSigner(self.issuer, self.header["kid"])


def make_keys() -> Keys:
    """Return fresh keys; the issuer's is certified by an authority, as in production."""
    issuer, holder, authority = generate_p256(), generate_p256(), generate_p256()
    chain = [_certify(key, name, authority) for key, name in ((issuer, "Education"), (authority, AUTHORITY))]
    return Keys(issuer, holder, {"kid": "education-2026-1", "x5c": chain}, public_jwk(holder.public_key()))


def issue(keys: Keys, signer: Signer, *, index: int, now: int) -> SdJwt:
    """Return a credential with all its disclosures. *now* is in seconds since 1970."""
    issued_at = now - now % DAY
    return issue_credential(
        claims=CLAIMS,
        vct=VCT,
        signer=signer,
        header=keys.header,
        issuer=ISSUER,
        issued_at=issued_at,
        expires_at=issued_at + 365 * DAY,
        holder_jwk=keys.holder_jwk,
        status=status_claim(index, STATUS_URI),
        disclosable=DISCLOSABLE,
    )


def present(keys: Keys, held: SdJwt, *, now: int) -> str:
    """Return a presentation of three of the ten claims, bound to AUDIENCE and NONCE."""
    signer = SoftwareSigner(keys.holder, "holder")
    return create_key_binding(select(held, SHOWN), signer=signer, audience=AUDIENCE, nonce=NONCE, issued_at=now)


def _certify(key: ec.EllipticCurvePrivateKey, name: str, by: ec.EllipticCurvePrivateKey) -> str:
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(AUTHORITY))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ISSUER)]), critical=False)
        .sign(by, hashes.SHA256())
    )
    return b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
