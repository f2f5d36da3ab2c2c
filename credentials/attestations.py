"""What witnesses and ledgers say of the tree in which a certificate stands, weighed against a quorum policy.

Pure: no Django, no I/O. Each word is weighed by itself and says how it could be checked:

- ``offline``       the evidence alone proves it
- ``ledger``        this service read it from the ledger itself
- ``needs_ledger``  the evidence fits, and only the ledger can confirm it
- ``not_checked``   of a kind that is not understood here
- ``pending``       asked for, not there yet
- ``invalid``       it does not hold for this tree

The first two count for a quorum, the last does not, and between them lies what could still decide it. A quorum weighs
nothing into a pass that it could not check.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from anchoring.ledger import AttestationVerdict, Trust
from protocol.checkpoint import Checkpoint, VerifierKey, parse, verified_lines, verify
from protocol.claims import MAX_NUMERIC_DATE
from protocol.errors import CheckpointOriginError, InclusionProofError, NoteKeyError, NoteUnsignedError, ProtocolError
from protocol.fork import Fork, detect_fork
from protocol.merkle import verify_consistency
from protocol.proof import Receipt, verify_receipt
from protocol.quorum import QuorumPolicy, QuorumResult, evaluate

Verifier = Callable[[bytes, Checkpoint, Trust], AttestationVerdict]
Standing = Literal["offline", "ledger", "needs_ledger", "not_checked", "pending", "invalid"]

WITNESS: Final = "witness"
# The best word of a member comes first.
_ORDER: Final[tuple[Standing, ...]] = ("offline", "ledger", "needs_ledger", "not_checked", "pending", "invalid")
_COUNTING: Final = frozenset({"offline", "ledger"})
_OPEN: Final = frozenset({"needs_ledger", "not_checked", "pending"})


@dataclass(frozen=True, slots=True)
class LedgerAnswer(AttestationVerdict):
    """A verdict that rests on what a ledger's own node has just answered, and so on whoever runs that node."""


class LogNotAcceptedError(ProtocolError):
    """The certificate stands in a log that the quorum policy does not list."""

    code = "log_not_accepted"


@dataclass(frozen=True, slots=True)
class Attestation:
    """One ledger's word on one checkpoint of the log.

    *consistency* leads from the smaller to the larger of this *checkpoint* (a signed note) and the receipt's. *pins* say
    which ledger is meant; in a file they are a claim. *is_read_here* holds only for what this service read from the
    ledger, *is_pending* for what it has asked for.
    """

    ledger_id: str
    kind: str
    pins: Mapping[str, str]
    checkpoint: str = ""
    consistency: tuple[bytes, ...] = ()
    evidence: bytes = b""
    is_read_here: bool = False
    is_pending: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """A receipt that has verified: the leaf *index*, the *checkpoint* over it and its *note*, and the log's keys."""

    index: int
    checkpoint: Checkpoint
    note: str
    log_keys: tuple[VerifierKey, ...]


