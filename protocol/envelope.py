"""The digital envelope: JWE (RFC 7516) with a fresh content key per message, wrapped to each recipient's P-256 key.

Made here: General JSON serialization, ``ECDH-ES+A256KW`` with a fresh ephemeral key per recipient, ``A256GCM``; and
compact form to one recipient with ``ECDH-ES`` over ``A256GCM`` or ``A128GCM``, as OpenID4VCI wallets ask for it. Opened
here: both, and compact form with ``ECDH-ES+A256KW``. Everything else is refused before any cryptography.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from protocol.encoding import b64u_decode, b64u_encode, json_dumps, json_object
from protocol.errors import (
    EncodingError,
    EnvelopeAlgorithmError,
    EnvelopeFormatError,
    EnvelopeOpenError,
    EnvelopeRecipientError,
    KeyFormatError,
)
from protocol.keys import generate_p256, p256_from_jwk, public_jwk

KEY_WRAP = "ECDH-ES+A256KW"
DIRECT = "ECDH-ES"
ENCRYPTION = "A256GCM"
CONTENT_KEY_BYTES = {"A256GCM": 32, "A128GCM": 16}

MAX_PLAINTEXT_BYTES = 1 << 20
MAX_RECIPIENTS = 16
MAX_HEADER_BYTES = 1 << 13
MAX_PARTY_BYTES = 256
MAX_KEY_ID_LENGTH = 512
MAX_ENVELOPE_BYTES = 1 << 21
IV_BYTES = 12
TAG_BYTES = 16
COMPACT_PARTS = 5
WRAPPING_KEY_BYTES = 32
WRAPPING_OVERHEAD = 8

_PER_RECIPIENT = frozenset({"alg", "epk", "apu", "apv", "kid"})
# Compression leaks lengths and hides bombs; the others let a message choose keys, work or extensions.
_REFUSED = frozenset({"zip", "crit", "p2s", "p2c", "jwk", "jku", "x5u"})


@dataclass(frozen=True, slots=True)
class _Part:
    """One recipient's view of an envelope: the joined header and the decoded members."""

    header: Mapping[str, Any]
    encrypted_key: bytes
    iv: bytes
    ciphertext: bytes
    tag: bytes
    aad: bytes


def seal(
    plaintext: bytes,
    recipients: Sequence[Mapping[str, Any]],
    *,
    protected: Mapping[str, Any] | None = None,
    apu: bytes = b"",
    apv: bytes = b"",
) -> dict[str, Any]:
    """Return *plaintext* sealed to every one of *recipients* (P-256 JWKs with ``kid``) as General JSON JWE (§7.2.1).

    *protected* adds header members such as ``typ`` or ``cty``: authenticated, readable by anyone. *apu* and *apv* name
    sender and recipient; they are bound into the key derivation when not empty (RFC 7518 §4.6.1). Raises
    EnvelopeFormatError for sizes, a missing or repeated ``kid`` or a reserved member, KeyFormatError for a bad key.
    """
    members = {"enc": ENCRYPTION, **(protected or {})}
    if members["enc"] != ENCRYPTION or (_REFUSED | _PER_RECIPIENT) & members.keys():
        raise EnvelopeFormatError("a protected member that is reserved")
    header = b64u_encode(json_dumps(members))
    _check_sizes(plaintext, header, apu, apv)
    _check_key_ids(recipients)
    # A content key serves one message only, so an IV can never repeat under it.
    content_key, iv = os.urandom(CONTENT_KEY_BYTES[ENCRYPTION]), os.urandom(IV_BYTES)
    wrapped = [_wrap(content_key, jwk, apu, apv) for jwk in recipients]
    sealed = AESGCM(content_key).encrypt(iv, plaintext, header.encode("ascii"))
    return {
        "protected": header,
        "recipients": wrapped,
        "iv": b64u_encode(iv),
        "ciphertext": b64u_encode(sealed[:-TAG_BYTES]),
        "tag": b64u_encode(sealed[-TAG_BYTES:]),
    }


