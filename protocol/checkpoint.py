"""Signed tree heads: C2SP tlog-checkpoint v1.0.0 inside C2SP signed-note v1.0.0, with Ed25519 keys.

A note is text, an empty line, and one signature line per key. Lines of unknown keys (witnesses, a later key, another
algorithm) are kept and ignored; a line that claims a known key and does not verify condemns the note.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as BinasciiError
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol.errors import (
    CheckpointFormatError,
    CheckpointOriginError,
    NoteFormatError,
    NoteKeyError,
    NoteSignatureError,
    NoteUnsignedError,
)
from protocol.merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE

# The standard asks for at least 16 signatures, and post-quantum ones come near 5 kB each.
MAX_NOTE_BYTES = 1 << 18
MAX_SIGNATURES = 64
MAX_NAME_BYTES = 512

ED25519_TYPE = 1
KEY_ID_SIZE = 4
PUBLIC_KEY_SIZE = 32

_SIGNATURE_PREFIX = "\N{EM DASH} "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z", re.ASCII)
_KEY_ID = re.compile(r"[0-9a-f]{8}\Z")


class NoteSigner(Protocol):
    """Whoever holds a log's key: its name (the log's origin), its raw Ed25519 public key, and a signature over bytes."""

    @property
    def name(self) -> str:
        """The key name, equal to the origin of the log."""
        ...

    @property
    def public_key(self) -> bytes:
        """32 bytes (RFC 8032 §5.1.5)."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature over *data*."""
        ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: the log's *origin*, the number of leaves, and the 32-byte root at that size.

    Raises CheckpointFormatError when made with values that have no valid text (C2SP tlog-checkpoint, Note text).
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
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise CheckpointFormatError("not the root of the empty tree")
        if not all(_is_line(line) for line in (self.origin, *self.extensions)):
            raise CheckpointFormatError("an empty line, a control character or text without a UTF-8 form")

    def body(self) -> str:
        """Return the note text, final newline included: exactly what is signed."""
        root = b64encode(self.root).decode("ascii")
        return "".join(f"{line}\n" for line in (self.origin, str(self.size), root, *self.extensions))


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: key name, 4-byte key id, and the signature in that key's own form."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A parsed note whose signatures have *not* been verified."""

    checkpoint: Checkpoint
    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """An Ed25519 key that may sign notes under *name*; *public_key* is 32 bytes (RFC 8032).

    Raises NoteKeyError for a name with spaces or plus, or a key of another length.
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not _is_key_name(self.name):
            raise NoteKeyError("a key name is non-empty, without spaces or plus")
        if len(self.public_key) != PUBLIC_KEY_SIZE:
            raise NoteKeyError("an Ed25519 public key is 32 bytes")

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || newline || type || key) (C2SP signed-note, Signatures)."""
        return sha256(self.name.encode() + b"\n" + bytes([ED25519_TYPE]) + self.public_key).digest()[:KEY_ID_SIZE]

    @property
    def vkey(self) -> str:
        """The key as text, ``name+id+base64(type || key)``, as Go's ``sumdb/note`` writes it."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(bytes([ED25519_TYPE]) + self.public_key).decode('ascii')}"

    @classmethod
    def from_vkey(cls, text: str) -> VerifierKey:
        """Parse a ``vkey``. Raises NoteKeyError for another form, another algorithm, or an id that does not match."""
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = decode_base64(encoded)
        if raw is None or len(raw) != 1 + PUBLIC_KEY_SIZE or raw[0] != ED25519_TYPE:
            raise NoteKeyError("not an Ed25519 verifier key")
        key = cls(name, raw[1:])
        if not _KEY_ID.match(key_id) or bytes.fromhex(key_id) != key.key_id:
            raise NoteKeyError("the key id does not belong to this name and key")
        return key


class SeedSigner:
    """A NoteSigner with its 32-byte Ed25519 seed in memory."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the key's *name* and 32-byte *seed* (RFC 8032 §5.1.5). Raises NoteKeyError for another length."""
        if len(seed) != PUBLIC_KEY_SIZE:
            raise NoteKeyError("an Ed25519 seed is 32 bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.name = name
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature over *data*."""
        return self._key.sign(data)


def verifier_key(signer: NoteSigner) -> VerifierKey:
    """Return the public half of *signer*."""
    return VerifierKey(signer.name, signer.public_key)


def sign(checkpoint: Checkpoint, signer: NoteSigner) -> str:
    """Return the signed note of *checkpoint*. Raises CheckpointOriginError unless the key's name is the origin.

    Whoever calls this holds the invariant of the log: never sign a checkpoint that is inconsistent with, or smaller
    than, one signed before.
    """
    if signer.name != checkpoint.origin:
        raise CheckpointOriginError("a log signs under its own origin only")
    body = checkpoint.body()
    return f"{body}\n{_signature_line(verifier_key(signer), signer.sign(body.encode()))}"


def add_signature(note: str, signer: NoteSigner) -> str:
    """Return *note* with one more signature line, by another key over the same text."""
    parsed = parse(note)
    return note + _signature_line(verifier_key(signer), signer.sign(parsed.text.encode()))


def parse(note: str | bytes) -> SignedCheckpoint:
    """Parse a signed checkpoint without verifying it.

    Raises NoteFormatError for what signed-note forbids (size and number of signatures bounded first), and
    CheckpointFormatError for a text that is not a checkpoint.
    """
    decoded = _decode_note(note)
    text, separator, lines = decoded.rpartition("\n\n")
    if not separator or not text or not lines.endswith("\n"):
        raise NoteFormatError("no signature after an empty line")
    signature_lines = lines[:-1].split("\n")
    if len(signature_lines) > MAX_SIGNATURES:
        raise NoteFormatError("too many signatures")
    signatures = tuple(_parse_signature(line) for line in signature_lines)
    return SignedCheckpoint(_parse_body(text), f"{text}\n", signatures)


def verify(note: str | bytes, verifier_keys: Iterable[VerifierKey], *, origin: str | None = None) -> Checkpoint:
    """Return the checkpoint of *note* once a known key's signature has verified.

    Without *origin*, one of the verified keys must bear the checkpoint's origin as its name: a key of one log does not
    vouch for another. With *origin* the checkpoint must be of that log, and any of *verifier_keys* may have signed.
    Raises as parse, NoteSignatureError when a line of a known key fails, NoteUnsignedError when there is none,
    CheckpointOriginError for another log (C2SP signed-note, Signatures; tlog-checkpoint, Signatures).
    """
    parsed = parse(note)
    known = {(key.name, key.key_id): key for key in verifier_keys}
    verified = set()
    for line in parsed.signatures:
        key = known.get((line.name, line.key_id))
        if key is not None:
            _verify_line(key, line, parsed.text)
            verified.add(key.name)
    if not verified:
        raise NoteUnsignedError("no line of a known key")
    if parsed.checkpoint.origin not in (verified if origin is None else {origin}):
        raise CheckpointOriginError("a checkpoint of another log")
    return parsed.checkpoint


def _verify_line(key: VerifierKey, line: NoteSignature, text: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(line.signature, text.encode())
    except InvalidSignature:
        raise NoteSignatureError("a line of a known key does not verify") from None


def _signature_line(key: VerifierKey, signature: bytes) -> str:
    return f"{_SIGNATURE_PREFIX}{key.name} {b64encode(key.key_id + signature).decode('ascii')}\n"


def _decode_note(note: str | bytes) -> str:
    if len(note) > MAX_NOTE_BYTES:
        raise NoteFormatError(f"longer than {MAX_NOTE_BYTES} bytes")
    try:
        text = note.decode() if isinstance(note, bytes) else note
        size = len(text.encode())
    except UnicodeError:
        raise NoteFormatError("not UTF-8") from None
    if size > MAX_NOTE_BYTES:
        raise NoteFormatError(f"longer than {MAX_NOTE_BYTES} bytes")
    if _CONTROL.search(text):
        raise NoteFormatError("a control character")
    return text


def _parse_signature(line: str) -> NoteSignature:
    name, separator, encoded = line.removeprefix(_SIGNATURE_PREFIX).partition(" ")
    if not line.startswith(_SIGNATURE_PREFIX) or not separator or not _is_key_name(name):
        raise NoteFormatError("not a signature line")
    raw = decode_base64(encoded)
    if raw is None or len(raw) <= KEY_ID_SIZE:
        raise NoteFormatError("a signature is base64 of a key id and more")
    return NoteSignature(name, raw[:KEY_ID_SIZE], raw[KEY_ID_SIZE:])


def _parse_body(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) < 3:
        raise CheckpointFormatError("fewer than three lines")
    origin, size, encoded_root, *extensions = lines
    root = decode_base64(encoded_root)
    if not _DECIMAL.match(size) or root is None:
        raise CheckpointFormatError("size is not a decimal number, or root is not base64")
    return Checkpoint(origin, int(size), root, tuple(extensions))


def decode_base64(text: str) -> bytes | None:
    """Return the bytes of canonical, padded base64, or None: one spelling per value."""
    try:
        raw = b64decode(text, validate=True)
    except (BinasciiError, ValueError):
        return None
    return raw if b64encode(raw).decode("ascii") == text else None


def _is_key_name(name: str) -> bool:
    return _is_line(name) and "+" not in name and not any(character.isspace() for character in name)


def _is_line(line: str) -> bool:
    try:
        size = len(line.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= MAX_NAME_BYTES and not _CONTROL.search(line) and "\n" not in line