class Weighed(NamedTuple):
    """How one word stands. *name* is the policy's for a member, else the ledger's id; *attested_at* POSIX seconds."""

    name: str
    kind: str
    standing: Standing
    tree_size: int | None = None
    attested_at: int | None = None
    reason: str = ""
    not_checked: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """Return it as evidence of a check, without what is empty."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in self._asdict().items() if value
        }


@dataclass(frozen=True, slots=True)
class QuorumFact:
    """What a quorum comes to for one leaf, with how each of its members stands, or the fork that ends the matter."""

    tree: Tree
    result: QuorumResult
    members: tuple[Weighed, ...]
    fork: Fork | None = None

    def describe(self) -> dict[str, Any]:
        """Return it as evidence of a check."""
        checkpoint = self.tree.checkpoint
        return {
            "log": checkpoint.origin,
            "leaf_index": self.tree.index,
            "tree_size": checkpoint.size,
            "counted": list(self.result.counted),
            "missing": list(self.result.missing),
            "undecided": list(self.result.undecided),
            "members": [member.describe() for member in self.members],
        }


def tree_of(receipt: Receipt, *, leaf: bytes, log_keys: Sequence[VerifierKey]) -> Tree:
    """Return the verified tree of *receipt* over the leaf hash *leaf*.

    Raises LogNotAcceptedError when none of *log_keys* signed it as its own log, else as protocol.proof.verify_receipt.
    """
    try:
        checkpoint = verify_receipt(receipt, leaf_hash=leaf, keys=log_keys)
    except (NoteUnsignedError, CheckpointOriginError) as error:
        raise LogNotAcceptedError(error.detail) from None
    return Tree(receipt.index, checkpoint, receipt.checkpoint, tuple(log_keys))


def weigh_quorum(
    quorum: QuorumPolicy, *, tree: Tree, attestations: Sequence[Attestation], verifiers: Mapping[str, Verifier]
) -> QuorumFact:
    """Return what *quorum* comes to; *tree* must have verified under the policy's own log keys."""
    best: dict[str, Weighed] = {}
    for weighed in _weigh_members(quorum, tree, attestations, verifiers):
        held = best.get(weighed.name)
        if held is None or _rank(weighed) < _rank(held):
            best[weighed.name] = weighed
    members = tuple(best[name] for name in sorted(best) if name in quorum.members)
    satisfied = {member.name for member in members if member.standing in _COUNTING}
    unknown = {member.name for member in members if member.standing in _OPEN}
    result = evaluate(quorum, satisfied=satisfied, unknown=unknown)
    return QuorumFact(tree, result, members, find_fork(tree, attestations))


def weigh(attestation: Attestation, *, tree: Tree, verifiers: Mapping[str, Verifier]) -> Weighed:
    """Return how *attestation* stands under the pins that it names itself: for a report, never for a quorum."""
    return _weigh(attestation, attestation.ledger_id, attestation.pins, tree, verifiers)


def find_fork(tree: Tree, attestations: Iterable[Attestation]) -> Fork | None:
    """Return two checkpoints of the log that contradict each other by themselves, if any are here."""
    # One that does not verify convicts nobody: whoever writes a file could make a fork up.
    notes = [note for note in {item.checkpoint for item in attestations} if note and _is_signed(note, tree)]
    return detect_fork([tree.note, *sorted(notes)], tree.log_keys)


def _weigh_members(
    quorum: QuorumPolicy, tree: Tree, attestations: Sequence[Attestation], verifiers: Mapping[str, Verifier]
) -> Iterator[Weighed]:
    own = Attestation("", WITNESS, {}, checkpoint=tree.note)
    for item in (own, *attestations):
        if item.is_pending:
            yield from _pending_members(quorum, item)
            continue
        yield from _weigh_witnesses(quorum, item, tree)
        for ledger in quorum.ledgers:
            if ledger.kind == item.kind and _covers(item.pins, ledger.pins):
                yield _weigh(item, ledger.name, ledger.pins, tree, verifiers)


def _weigh_witnesses(quorum: QuorumPolicy, item: Attestation, tree: Tree) -> Iterator[Weighed]:
    """Any note may carry the lines of any witness, whoever's evidence it came with."""
    try:
        checkpoint = _attested(item, tree)
        signed = parse(item.checkpoint)
    except ProtocolError:
        return
    for witness in quorum.witnesses:
        try:
            lines = verified_lines(signed, [witness.key])
        except ProtocolError as error:
            yield Weighed(witness.name, WITNESS, "invalid", checkpoint.size, reason=error.code)
            continue
        if lines:
            yield Weighed(
                witness.name, WITNESS, "offline", checkpoint.size, _earliest(line.timestamp for line in lines)
            )


def _rank(weighed: Weighed) -> tuple[int, float]:
    """Order by standing, then by the time vouched for, none last."""
    return _ORDER.index(weighed.standing), weighed.attested_at or math.inf


