"""C2SP signed-note v1.0.0: a text, an empty line, and one signature line per key; and the keys that may sign.

Three kinds of keys are spoken: plain Ed25519 (0x01), and the timestamped cosignatures of C2SP tlog-cosignature with
Ed25519 (0x04) and ML-DSA-44 (0x06). What each kind signs depends on the text and is said in protocol.checkpoint.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as BinasciiError
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from protocol.errors import NoteFormatError, NoteKeyError, NoteSignatureError

# The standard asks for at least 16 signatures, and post-quantum ones come near 5 kB each.
MAX_NOTE_BYTES = 1 << 18
MAX_SIGNATURES = 64
MAX_NAME_BYTES = 512
# ``cosigner_name`` and ``log_origin`` are opaque<1..2^8-1> in what an ML-DSA-44 key signs (C2SP tlog-cosignature).
MAX_MLDSA_NAME_BYTES = 255

KEY_ID_SIZE = 4
SEED_SIZE = 32

_SIGNATURE_PREFIX = "\N{EM DASH} "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_KEY_ID = re.compile(r"[0-9a-f]{8}\Z")


class KeyType(IntEnum):
    """Signature type identifier bytes (C2SP signed-note, Signature types)."""

    ED25519 = 0x01
    COSIGNATURE_ED25519 = 0x04
    COSIGNATURE_MLDSA44 = 0x06


PUBLIC_KEY_SIZES = {KeyType.ED25519: 32, KeyType.COSIGNATURE_ED25519: 32, KeyType.COSIGNATURE_MLDSA44: 1312}


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
class VerifierKey:
    """A key that may sign notes under *name*: *public_key* is 32 bytes for Ed25519, 1,312 for ML-DSA-44.

    Raises NoteKeyError for a name with spaces or plus (or past 255 bytes with ML-DSA-44), another type, or a key of
    another length.
    """

    name: str
    public_key: bytes
    type: KeyType = KeyType.ED25519

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise NoteKeyError("a key name is non-empty, without spaces or plus")
        if self.type not in PUBLIC_KEY_SIZES:
            raise NoteKeyError("a signature type that is not spoken here")
        if len(self.public_key) != PUBLIC_KEY_SIZES[self.type]:
            raise NoteKeyError("a public key of another length")
        if self.type == KeyType.COSIGNATURE_MLDSA44 and len(self.name.encode()) > MAX_MLDSA_NAME_BYTES:
            raise NoteKeyError(f"an ML-DSA-44 cosigner has a name of at most {MAX_MLDSA_NAME_BYTES} bytes")

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || newline || type || key) (C2SP signed-note, Signatures)."""
        return sha256(self.name.encode() + b"\n" + self._material).digest()[:KEY_ID_SIZE]

    @property
    def vkey(self) -> str:
        """The key as text, ``name+id+base64(type || key)``, as Go's ``sumdb/note`` writes it."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(self._material).decode('ascii')}"

    @property
    def is_cosigner(self) -> bool:
        """Whether its signatures are timestamped cosignatures (C2SP tlog-cosignature)."""
        return self.type != KeyType.ED25519

    @classmethod
    def from_vkey(cls, text: str) -> VerifierKey:
        """Parse a ``vkey``. Raises NoteKeyError for another form, another algorithm, or an id that does not match."""
        name, _, rest = text.partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = decode_base64(encoded)
        if not raw or raw[0] not in PUBLIC_KEY_SIZES:
            raise NoteKeyError("not a verifier key of a type that is spoken here")
        key = cls(name, raw[1:], KeyType(raw[0]))
        if not _KEY_ID.match(key_id) or bytes.fromhex(key_id) != key.key_id:
            raise NoteKeyError("the key id does not belong to this name and key")
        return key

    def verify(self, signature: bytes, message: bytes) -> None:
        """Raise NoteSignatureError unless *signature* (64 bytes, or 2,420 for ML-DSA-44) is this key's over *message*.

        *message* is what this type signs, not the note's text (protocol.checkpoint.signed_message).
        """
        is_mldsa = self.type == KeyType.COSIGNATURE_MLDSA44
        public_key = (MLDSA44PublicKey if is_mldsa else Ed25519PublicKey).from_public_bytes(self.public_key)
        try:
            public_key.verify(signature, message)
        except InvalidSignature:
            raise NoteSignatureError("a line of a known key does not verify") from None

    @property
    def _material(self) -> bytes:
        return bytes([self.type]) + self.public_key


class SeedSigner:
    """A NoteSigner with its 32-byte Ed25519 seed in memory."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the key's *name* and 32-byte *seed* (RFC 8032 §5.1.5). Raises NoteKeyError for another length."""
        if len(seed) != SEED_SIZE:
            raise NoteKeyError("an Ed25519 seed is 32 bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.name = name
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte signature over *data*."""
        return self._key.sign(data)


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: key name, 4-byte key id, and the signature in that key's own form."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """The line as it stands in a note, newline included."""
        return f"{_SIGNATURE_PREFIX}{self.name} {b64encode(self.key_id + self.signature).decode('ascii')}\n"


def verifier_key(signer: NoteSigner) -> VerifierKey:
    """Return the public half of *signer*."""
    return VerifierKey(signer.name, signer.public_key)


def signature_line(key: VerifierKey, signature: bytes) -> str:
    """Return the line, newline included, by which *key* signs a note with *signature* in its own form."""
    return NoteSignature(key.name, key.key_id, signature).line


def split_note(note: str | bytes) -> tuple[str, tuple[NoteSignature, ...]]:
    """Return the text of *note*, final newline included, and its signature lines, *none verified*.

    Raises NoteFormatError for what signed-note forbids; size and number of signatures are bounded first.
    """
    text, separator, lines = decode_note(note).rpartition("\n\n")
    if not separator or not text:
        raise NoteFormatError("no signature after an empty line")
    return f"{text}\n", parse_lines(lines)


def parse_lines(lines: str) -> tuple[NoteSignature, ...]:
    """Parse signature lines, each ended by a newline, at least one. Raises NoteFormatError."""
    if not lines.endswith("\n"):
        raise NoteFormatError("no signature line ended by a newline")
    parts = lines[:-1].split("\n")
    if len(parts) > MAX_SIGNATURES:
        raise NoteFormatError("too many signatures")
    return tuple(_parse_line(part) for part in parts)


def decode_note(note: str | bytes) -> str:
    """Return *note* as text. Raises NoteFormatError past MAX_NOTE_BYTES, for control characters and for broken UTF-8."""
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


def decode_base64(text: str) -> bytes | None:
    """Return the bytes of canonical, padded base64, or None: one spelling per value."""
    try:
        raw = b64decode(text, validate=True)
    except (BinasciiError, ValueError):
        return None
    return raw if b64encode(raw).decode("ascii") == text else None


def is_key_name(name: str) -> bool:
    """Whether *name* may name a key: non-empty, bounded, without Unicode spaces or plus."""
    return is_line(name) and "+" not in name and not any(character.isspace() for character in name)


def is_line(line: str) -> bool:
    """Whether *line* may be a line of a note's text: non-empty, bounded, without control characters."""
    try:
        size = len(line.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size <= MAX_NAME_BYTES and not _CONTROL.search(line) and "\n" not in line


def _parse_line(line: str) -> NoteSignature:
    name, separator, encoded = line.removeprefix(_SIGNATURE_PREFIX).partition(" ")
    if not line.startswith(_SIGNATURE_PREFIX) or not separator or not is_key_name(name):
        raise NoteFormatError("not a signature line")
    raw = decode_base64(encoded)
    if raw is None or len(raw) <= KEY_ID_SIZE:
        raise NoteFormatError("a signature is base64 of a key id and more")
    return NoteSignature(name, raw[:KEY_ID_SIZE], raw[KEY_ID_SIZE:])
