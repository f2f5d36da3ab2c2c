"""A public transparency log of the Rekor v2 kind as ledger: it holds the digest of a checkpoint among everybody's.

What it holds is the SHA-256 of the checkpoint's note text (``Checkpoint.body``), signed by a P-256 key of this
deployment as ``hashedrekord`` 0.0.2; plain Ed25519 is not accepted by such logs for digests. The answer to the one call
that writes comes when a checkpoint of the log covers the entry, and carries the proof. It comes only once: sent again,
the same bytes are answered "exists, at this index", and the proof is made from the log's tiles.

The log is pinned by its key and origin. It states no time, so the evidence has none; a time stamp goes with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.db import DatabaseError

from anchoring import fetch, kept_answers
from anchoring.errors import (
    AmbiguousLedgerError,
    FetchError,
    FetchRefusedError,
    LedgerMisconfiguredError,
    LogResourceNotFoundError,
    RejectedByLedgerError,
    TransientLedgerError,
)
from anchoring.ledger import (
    AttestationVerdict,
    Extension,
    Intent,
    LedgerHealth,
    LedgerIdentity,
    Presence,
    Progress,
    PublishedCheckpoint,
    Trust,
    intent_id,
)
from anchoring.log_reader import HttpLogReader, PublishedTree
from protocol import checkpoint as signed_checkpoint
from protocol import remote_entry
from protocol.checkpoint import Checkpoint, VerifierKey
from protocol.encoding import canonical_json, json_object
from protocol.errors import NoteKeyError, ProtocolError, RemoteEntryDigestError, RemoteEntryFormatError
from protocol.merkle import inclusion_proof
from protocol.remote_entry import RemoteEntry

API = "api/v2"
# The log answers when its next checkpoint is out; its makers ask for at least this patience.
ANSWER_SECONDS = 20.0
MAX_EVIDENCE_BYTES = 1 << 20
_OPTIONS = frozenset({"url", "vkey", "origin", "key_file"})
_REQUIRED = ("url", "vkey", "key_file")
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_EXISTS_AT = re.compile(r"\bindex ([0-9]{1,19})\b", re.ASCII)

NOT_CHECKED = (
    "when: the log states no time",
    "that the log shows everybody the same: that is for its witnesses and monitors",
)


@dataclass(frozen=True, slots=True)
class RekorLedger:
    """A public transparency log of the Rekor v2 kind: holds each checkpoint's digest.

    *url* is the log's address above ``/api/v2``; *signing_key* signs our digests; *key* and *origin* are the log's.
    """

    ledger_id: str
    url: str
    key: VerifierKey
    origin: str
    signing_key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def from_options(cls, ledger_id: str, options: Mapping[str, str]) -> Self:
        options = {name: str(value) for name, value in options.items()}
        if set(options) - _OPTIONS or any(not options.get(name) for name in _REQUIRED):
            raise LedgerMisconfiguredError(f"needs {', '.join(_REQUIRED)}; may have origin")
        if not options["url"].startswith(("http://", "https://")):
            raise LedgerMisconfiguredError("url is an address of HTTP")
        key = _read_vkey(options["vkey"])
        signing_key = _read_signing_key(options["key_file"])
        return cls(ledger_id, options["url"].rstrip("/"), key, options.get("origin") or key.name, signing_key)

    def identity(self) -> LedgerIdentity:
        return LedgerIdentity(
            ledger_id=self.ledger_id,
            pins={"vkey": self.key.vkey, "origin": self.origin},
            finality="when a checkpoint of the log covers the entry",
            is_offline_verifiable=True,
        )

    def prepare(self, head: PublishedCheckpoint, previous: Extension | None) -> Intent:
        digest = recorded_digest(head.note)
        signature = remote_entry.sign_digest(self.signing_key, digest)
        request = remote_entry.write_request(digest, signature, remote_entry.public_bytes(self.signing_key))
        payload = canonical_json({"note": head.note, "request": request.decode()})
        return Intent(intent_id(self.ledger_id, head.checkpoint), payload)

    def submit(self, intent: Intent) -> None:
        note, request = _read_payload(intent.payload)
        checkpoint = signed_checkpoint.parse(note).checkpoint
        if kept_answers.is_kept(ledger_id=self.ledger_id, checkpoint=checkpoint):
            return
        entry = self._accepted(self._ask(request), note, request)
        evidence = canonical_json({"entry": remote_entry.write_entry(entry, self.key), "note": note})
        kept_answers.keep(ledger_id=self.ledger_id, checkpoint=checkpoint, answer=evidence)

    def replace(self, intent: Intent) -> Intent | None:
        return None

    def find(self, checkpoint: Checkpoint) -> Presence:
        return kept_answers.find(ledger_id=self.ledger_id, checkpoint=checkpoint)

    def poll(self, intent: Intent) -> Progress:
        note, _ = _read_payload(intent.payload)
        is_kept = self.find(signed_checkpoint.parse(note).checkpoint) is Presence.PRESENT
        return Progress.FINAL if is_kept else Progress.LOST

    def export(self, checkpoint: Checkpoint) -> bytes:
        return kept_answers.read(ledger_id=self.ledger_id, checkpoint=checkpoint)

    @staticmethod
    def verify(attestation: bytes, checkpoint: Checkpoint, trust: Trust) -> AttestationVerdict:
        try:
            is_this = _is_verified(attestation, checkpoint, trust)
        except ProtocolError as error:
            return AttestationVerdict(is_valid=False, reason=error.code)
        if not is_this:
            return AttestationVerdict(is_valid=False, reason="attests another checkpoint")
        return AttestationVerdict(is_valid=True, not_checked=NOT_CHECKED)

    def latest(self, origin: str) -> Checkpoint | None:
        return kept_answers.latest(ledger_id=self.ledger_id, origin=origin)

    def health(self) -> LedgerHealth:
        try:
            spent = f"entries: {kept_answers.count(ledger_id=self.ledger_id)}"
            head = self._head(self._reader().checkpoint())
        except (FetchError, LogResourceNotFoundError, ProtocolError, DatabaseError) as error:
            return LedgerHealth(is_healthy=False, detail=str(error))
        return LedgerHealth(is_healthy=True, detail=f"{head.origin} has {head.size} entries", spent=spent)

    def _ask(self, request: bytes) -> fetch.Reply:
        """Send *request*; return the answer that settles it. Raises LedgerError by what can be done about any other."""
        try:
            reply = fetch.exchange(
                f"{self.url}/{API}/log/entries",
                purpose="remote log",
                max_bytes=remote_entry.MAX_ENTRY_BYTES,
                body=request,
                content_type="application/json",
                seconds=ANSWER_SECONDS,
            )
        except FetchRefusedError as error:
            raise LedgerMisconfiguredError(error.detail) from None
        except FetchError as error:
            raise (AmbiguousLedgerError if error.was_sent else TransientLedgerError)(error.detail) from None
        _refuse_other_answers(reply)
        return reply

    def _accepted(self, reply: fetch.Reply, note: str, request: bytes) -> RemoteEntry:
        """Return the entry once the pinned log proves to hold it. Raises LedgerError."""
        body = remote_entry.body_of_request(request)
        try:
            exists = reply.status == HTTPStatus.CONFLICT
            entry = self._look_up(_index_of(reply), body) if exists else remote_entry.read_entry(reply.content)
            if entry.body != body:
                raise RemoteEntryDigestError("not the entry that was asked for")
            remote_entry.verify(entry, recorded_digest(note), key=self.key, origin=self.origin)
        except (ProtocolError, FetchError, LogResourceNotFoundError) as error:
            raise AmbiguousLedgerError(str(error)) from None
        return entry

    def _look_up(self, index: int, body: bytes) -> RemoteEntry:
        """Make the proof of the entry at *index* from the log's newest checkpoint and its tiles, believing neither."""
        reader = self._reader()
        note = reader.checkpoint()
        size = self._head(note).size
        return RemoteEntry(index, body, tuple(inclusion_proof(PublishedTree(reader, size), index, size)), note)

    def _head(self, note: str) -> Checkpoint:
        return signed_checkpoint.verify(note, [self.key], origin=self.origin)

    def _reader(self) -> HttpLogReader:
        return HttpLogReader(f"{self.url}/{API}")


