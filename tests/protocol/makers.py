"""Builders of tokens, sound and unsound, and the strict verifier that judges them.

Everything is made from bytes here, so that what the library refuses to make can still be sent to it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from protocol import sd_jwt_vc
from protocol.keys import SoftwareSigner, p256_from_jwk

NOW = 1_800_000_000
AUDIENCE = "https://verifier.example"
NONCE = "n-0S6_WzA2Mj"
ISSUER_NAME = "https://issuer.example"
VCT = "urn:example:residence"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ACCEPT = "accept"
DROP: Any = object()

# Fixed keys: a failure is then the same failure on every machine.
ISSUER = SoftwareSigner(ec.derive_private_key(0xA11CE, ec.SECP256R1()), "issuer")
HOLDER = SoftwareSigner(ec.derive_private_key(0x1E1, ec.SECP256R1()), "holder")
EVE = SoftwareSigner(ec.derive_private_key(0xE7E, ec.SECP256R1()), "eve")
ISSUER_KEY = p256_from_jwk(ISSUER.public_jwk)


@dataclass(frozen=True)
class Case:
    """One token sent to the verifier: what must come of it, and why. ``claims`` are those of an accepted one."""

    name: str
    build: Callable[[], Any]
    expected: str
    reason: str
    claims: dict[str, Any] | None = None


def later(build: Callable[..., Any], *values: Any) -> Callable[[], Any]:
    """*build* with *values* as they are now: what a loop defines must not change with the loop."""
    return lambda: build(*values)


def b64(data: bytes | str) -> str:
    return base64.urlsafe_b64encode(data.encode() if isinstance(data, str) else data).rstrip(b"=").decode()


def js(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def digest(encoded: str, algorithm: str = "sha256") -> str:
    return b64(hashlib.new(algorithm, encoded.encode("utf-8", "surrogatepass")).digest())


def disclose(*parts: Any) -> str:
    """A disclosure of any parts, well-formed or not."""
    return b64(js(list(parts)))


def with_changes(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**base, **changes}.items() if value is not DROP}


def payload(**changes: Any) -> dict[str, Any]:
    """A sound payload of the issuer, with *changes*; DROP removes a claim."""
    base = {
        "iss": ISSUER_NAME,
        "iat": NOW - 1000,
        "exp": NOW + 1000,
        "vct": VCT,
        "cnf": {"jwk": HOLDER.public_jwk},
    }
    return with_changes(base, changes)


def jws(
    content: Any,
    header: Any = None,
    *,
    signer: SoftwareSigner = ISSUER,
    signature: bytes | None = None,
) -> str:
    """A compact JWS. *content* and *header* may be a value, or text or bytes taken as they are."""
    parts = [header if header is not None else {"alg": "ES256", "typ": "dc+sd-jwt"}, content]
    encoded = [b64(part if isinstance(part, str | bytes) else js(part)) for part in parts]
    return sign_parts(*encoded, signer=signer, signature=signature)


def sign_parts(header: str, content: str, *, signer: SoftwareSigner = ISSUER, signature: bytes | None = None) -> str:
    """Two encoded parts, signed as they are."""
    signing_input = f"{header}.{content}"
    made = signer.sign(signing_input.encode("utf-8", "surrogatepass")) if signature is None else signature
    return f"{signing_input}.{b64(made)}"


def issuer_header(**changes: Any) -> dict[str, Any]:
    return with_changes({"alg": "ES256", "typ": "dc+sd-jwt"}, changes)


def binding_header(**changes: Any) -> dict[str, Any]:
    return with_changes({"alg": "ES256", "typ": "kb+jwt"}, changes)


def bind(
    text: str,
    *,
    signer: SoftwareSigner = HOLDER,
    header: Any = None,
    signature: bytes | None = None,
    hash_name: str = "sha256",
    **changes: Any,
) -> str:
    """*text*, which ends with a tilde, followed by a key binding JWT with *changes*."""
    claims = {"iat": NOW - 5, "aud": AUDIENCE, "nonce": NONCE, "sd_hash": digest(text, hash_name)}
    made = jws(with_changes(claims, changes), header or binding_header(), signer=signer, signature=signature)
    return text + made


def unbound(issuer_jwt: str, disclosures: Sequence[str] = ()) -> str:
    return "~".join([issuer_jwt, *disclosures, ""])


def present(content: Any = None, disclosures: Sequence[str] = (), header: Any = None, **binding: Any) -> str:
    """A presentation in which everything but what the arguments say is sound."""
    return bind(unbound(jws(payload() if content is None else content, header), disclosures), **binding)


def hidden(*disclosures: str, **changes: Any) -> dict[str, Any]:
    """A sound payload that signs the digests of *disclosures* at its top level."""
    return payload(_sd=[digest(item) for item in disclosures], _sd_alg="sha-256", **changes)


def judge(presentation: Any) -> dict[str, Any]:
    """The claims of *presentation* after every step of a verifier that requires key binding; raises otherwise."""
    parsed = sd_jwt_vc.parse(presentation)
    sd_jwt_vc.verify_signature(parsed, ISSUER_KEY)
    claims = sd_jwt_vc.reveal_claims(parsed)
    sd_jwt_vc.verify_key_binding(parsed, audience=AUDIENCE, nonce=NONCE, now=NOW)
    sd_jwt_vc.check_issuer(claims, expected=ISSUER_NAME)
    sd_jwt_vc.check_type(claims, expected=VCT)
    sd_jwt_vc.check_validity(claims, now=NOW)
    return claims
