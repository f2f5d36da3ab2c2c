"""Signed tree heads: C2SP tlog-checkpoint v1.0.0 inside C2SP signed-note v1.0.0.

Lines of unknown keys (witnesses, a later key, another algorithm) are kept and ignored; a line that claims a known key
and does not verify condemns the note. What the three kinds of keys sign of one checkpoint is said in signed_message.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, replace

from protocol.errors import (
    CheckpointFormatError,
    CheckpointOriginError,
    EmptyTreeRootError,
    NoteSignatureError,
    NoteUnsignedError,
)
from protocol.merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE
from protocol.note import (
    MAX_MLDSA_NAME_BYTES,
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    KeyType,
    NoteSignature,
    NoteSigner,
    SeedSigner,
    VerifierKey,
    decode_base64,
    is_line,
    signature_line,
    split_note,
    verifier_key,
)

__all__ = [
    "MAX_NOTE_BYTES",
    "MAX_SIGNATURES",
    "Checkpoint",
    "KeyType",
    "NoteSignature",
    "NoteSigner",
    "SeedSigner",
    "SignedCheckpoint",
    "VerifiedLine",
    "VerifierKey",
    "add_signature",
    "decode_base64",
    "parse",
    "sign",
    "signed_message",
    "verified_lines",
    "verifier_key",
    "verify",
]

TIMESTAMP_SIZE = 8
MAX_TIMESTAMP = (1 << 63) - 1
ED25519_LABEL = "cosignature/v1\n"
MLDSA_LABEL = b"subtree/v1\n\0"

_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: the log's *origin*, the number of leaves, and the 32-byte root at that size.

    Raises CheckpointFormatError when made with values that have no valid text (C2SP tlog-checkpoint, Note text), and
    its subclass EmptyTreeRootError for size 0 with another root than that of the empty tree.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if type(self.size) is not int or not 0 <= self.size <= MAX_SIZE:
            raise CheckpointFormatError("size outside 0 to 2^63-1")
        if len(self.root) != HASH_SIZE:
            raise CheckpointFormatError("root is not 32 bytes")
        if not all(is_line(line) for line in (self.origin, *self.extensions)):
            raise CheckpointFormatError("an empty line, a control character or text without a UTF-8 form")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise EmptyTreeRootError("not the root of the empty tree")

    def body(self) -> str:
        """Return the note text, final newline included: exactly what a plain key signs."""
        root = b64encode(self.root).decode("ascii")
        return "".join(f"{line}\n" for line in (self.origin, str(self.size), root, *self.extensions))


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A parsed note whose signatures have *not* been verified."""

    checkpoint: Checkpoint
    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class VerifiedLine:
    """A signature line that verified under *key*; *timestamp* (POSIX seconds) is None for a plain key."""

    key: VerifierKey
    signature: NoteSignature
    timestamp: int | None


def sign(checkpoint: Checkpoint, signer: NoteSigner) -> str:
    """Return the signed note of *checkpoint*. Raises CheckpointOriginError unless the key's name is the origin.

    Whoever calls this holds the invariant of the log: never sign a checkpoint that is inconsistent with, or smaller
    than, one signed before.
    """
    if signer.name != checkpoint.origin:
        raise CheckpointOriginError("a log signs under its own origin only")
    body = checkpoint.body()
    return f"{body}\n{signature_line(verifier_key(signer), signer.sign(body.encode()))}"


def add_signature(note: str, signer: NoteSigner) -> str:
    """Return *note* with one more signature line, by another plain key over the same text."""
    parsed = parse(note)
    return note + signature_line(verifier_key(signer), signer.sign(parsed.text.encode()))


def parse(note: str | bytes) -> SignedCheckpoint:
    """Parse a signed checkpoint without verifying it.

    Raises NoteFormatError for what signed-note forbids (size and number of signatures bounded first), and
    CheckpointFormatError for a text that is not a checkpoint.
    """
    text, signatures = split_note(note)
    return SignedCheckpoint(_parse_body(text), text, signatures)


