"""JWS by the other curves that W3C credentials elsewhere are signed with: ES384, ES512, EdDSA, and ES256 with them.

The service itself signs and accepts ES256 alone (protocol.jose). Here a key is a JWK that stands for exactly one
algorithm, and a token that states another is refused before any cryptography (RFC 8725 §3.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from protocol.encoding import b64u_decode
from protocol.errors import EncodingError, KeyFormatError, SignatureError

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


class Curve(NamedTuple):
    """What goes with an elliptic curve: its ``alg``, its hash, and the length of a coordinate in bytes."""

    algorithm: str
    curve: ec.EllipticCurve
    hash: hashes.HashAlgorithm
    size: int


_CURVES = {
    "P-256": Curve("ES256", ec.SECP256R1(), hashes.SHA256(), 32),
    "P-384": Curve("ES384", ec.SECP384R1(), hashes.SHA384(), 48),
    "P-521": Curve("ES512", ec.SECP521R1(), hashes.SHA512(), 66),
}
_BY_NAME = {curve.curve.name: curve for curve in _CURVES.values()}
_ED25519_BYTES = 32


class JwkSigner:
    """A private JWK that signs, for keys that are published as test vectors. Satisfies protocol.keys.Signer."""

    __slots__ = ("_key", "algorithm", "key_id", "public_jwk")

    def __init__(self, jwk: Mapping[str, Any], key_id: str) -> None:
        """Take a private *jwk*. Raises KeyFormatError, also when its public half belongs to another key."""
        self._key = _private_key(jwk)
        public = public_key(jwk)
        if self._key.public_key() != public:
            raise KeyFormatError("public and private half are not one key")
        self.algorithm, self.key_id = algorithm_of(public), key_id
        self.public_jwk = {name: str(jwk[name]) for name in ("kty", "crv", "x", "y") if name in jwk}

    def sign(self, data: bytes) -> bytes:
        """Return the raw signature over *data*: r and s, or R and S."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(data)
        curve = _BY_NAME[self._key.curve.name]
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(curve.hash)))
        return r.to_bytes(curve.size, "big") + s.to_bytes(curve.size, "big")

    def __repr__(self) -> str:
        return f"JwkSigner(key_id={self.key_id!r})"


def public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """Return the public key in *jwk* (RFC 7518 §6.2, RFC 8037 §2). Raises KeyFormatError."""
    try:
        if _is_ed25519(jwk):
            return ed25519.Ed25519PublicKey.from_public_bytes(_bytes(jwk, "x", _ED25519_BYTES))
        curve = _curve_of(jwk)
        point = b"\x04" + _bytes(jwk, "x", curve.size) + _bytes(jwk, "y", curve.size)
        return ec.EllipticCurvePublicKey.from_encoded_point(curve.curve, point)
    except ValueError:
        raise KeyFormatError("not a point of the curve") from None


def algorithm_of(key: PublicKey) -> str:
    """Return the one algorithm that *key* is for. Raises KeyFormatError for a curve that is not in use here."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "EdDSA"
    if key.curve.name not in _BY_NAME:
        raise KeyFormatError(f"curve {key.curve.name} is not in use here")
    return _BY_NAME[key.curve.name].algorithm


def verify(signing_input: bytes, signature: bytes, key: PublicKey) -> None:
    """Check a raw *signature* (RFC 7518 §3.4, RFC 8037 §3.1). Raises SignatureError."""
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, signing_input)
            return
        curve = _BY_NAME[key.curve.name]
        r, s = (int.from_bytes(half, "big") for half in (signature[: curve.size], signature[curve.size :]))
        key.verify(encode_dss_signature(r, s), signing_input, ec.ECDSA(curve.hash))
    except InvalidSignature:
        raise SignatureError("not made by this key over these bytes") from None


def _private_key(jwk: Mapping[str, Any]) -> PrivateKey:
    try:
        if _is_ed25519(jwk):
            return ed25519.Ed25519PrivateKey.from_private_bytes(_bytes(jwk, "d", _ED25519_BYTES))
        curve = _curve_of(jwk)
        return ec.derive_private_key(int.from_bytes(_bytes(jwk, "d", curve.size), "big"), curve.curve)
    except ValueError:
        raise KeyFormatError("not a private key of the curve") from None


def _is_ed25519(jwk: Mapping[str, Any]) -> bool:
    return (jwk.get("kty"), jwk.get("crv"), jwk.get("alg", "EdDSA")) == ("OKP", "Ed25519", "EdDSA")


def _curve_of(jwk: Mapping[str, Any]) -> Curve:
    curve = _CURVES.get(str(jwk.get("crv"))) if jwk.get("kty") == "EC" else None
    if curve is None or jwk.get("alg", curve.algorithm) != curve.algorithm:
        raise KeyFormatError("not a key of P-256, P-384, P-521 or Ed25519")
    return curve


def _bytes(jwk: Mapping[str, Any], name: str, size: int) -> bytes:
    try:
        value = b64u_decode(jwk[name])
    except (KeyError, TypeError, AttributeError, EncodingError):
        raise KeyFormatError(f"{name} is not base64url") from None
    if len(value) != size:
        raise KeyFormatError(f"{name} is not {size} bytes")
    return value
