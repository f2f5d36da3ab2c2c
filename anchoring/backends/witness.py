"""A C2SP witness as a ledger: one POST, and it cosigns our checkpoint if that extends the last one it saw of our log.

A witness remembers one head and answers each cosignature once, so we keep what it says: the lines (``Cosignature``)
and the size at which it last told us it stands (``WitnessHead``), which may be less than it once was.

What a crash leaves behind: if it cosigned and we did not store the lines, it stands at our size. Asked again it says
so (409), and cosigns the same head once more for the asking, from that size and without a proof.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Self
from urllib.parse import urlsplit

from django.db import OperationalError, transaction
from django.db.models import QuerySet

from anchoring.crashpoint import reach
from anchoring.errors import (
    AmbiguousLedgerError,
    FetchError,
    LedgerConflictError,
    LedgerError,
    LedgerMisconfiguredError,
    OutdatedIntentError,
    RejectedByLedgerError,
    TransientLedgerError,
)
from anchoring.fetch import Reply, exchange
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
from anchoring.models import Checkpoint as StoredCheckpoint
from anchoring.models import Cosignature as StoredCosignature
from anchoring.models import WitnessHead
from anchoring.tiles import StoredTiles, border_tiles
from protocol.checkpoint import Checkpoint, VerifierKey, parse, verify
from protocol.cosignature import Cosignature, add_lines, verified_cosignatures
from protocol.errors import (
    CosignatureTimeError,
    MerkleError,
    NoteKeyError,
    NoteSignatureError,
    NoteUnsignedError,
    ProtocolError,
    WitnessResponseError,
)
from protocol.merkle import root, verify_consistency
from protocol.witness import (
    MAX_RESPONSE_BYTES,
    SIZE_CONTENT_TYPE,
    AddCheckpoint,
    parse_add_checkpoint,
    parse_cosignature_response,
    parse_size,
)

# A witness dates what it cosigns; one whose clock is further off would testify to a wrong time.
CLOCK_TOLERANCE_SECONDS = 600
EXCHANGE_SECONDS = 5.0
PURPOSE = "witness"
_REFUSES_NONSENSE = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY})


@dataclass(frozen=True, slots=True)
class WitnessLedger:
    """One witness: requests go to ``<url>/add-checkpoint``, and lines count that verify under one of *keys*."""

    ledger_id: str
    url: str
    keys: tuple[VerifierKey, ...]

    @classmethod
    def from_options(cls, ledger_id: str, options: Mapping[str, str]) -> Self:
        """Take ``url``, the submission prefix, and ``vkey``, the witness's keys separated by spaces or lines."""
        if options.keys() != {"url", "vkey"}:
            raise LedgerMisconfiguredError("a witness has url and vkey, and nothing else")
        return cls(ledger_id, _checked_url(options["url"]), _checked_keys(options["vkey"]))

    def identity(self) -> LedgerIdentity:
        return LedgerIdentity(
            ledger_id=self.ledger_id,
            pins={"vkey": " ".join(key.vkey for key in self.keys)},
            finality="with its cosignature",
            is_offline_verifiable=True,
        )

    def prepare(self, head: PublishedCheckpoint, previous: Extension | None) -> Intent:
        size, proof = (previous.size, previous.proof) if previous else (0, ())
        # Between equal sizes there is nothing to prove; it cosigns the same head again.
        request = AddCheckpoint(size, proof if size != head.checkpoint.size else (), head.note)
        return Intent(intent_id(self.ledger_id, head.checkpoint), request.encode())

    def submit(self, intent: Intent) -> None:
        request = _parse_payload(intent.payload)
        checkpoint = parse(request.note).checkpoint
        if self.find(checkpoint) is Presence.PRESENT:
            return
        reply = self._ask(request)
        if reply.status == HTTPStatus.CONFLICT and self._told_size(reply, checkpoint) == checkpoint.size:
            request = replace(request, old_size=checkpoint.size, proof=())
            reply = self._ask(request)
        if reply.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise self._refused_proof(request, checkpoint)
        made = self._accepted(reply, request.note)
        reach("witness.answered")
        self._keep(request.note, checkpoint, made)
        reach("witness.lines_stored")

    def replace(self, intent: Intent) -> Intent | None:
        return None

    def find(self, checkpoint: Checkpoint) -> Presence:
        stored = self._cosigned(checkpoint).first()
        if stored is None:
            return Presence.ABSENT
        return Presence.PRESENT if bytes(stored.root) == checkpoint.root else Presence.CONFLICTING

    def poll(self, intent: Intent) -> Progress:
        checkpoint = parse(_parse_payload(intent.payload).note).checkpoint
        return Progress.FINAL if self.find(checkpoint) is Presence.PRESENT else Progress.LOST

    def export(self, checkpoint: Checkpoint) -> bytes:
        stored = self._cosigned(checkpoint).filter(root=checkpoint.root).first()
        if stored is None:
            raise TransientLedgerError("no cosignature of this checkpoint")
        return add_lines(stored.note, stored.lines).encode()

    @staticmethod
    def verify(attestation: bytes, checkpoint: Checkpoint, trust: Trust) -> AttestationVerdict:
        """The note must be signed by the log, and cosigned by a key that is pinned, over this very checkpoint."""
        try:
            attested = verify(attestation, trust.log_keys, origin=checkpoint.origin)
            keys = _checked_keys(trust.pins.get("vkey", ""))
            made = verified_cosignatures(attestation, keys)
        except (ProtocolError, LedgerMisconfiguredError) as error:
            return AttestationVerdict(is_valid=False, reason=error.code)
        if (attested.size, attested.root) != (checkpoint.size, checkpoint.root):
            return AttestationVerdict(is_valid=False, reason="attests another checkpoint")
        times = [cosignature.timestamp for cosignature in made if cosignature.timestamp]
        if not times:
            return AttestationVerdict(is_valid=False, reason=NoteUnsignedError.code)
        return AttestationVerdict(
            is_valid=True,
            not_checked=("that the witness's clock was right",),
            attested_at=min(times),
        )

    def latest(self, origin: str) -> Checkpoint | None:
        """Return the head at which the witness last said it stands, None where it never said.

        Not asked for each time: were it wrong, the witness refuses what is built on it, and says where it stands.
        """
        told = WitnessHead.objects.filter(ledger_id=self.ledger_id, origin=origin, size__gt=0).first()
        return Checkpoint(origin, told.size, self._root_at(origin, told.size)) if told else None

    def health(self) -> LedgerHealth:
        try:
            # Not a request that it could take; any witness refuses it as malformed, and nothing changes.
            reply = self._exchange(b"\n")
            newest = StoredCosignature.objects.filter(ledger_id=self.ledger_id).last()
        except LedgerError as error:
            return LedgerHealth(is_healthy=False, detail=error.detail)
        except OperationalError as error:
            return LedgerHealth(is_healthy=False, detail=type(error).__name__)
        if reply.status not in _REFUSES_NONSENSE:
            return LedgerHealth(is_healthy=False, detail=f"answers {reply.status}, not as a witness does")
        return LedgerHealth(is_healthy=True, detail=f"cosigned {newest.size} leaves" if newest else "nothing cosigned")

    def _cosigned(self, checkpoint: Checkpoint) -> QuerySet[StoredCosignature]:
        return StoredCosignature.objects.filter(
            ledger_id=self.ledger_id, origin=checkpoint.origin, size=checkpoint.size
        )

    def _ask(self, request: AddCheckpoint) -> Reply:
        return self._exchange(request.encode())

    def _exchange(self, body: bytes) -> Reply:
        try:
            return exchange(
                f"{self.url}/add-checkpoint",
                purpose=PURPOSE,
                max_bytes=MAX_RESPONSE_BYTES,
                body=body,
                content_type="text/plain; charset=utf-8",
                seconds=EXCHANGE_SECONDS,
            )
        except FetchError as error:
            kind = AmbiguousLedgerError if error.was_sent else TransientLedgerError
            raise kind(f"no answer: {error.detail}") from None

    def _accepted(self, reply: Reply, note: str) -> tuple[Cosignature, ...]:
        """Return the witness's cosignatures, or raise what its answer means for the checkpoint."""
        if reply.status != HTTPStatus.OK:
            raise _refusal(reply)
        try:
            made = parse_cosignature_response(reply.content, note, self.keys)
        except NoteUnsignedError:
            raise LedgerMisconfiguredError("it signs with other keys than the pinned ones") from None
        except (NoteSignatureError, WitnessResponseError, CosignatureTimeError) as error:
            # Whoever answered is not, or not only, the witness; that one may have cosigned.
            raise AmbiguousLedgerError(f"its answer is not a cosignature: {error}") from None
        now = time.time()
        if any(abs(cosignature.timestamp - now) > CLOCK_TOLERANCE_SECONDS for cosignature in made):
            raise TransientLedgerError("its clock is more than ten minutes away from ours")
        return made

    def _refused_proof(self, request: AddCheckpoint, checkpoint: Checkpoint) -> LedgerError:
        """Return what a 422 means. It bears no signature, so it convicts our log only where nothing signed speaks for us."""
        if request.old_size == 0:
            return AmbiguousLedgerError("a 422 where nothing had to be proven: no witness answers so")
        heads = StoredCosignature.objects.filter(ledger_id=self.ledger_id, origin=checkpoint.origin)
        head = heads.filter(size=request.old_size).first()
        if head is None:
            return LedgerConflictError("it holds a tree that this checkpoint does not extend")
        try:
            verify_consistency(head.size, checkpoint.size, request.proof, bytes(head.root), checkpoint.root)
        except ProtocolError:
            return LedgerConflictError("this checkpoint does not extend the one it cosigned")
        return RejectedByLedgerError("it refuses what is proven to extend the head that it cosigned itself")

    def _keep(self, note: str, checkpoint: Checkpoint, made: tuple[Cosignature, ...]) -> None:
        lines = "".join(cosignature.line for cosignature in made)
        with transaction.atomic():
            stored, _ = self._cosigned(checkpoint).get_or_create(
                ledger_id=self.ledger_id,
                origin=checkpoint.origin,
                size=checkpoint.size,
                defaults={"root": checkpoint.root, "note": note, "lines": lines},
            )
            if bytes(stored.root) != checkpoint.root:
                raise LedgerConflictError(f"it has cosigned another root at {checkpoint.size} leaves")
            self._remember(checkpoint.origin, checkpoint.size)

    def _told_size(self, reply: Reply, checkpoint: Checkpoint) -> int:
        """Return our own size when the witness stands there.

        Elsewhere it knows less or more than these bytes build on: remember that, and have others made.
        """
        if reply.content_type != SIZE_CONTENT_TYPE:
            raise TransientLedgerError("a 409 that does not say where it stands")
        try:
            size = parse_size(reply.content)
        except WitnessResponseError as error:
            raise TransientLedgerError(error.detail) from None
        if size > checkpoint.size:
            _refuse_unsigned_size(checkpoint.origin, size)
        self._remember(checkpoint.origin, size)
        if size != checkpoint.size:
            raise OutdatedIntentError(f"it stands at {size} leaves")
        return size

    def _remember(self, origin: str, size: int) -> None:
        WitnessHead.objects.update_or_create(ledger_id=self.ledger_id, origin=origin, defaults={"size": size})

    def _root_at(self, origin: str, size: int) -> bytes:
        """Return the root the witness cosigned there, else the one that we would have signed: it will say if not."""
        for rows in (StoredCosignature.objects.filter(ledger_id=self.ledger_id), StoredCheckpoint.objects.all()):
            found = rows.filter(origin=origin, size=size).values_list("root", flat=True).first()
            if found is not None:
                return bytes(found)
        try:
            return root(StoredTiles(border_tiles(size)), size)
        except MerkleError as error:
            raise LedgerConflictError(f"it stands at {size} leaves, which our tree does not hold: {error}") from None


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise LedgerMisconfiguredError("url is the http or https address below which add-checkpoint is")
    return url.rstrip("/")