def seal_compact(
    plaintext: bytes,
    jwk: Mapping[str, Any],
    *,
    encryption: str = ENCRYPTION,
    protected: Mapping[str, Any] | None = None,
    apu: bytes = b"",
    apv: bytes = b"",
) -> str:
    """Return *plaintext* sealed to one P-256 *jwk* by ``ECDH-ES`` as compact JWE (§7.1, RFC 7518 §4.6).

    The content key comes of a fresh ephemeral key; ``kid`` is the key's, where it has one. *encryption* is ``A256GCM``
    or ``A128GCM``; the other arguments, and what is raised, are those of seal.
    """
    if encryption not in CONTENT_KEY_BYTES or (_REFUSED | _PER_RECIPIENT | {"enc"}) & (protected or {}).keys():
        raise EnvelopeFormatError("a cipher that is not offered, or a protected member that is reserved")
    ephemeral = generate_p256()
    members: dict[str, Any] = {"alg": DIRECT, "enc": encryption, "epk": public_jwk(ephemeral.public_key())}
    members |= {"kid": jwk["kid"]} if "kid" in jwk else {}
    members |= {name: b64u_encode(value) for name, value in (("apu", apu), ("apv", apv)) if value}
    header = b64u_encode(json_dumps({**members, **(protected or {})}))
    _check_sizes(plaintext, header, apu, apv)
    shared = ephemeral.exchange(ec.ECDH(), p256_from_jwk(jwk, use="enc"))
    content_key, iv = _derive(shared, encryption, CONTENT_KEY_BYTES[encryption], apu, apv), os.urandom(IV_BYTES)
    sealed = AESGCM(content_key).encrypt(iv, plaintext, header.encode("ascii"))
    return ".".join([header, "", *(b64u_encode(part) for part in (iv, sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]))])


def compact_header(jwe: str) -> dict[str, Any]:
    """Return the protected header of a compact JWE, for its ``kid`` to select among the reader's own keys.

    Nothing in it is authentic. Raises EnvelopeFormatError, and EnvelopeAlgorithmError without ``enc``.
    """
    if not isinstance(jwe, str) or len(jwe) > MAX_ENVELOPE_BYTES or jwe.count(".") != COMPACT_PARTS - 1:
        raise EnvelopeFormatError("not five parts, or too long")
    return _parse_protected(jwe.partition(".")[0])


def open_envelope(jwe: Mapping[str, Any] | str, private_key: ec.EllipticCurvePrivateKey, kid: str | None) -> bytes:
    """Return the plaintext that *jwe* holds for *private_key*, whose JWK is called *kid* (RFC 7516 §5.2).

    *jwe* is General JSON (parsed, or its text) or compact. A compact one without ``kid`` is tried; *kid* None opens
    only such. Raises EnvelopeFormatError, EnvelopeAlgorithmError, EnvelopeRecipientError, KeyFormatError for what is
    plain to anyone, and EnvelopeOpenError, always the same, once the private key has been used.
    """
    part = _select(jwe, kid)
    algorithm, length = _check_algorithms(part)
    if private_key.curve.name != "secp256r1":
        raise KeyFormatError("an envelope key is a P-256 key")
    epk = part.header.get("epk")
    if not isinstance(epk, Mapping):
        raise EnvelopeFormatError("no ephemeral key")
    shared = private_key.exchange(ec.ECDH(), p256_from_jwk(epk, use="enc"))
    parties = [_party(part.header, name) for name in ("apu", "apv")]
    try:
        if algorithm == DIRECT:
            content_key = _derive(shared, part.header["enc"], length, *parties)
        else:
            wrapping_key = _derive(shared, KEY_WRAP, WRAPPING_KEY_BYTES, *parties)
            content_key = aes_key_unwrap(wrapping_key, part.encrypted_key)
        return AESGCM(content_key).decrypt(part.iv, part.ciphertext + part.tag, part.aad)
    except (InvalidUnwrap, InvalidTag):
        # One answer for a wrong key and for altered content: the difference would be an oracle (RFC 7516 §11.5).
        raise EnvelopeOpenError("not for this key, or altered") from None