def recorded_digest(note: str) -> bytes:
    """Return the 32 bytes that the log holds: SHA-256 of the text of *note*, which its signatures are over, too."""
    return sha256(signed_checkpoint.parse(note).text.encode()).digest()


def _is_verified(attestation: bytes, checkpoint: Checkpoint, trust: Trust) -> bool:
    """Whether sound evidence is about *checkpoint*, or else about another. Raises ProtocolError."""
    fields = json_object(attestation, max_bytes=MAX_EVIDENCE_BYTES)
    if set(fields) != {"entry", "note"} or canonical_json(fields) != attestation:
        raise RemoteEntryFormatError("not evidence of a remote log in its one spelling")
    note, written = fields["note"], fields["entry"]
    if not isinstance(note, str) or not isinstance(written, dict):
        raise RemoteEntryFormatError("not evidence of a remote log")
    attested = signed_checkpoint.verify(note, trust.log_keys, origin=checkpoint.origin)
    key = VerifierKey.from_vkey(trust.pins.get("vkey", ""))
    entry = remote_entry.entry_of(written)
    remote_entry.verify(entry, recorded_digest(note), key=key, origin=trust.pins.get("origin", key.name))
    # What repeats the checkpoint (root, size, log id) is for other software: it must not say something else.
    if remote_entry.write_entry(entry, key) != written:
        raise RemoteEntryFormatError("members that contradict each other")
    return (attested.size, attested.root) == (checkpoint.size, checkpoint.root)