def _checked_keys(text: str) -> tuple[VerifierKey, ...]:
    try:
        keys = tuple(VerifierKey.from_vkey(part) for part in text.split())
    except NoteKeyError as error:
        raise LedgerMisconfiguredError(f"vkey: {error.detail}") from None
    if not keys or not all(key.is_cosigner for key in keys) or len({key.name for key in keys}) > 1:
        raise LedgerMisconfiguredError("vkey holds the cosigner keys (0x04, 0x06) of one witness, under one name")
    return keys


def _parse_payload(payload: bytes) -> AddCheckpoint:
    try:
        request = parse_add_checkpoint(payload)
        parse(request.note)
    except ProtocolError as error:
        raise RejectedByLedgerError(f"not an intent of this ledger: {error.detail}") from None
    return request


def _refuse_unsigned_size(origin: str, size: int) -> None:
    """Raise LedgerConflictError when the witness stands further than anything we know to have signed."""
    newest = StoredCheckpoint.objects.filter(origin=origin).last()
    if newest is None or size > newest.size:
        raise LedgerConflictError(f"it has cosigned {size} leaves, and we hold no checkpoint of so many")


def _refusal(reply: Reply) -> LedgerError:
    if reply.status == HTTPStatus.BAD_REQUEST:
        return RejectedByLedgerError("it finds the request malformed")
    if reply.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return TransientLedgerError(f"it answers {reply.status}")
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR or reply.status == HTTPStatus.CONFLICT:
        return AmbiguousLedgerError(f"it answers {reply.status}")
    return LedgerMisconfiguredError(f"it answers {reply.status}: it does not know our log or key, or is no witness")
