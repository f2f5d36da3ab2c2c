from __future__ import annotations

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from protocol.encoding import b64u_decode, b64u_encode
from protocol.errors import KeyFormatError
from protocol.keys import (
    SoftwareSigner,
    generate_p256,
    jwk_thumbprint,
    p256_from_jwk,
    public_jwk,
    public_key_from_jwk,
    required_members,
)
from tests.protocol.makers import HOLDER, P256_ORDER

P256 = dict(HOLDER.public_jwk)
SECP256K1 = public_jwk(ec.derive_private_key(7, ec.SECP256K1()).public_key())
POINT = b64u_decode(P256["x"]) + b64u_decode(P256["y"])
ED25519 = public_jwk(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())


@pytest.mark.requirement("RFC 7518 §6.2", "EC public keys on P-256")
@pytest.mark.requirement("RFC 8812 §3.1", "EC public keys on secp256k1, to read WeIdentity's identifiers")
@pytest.mark.requirement("RFC 8037 §2", "OKP public keys on Ed25519")
@pytest.mark.parametrize("jwk", [P256, SECP256K1, ED25519], ids=["P-256", "secp256k1", "Ed25519"])
def test_key_round_trips(jwk: dict[str, str]) -> None:
    assert public_jwk(public_key_from_jwk(jwk)) == jwk
    assert required_members({**jwk, "kid": "1", "x5t": "AA"}) == jwk


@given(st.integers(1, P256_ORDER - 1))
def test_every_p256_key_round_trips(secret: int) -> None:
    jwk = public_jwk(ec.derive_private_key(secret, ec.SECP256R1()).public_key())
    assert public_jwk(p256_from_jwk(jwk)) == jwk


def test_warm_key_is_not_built_again() -> None:
    assert public_key_from_jwk(P256) is public_key_from_jwk(dict(P256))


BAD: dict[str, Any] = {
    "not an object": "key", "a list": [P256], "empty": {}, "private": {**P256, "d": "AA"}, "private Ed25519": {**ED25519, "d": "AA"},
    "symmetric": {"kty": "oct", "k": "AA"}, "RSA": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "RSA private": {**P256, "p": "AA"},
    "kty missing": {**P256, "kty": None}, "kty a list": {**P256, "kty": ["EC"]}, "kty in lower case": {**P256, "kty": "ec"},
    "crv unknown": {**P256, "crv": "P-384"}, "crv a list": {**P256, "crv": ["P-256"]}, "crv missing": {**P256, "crv": None},
    "curves mixed": {**P256, "crv": "secp256k1"}, "EC with Ed25519": {**P256, "crv": "Ed25519"}, "OKP with P-256": {**ED25519, "crv": "P-256"},
    "X25519": {**ED25519, "crv": "X25519"}, "Ed25519 with y": {**ED25519, "y": "AA"}, "x missing": {"kty": "EC", "crv": "P-256", "y": P256["y"]},
    "x a number": {**P256, "x": 5}, "x short": {**P256, "x": P256["x"][:-4]}, "x long": {**P256, "x": "AAAA" + P256["x"]},
    "x padded": {**P256, "x": P256["x"] + "="}, "x plain base64": {**P256, "x": "+" + P256["x"][1:]}, "x with a blank": {**P256, "x": " " + P256["x"]},
    "x beyond ASCII": {**P256, "x": "é" * 43}, "x empty": {**P256, "x": ""}, "off the curve": {**P256, "y": P256["x"]},
    "zero": {**P256, "x": b64u_encode(bytes(32)), "y": b64u_encode(bytes(32))}, "beyond the field": {**P256, "x": b64u_encode(b"\xff" * 32)},
    "coordinates cut elsewhere": {**P256, "x": b64u_encode(POINT[:31]), "y": b64u_encode(POINT[31:])},
    "Ed25519 short": {**ED25519, "x": ED25519["x"][:-4]}, "Ed25519 off the curve": {**ED25519, "x": b64u_encode(b"\x02" + bytes(31))},
    "Ed25519 not canonical": {**ED25519, "x": b64u_encode(b"\xff" * 32)},
    "for encryption": {**P256, "use": "enc"}, "use unknown": {**P256, "use": "all"}, "use a list": {**P256, "use": ["sig"]},
    "for another algorithm": {**P256, "alg": "ES384"}, "for key agreement": {**P256, "alg": "ECDH-ES"}, "alg a number": {**P256, "alg": 7},
    "alg of another curve": {**SECP256K1, "alg": "ES256"}, "alg and odd curve": {**P256, "alg": "ES256", "crv": {}},
    "to sign": {**P256, "key_ops": ["sign"]}, "to verify and sign": {**P256, "key_ops": ["verify", "sign"]}, "ops text": {**P256, "key_ops": "verify"},
}  # fmt: skip