def _read_payload(payload: bytes) -> tuple[str, bytes]:
    """Return the note and the request to be sent, once they belong together. Raises RejectedByLedgerError."""
    try:
        fields: dict[str, Any] = json_object(payload)
        note, request = str(fields["note"]), str(fields["request"]).encode()
        if recorded_digest(note) == remote_entry.digest_of(remote_entry.body_of_request(request)):
            return note, request
    except (ProtocolError, KeyError):
        pass
    raise RejectedByLedgerError("not an intent of this ledger")


def _refuse_other_answers(reply: fetch.Reply) -> None:
    if reply.status in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.CONFLICT):
        return
    if reply.status in _BUSY:
        raise TransientLedgerError(f"status {reply.status}")
    if reply.status == HTTPStatus.BAD_REQUEST:
        raise RejectedByLedgerError(f"status {reply.status}")
    if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        # 405 is a log that was frozen: its successor has another address and key.
        raise LedgerMisconfiguredError(f"status {reply.status}")
    raise AmbiguousLedgerError(f"status {reply.status}")


def _index_of(reply: fetch.Reply) -> int:
    message = json_object(reply.content).get("message")
    match = _EXISTS_AT.search(message) if isinstance(message, str) else None
    if match is None:
        raise RemoteEntryFormatError("exists, without saying where")
    return int(match.group(1))


def _read_vkey(text: str) -> VerifierKey:
    try:
        key = VerifierKey.from_vkey(text)
    except NoteKeyError as error:
        raise LedgerMisconfiguredError(f"vkey: {error.detail}") from None
    if key.is_cosigner:
        raise LedgerMisconfiguredError("vkey is a witness's, not the log's own")
    return key


def _read_signing_key(path: str) -> ec.EllipticCurvePrivateKey:
    if not Path(path).is_absolute():
        raise LedgerMisconfiguredError("key_file is an absolute path: web and worker both read it")
    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise LedgerMisconfiguredError(f"key_file: {type(error).__name__}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise LedgerMisconfiguredError("key_file is not a P-256 key")
    return key
