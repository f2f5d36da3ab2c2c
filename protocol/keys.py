"""Public keys as JWKs (RFC 7517, RFC 7518 §6, RFC 8037) and the one interface of whatever can sign.

A key becomes usable only here, where its kind, length, spelling and curve membership are checked. Private JWKs are
refused on sight: one that reaches this package has already leaked.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any, Protocol, cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

from protocol.encoding import b64u_decode, b64u_encode, json_dumps
from protocol.errors import Base64UrlError, KeyFormatError

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

P256_BYTES = 32
_ED_P = (1 << 255) - 19
_ED_D = -121665 * pow(121666, -1, _ED_P) % _ED_P
ES256 = ec.ECDSA(hashes.SHA256())
ES256_DIGEST = ec.ECDSA(Prehashed(hashes.SHA256()))

_CURVES: dict[str, ec.EllipticCurve] = {"P-256": ec.SECP256R1(), "secp256k1": ec.SECP256K1()}
_CURVE_NAMES = {"secp256r1": "P-256", "secp256k1": "secp256k1"}
_SIGNATURE_ALGORITHMS = {
    "P-256": frozenset({"ES256"}),
    "secp256k1": frozenset({"ES256K"}),
    "Ed25519": frozenset({"EdDSA", "Ed25519"}),
}
_EC_MEMBERS = frozenset({"kty", "crv", "x", "y"})
_TEXT = frozenset({str})
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class Signer(Protocol):
    """Whatever holds a private key. Implementations never show the key, not even in ``repr``."""

    @property
    def algorithm(self) -> str:
        """``ES256`` or ``EdDSA``."""
        ...

    @property
    def key_id(self) -> str:
        """The name under which the key's owner finds it; not a secret."""
        ...

    @property
    def public_jwk(self) -> dict[str, str]:
        """The public half, required members only."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Sign *data* (hashing included) and return the 64 raw bytes: r and s for ES256, R and S for EdDSA."""
        ...


class SoftwareSigner:
    """A key in this process's memory: for set-up, tests and the embedded default."""

    __slots__ = ("_key", "algorithm", "key_id", "public_jwk")

    def __init__(self, private_key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, key_id: str) -> None:
        """Take a P-256 or Ed25519 *private_key*. Raises KeyFormatError for a key of another curve."""
        self._key = private_key
        self.algorithm = "EdDSA" if isinstance(private_key, ed25519.Ed25519PrivateKey) else "ES256"
        self.key_id = key_id
        self.public_jwk = public_jwk(private_key.public_key())
        if self.public_jwk["crv"] == "secp256k1":
            raise KeyFormatError("secp256k1 keys are read, never used to sign here")

    def sign(self, data: bytes) -> bytes:
        """Sign *data* as Signer.sign says."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(data)
        r, s = decode_dss_signature(self._key.sign(data, ES256))
        return r.to_bytes(P256_BYTES, "big") + s.to_bytes(P256_BYTES, "big")

    def __repr__(self) -> str:
        return f"SoftwareSigner(key_id={self.key_id!r})"


def generate_p256() -> ec.EllipticCurvePrivateKey:
    """Return a new P-256 private key."""
    return ec.generate_private_key(ec.SECP256R1())


def public_key_from_jwk(jwk: Mapping[str, Any], *, use: str = "sig") -> PublicKey:
    """Return the key in *jwk*: EC P-256, EC secp256k1 or OKP Ed25519 (RFC 7518 §6.2, RFC 8037 §2, RFC 8812 §3).

    *use* is ``sig`` or ``enc``; a JWK that states another use, operation or algorithm is refused (RFC 7517 §4.2-4.4).
    Raises KeyFormatError for private members, an unknown kind, coordinates that are not canonical base64url of the
    curve's exact length, and points that are not on the curve.
    """
    if not isinstance(jwk, (dict, Mapping)):
        raise KeyFormatError("a JWK is an object")
    # What nearly every JWK is: the members of an EC key as text, and no other that would need judging.
    if jwk.keys() == _EC_MEMBERS and _TEXT.issuperset(map(type, jwk.values())) and jwk["kty"] == "EC":
        if jwk["crv"] not in _CURVES:
            raise KeyFormatError("not an EC P-256 or secp256k1 key")
        return _load_ec(jwk["crv"], jwk["x"], jwk["y"])
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise KeyFormatError("private or symmetric key material")
    crv = jwk.get("crv")
    key_type = jwk.get("kty")
    _check_purpose(jwk, crv, use)
    if key_type == "EC" and isinstance(crv, str) and crv in _CURVES:
        return _load_ec(crv, _text(jwk, "x"), _text(jwk, "y"))
    if key_type == "OKP" and crv == "Ed25519" and "y" not in jwk:
        return _load_ed25519(_text(jwk, "x"))
    raise KeyFormatError("not an EC P-256, EC secp256k1 or OKP Ed25519 key")


def p256_from_jwk(jwk: Mapping[str, Any], *, use: str = "sig") -> ec.EllipticCurvePublicKey:
    """Return the P-256 key in *jwk*. Raises KeyFormatError as public_key_from_jwk, and for any other curve."""
    key = public_key_from_jwk(jwk, use=use)
    # Of the keys read above only P-256 ones have this name; the abstract class would be slow to ask.
    if jwk["crv"] != "P-256":
        raise KeyFormatError("not a P-256 key")
    return cast("ec.EllipticCurvePublicKey", key)


def public_jwk(key: PublicKey) -> dict[str, str]:
    """Return *key* as a JWK of its required members only. Raises KeyFormatError for a curve outside the allow-list."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": b64u_encode(key.public_bytes_raw())}
    name = _CURVE_NAMES.get(key.curve.name)
    if name is None:
        raise KeyFormatError(f"curve {key.curve.name} is not in use here")
    point = key.public_numbers()
    x, y = (b64u_encode(number.to_bytes(P256_BYTES, "big")) for number in (point.x, point.y))
    return {"kty": "EC", "crv": name, "x": x, "y": y}


