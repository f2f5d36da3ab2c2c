"""Compact JWS with ES256 (RFC 7515, RFC 7518 §3.4), narrowed by RFC 8725.

Every rule about the header is applied before any cryptography, and nothing in a token ever chooses the key: ``kid``
and ``x5c`` are checked for shape only, and whoever calls this module brings a key obtained elsewhere. The one exception
has a door of its own: a proof of possession shows its key itself, and proves nothing but that somebody holds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from protocol.encoding import b64u_decode, b64u_encode, json_dumps_checked, json_object
from protocol.errors import (
    AlgorithmError,
    CriticalHeaderError,
    HeaderFormatError,
    HeaderNotAllowedError,
    JwsFormatError,
    KeyFormatError,
    SignatureError,
    SignatureFormatError,
    TokenTypeError,
    TooLargeError,
)
from protocol.keys import ES256_DIGEST, P256_BYTES, Signer, p256_from_jwk

MAX_TOKEN_BYTES = 1 << 18
MAX_HEADER_BYTES = 1 << 14
# A proof's header may hold a whole key attestation, which holds every key of a batch.
MAX_PROOF_BYTES = 1 << 16
MAX_KEY_ID_CHARACTERS = 512
MAX_CERTIFICATES = 8
ALLOWED_ALGORITHMS = frozenset({"ES256"})
SIGNATURE_BYTES = 2 * P256_BYTES
SIGNATURE_SIZES = {"ES256": SIGNATURE_BYTES, "ES384": 96, "ES512": 132, "EdDSA": 64}

TokenTypes = frozenset[str] | frozenset[str | None]

# jwk, jku and x5u let a token bring its own key; b64 and zip change what was signed; the rest belong to JWE.
_REFUSED_HEADERS = frozenset(
    {"jwk", "jku", "x5u", "b64", "zip", "enc", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c", "psk_id", "ek"}
)
_CERTIFICATE = re.compile(r"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")
_CONTAINERS = frozenset({dict, list})
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+\Z")


class Jws(NamedTuple):
    """A parsed compact JWS. ``digest`` is SHA-256 of the exact bytes that were signed; ``signature`` is r and s."""

    header: dict[str, Any]
    payload: bytes
    digest: bytes
    signature: bytes


def sign_compact(payload: bytes, *, signer: Signer, header: Mapping[str, Any]) -> str:
    """Return *payload* signed by *signer* as compact JWS (RFC 7515 §7.1).

    *header* needs ``typ``; ``alg`` comes from the signer. Raises HeaderNotAllowedError for a header that
    parse_compact would refuse, so that nothing is signed here which cannot be verified here.
    """
    signing_input = f"{_write_header(signer.algorithm, header)}.{b64u_encode(payload)}"
    return f"{signing_input}.{b64u_encode(signer.sign(signing_input.encode('ascii')))}"


def parse_compact(
    token: str, *, allowed_types: TokenTypes, max_bytes: int = MAX_TOKEN_BYTES, algorithm: str = "ES256"
) -> Jws:
    """Return the parts of *token* after every check that needs no key (RFC 7515 §5.2 steps 1-7, RFC 8725 §3).

    *allowed_types* are exact ``typ`` values; None among them admits a token without ``typ``. *algorithm* is that of the
    caller's key; all but ES256 are for protocol.jws_algorithms. Raises TooLargeError past *max_bytes*, JwsFormatError,
    Base64UrlError, JsonError, CriticalHeaderError, HeaderNotAllowedError, AlgorithmError, TokenTypeError,
    HeaderFormatError and SignatureFormatError. Nothing in the result is authentic until its signature is verified.
    """
    header_part, payload_part, signature_part = _split(token, max_bytes)
    known, containers = _parse_header(header_part, algorithm)
    # What is cached is shared; what is handed out is the caller's own.
    header = known.copy()
    for name in containers:
        header[name] = _copy(known[name])
    return _assemble(token, header, payload_part, signature_part, allowed_types, size=SIGNATURE_SIZES[algorithm])


def parse_proof(token: str, *, allowed_types: TokenTypes, max_bytes: int = MAX_PROOF_BYTES) -> Jws:
    """As parse_compact, for proofs of possession, whose header may show the proven key as ``jwk``.

    The key must be a public P-256 one (RFC 9449 §4.2, OpenID4VCI 1.0 appendix F.1); own_key returns it. Raises as
    parse_compact, and KeyFormatError. A signature by that key tells nothing of who holds it.
    """
    header_part, payload_part, signature_part = _split(token, max_bytes)
    header = json_object(b64u_decode(header_part))
    _check_header({name: header[name] for name in header if name != "jwk"}, allowed_algorithms=ALLOWED_ALGORITHMS)
    if "jwk" in header:
        p256_from_jwk(header["jwk"])
    return _assemble(token, header, payload_part, signature_part, allowed_types)


def own_key(jws: Jws) -> ec.EllipticCurvePublicKey:
    """Return the key that a proof of possession shows in its header. Raises KeyFormatError when it shows none."""
    if "jwk" not in jws.header:
        raise KeyFormatError("the header shows no jwk")
    return p256_from_jwk(jws.header["jwk"])


def verify_es256(jws: Jws, key: ec.EllipticCurvePublicKey) -> bytes:
    """Check the signature over the exact bytes received and return the payload (RFC 7518 §3.4).

    Both s and n-s are accepted: phone hardware makes either. So never identify anything by its signature bytes.
    Raises SignatureFormatError unless there are 64 bytes, and SignatureError, also for a key that is not P-256.
    """
    if len(jws.signature) != SIGNATURE_BYTES:
        raise SignatureFormatError(f"{len(jws.signature)} bytes instead of {SIGNATURE_BYTES}")
    if key.curve.name != "secp256r1":
        raise SignatureError("ES256 needs a P-256 key")
    r = int.from_bytes(jws.signature[:P256_BYTES], "big")
    s = int.from_bytes(jws.signature[P256_BYTES:], "big")
    try:
        key.verify(encode_dss_signature(r, s), jws.digest, ES256_DIGEST)
    except InvalidSignature:
        raise SignatureError("not made by this key over these bytes") from None
    return jws.payload


def verify_compact(
    token: str,
    *,
    key: ec.EllipticCurvePublicKey,
    allowed_types: TokenTypes,
    max_bytes: int = MAX_TOKEN_BYTES,
) -> Jws:
    """Parse and verify *token* and return it. Raises as parse_compact and verify_es256."""
    jws = parse_compact(token, allowed_types=allowed_types, max_bytes=max_bytes)
    verify_es256(jws, key)
    return jws


def _split(token: str, max_bytes: int) -> tuple[str, str, str]:
    if not isinstance(token, str):
        raise JwsFormatError("a token is text")
    if len(token) > max_bytes:
        raise TooLargeError(f"token longer than {max_bytes} bytes")
    header, _, rest = token.partition(".")
    payload, dot, signature = rest.partition(".")
    if not dot or "." in signature:
        raise JwsFormatError("not three parts")
    return header, payload, signature


def _assemble(
    token: str,
    header: dict[str, Any],
    payload: str,
    signature: str,
    allowed_types: TokenTypes,
    *,
    size: int = SIGNATURE_BYTES,
) -> Jws:
    if header.get("typ") not in allowed_types:
        raise TokenTypeError(f"one of {', '.join(sorted(map(str, allowed_types)))} expected")
    content, r_and_s = b64u_decode(payload), b64u_decode(signature)
    if len(r_and_s) != size:
        raise SignatureFormatError(f"{len(r_and_s)} bytes instead of {size}")
    digest = sha256(token[: -1 - len(signature)].encode("ascii")).digest()
    # The named tuple's own constructor is written in Python, and slow where it runs twice a verification.
    return tuple.__new__(Jws, (header, content, digest, r_and_s))


def _write_header(algorithm: str, header: Mapping[str, Any]) -> str:
    # An algorithm in *header* that is not the signer's fails the allow-list, which holds the signer's alone.
    return _check_own_header(algorithm, json_dumps_checked({"alg": algorithm, **header}))


@lru_cache(maxsize=256)
def _check_own_header(algorithm: str, encoded: bytes) -> str:
    header = json_object(encoded, max_bytes=MAX_HEADER_BYTES)
    _check_header(header, allowed_algorithms=frozenset({algorithm}))
    if "typ" not in header:
        raise TokenTypeError("every token made here states its type")
    # The fast writer turns NaN into null; no header parameter has a use for either.
    if _holds_null(header):
        raise HeaderFormatError("null is not a value for a header")
    return b64u_encode(encoded)


# Keyed by the exact bytes. Issuers repeat their headers, certificate chain included, for every credential.
@lru_cache(maxsize=256)
def _parse_header(part: str, algorithm: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the header, and the names of those of its members that can be changed."""
    if len(part) > MAX_HEADER_BYTES:
        raise TooLargeError(f"header longer than {MAX_HEADER_BYTES} bytes")
    header = json_object(b64u_decode(part))
    _check_header(header, allowed_algorithms=frozenset({algorithm}))
    return header, tuple(name for name, value in header.items() if type(value) in _CONTAINERS)