def _check_sizes(plaintext: bytes, header: str, apu: bytes, apv: bytes) -> None:
    if len(plaintext) > MAX_PLAINTEXT_BYTES or len(header) > MAX_HEADER_BYTES:
        raise EnvelopeFormatError("plaintext or header too long")
    if max(len(apu), len(apv)) > MAX_PARTY_BYTES:
        raise EnvelopeFormatError("apu or apv too long")


def _check_key_ids(recipients: Sequence[Mapping[str, Any]]) -> None:
    if not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise EnvelopeFormatError(f"1 to {MAX_RECIPIENTS} recipients")
    key_ids = [jwk.get("kid") for jwk in recipients]
    if not all(isinstance(kid, str) and 0 < len(kid) <= MAX_KEY_ID_LENGTH for kid in key_ids):
        raise EnvelopeFormatError("a recipient's key without kid")
    if len(set(key_ids)) != len(key_ids):
        raise EnvelopeFormatError("two recipients with one kid")


def _wrap(content_key: bytes, jwk: Mapping[str, Any], apu: bytes, apv: bytes) -> dict[str, Any]:
    ephemeral = generate_p256()
    shared = ephemeral.exchange(ec.ECDH(), p256_from_jwk(jwk, use="enc"))
    wrapping_key = _derive(shared, KEY_WRAP, WRAPPING_KEY_BYTES, apu, apv)
    header: dict[str, Any] = {"alg": KEY_WRAP, "kid": jwk["kid"], "epk": public_jwk(ephemeral.public_key())}
    header |= {name: b64u_encode(value) for name, value in (("apu", apu), ("apv", apv)) if value}
    return {"header": header, "encrypted_key": b64u_encode(aes_key_wrap(wrapping_key, content_key))}


def _derive(shared: bytes, algorithm: str, length: int, apu: bytes, apv: bytes) -> bytes:
    """Concat KDF as RFC 7518 §4.6.2 fixes it; *length* in bytes."""
    fields = b"".join(len(value).to_bytes(4, "big") + value for value in (algorithm.encode("ascii"), apu, apv))
    other_info = fields + (length * 8).to_bytes(4, "big")
    return ConcatKDFHash(SHA256(), length, other_info).derive(shared)


def _select(jwe: Mapping[str, Any] | str, kid: str | None) -> _Part:
    if isinstance(jwe, Mapping):
        return _select_recipient(jwe, kid)
    if not isinstance(jwe, str) or len(jwe) > MAX_ENVELOPE_BYTES:
        raise EnvelopeFormatError("not an envelope, or too long")
    if not jwe.startswith("{"):
        return _parse_compact(jwe, kid)
    try:
        return _select_recipient(json_object(jwe, max_bytes=MAX_ENVELOPE_BYTES), kid)
    except EncodingError:
        raise EnvelopeFormatError("not JSON") from None


def _parse_compact(jwe: str, kid: str | None) -> _Part:
    parts = jwe.split(".", COMPACT_PARTS)
    if len(parts) != COMPACT_PARTS:
        raise EnvelopeFormatError("not five parts")
    header = _parse_protected(parts[0])
    if header.get("kid", kid) != kid:
        raise EnvelopeRecipientError("sealed to another key")
    encrypted_key, iv, ciphertext, tag = (_decode(part, MAX_PLAINTEXT_BYTES) for part in parts[1:])
    return _Part(header, encrypted_key, iv, ciphertext, tag, parts[0].encode("ascii"))


