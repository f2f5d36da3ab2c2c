"""The bodies and rules of C2SP tlog-witness ``add-checkpoint``: what a log sends, what a witness judges and answers.

Nothing here sends, stores or signs. A witness holds one invariant: comparing with the latest checkpoint and storing the
new one are one atomic step, and the answer leaves only afterwards.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from protocol.checkpoint import Checkpoint, parse, verify
from protocol.cosignature import Cosignature, verified_cosignatures
from protocol.errors import (
    CheckpointFormatError,
    ConsistencyProofError,
    CosignatureTimeError,
    EmptyTreeRootError,
    NoteError,
    NoteFormatError,
    NoteSignatureError,
    NoteUnsignedError,
    WitnessOriginError,
    WitnessProofError,
    WitnessRequestError,
    WitnessResponseError,
    WitnessSignatureError,
    WitnessSizeError,
)
from protocol.merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE, verify_consistency
from protocol.note import MAX_NOTE_BYTES, VerifierKey, decode_base64, decode_note, parse_lines

MAX_PROOF_LINES = 63
MAX_REQUEST_BYTES = MAX_NOTE_BYTES + (1 << 12)
# Two lines, Ed25519 and ML-DSA-44, come near 3.5 kB; a witness that rotates keys answers with some more.
MAX_RESPONSE_BYTES = 1 << 16
SIZE_CONTENT_TYPE = "text/x.tlog.size"

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})\Z", re.ASCII)
_SIZE = re.compile(rb"(0|[1-9][0-9]{0,18})\n\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request to cosign *note*: *old_size* is that of the checkpoint which *proof* (32-byte hashes) starts from.

    Raises WitnessRequestError when made with values that have no valid text.
    """

    old_size: int
    proof: tuple[bytes, ...]
    note: str

    def __post_init__(self) -> None:
        if type(self.old_size) is not int or not 0 <= self.old_size <= MAX_SIZE:
            raise WitnessRequestError("old size outside 0 to 2^63-1")
        if len(self.proof) > MAX_PROOF_LINES or any(len(node) != HASH_SIZE for node in self.proof):
            raise WitnessRequestError("a proof is at most 63 hashes of 32 bytes")
        try:
            decode_note(self.note)
        except NoteFormatError as error:
            raise WitnessRequestError(error.detail) from None

    @property
    def origin(self) -> str:
        """The log that the note claims to be of; nothing has been verified."""
        return self.note.partition("\n")[0]

    def encode(self) -> bytes:
        """Return the request body (C2SP tlog-witness, add-checkpoint)."""
        proof = "".join(f"{b64encode(node).decode('ascii')}\n" for node in self.proof)
        return f"old {self.old_size}\n{proof}\n{self.note}".encode()


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """Parse a request body, its size bounded first. Raises WitnessRequestError (400).

    A checkpoint of size 0 with a wrong root is well-formed here: ``judge`` refuses it with the status it has to have.
    """
    head, separator, note = _decode_request(body).partition("\n\n")
    old, *proof = head.split("\n")
    old_size = _OLD.match(old)
    if not separator or old_size is None:
        raise WitnessRequestError("no old size, or no empty line")
    try:
        parse(note)
    except EmptyTreeRootError:
        pass
    except (NoteError, CheckpointFormatError) as error:
        raise WitnessRequestError(error.detail) from None
    return AddCheckpoint(int(old_size[1]), tuple(_parse_hash(line) for line in proof[: MAX_PROOF_LINES + 1]), note)


