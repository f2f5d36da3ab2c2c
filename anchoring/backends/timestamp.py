"""A time stamping authority (RFC 3161) as ledger: it says when a checkpoint existed, and keeps nothing.

What is stamped is the SHA-256 of the checkpoint's note text: its lines with the final newline, before the empty line
and the signatures, as ``Checkpoint.body`` returns them. The evidence is JSON with the signed note, the token and the
certificates up to the pinned one, so that ``openssl ts -verify`` can judge it as well as we.

The nonce is derived from the intent under the deployment's secret key: the same bytes each time, which nobody else can
foretell. A token is accepted only fresh, against our clock; afterwards it is judged at the time it states.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import DatabaseError
from django.utils import timezone
from django.utils.crypto import salted_hmac

from anchoring import fetch, kept_answers
from anchoring.errors import (
    AmbiguousLedgerError,
    FetchError,
    FetchRefusedError,
    LedgerError,
    LedgerMisconfiguredError,
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
from protocol import checkpoint as signed_checkpoint
from protocol import time_stamp
from protocol.checkpoint import Checkpoint, decode_base64
from protocol.encoding import canonical_json, json_object
from protocol.errors import JsonError, ProtocolError, TimeStampRefusedError, TimeStampSignerError
from protocol.time_stamp import TimeStamp, TimeStampRequest

NONCE_SIZE = 8
DEFAULT_TOLERANCE_SECONDS = 60
ANSWER_SECONDS = 10.0
MAX_EVIDENCE_BYTES = 1 << 20
MAX_CERTIFICATES = 16
_OPTIONS = frozenset({"url", "certificate", "certificate_file", "policy_oid", "tolerance_seconds"})
_REQUIRED = ("url", "certificate", "certificate_file")

# PKIFailureInfo (RFC 3161 §2.4.2): what an operator must change, and what these bytes will never get over.
_OPERATORS = frozenset({"badAlg", "unacceptedPolicy", "unacceptedExtension", "addInfoNotAvailable"})
_FOR_GOOD = frozenset({"badRequest", "badDataFormat"})
_BUSY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})

NOT_CHECKED = ("that no certificate of the authority had been revoked",)


@dataclass(frozen=True, slots=True)
class TimestampLedger:
    """A time stamping authority (RFC 3161): says when a checkpoint existed, offline and for ever.

    *certificate* is the SHA-256 (hex) of the trusted one among *certificates* (DER); *url* takes the requests.
    """

    ledger_id: str
    url: str
    certificate: str
    certificates: tuple[bytes, ...]
    policy: str | None = None
    tolerance: timedelta = timedelta(seconds=DEFAULT_TOLERANCE_SECONDS)

    @classmethod
    def from_options(cls, ledger_id: str, options: Mapping[str, str]) -> Self:
        options = {name: str(value) for name, value in options.items()}
        if set(options) - _OPTIONS or any(not options.get(name) for name in _REQUIRED):
            raise LedgerMisconfiguredError(f"needs {', '.join(_REQUIRED)}; may have policy_oid and tolerance_seconds")
        if not options["url"].startswith(("http://", "https://")):
            raise LedgerMisconfiguredError("url is an address of HTTP")
        certificates = _read_certificates(options["certificate_file"])
        certificate = options["certificate"].lower().replace(":", "")
        if certificate not in {sha256(each).hexdigest() for each in certificates}:
            raise LedgerMisconfiguredError("certificate_file does not hold the certificate that is pinned")
        return cls(
            ledger_id,
            options["url"],
            certificate,
            certificates,
            _checked_policy(options.get("policy_oid")),
            _checked_tolerance(options.get("tolerance_seconds", str(DEFAULT_TOLERANCE_SECONDS))),
        )

    def identity(self) -> LedgerIdentity:
        return LedgerIdentity(
            ledger_id=self.ledger_id,
            pins={"certificate": self.certificate} | ({"policy": self.policy} if self.policy else {}),
            finality="when the token has verified",
            is_offline_verifiable=True,
        )

    def prepare(self, head: PublishedCheckpoint, previous: Extension | None) -> Intent:
        name = intent_id(self.ledger_id, head.checkpoint)
        nonce = int.from_bytes(
            salted_hmac("anchoring.timestamp", name, algorithm="sha256").digest()[:NONCE_SIZE], "big"
        )
        request = TimeStampRequest(stamped_digest(head.note), nonce, self.policy)
        payload = {"note": head.note, "request": _base64(time_stamp.write_request(request))}
        return Intent(name, canonical_json(payload))

    def submit(self, intent: Intent) -> None:
        note, encoded = _read_payload(intent.payload)
        checkpoint = _checkpoint_of(note)
        if kept_answers.is_kept(ledger_id=self.ledger_id, checkpoint=checkpoint):
            return
        asked_at = timezone.now()
        token = self._ask(encoded)
        self._accept(token, time_stamp.read_request(encoded), asked_at)
        evidence = {
            "certificates": [_base64(each) for each in self.certificates],
            "note": note,
            "token": _base64(token),
        }
        kept_answers.keep(ledger_id=self.ledger_id, checkpoint=checkpoint, answer=canonical_json(evidence))

    def replace(self, intent: Intent) -> Intent | None:
        return None

    def find(self, checkpoint: Checkpoint) -> Presence:
        return kept_answers.find(ledger_id=self.ledger_id, checkpoint=checkpoint)

    def poll(self, intent: Intent) -> Progress:
        note, _ = _read_payload(intent.payload)
        return Progress.FINAL if self.find(_checkpoint_of(note)) is Presence.PRESENT else Progress.LOST

    def export(self, checkpoint: Checkpoint) -> bytes:
        return kept_answers.read(ledger_id=self.ledger_id, checkpoint=checkpoint)

    @staticmethod
    def verify(attestation: bytes, checkpoint: Checkpoint, trust: Trust) -> AttestationVerdict:
        try:
            stamp = _verified(attestation, checkpoint, trust)
        except ProtocolError as error:
            return AttestationVerdict(is_valid=False, reason=error.code)
        if stamp is None:
            return AttestationVerdict(is_valid=False, reason="attests another checkpoint")
        if trust.pins.get("policy", stamp.policy) != stamp.policy:
            return AttestationVerdict(is_valid=False, reason="stamped under another policy")
        # Rounded up: the checkpoint existed by then.
        return AttestationVerdict(
            is_valid=True, not_checked=NOT_CHECKED, attested_at=math.ceil(stamp.generated_at.timestamp())
        )

    def latest(self, origin: str) -> Checkpoint | None:
        return kept_answers.latest(ledger_id=self.ledger_id, origin=origin)

    def health(self) -> LedgerHealth:
        """Look at the address without asking for a time stamp, which may cost something, and at the certificate."""
        try:
            spent = f"time stamps: {kept_answers.count(ledger_id=self.ledger_id)}"
            reply = fetch.exchange(self.url, purpose="time stamp", max_bytes=time_stamp.MAX_RESPONSE_BYTES)
        except (FetchError, DatabaseError) as error:
            return LedgerHealth(is_healthy=False, detail=str(error))
        expires_at = self._expires_at()
        is_healthy = reply.status < HTTPStatus.INTERNAL_SERVER_ERROR and expires_at > timezone.now()
        detail = f"answers with status {reply.status}; the pinned certificate is valid until {expires_at:%Y-%m-%d}"
        return LedgerHealth(is_healthy=is_healthy, detail=detail, spent=spent)

    def _expires_at(self) -> datetime:
        pinned = next(each for each in self.certificates if sha256(each).hexdigest() == self.certificate)
        return x509.load_der_x509_certificate(pinned).not_valid_after_utc

    def _ask(self, request: bytes) -> bytes:
        """Return the token that answers *request*. Raises LedgerError by what an operator, or time, can do about it."""
        try:
            reply = fetch.exchange(
                self.url,
                purpose="time stamp",
                max_bytes=time_stamp.MAX_RESPONSE_BYTES,
                body=request,
                content_type=time_stamp.REQUEST_TYPE,
                seconds=ANSWER_SECONDS,
            )
        except FetchRefusedError as error:
            raise LedgerMisconfiguredError(error.detail) from None
        except FetchError as error:
            raise (AmbiguousLedgerError if error.was_sent else TransientLedgerError)(error.detail) from None
        _refuse_other_answers(reply)
        try:
            return time_stamp.read_response(reply.content)
        except TimeStampRefusedError as error:
            raise _refusal(error) from None
        except ProtocolError as error:
            raise AmbiguousLedgerError(str(error)) from None

    def _accept(self, token: bytes, request: TimeStampRequest, asked_at: datetime) -> None:
        """Raise LedgerError unless *token* is the fresh answer to *request* by the pinned authority."""
        try:
            stamp = time_stamp.verify(
                token, request.digest, anchor=bytes.fromhex(self.certificate), certificates=self.certificates
            )
        except TimeStampSignerError as error:
            raise LedgerMisconfiguredError(str(error)) from None
        except ProtocolError as error:
            raise AmbiguousLedgerError(str(error)) from None
        if stamp.nonce != request.nonce:
            raise AmbiguousLedgerError("answers another request")
        if request.policy not in (None, stamp.policy):
            raise LedgerMisconfiguredError(f"stamped under policy {stamp.policy}")
        if not asked_at - self.tolerance <= stamp.generated_at <= timezone.now() + self.tolerance:
            raise AmbiguousLedgerError(
                f"the authority's clock says {stamp.generated_at:%Y-%m-%d %H:%M:%S}, ours does not"
            )


def stamped_digest(note: str) -> bytes:
    """Return the 32 bytes that are stamped: SHA-256 of the text of *note*, which its signatures are over, too."""
    return sha256(signed_checkpoint.parse(note).text.encode()).digest()


def _verified(attestation: bytes, checkpoint: Checkpoint, trust: Trust) -> TimeStamp | None:
    """Return the stamp on *checkpoint*, or None where the evidence is about another. Raises ProtocolError."""
    note, token, certificates = _read_evidence(attestation)
    attested = signed_checkpoint.verify(note, trust.log_keys, origin=checkpoint.origin)
    if (attested.size, attested.root) != (checkpoint.size, checkpoint.root):
        return None
    try:
        anchor = bytes.fromhex(trust.pins.get("certificate", "").replace(":", ""))
    except ValueError:
        anchor = b""
    return time_stamp.verify(token, stamped_digest(note), anchor=anchor, certificates=certificates)


def _read_evidence(attestation: bytes) -> tuple[str, bytes, list[bytes]]:
    fields = json_object(attestation, max_bytes=MAX_EVIDENCE_BYTES)
    if set(fields) != {"certificates", "note", "token"} or canonical_json(fields) != attestation:
        raise JsonError("not evidence of a time stamp in its one spelling")
    note, certificates = fields["note"], fields["certificates"]
    if not isinstance(note, str) or not isinstance(certificates, list) or len(certificates) > MAX_CERTIFICATES:
        raise JsonError("not evidence of a time stamp")
    return note, _bytes_of(fields["token"]), [_bytes_of(each) for each in certificates]


def _read_payload(payload: bytes) -> tuple[str, bytes]:
    """Return the note and the request to be sent, once they belong together. Raises RejectedByLedgerError."""
    try:
        fields = json_object(payload)
        note, encoded = str(fields["note"]), _bytes_of(fields["request"])
        if time_stamp.read_request(encoded).digest == stamped_digest(note):
            return note, encoded
    except (ProtocolError, KeyError):
        pass
    raise RejectedByLedgerError("not an intent of this ledger")


def _checkpoint_of(note: str) -> Checkpoint:
    return signed_checkpoint.parse(note).checkpoint


def _refuse_other_answers(reply: fetch.Reply) -> None:
    if reply.status == HTTPStatus.OK:
        if reply.content_type != time_stamp.RESPONSE_TYPE:
            raise LedgerMisconfiguredError(f"no time stamping authority there: answers {reply.content_type!r}")
    elif reply.status in _BUSY:
        raise TransientLedgerError(f"status {reply.status}")
    elif reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise LedgerMisconfiguredError(f"status {reply.status}")
    else:
        raise AmbiguousLedgerError(f"status {reply.status}")


def _refusal(error: TimeStampRefusedError) -> LedgerError:
    reasons = set(error.failure.split())
    if reasons & _FOR_GOOD:
        return RejectedByLedgerError(error.detail)
    if reasons & _OPERATORS:
        return LedgerMisconfiguredError(error.detail)
    # The authority says itself that it stamped nothing.
    return TransientLedgerError(error.detail)


def _read_certificates(path: str) -> tuple[bytes, ...]:
    if not Path(path).is_absolute():
        raise LedgerMisconfiguredError("certificate_file is an absolute path: web and worker both read it")
    try:
        found = x509.load_pem_x509_certificates(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise LedgerMisconfiguredError(f"certificate_file: {type(error).__name__}") from None
    if len(found) > MAX_CERTIFICATES:
        raise LedgerMisconfiguredError(f"certificate_file holds more than {MAX_CERTIFICATES} certificates")
    return tuple(each.public_bytes(Encoding.DER) for each in found)


def _checked_policy(policy: str | None) -> str | None:
    try:
        time_stamp.write_request(TimeStampRequest(bytes(32), 0, policy or None))
    except ProtocolError:
        raise LedgerMisconfiguredError("policy_oid is a dotted object identifier") from None
    return policy or None


def _checked_tolerance(seconds: str) -> timedelta:
    if not seconds.isascii() or not seconds.isdigit() or len(seconds) > 5:
        raise LedgerMisconfiguredError("tolerance_seconds is a number of seconds")
    return timedelta(seconds=int(seconds))


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _bytes_of(text: object) -> bytes:
    data = decode_base64(text) if isinstance(text, str) else None
    if data is None:
        raise JsonError("not base64")
    return data