def verify(note: str | bytes, verifier_keys: Iterable[VerifierKey], *, origin: str | None = None) -> Checkpoint:
    """Return the checkpoint of *note* once a known key's signature has verified.

    Without *origin*, one of the verified keys must bear the checkpoint's origin as its name: a key of one log does not
    vouch for another. With *origin* the checkpoint must be of that log, and any of *verifier_keys* may have signed.
    The checkpoint returned holds only what was signed: extension lines are left out when ML-DSA-44 keys alone vouch
    for it. Raises as parse, NoteSignatureError when a line of a known key fails, NoteUnsignedError when there is none,
    CheckpointOriginError for another log (C2SP signed-note, Signatures; tlog-checkpoint, Signatures).
    """
    parsed = parse(note)
    verified = {line.key for line in verified_lines(parsed, verifier_keys)}
    if not verified:
        raise NoteUnsignedError("no line of a known key")
    if origin is None:
        verified = {key for key in verified if key.name == parsed.checkpoint.origin}
    if not verified or origin not in (None, parsed.checkpoint.origin):
        raise CheckpointOriginError("a checkpoint of another log")
    if all(key.type == KeyType.COSIGNATURE_MLDSA44 for key in verified):
        return replace(parsed.checkpoint, extensions=())
    return parsed.checkpoint


def verified_lines(parsed: SignedCheckpoint, verifier_keys: Iterable[VerifierKey]) -> list[VerifiedLine]:
    """Return the lines of known keys, in the order of the note, every one verified.

    Raises NoteSignatureError as soon as a line of a known key fails. Lines of other keys are passed over, even if they
    share a name or an id (but not both) with a known one (C2SP signed-note, Signatures).
    """
    known = {(key.name, key.key_id): key for key in verifier_keys}
    return [
        _verify_line(known[line.name, line.key_id], line, parsed)
        for line in parsed.signatures
        if (line.name, line.key_id) in known
    ]


def signed_message(key: VerifierKey, checkpoint: Checkpoint, timestamp: int) -> bytes:
    """Return the bytes that *key* signs of *checkpoint*: the text, or a cosigned message that begins with its label.

    *timestamp* is in POSIX seconds; a plain key signs none. An Ed25519 cosigner signs the whole text, an ML-DSA-44
    cosigner its own name, the origin, the size and the root, but no extension line (C2SP tlog-cosignature, Ed25519
    signed message; ML-DSA-44 signed message). Raises CheckpointFormatError for an origin past 255 bytes there.
    """
    if not key.is_cosigner:
        return checkpoint.body().encode()
    if key.type == KeyType.COSIGNATURE_ED25519:
        return f"{ED25519_LABEL}time {timestamp}\n{checkpoint.body()}".encode()
    time, start, end = (number.to_bytes(TIMESTAMP_SIZE, "big") for number in (timestamp, 0, checkpoint.size))
    return MLDSA_LABEL + _opaque(key.name) + time + _opaque(checkpoint.origin) + start + end + checkpoint.root


def _verify_line(key: VerifierKey, line: NoteSignature, parsed: SignedCheckpoint) -> VerifiedLine:
    timestamp, signature = _split_signature(line.signature) if key.is_cosigner else (0, line.signature)
    try:
        message = signed_message(key, parsed.checkpoint, timestamp)
    except CheckpointFormatError:
        raise NoteSignatureError("an origin that this key cannot sign") from None
    key.verify(signature, message)
    return VerifiedLine(key, line, timestamp if key.is_cosigner else None)


def _split_signature(signature: bytes) -> tuple[int, bytes]:
    """Return time and signature of a ``timestamped_signature`` (C2SP tlog-cosignature, Format)."""
    timestamp = int.from_bytes(signature[:TIMESTAMP_SIZE], "big")
    if len(signature) <= TIMESTAMP_SIZE or timestamp > MAX_TIMESTAMP:
        raise NoteSignatureError("a cosignature without a time, or past 2^63-1")
    return timestamp, signature[TIMESTAMP_SIZE:]


def _opaque(name: str) -> bytes:
    """Return ``opaque<1..2^8-1>`` (RFC 8446 §3.4)."""
    raw = name.encode()
    if len(raw) > MAX_MLDSA_NAME_BYTES:
        raise CheckpointFormatError(f"an ML-DSA-44 key signs names of at most {MAX_MLDSA_NAME_BYTES} bytes")
    return bytes([len(raw)]) + raw


def _parse_body(text: str) -> Checkpoint:
    lines = text[:-1].split("\n")
    if len(lines) < 3:
        raise CheckpointFormatError("fewer than three lines")
    origin, size, encoded_root, *extensions = lines
    root = decode_base64(encoded_root)
    if not _DECIMAL.match(size) or root is None:
        raise CheckpointFormatError("size is not a decimal number, or root is not base64")
    return Checkpoint(origin, int(size), root, tuple(extensions))