def _holds_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_null(item) for item in value.values())
    return value is None or (isinstance(value, list) and any(_holds_null(item) for item in value))


def _check_header(header: Mapping[str, Any], *, allowed_algorithms: frozenset[str]) -> None:
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in allowed_algorithms:
        raise AlgorithmError(f"one of {', '.join(sorted(allowed_algorithms))} expected")
    if "crit" in header:
        raise CriticalHeaderError("no extension is supported")
    refused = _REFUSED_HEADERS.intersection(header)
    if refused:
        raise HeaderNotAllowedError(", ".join(sorted(refused)))
    if "typ" in header and not isinstance(header["typ"], str):
        raise TokenTypeError("typ is not text")
    if "kid" in header:
        _check_key_id(header["kid"])
    if "x5c" in header:
        _check_certificates(header["x5c"])


def _check_key_id(value: Any) -> None:
    if not isinstance(value, str) or len(value) > MAX_KEY_ID_CHARACTERS or not _PRINTABLE.match(value):
        raise HeaderFormatError("kid is not short printable text")


def _check_certificates(value: Any) -> None:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_CERTIFICATES:
        raise HeaderFormatError("x5c is not a short list")
    if not all(isinstance(item, str) and _CERTIFICATE.match(item) for item in value):
        raise HeaderFormatError("x5c holds something other than base64")


def _copy(value: Any) -> Any:
    if type(value) not in _CONTAINERS:
        return value
    return (
        {name: _copy(item) for name, item in value.items()} if type(value) is dict else [_copy(item) for item in value]
    )