@pytest.mark.requirement("RFC 7517 §4", "malformed, private, misdirected and off-curve keys refused")
@pytest.mark.parametrize("name", BAD)
def test_bad_key_is_refused(name: str) -> None:
    with pytest.raises(KeyFormatError):
        public_key_from_jwk(BAD[name])


@pytest.mark.parametrize("y", [0, 1, (1 << 255) - 20])
def test_ed25519_points_of_small_order_are_on_the_curve(y: int) -> None:
    """They are points, so they load; a signature under them is for the verifier of the signature to judge."""
    assert public_key_from_jwk({**ED25519, "x": b64u_encode(y.to_bytes(32, "little"))})


@pytest.mark.parametrize(
    "members", [{"use": "sig"}, {"alg": "ES256"}, {"key_ops": ["verify"]}, {"kid": "k", "x5c": ["MIIB"], "ext": True}]
)
def test_optional_members_that_agree_are_allowed(members: dict[str, Any]) -> None:
    assert p256_from_jwk({**P256, **members}) is p256_from_jwk(P256)


def test_key_for_encryption_is_read_when_that_is_the_use() -> None:
    members: dict[str, Any]
    for members in ({"use": "enc"}, {"alg": "ECDH-ES"}, {"alg": "HPKE-0"}, {"key_ops": []}, {}):
        assert p256_from_jwk({**P256, **members}, use="enc") is p256_from_jwk(P256)
    for members in ({"use": "sig"}, {"alg": "ES256"}, {"alg": None}):
        with pytest.raises(KeyFormatError):
            p256_from_jwk({**P256, **members}, use="enc")


@pytest.mark.parametrize("jwk", [SECP256K1, ED25519], ids=["secp256k1", "Ed25519"])
def test_p256_is_required_where_it_is_expected(jwk: dict[str, str]) -> None:
    with pytest.raises(KeyFormatError, match="P-256"):
        p256_from_jwk(jwk)


def test_curve_outside_the_list_has_no_jwk() -> None:
    with pytest.raises(KeyFormatError, match="secp384r1"):
        public_jwk(ec.generate_private_key(ec.SECP384R1()).public_key())


@pytest.mark.requirement("RFC 7638 §3", "JWK thumbprint over the required members in order")
def test_thumbprint_is_over_the_required_members_alone() -> None:
    text = f'{{"crv":"P-256","kty":"EC","x":"{P256["x"]}","y":"{P256["y"]}"}}'
    expected = b64u_encode(hashlib.sha256(text.encode()).digest())
    assert jwk_thumbprint(P256) == jwk_thumbprint({"use": "enc", "kid": "1", **P256}) == expected
    with pytest.raises(KeyFormatError):
        jwk_thumbprint({**P256, "d": "AA"})


def test_software_signer_signs_es256_with_raw_r_and_s() -> None:
    key = generate_p256()
    signer = SoftwareSigner(key, "k1")
    made = signer.sign(b"data")
    assert (signer.algorithm, signer.key_id, len(made)) == ("ES256", "k1", 64)
    der = encode_dss_signature(int.from_bytes(made[:32], "big"), int.from_bytes(made[32:], "big"))
    p256_from_jwk(signer.public_jwk).verify(der, b"data", ec.ECDSA(hashes.SHA256()))


def test_software_signer_signs_eddsa() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    signer = SoftwareSigner(key, "k2")
    assert signer.algorithm == "EdDSA"
    key.public_key().verify(signer.sign(b"data"), b"data")


def test_software_signer_does_not_show_its_key() -> None:
    assert repr(HOLDER) == "SoftwareSigner(key_id='holder')"


@pytest.mark.parametrize("curve", [ec.SECP256K1(), ec.SECP384R1()], ids=["secp256k1", "P-384"])
def test_software_signer_takes_no_other_curve(curve: ec.EllipticCurve) -> None:
    with pytest.raises(KeyFormatError):
        SoftwareSigner(ec.generate_private_key(curve), "k")