def required_members(jwk: Mapping[str, Any], *, use: str = "sig") -> dict[str, str]:
    """Return a checked *jwk* without optional members (RFC 7638 §3.2). Raises as public_key_from_jwk."""
    public_key_from_jwk(jwk, use=use)
    return {name: jwk[name] for name in ("crv", "kty", "x", "y") if name in jwk}


def jwk_thumbprint(jwk: Mapping[str, Any]) -> str:
    """Return the base64url SHA-256 of the JWK's required members (RFC 7638 §3). Raises as public_key_from_jwk."""
    use = "enc" if isinstance(jwk, Mapping) and jwk.get("use") == "enc" else "sig"
    # required_members writes them in the order of their names, as the hash needs.
    return b64u_encode(sha256(json_dumps(required_members(jwk, use=use))).digest())


def _check_purpose(jwk: Mapping[str, Any], crv: Any, use: str) -> None:
    if "use" in jwk and jwk["use"] != use:
        raise KeyFormatError("stated for another use")
    if "alg" in jwk and not _is_algorithm_for(jwk["alg"], crv, use):
        raise KeyFormatError("stated for another algorithm")
    if "key_ops" in jwk and use == "sig" and jwk["key_ops"] != ["verify"]:
        raise KeyFormatError("stated for other operations")


def _is_algorithm_for(algorithm: Any, crv: Any, use: str) -> bool:
    if not isinstance(algorithm, str):
        return False
    if use == "enc":
        return algorithm.startswith(("ECDH-ES", "HPKE-"))
    return isinstance(crv, str) and algorithm in _SIGNATURE_ALGORITHMS.get(crv, frozenset())


def _text(jwk: Mapping[str, Any], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise KeyFormatError(f"{name} is not text")
    return value


def _coordinate(text: str, name: str) -> bytes:
    try:
        value = b64u_decode(text)
    except Base64UrlError as error:
        raise KeyFormatError(f"{name}: {error.detail}") from None
    if len(value) != P256_BYTES:
        raise KeyFormatError(f"{name} is not {P256_BYTES} bytes")
    return value


# Keyed by the exact spelling, which is canonical, so that a warm verification rebuilds no key.
@lru_cache(maxsize=4096)
def _load_ec(crv: str, x: str, y: str) -> ec.EllipticCurvePublicKey:
    point = b"\x04" + _coordinate(x, "x") + _coordinate(y, "y")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[crv], point)
    except ValueError:
        raise KeyFormatError("point is not on the curve") from None


@lru_cache(maxsize=1024)
def _load_ed25519(x: str) -> ed25519.Ed25519PublicKey:
    encoded = _coordinate(x, "x")
    if not _is_on_edwards_curve(int.from_bytes(encoded, "little") & ((1 << 255) - 1)):
        raise KeyFormatError("point is not on the curve")
    return ed25519.Ed25519PublicKey.from_public_bytes(encoded)


def _is_on_edwards_curve(y: int) -> bool:
    # x^2 = (y^2 - 1) / (d y^2 + 1) must be a square (RFC 8032 §5.1.3); the library itself finds out only on use.
    if y >= _ED_P:
        return False
    square = (y * y - 1) * pow(_ED_D * y * y + 1, -1, _ED_P) % _ED_P
    return square == 0 or pow(square, (_ED_P - 1) // 2, _ED_P) == 1