def _select_recipient(jwe: Mapping[str, Any], kid: str | None) -> _Part:
    recipients = jwe.get("recipients")
    if not isinstance(recipients, list) or not 1 <= len(recipients) <= MAX_RECIPIENTS:
        raise EnvelopeFormatError(f"not General JSON with 1 to {MAX_RECIPIENTS} recipients")
    protected = _text(jwe, "protected")
    shared = _join(_parse_protected(protected), _header(jwe, "unprotected"))
    found = []
    for recipient in recipients:
        if not isinstance(recipient, Mapping):
            raise EnvelopeFormatError("a recipient is a map")
        header = _join(shared, _header(recipient, "header"))
        if isinstance(header.get("kid"), str) and header["kid"] == kid:
            found.append((header, _text(recipient, "encrypted_key")))
    if not found:
        raise EnvelopeRecipientError("no part for this key")
    if len(found) > 1:
        raise EnvelopeFormatError("two recipients with one kid")
    header, encrypted_key = found[0]
    if header.get("alg") == DIRECT:
        raise EnvelopeAlgorithmError("direct agreement belongs to the compact form here")
    iv, ciphertext, tag = (_decode(_text(jwe, name), MAX_PLAINTEXT_BYTES) for name in ("iv", "ciphertext", "tag"))
    return _Part(header, _decode(encrypted_key, MAX_HEADER_BYTES), iv, ciphertext, tag, _aad(jwe, protected))


def _aad(jwe: Mapping[str, Any], protected: str) -> bytes:
    """Return what is authenticated besides the ciphertext: the base64url texts themselves (RFC 7516 §5.2 step 15)."""
    if "aad" not in jwe:
        return protected.encode("ascii")
    aad = _text(jwe, "aad")
    _decode(aad, MAX_PLAINTEXT_BYTES)
    return f"{protected}.{aad}".encode("ascii")


def _check_algorithms(part: _Part) -> tuple[str, int]:
    """Return the key management algorithm and the length of the content key, once all lengths fit them."""
    refused = _REFUSED & part.header.keys()
    if refused:
        raise EnvelopeAlgorithmError(f"header members that are not accepted: {', '.join(sorted(refused))}")
    algorithm, encryption = part.header.get("alg"), part.header.get("enc")
    if algorithm not in (KEY_WRAP, DIRECT) or not isinstance(encryption, str) or encryption not in CONTENT_KEY_BYTES:
        raise EnvelopeAlgorithmError("an algorithm that is not accepted")
    length = CONTENT_KEY_BYTES[encryption]
    wrapped_length = 0 if algorithm == DIRECT else length + WRAPPING_OVERHEAD
    if (len(part.encrypted_key), len(part.iv), len(part.tag)) != (wrapped_length, IV_BYTES, TAG_BYTES):
        raise EnvelopeFormatError("encrypted key, initialization vector or tag of another length")
    return str(algorithm), length


def _parse_protected(text: str) -> dict[str, Any]:
    try:
        header = json_object(_decode(text, MAX_HEADER_BYTES), max_bytes=MAX_HEADER_BYTES)
    except EncodingError:
        raise EnvelopeFormatError("the protected header is not JSON") from None
    # Outside the protected header anyone could exchange the cipher unnoticed.
    if "enc" not in header:
        raise EnvelopeAlgorithmError("enc is not in the protected header")
    return header


def _header(container: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    header = container.get(name, {})
    if not isinstance(header, Mapping):
        raise EnvelopeFormatError(f"{name} is not a map")
    return header


def _join(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    if shared.keys() & own.keys():
        raise EnvelopeFormatError("a header member stated twice")
    return {**shared, **own}


def _party(header: Mapping[str, Any], name: str) -> bytes:
    return _decode(_text(header, name), MAX_PARTY_BYTES) if name in header else b""


def _text(container: Mapping[str, Any], name: str) -> str:
    value = container.get(name)
    if not isinstance(value, str):
        raise EnvelopeFormatError(f"{name} is not text")
    return value


def _decode(text: str, max_bytes: int) -> bytes:
    if len(text) > max_bytes * 4 // 3 + 4:
        raise EnvelopeFormatError("a part is too long")
    try:
        return b64u_decode(text)
    except EncodingError:
        raise EnvelopeFormatError("a part is not base64url") from None