def judge(request: AddCheckpoint, *, keys: Iterable[VerifierKey], latest: Checkpoint | None) -> Checkpoint:
    """Return the checkpoint of *request* if a witness may cosign it (C2SP tlog-witness, add-checkpoint).

    1. *keys* are those trusted for the checkpoint's origin; without any it is unknown: WitnessOriginError (404).
    2. A line of a trusted key must verify, and none may fail: WitnessSignatureError (403).
    3. The old size is not above the checkpoint's: WitnessRequestError (400).
    4. The old size is that of *latest*, the newest checkpoint cosigned for the origin, or 0: WitnessSizeError (409).
    5. The checkpoint extends *latest* by the proof, which is empty from size 0 and between equal sizes:
       WitnessProofError (422), also for an empty tree with another root.

    The caller stores the checkpoint before it answers, in the transaction in which it read *latest*.
    """
    trusted = tuple(keys)
    if not trusted:
        raise WitnessOriginError("a log that is not witnessed here")
    checkpoint = _verified(request, trusted)
    if request.old_size > checkpoint.size:
        raise WitnessRequestError("the old size is above the checkpoint's")
    held = latest or Checkpoint(checkpoint.origin, 0, EMPTY_ROOT)
    if held.origin != checkpoint.origin:
        raise WitnessOriginError("the latest checkpoint is of another log")
    if request.old_size != held.size:
        raise WitnessSizeError("the old size is not the latest one cosigned", size=held.size)
    try:
        verify_consistency(held.size, checkpoint.size, request.proof, held.root, checkpoint.root)
    except ConsistencyProofError as error:
        raise WitnessProofError(error.detail) from None
    return checkpoint


def parse_cosignature_response(body: bytes, note: str, keys: Iterable[VerifierKey]) -> tuple[Cosignature, ...]:
    """Return the verified cosignatures, at least one, that a witness with *keys* answered for *note*.

    Lines of unknown keys are ignored, whatever they claim. Raises WitnessResponseError for anything but signature
    lines, NoteSignatureError when a line of *keys* fails, NoteUnsignedError without any, CosignatureTimeError for a
    cosignature without a time (C2SP tlog-witness, add-checkpoint).
    """
    if len(body) > MAX_RESPONSE_BYTES:
        raise WitnessResponseError(f"longer than {MAX_RESPONSE_BYTES} bytes")
    try:
        lines = parse_lines(decode_note(body))
    except NoteFormatError as error:
        raise WitnessResponseError(error.detail) from None
    # Judged without the lines that the note holds already: what counts is what this answer brings.
    made = verified_cosignatures(parse(note).text + "\n" + "".join(line.line for line in lines), keys)
    if not made:
        raise NoteUnsignedError("no cosignature of a known key")
    if any(cosignature.timestamp == 0 for cosignature in made):
        raise CosignatureTimeError("a witness states the time")
    return made


def encode_size(size: int) -> bytes:
    """Return the body of a 409 answer: the latest cosigned *size* in decimal, and a newline (C2SP tlog-witness)."""
    return f"{size}\n".encode("ascii")


def parse_size(body: bytes) -> int:
    """Return the latest cosigned size out of a 409 answer. Raises WitnessResponseError."""
    size = _SIZE.match(body)
    if size is None or int(size[1]) > MAX_SIZE:
        raise WitnessResponseError("not a tree size in decimal")
    return int(size[1])


def _verified(request: AddCheckpoint, keys: Iterable[VerifierKey]) -> Checkpoint:
    try:
        return verify(request.note, keys, origin=request.origin)
    except (NoteSignatureError, NoteUnsignedError) as error:
        raise WitnessSignatureError(error.detail) from None
    except EmptyTreeRootError as error:
        raise WitnessProofError(error.detail) from None
    except (NoteError, CheckpointFormatError) as error:
        raise WitnessRequestError(error.detail) from None


def _decode_request(body: bytes) -> str:
    if len(body) > MAX_REQUEST_BYTES:
        raise WitnessRequestError(f"longer than {MAX_REQUEST_BYTES} bytes")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise WitnessRequestError("not UTF-8") from None


def _parse_hash(line: str) -> bytes:
    raw = decode_base64(line)
    if raw is None:
        raise WitnessRequestError("a proof line is not base64")
    return raw