def _pending_members(quorum: QuorumPolicy, item: Attestation) -> Iterator[Weighed]:
    vkeys = item.pins.get("vkey", "").split()
    for witness in quorum.witnesses:
        if item.kind == WITNESS and witness.key.vkey in vkeys:
            yield Weighed(witness.name, WITNESS, "pending")
    for ledger in quorum.ledgers:
        if ledger.kind == item.kind and _covers(item.pins, ledger.pins):
            yield Weighed(ledger.name, ledger.kind, "pending")


def _weigh(
    item: Attestation, name: str, pins: Mapping[str, str], tree: Tree, verifiers: Mapping[str, Verifier]
) -> Weighed:
    try:
        checkpoint = _attested(item, tree)
        verdict = _judge(item, checkpoint, Trust(tree.log_keys, pins), verifiers)
    except ProtocolError as error:
        return Weighed(name, item.kind, "invalid", reason=error.code)
    if verdict is None:
        return Weighed(name, item.kind, "not_checked", checkpoint.size, reason="kind_unknown")
    return Weighed(
        name, item.kind, _standing(item, verdict), checkpoint.size, verdict.attested_at, verdict.reason,
        verdict.not_checked,
    )  # fmt: skip


def _judge(
    item: Attestation, checkpoint: Checkpoint, trust: Trust, verifiers: Mapping[str, Verifier]
) -> AttestationVerdict | None:
    if item.kind == WITNESS:
        return _judge_cosignatures(item.checkpoint, trust.pins)
    verifier = verifiers.get(item.kind)
    return verifier(item.evidence, checkpoint, trust) if verifier else None


def _judge_cosignatures(note: str, pins: Mapping[str, str]) -> AttestationVerdict:
    """A witness's evidence is the lines of the note itself, so that nothing but the note is needed to check it."""
    keys = [VerifierKey.from_vkey(text) for text in pins.get("vkey", "").split()]
    if not all(key.is_cosigner for key in keys):
        raise NoteKeyError("a plain key does not cosign")
    lines = verified_lines(parse(note), keys)
    if not lines:
        return AttestationVerdict(is_valid=False, reason="note_unsigned")
    return AttestationVerdict(is_valid=True, attested_at=_earliest(line.timestamp for line in lines))


def _standing(item: Attestation, verdict: AttestationVerdict) -> Standing:
    if not verdict.is_valid:
        return "invalid"
    if isinstance(verdict, LedgerAnswer):
        return "ledger"
    if verdict.is_conclusive:
        return "offline"
    return "ledger" if item.is_read_here else "needs_ledger"


def _attested(item: Attestation, tree: Tree) -> Checkpoint:
    """Return the item's checkpoint, shown to be of the same tree as the receipt's and to hold the leaf."""
    # Signed by a key of its own log: a policy may list several, and none of them vouches for another.
    checkpoint = verify(item.checkpoint, tree.log_keys)
    if checkpoint.origin != tree.checkpoint.origin:
        raise CheckpointOriginError("a checkpoint of another log")
    if checkpoint.size <= tree.index:
        raise InclusionProofError("signed before the leaf was there")
    older, newer = sorted((checkpoint, tree.checkpoint), key=lambda head: head.size)
    verify_consistency(older.size, newer.size, item.consistency, older.root, newer.root)
    return checkpoint


def _is_signed(note: str, tree: Tree) -> bool:
    try:
        verify(note, tree.log_keys)
    except ProtocolError:
        return False
    return True


def _covers(claimed: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    # Hexadecimal pins are written in either case.
    return all(claimed.get(name, "").casefold() == value.casefold() for name, value in wanted.items())


def _earliest(timestamps: Iterable[int | None]) -> int | None:
    # 0 says nothing about when (C2SP tlog-cosignature), nor does what lies past the last year that has a date.
    return min((stamp for stamp in timestamps if stamp and stamp <= MAX_NUMERIC_DATE), default=None)
