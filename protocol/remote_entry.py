"""An entry of a Rekor v2 log: ``hashedrekord`` 0.0.2 with the proof that the log holds it (Sigstore protobuf-specs).

The entry records that a P-256 key signed a SHA-256 digest. Whose key that is proves nothing here, and needs not: what is
proved is that the remote log, under its own pinned key, holds this digest. The log states no time. Verification:

1. The entry's body has exactly the form that the log hashes, RFC 8785 JSON, and records the digest in question.
2. The key in it signed that digest.
3. The checkpoint is signed by the pinned key of the log, and of the pinned origin (C2SP tlog-checkpoint).
4. The body's leaf hash leads to the checkpoint's root (RFC 6962 §2.1.1): index from the entry, size from the checkpoint.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from protocol import checkpoint
from protocol.checkpoint import Checkpoint, VerifierKey, decode_base64
from protocol.encoding import canonical_json, json_object
from protocol.errors import (
    JsonError,
    RemoteEntryDigestError,
    RemoteEntryFormatError,
    RemoteEntrySignatureError,
)
from protocol.merkle import MAX_SIZE, leaf_hash, verify_inclusion

KIND = "hashedrekord"
VERSION = "0.0.2"
MAX_ENTRY_BYTES = 1 << 18
MAX_BODY_BYTES = 1 << 12
MAX_PROOF_HASHES = 63

_KEY_DETAILS = "PKIX_ECDSA_P256_SHA_256"
_DIGEST_ALGORITHM = "SHA2_256"
# The log's digest is what was signed: it is never hashed again.
_SIGNATURE_ALGORITHM = ec.ECDSA(Prehashed(hashes.SHA256()))


@dataclass(frozen=True, slots=True)
class RemoteEntry:
    """Parsed, *not* verified: *body* is the leaf, *hashes* the path to the root of *note*, the log's checkpoint."""

    index: int
    body: bytes
    hashes: tuple[bytes, ...]
    note: str


def sign_digest(key: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    """Return the signature (DER) of a P-256 *key* over a SHA-256 *digest*; the same each time (RFC 6979)."""
    return key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()), deterministic_signing=True))


def public_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the SubjectPublicKeyInfo (DER) of *key*, as entries carry it."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def write_request(digest: bytes, signature: bytes, public_key: bytes) -> bytes:
    """Return the JSON that asks the log to hold an entry (``POST /api/v2/log/entries``)."""
    request = {"digest": _base64(digest), "signature": _signature_member(signature, public_key)}
    return canonical_json({"hashedRekordRequestV002": request})


def body_of_request(request: bytes) -> bytes:
    """Return the body of the entry that *request* asks for. Raises JsonError and RemoteEntryFormatError."""
    fields = json_object(request, max_bytes=MAX_BODY_BYTES)
    try:
        asked = fields["hashedRekordRequestV002"]
        digest, signature, public_key = _bytes(asked["digest"]), *_read_signature(asked["signature"])
    except (KeyError, TypeError):
        raise RemoteEntryFormatError("not a request for an entry") from None
    if write_request(digest, signature, public_key) != request:
        raise RemoteEntryFormatError("not a request as we make them")
    return write_body(digest, signature, public_key)


def write_body(digest: bytes, signature: bytes, public_key: bytes) -> bytes:
    """Return the leaf that the log hashes for such an entry (RFC 8785)."""
    data = {"algorithm": _DIGEST_ALGORITHM, "digest": _base64(digest)}
    spec = {"hashedRekordV002": {"data": data, "signature": _signature_member(signature, public_key)}}
    return canonical_json({"apiVersion": VERSION, "kind": KIND, "spec": spec})


def digest_of(body: bytes) -> bytes:
    """Return the digest that *body* records. Raises RemoteEntryFormatError."""
    return _read_body(body)[0]


def read_entry(data: bytes) -> RemoteEntry:
    """Parse a TransparencyLogEntry (protobuf JSON). Raises JsonError and RemoteEntryFormatError.

    Members that repeat others (``rootHash``, ``treeSize``, ``integratedTime``, …) are not believed, nor read.
    """
    return entry_of(json_object(data, max_bytes=MAX_ENTRY_BYTES))


