"""What our log holds and what proves it: leaf data of one fixed form, and receipts as C2SP tlog-proof text.

A leaf is a kind and a 32-byte digest of something salted or of high entropy, so that publishing tiles and entries
tells nobody anything. A receipt is self-contained: index, path, and the signed checkpoint with whatever cosignatures
it has gathered, checkable offline against the log's public key.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from protocol.checkpoint import MAX_NOTE_BYTES, Checkpoint, VerifierKey, decode_base64, verify
from protocol.cosignature import Cosignature, verified_cosignatures
from protocol.errors import LeafFormatError, ReceiptFormatError
from protocol.merkle import HASH_SIZE, MAX_SIZE, verify_inclusion

LEAF_HEADER = b"chancela/leaf@v1\n"
RECEIPT_HEADER = "c2sp.org/tlog-proof@v1"
MAX_PATH = 63
MAX_EXTRA_BYTES = 1 << 14
MAX_RECEIPT_BYTES = MAX_NOTE_BYTES + (1 << 15)

_KIND = re.compile(r"[a-z][a-z0-9._-]{0,47}\Z", re.ASCII)
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})\Z", re.ASCII)


def leaf_data(kind: str, digest: bytes) -> bytes:
    """Return the bytes whose leaf_hash enters the log: version line, *kind* line, 32-byte *digest*.

    *kind* is lower-case ASCII (letters, digits, ``._-``, at most 48). Raises LeafFormatError otherwise.
    """
    if not _KIND.match(kind):
        raise LeafFormatError("a kind is a short lower-case name")
    if len(digest) != HASH_SIZE:
        raise LeafFormatError("a digest is 32 bytes")
    return LEAF_HEADER + kind.encode("ascii") + b"\n" + digest


def parse_leaf_data(data: bytes) -> tuple[str, bytes]:
    """Return (kind, digest) of *data*. Raises LeafFormatError for anything leaf_data would not have written."""
    kind, digest = data[len(LEAF_HEADER) : -HASH_SIZE - 1].decode("ascii", "replace"), data[-HASH_SIZE:]
    if leaf_data(kind, digest) != data:
        raise LeafFormatError("not a leaf of this version")
    return kind, digest


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof that a leaf is in the log: its 0-based *index*, the sibling hashes, and the signed checkpoint verbatim.

    *extra* is opaque and authenticated by nothing. Raises ReceiptFormatError when made with values that have no text.
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def __post_init__(self) -> None:
        if type(self.index) is not int or not 0 <= self.index <= MAX_SIZE:
            raise ReceiptFormatError("index outside 0 to 2^63-1")
        if len(self.path) > MAX_PATH or any(len(node) != HASH_SIZE for node in self.path):
            raise ReceiptFormatError("a path is at most 63 hashes of 32 bytes")
        if self.extra is not None and len(self.extra) > MAX_EXTRA_BYTES:
            raise ReceiptFormatError("extra data too long")

    def encode(self) -> str:
        """Return the proof text (C2SP tlog-proof, Format); the file extension is ``.tlog-proof``."""
        lines = [RECEIPT_HEADER]
        if self.extra is not None:
            lines.append(f"extra {b64encode(self.extra).decode('ascii')}")
        lines.append(f"index {self.index}")
        lines += [b64encode(node).decode("ascii") for node in self.path]
        return "\n".join(lines) + "\n\n" + self.checkpoint


def parse_receipt(text: str | bytes) -> Receipt:
    """Parse a proof text. Raises ReceiptFormatError; the checkpoint inside is judged by verify_receipt only."""
    head, separator, checkpoint = _decode(text).partition("\n\n")
    lines = head.split("\n")
    if not separator or lines.pop(0) != RECEIPT_HEADER:
        raise ReceiptFormatError("not a proof of this version")
    extra = _parse_base64(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
    index = _INDEX.match(lines.pop(0)) if lines else None
    if index is None:
        raise ReceiptFormatError("no index")
    return Receipt(int(index[1]), tuple(_parse_base64(line) for line in lines), checkpoint, extra)


def verify_receipt(
    receipt: Receipt, *, leaf_hash: bytes, keys: Iterable[VerifierKey], origin: str | None = None
) -> Checkpoint:
    """Return the verified checkpoint that holds the leaf.

    *leaf_hash* is computed by the caller from the thing itself. Raises as checkpoint.verify, and InclusionProofError
    when the path does not lead to the checkpoint's root.
    """
    checkpoint = verify(receipt.checkpoint, keys, origin=origin)
    # The size comes from the signed checkpoint alone: a path often verifies under a neighbouring size as well.
    verify_inclusion(leaf_hash, receipt.index, checkpoint.size, receipt.path, checkpoint.root)
    return checkpoint


@dataclass(frozen=True, slots=True)
class WitnessedCheckpoint:
    """What a receipt proves: the *checkpoint* that holds the leaf, and who of those asked for cosigned it."""

    checkpoint: Checkpoint
    cosignatures: tuple[Cosignature, ...]


def verify_witnessed_receipt(
    receipt: Receipt,
    *,
    leaf_hash: bytes,
    keys: Iterable[VerifierKey],
    witness_keys: Iterable[VerifierKey],
    origin: str | None = None,
) -> WitnessedCheckpoint:
    """Return the verified checkpoint that holds the leaf, and the cosignatures that verify (C2SP tlog-proof, Verifying).

    Whether those are enough is for a policy to say (protocol.quorum); none at all is no error. Raises as
    verify_receipt, and NoteSignatureError when a line of one of *witness_keys* fails.
    """
    checkpoint = verify_receipt(receipt, leaf_hash=leaf_hash, keys=keys, origin=origin)
    return WitnessedCheckpoint(checkpoint, verified_cosignatures(receipt.checkpoint, witness_keys))


def _decode(text: str | bytes) -> str:
    if len(text) > MAX_RECEIPT_BYTES:
        raise ReceiptFormatError(f"longer than {MAX_RECEIPT_BYTES} bytes")
    try:
        return text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        raise ReceiptFormatError("not UTF-8") from None


def _parse_base64(line: str) -> bytes:
    raw = decode_base64(line)
    if raw is None:
        raise ReceiptFormatError("a line is not base64")
    return raw
