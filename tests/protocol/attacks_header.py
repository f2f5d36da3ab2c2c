"""What may be wrong with the header and signature of any token by which a wallet proves something."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import Any

from protocol.jose import MAX_PROOF_BYTES
from protocol.keys import SoftwareSigner
from tests.protocol.issuance_makers import OTHER_CURVE, private_jwk
from tests.protocol.makers import DROP, EVE, HOLDER, b64, js


def of(make: Callable[..., str], signer: SoftwareSigner = HOLDER) -> Iterator[tuple[str, str, str]]:
    """Yield name, token and reason; *make* takes ``signer``, ``header`` and ``signature``."""
    yield from algorithms(make, signer)
    yield from types(make, signer)
    yield from keys(make, signer)
    yield from shapes(make, signer)


def algorithms(make: Callable[..., str], signer: SoftwareSigner) -> Iterator[tuple[str, str, str]]:
    for value in ("none", "None", "HS256", "RS256", "ES384", "ES256K", "EdDSA", "", None, DROP):
        shown = "missing" if value is DROP else repr(value)
        yield f"alg {shown}", make(signer=signer, header={"alg": value}), "only ES256 is accepted"
    yield (
        "alg none, unsigned",
        make(signer=signer, header={"alg": "none"}, signature=b""),
        "an unsigned proof proves nothing",
    )
    unsigned = make(signer=signer, header={"alg": "HS256"}, signature=b"").rstrip(".")
    mac = hmac.new(js(signer.public_jwk).encode(), unsigned.encode(), hashlib.sha256).digest()
    yield "HS256 with the public key", f"{unsigned}.{b64(mac)}", "the key is public, as a MAC key it is everybody's"


def types(make: Callable[..., str], signer: SoftwareSigner) -> Iterator[tuple[str, str, str]]:
    for value in ("JWT", "jwt", "kb+jwt", "dc+sd-jwt", "at+jwt", "", None, 1, DROP):
        shown = "missing" if value is DROP else repr(value)
        yield (
            f"typ {shown}",
            make(signer=signer, header={"typ": value}),
            "a token made for something else (RFC 8725 §3.11)",
        )


def keys(make: Callable[..., str], signer: SoftwareSigner) -> Iterator[tuple[str, str, str]]:
    changes: dict[str, tuple[Any, str]] = {
        "private key shown": (private_jwk(signer), "a private key that is sent has leaked"),
        "symmetric key": ({"kty": "oct", "k": "AAAA"}, "a secret that both hold proves nothing"),
        "Ed25519 key": (OTHER_CURVE, "only P-256 keys are bound here"),
        "no object": ("key", "a JWK is an object"),
        "null": (None, "a JWK is an object"),
        "off the curve": ({**signer.public_jwk, "y": signer.public_jwk["x"]}, "such a point is no key"),
        "for encryption": ({**signer.public_jwk, "use": "enc"}, "stated for another use (RFC 7517 §4.2)"),
        "another's": (EVE.public_jwk, "the signature is not by the key that is shown"),
    }
    for name, (jwk, reason) in changes.items():
        yield f"jwk: {name}", make(signer=signer, header={"jwk": jwk}), reason
    for name, value in {"jku": "https://eve.example", "x5u": "https://eve.example", "b64": False, "zip": "DEF"}.items():
        yield f"header {name}", make(signer=signer, header={name: value}), "fetches a key, or changes what was signed"
    yield "header crit", make(signer=signer, header={"crit": ["exp"]}), "no extension is understood"


def shapes(make: Callable[..., str], signer: SoftwareSigner) -> Iterator[tuple[str, str, str]]:
    sound = make(signer=signer)
    head, body, signature = sound.split(".")
    yield (
        "another's signature",
        make(signer=signer, header={"jwk": signer.public_jwk}, signature=EVE.sign(f"{head}.{body}".encode())),
        "not by this key",
    )
    yield "signature of zeros", make(signer=signer, signature=bytes(64)), "r and s lie in 1..n-1"
    yield "short signature", make(signer=signer, signature=bytes(32)), "ES256 is exactly 64 bytes"
    yield "two tokens, as two headers arrive", f"{sound}, {sound}", "one proof a request (RFC 9449 §4.3 check 1)"
    yield "padded", f"{sound}=", "one token has one spelling"
    yield "two parts", f"{head}.{body}", "not a JWS"
    yield "four parts", f"{sound}.{signature}", "not a JWS"
    yield "payload no object", f"{head}.{b64('[]')}.{signature}", "claims are an object"
    yield "beyond ASCII", sound[:-1] + "é", "not base64url"
    yield "empty", "", "nothing"
    yield "huge", make(signer=signer, header={"a": "x" * (MAX_PROOF_BYTES + 1)}), "bounded before any work"