def entry_of(fields: Mapping[str, Any]) -> RemoteEntry:
    """Take an entry out of a parsed TransparencyLogEntry. Raises RemoteEntryFormatError."""
    try:
        proof = fields["inclusionProof"]
        index, body = _number(fields["logIndex"]), _bytes(fields["canonicalizedBody"])
        path, note = _path(proof["hashes"]), proof["checkpoint"]["envelope"]
    except (KeyError, TypeError):
        raise RemoteEntryFormatError("not an entry with its proof") from None
    if not isinstance(note, str) or len(body) > MAX_BODY_BYTES:
        raise RemoteEntryFormatError("not an entry with its proof")
    return RemoteEntry(index, body, path, note)


def write_entry(entry: RemoteEntry, key: VerifierKey) -> dict[str, Any]:
    """Return the TransparencyLogEntry that other Sigstore software reads; *key* is the log's.

    Raises CheckpointFormatError and NoteError where the entry's checkpoint is none.
    """
    head = checkpoint.parse(entry.note).checkpoint
    return {
        "canonicalizedBody": _base64(entry.body),
        "inclusionProof": {
            "checkpoint": {"envelope": entry.note},
            "hashes": [_base64(each) for each in entry.hashes],
            "logIndex": str(entry.index),
            "rootHash": _base64(head.root),
            "treeSize": str(head.size),
        },
        "kindVersion": {"kind": KIND, "version": VERSION},
        "logId": {"keyId": _base64(_log_id(key))},
        "logIndex": str(entry.index),
    }


def verify(entry: RemoteEntry, digest: bytes, *, key: VerifierKey, origin: str) -> Checkpoint:
    """Return the remote log's checkpoint under which it holds *digest* (32 bytes, SHA-256).

    *key* and *origin* are pinned. Raises RemoteEntryError, and what checkpoint.verify and merkle.verify_inclusion raise.
    """
    recorded, signature, public_key = _read_body(entry.body)
    if recorded != digest:
        raise RemoteEntryDigestError("records another digest")
    _verify_signature(recorded, signature, public_key)
    head = checkpoint.verify(entry.note, [key], origin=origin)
    verify_inclusion(leaf_hash(entry.body), entry.index, head.size, entry.hashes, head.root)
    return head


def _read_body(body: bytes) -> tuple[bytes, bytes, bytes]:
    """Return digest, signature and public key, once *body* is their only spelling."""
    try:
        recorded = json_object(body, max_bytes=MAX_BODY_BYTES)["spec"]["hashedRekordV002"]
        digest, signature, public_key = _bytes(recorded["data"]["digest"]), *_read_signature(recorded["signature"])
    except (KeyError, TypeError, JsonError):
        raise RemoteEntryFormatError("not an entry of this kind") from None
    if write_body(digest, signature, public_key) != body:
        raise RemoteEntryFormatError("not an entry of this kind in its one spelling")
    return digest, signature, public_key


def _verify_signature(digest: bytes, signature: bytes, public_key: bytes) -> None:
    try:
        key = load_der_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm):
        raise RemoteEntryFormatError("not a public key") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RemoteEntryFormatError("not a P-256 key")
    try:
        key.verify(signature, digest, _SIGNATURE_ALGORITHM)
    except (InvalidSignature, ValueError):
        raise RemoteEntrySignatureError("the key in the entry did not sign its digest") from None


def _signature_member(signature: bytes, public_key: bytes) -> dict[str, Any]:
    verifier = {"keyDetails": _KEY_DETAILS, "publicKey": {"rawBytes": _base64(public_key)}}
    return {"content": _base64(signature), "verifier": verifier}


def _read_signature(member: Mapping[str, Any]) -> tuple[bytes, bytes]:
    return _bytes(member["content"]), _bytes(member["verifier"]["publicKey"]["rawBytes"])


def _path(hashes_: object) -> tuple[bytes, ...]:
    if not isinstance(hashes_, list) or len(hashes_) > MAX_PROOF_HASHES:
        raise RemoteEntryFormatError("not the hashes of a proof")
    return tuple(_bytes(each) for each in hashes_)


def _number(text: object) -> int:
    # Protobuf JSON writes 64-bit numbers as text.
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) > MAX_SIZE:
        raise RemoteEntryFormatError("not a 64-bit number")
    return int(text)


def _bytes(text: object) -> bytes:
    data = decode_base64(text) if isinstance(text, str) else None
    if data is None:
        raise RemoteEntryFormatError("not base64")
    return data


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _log_id(key: VerifierKey) -> bytes:
    """Return the key id of C2SP signed-note before it is cut to four bytes."""
    material = b64decode(key.vkey.split("+", 2)[2])
    return sha256(key.name.encode() + b"\n" + material).digest()
