"""The credential that the oracles judge, with keys that each of them can be given."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from protocol import sd_jwt, sd_jwt_vc
from protocol.encoding import b64u_encode
from protocol.keys import SoftwareSigner, generate_p256, p256_from_jwk

# The clock of the machine, because sd-jwt stamps its key binding with it.
NOW = int(time.time())
AUDIENCE = "https://verifier.example"
NONCE = "1234567890"
ISSUER_NAME = "https://issuer.example"
VCT = "urn:example:residence"
CLAIMS: dict[str, Any] = {
    "given_name": "Lei",
    "family_name": "陳",
    "birthdate": "1990-02-28",
    "is_resident": False,
    "level": 0,
    "note": None,
    "address": {"street": "Rua da Praia 1", "city": "Macau", "lines": ["A", "B"]},
    "nationalities": ["MO", "PT", "CN"],
    "degrees": [{"name": "BSc", "year": 2012}, {"name": "MSc", "year": 2014}],
}
DISCLOSABLE: list[sd_jwt.Path] = [
    ("given_name",),
    ("family_name",),
    ("birthdate",),
    ("is_resident",),
    ("level",),
    ("note",),
    ("address",),
    ("address", "street"),
    ("nationalities", None),
    ("degrees", None, "year"),
]

ISSUER_PRIVATE, HOLDER_PRIVATE = generate_p256(), generate_p256()
ISSUER, HOLDER = SoftwareSigner(ISSUER_PRIVATE, "issuer"), SoftwareSigner(HOLDER_PRIVATE, "holder")


def private_jwk(key: ec.EllipticCurvePrivateKey, signer: SoftwareSigner) -> dict[str, str]:
    """A private JWK, which the library itself never writes: only the oracles need it."""
    return {**signer.public_jwk, "d": b64u_encode(key.private_numbers().private_value.to_bytes(32, "big"))}


def issue(decoys: int = 0) -> sd_jwt.SdJwt:
    return sd_jwt_vc.issue_credential(
        claims=CLAIMS,
        vct=VCT,
        signer=ISSUER,
        header={"kid": "issuer"},
        issuer=ISSUER_NAME,
        issued_at=NOW - 100,
        expires_at=NOW + 10**9,
        holder_jwk=HOLDER.public_jwk,
        disclosable=DISCLOSABLE,
        decoys=decoys,
    )


def present(held: sd_jwt.SdJwt, paths: Sequence[sd_jwt.Path], issued_at: int = NOW) -> str:
    text = sd_jwt.select(held, paths)
    return sd_jwt.create_key_binding(text, signer=HOLDER, audience=AUDIENCE, nonce=NONCE, issued_at=issued_at)


def registered() -> dict[str, Any]:
    return {
        "iss": ISSUER_NAME,
        "iat": NOW - 100,
        "exp": NOW + 10**9,
        "vct": VCT,
        "cnf": {"jwk": HOLDER.public_jwk},
    }


def judge(presentation: str, now: int = NOW, *, allow_legacy_type: bool = False) -> dict[str, Any]:
    """The claims, after every step of our own verifier."""
    parsed = sd_jwt_vc.parse(presentation, allow_legacy_type=allow_legacy_type)
    sd_jwt_vc.verify_signature(parsed, p256_from_jwk(ISSUER.public_jwk))
    claims = sd_jwt_vc.reveal_claims(parsed)
    sd_jwt_vc.verify_key_binding(parsed, audience=AUDIENCE, nonce=NONCE, now=now)
    sd_jwt_vc.check_type(claims, expected=VCT)
    sd_jwt_vc.check_validity(claims, now=now)
    return claims


def as_json(value: Any) -> Any:
    """A copy through JSON, so that no foreign class takes part in a comparison."""
    return json.loads(json.dumps(value))
