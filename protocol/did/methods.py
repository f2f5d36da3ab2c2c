"""The methods that need no registry: ``did:key`` and ``did:jwk`` carry the key in their name, ``did:web`` names a URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.did.document import DID_CONTEXT, SIGNING, VerificationMethod, build_document
from protocol.did.syntax import parse_did
from protocol.encoding import b64u_decode, b64u_encode, json_dumps, json_object
from protocol.errors import DidMethodError, DidSyntaxError, EncodingError, KeyFormatError
from protocol.keys import PublicKey, public_jwk, public_key_from_jwk

MULTIKEY_CONTEXT = "https://w3id.org/security/multikey/v1"
JWS_2020_CONTEXT = "https://w3id.org/security/suites/jws-2020/v1"

MAX_MULTIBASE_LENGTH = 64

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}

# Multicodec codes of public keys, as unsigned varints.
_P256_CODE = b"\x80\x24"
_SECP256K1_CODE = b"\xe7\x01"
_ED25519_CODE = b"\xed\x01"
_COMPRESSED = 33

_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_PORT = re.compile(r"[1-9][0-9]{0,4}\Z", re.ASCII)


def did_key(key: PublicKey) -> str:
    """Return the ``did:key`` of a P-256, secp256k1 or Ed25519 key. Raises KeyFormatError for any other curve."""
    return f"did:key:{_multibase(key)}"


def public_key_from_did_key(did: object) -> PublicKey:
    """Return the key in a ``did:key``. Raises DidSyntaxError, DidMethodError, KeyFormatError."""
    return _key_from_multibase(_identifier(did, "key"))


def did_key_document(did: str) -> dict[str, Any]:
    """Return the document of a ``did:key``, its key as Multikey. Raises as public_key_from_did_key."""
    public_key_from_did_key(did)
    multibase = _identifier(did, "key")
    method_id = f"{did}#{multibase}"
    method = {"id": method_id, "type": "Multikey", "controller": did, "publicKeyMultibase": multibase}
    relationships = (*SIGNING, "capabilityInvocation", "capabilityDelegation")
    return {
        "@context": [DID_CONTEXT, MULTIKEY_CONTEXT],
        "id": did,
        "verificationMethod": [method],
        **{relationship: [method_id] for relationship in relationships},
    }


def did_jwk(jwk: Mapping[str, Any]) -> str:
    """Return the ``did:jwk`` of a public JWK. Raises KeyFormatError as keys.public_key_from_jwk."""
    _key_of(jwk)
    return f"did:jwk:{b64u_encode(json_dumps(dict(jwk)))}"


def public_key_from_did_jwk(did: object) -> PublicKey:
    """Return the key in a ``did:jwk``. Raises DidSyntaxError, DidMethodError, KeyFormatError."""
    return _key_of(_jwk_in(did))


def did_jwk_document(did: str) -> dict[str, Any]:
    """Return the document of a ``did:jwk``: one method ``#0``, its purposes by the JWK's ``use`` (did:jwk, Read)."""
    jwk = _jwk_in(did)
    _key_of(jwk)
    signing = (*SIGNING, "capabilityInvocation", "capabilityDelegation")
    agreement = () if jwk["kty"] == "OKP" else ("keyAgreement",)
    purposes = {"sig": signing, "enc": agreement}.get(jwk.get("use", ""), signing + agreement)
    document = build_document(did, [VerificationMethod("0", jwk, purposes)], contexts=(DID_CONTEXT, JWS_2020_CONTEXT))
    document["verificationMethod"][0]["type"] = "JsonWebKey2020"
    return document


def did_web(host: str, *path: str) -> str:
    """Return the ``did:web`` of *host* (with ``:port`` if any) and *path* segments. Raises DidSyntaxError."""
    did = ":".join(["did:web", host.replace(":", "%3A"), *path])
    did_web_url(did)
    return did


