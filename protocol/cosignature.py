"""C2SP tlog-cosignature: timestamped statements of cosigners that they saw a checkpoint, and saw it consistent.

Two kinds of keys cosign: Ed25519 (0x04), and ML-DSA-44 (0x06), which commits to the cosigner's name and withstands
quantum computers. A log signs its own checkpoints with the second kind as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from protocol.checkpoint import (
    MAX_TIMESTAMP,
    TIMESTAMP_SIZE,
    Checkpoint,
    VerifiedLine,
    parse,
    signed_message,
    verified_lines,
)
from protocol.errors import CosignatureTimeError, NoteKeyError
from protocol.note import SEED_SIZE, KeyType, VerifierKey, parse_lines, signature_line


class CosignerKey(Protocol):
    """Whoever holds a cosigner's key. Each key belongs to one cosigner (C2SP tlog-cosignature, Ed25519)."""

    @property
    def verifier_key(self) -> VerifierKey:
        """The public half: type 0x04 or 0x06."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the raw signature over *message*: 64 bytes for Ed25519, 2,420 for ML-DSA-44."""
        ...


class Ed25519Cosigner:
    """A CosignerKey of type 0x04 with its 32-byte seed in memory."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the cosigner's *name* and 32-byte *seed* (RFC 8032 §5.1.5). Raises NoteKeyError."""
        self._key = Ed25519PrivateKey.from_private_bytes(_checked_seed(seed))
        public_key = self._key.public_key().public_bytes_raw()
        self.verifier_key = VerifierKey(name, public_key, KeyType.COSIGNATURE_ED25519)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over *message*."""
        return self._key.sign(message)


class MldsaCosigner:
    """A CosignerKey of type 0x06 with its 32-byte seed in memory."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the cosigner's *name* (at most 255 bytes) and 32-byte *seed* (FIPS 204 §5.1). Raises NoteKeyError."""
        self._key = MLDSA44PrivateKey.from_seed_bytes(_checked_seed(seed))
        public_key = self._key.public_key().public_bytes_raw()
        self.verifier_key = VerifierKey(name, public_key, KeyType.COSIGNATURE_MLDSA44)

    def sign(self, message: bytes) -> bytes:
        """Return the 2,420-byte signature over *message*."""
        return self._key.sign(message)


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified cosignature: *timestamp* in POSIX seconds, *line* as it stands in a note, newline included.

    A timestamp of 0 (ML-DSA-44 only) says nothing about when, nor that the tree was the largest seen.
    """

    key: VerifierKey
    timestamp: int
    line: str


def cosign(checkpoint: Checkpoint | str | bytes, cosigner: CosignerKey, timestamp: int) -> str:
    """Return the signature line, newline included, by which *cosigner* cosigns a checkpoint or the one of a note.

    *timestamp* is in POSIX seconds, 1 to 2^63-1 (CosignatureTimeError); raises as parse for a note, and
    CheckpointFormatError for an origin past 255 bytes under ML-DSA-44. The caller holds the cosigner's invariant: the
    checkpoint extends every one cosigned before, and the time does not go back.
    """
    if type(timestamp) is not int or not 0 < timestamp <= MAX_TIMESTAMP:
        raise CosignatureTimeError("a time outside 1 to 2^63-1")
    statement = checkpoint if isinstance(checkpoint, Checkpoint) else parse(checkpoint).checkpoint
    signature = cosigner.sign(signed_message(cosigner.verifier_key, statement, timestamp))
    return signature_line(cosigner.verifier_key, timestamp.to_bytes(TIMESTAMP_SIZE, "big") + signature)


def verified_cosignatures(note: str | bytes, keys: Iterable[VerifierKey]) -> tuple[Cosignature, ...]:
    """Return at most one cosignature per known cosigner of *note*, in the order of their first lines.

    Of several by one key the earliest dated counts, so that nobody is counted twice. Raises as parse, and
    NoteSignatureError when any line of a known key fails, plain keys included; unknown keys are passed over.
    """
    earliest: dict[VerifierKey, Cosignature] = {}
    for line in verified_lines(parse(note), keys):
        made = _cosignature(line)
        if made and (line.key not in earliest or _date(made) < _date(earliest[line.key])):
            earliest[line.key] = made
    return tuple(earliest.values())


def add_lines(note: str, lines: str | Iterable[str]) -> str:
    """Return *note* with the signature lines of *lines* that it does not hold yet.

    *lines* is text of whole lines, or several such texts. Their form is checked, and that the note stays within its
    bounds; whether they verify is for whoever reads the note with keys. Raises NoteFormatError.
    """
    held = {signature.line for signature in parse(note).signatures}
    texts = [lines] if isinstance(lines, str) else lines
    offered = [signature.line for text in texts if text for signature in parse_lines(text)]
    extended = note + "".join(dict.fromkeys(line for line in offered if line not in held))
    parse(extended)
    return extended


def _cosignature(line: VerifiedLine) -> Cosignature | None:
    return None if line.timestamp is None else Cosignature(line.key, line.timestamp, line.signature.line)


def _date(cosignature: Cosignature) -> tuple[bool, int]:
    """Order by time, those that state none last."""
    return cosignature.timestamp == 0, cosignature.timestamp


def _checked_seed(seed: bytes) -> bytes:
    if len(seed) != SEED_SIZE:
        raise NoteKeyError("a cosigner's seed is 32 bytes")
    return seed