def did_web_url(did: object) -> str:
    """Return the https URL of a ``did:web`` document (did:web, Read). Raises DidSyntaxError, DidMethodError.

    Only DNS names are accepted, and no path segment that a server could read as another folder; whoever fetches the
    URL must still refuse private addresses.
    """
    authority, *segments = _identifier(did, "web").split(":")
    host, separator, port = unquote(authority).partition(":")
    if not _HOST.match(host) or _is_address(host) or (separator and not _is_port(port)):
        raise DidSyntaxError("not a host name with an optional port")
    if any(_is_unsafe_segment(segment) for segment in segments):
        raise DidSyntaxError("a path segment that would lead elsewhere")
    path = "/".join(segments) if segments else ".well-known"
    return f"https://{host}{separator}{port}/{path}/did.json"


def self_contained_document(did: str) -> dict[str, Any]:
    """Return the document of a DID that needs no look-up. Raises DidMethodError unless it is did:key or did:jwk."""
    method = parse_did(did).method
    if method == "key":
        return did_key_document(did)
    if method == "jwk":
        return did_jwk_document(did)
    raise DidMethodError(f"did:{method} is not contained in its name")


def method_key(method: Mapping[str, Any]) -> PublicKey:
    """Return the key of a verification method: ``publicKeyJwk``, or ``publicKeyMultibase`` of a Multikey.

    Raises KeyFormatError for any other form.
    """
    if "publicKeyJwk" in method:
        return _key_of(method["publicKeyJwk"])
    if method.get("type") == "Multikey" and isinstance(method.get("publicKeyMultibase"), str):
        return _key_from_multibase(method["publicKeyMultibase"])
    raise KeyFormatError("a verification method without a key that is understood")


def _identifier(did: object, method: str) -> str:
    parsed = parse_did(did)
    if parsed.method != method:
        raise DidMethodError(f"not a did:{method}")
    return parsed.identifier


def _jwk_in(did: object) -> dict[str, Any]:
    try:
        return json_object(b64u_decode(_identifier(did, "jwk")))
    except EncodingError:
        raise DidSyntaxError("not base64url of a JWK") from None


def _key_of(jwk: Any) -> PublicKey:
    use = jwk.get("use", "sig") if isinstance(jwk, Mapping) else "sig"
    return public_key_from_jwk(jwk, use="enc" if use == "enc" else "sig")


def _multibase(key: PublicKey) -> str:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "z" + _base58_encode(_ED25519_CODE + key.public_bytes_raw())
    code = _P256_CODE if public_jwk(key)["crv"] == "P-256" else _SECP256K1_CODE
    return "z" + _base58_encode(code + key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint))


def _key_from_multibase(text: str) -> PublicKey:
    if not text.startswith("z") or len(text) > MAX_MULTIBASE_LENGTH:
        raise KeyFormatError("not base58btc multibase of a key")
    raw = _base58_decode(text[1:])
    code, point = raw[:2], raw[2:]
    if code == _ED25519_CODE:
        return public_key_from_jwk({"kty": "OKP", "crv": "Ed25519", "x": b64u_encode(point)})
    curve = {_P256_CODE: ec.SECP256R1(), _SECP256K1_CODE: ec.SECP256K1()}.get(code)
    if curve is None or len(point) != _COMPRESSED:
        raise KeyFormatError("not a compressed P-256 or secp256k1 key, nor an Ed25519 key")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    except ValueError:
        raise KeyFormatError("point is not on the curve") from None


def _base58_encode(data: bytes) -> str:
    number, digits = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = _ALPHABET[digit] + digits
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


def _base58_decode(text: str) -> bytes:
    number = 0
    for character in text:
        if character not in _VALUES:
            raise KeyFormatError("not base58btc")
        number = number * 58 + _VALUES[character]
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _is_port(text: str) -> bool:
    return bool(_PORT.match(text)) and int(text) < 1 << 16


def _is_address(host: str) -> bool:
    # Browsers and resolvers read "127.1" and "0x7f000001" as addresses too: a last label of digits is never a name.
    try:
        ip_address(host)
    except ValueError:
        return bool(re.match(r"(?:[0-9]+|0x[0-9a-f]*)\Z", host.rpartition(".")[2]))
    return True


def _is_unsafe_segment(segment: str) -> bool:
    plain = unquote(segment)
    return plain in ("", ".", "..") or any(character in "/\\?#%" or not character.isprintable() for character in plain)
