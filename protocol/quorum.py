"""Trust policies as text: which logs, witnesses and ledgers, and which of them together are enough.

The format is C2SP tlog-policy with one line of ours. ``ledger <name> <kind> <pin>=<value> …`` names any other ledger
that attests checkpoints (an EVM contract, a time stamping authority) by what a verifier pins it to. It shares the names
of witnesses and groups, and may stand wherever a witness may. Of two of one kind, a pin that both name must differ, so
that none counts twice. A policy without such lines is plain tlog-policy.

    log log.gov.example+1a2b3c4d+Ae…
    witness guangdong witness.gd.example+5e6f7a8b+BA…
    ledger contract evm chain_id=20200 address=0x52908400098527886e0f7030069857d2e4169ee7
    ledger stamp timestamp certificate=3f0c…
    group attested any guangdong contract stamp
    quorum attested

A witness that signs with two keys is two ``witness`` lines: put them in one ``any`` group, so that it counts once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from protocol.cosignature import verified_cosignatures
from protocol.errors import NoteKeyError, QuorumPolicyError
from protocol.fork import Fork, detect_fork
from protocol.note import VerifierKey

__all__ = [
    "Fork",
    "Outcome",
    "PolicyGroup",
    "PolicyLedger",
    "PolicyLog",
    "PolicyWitness",
    "QuorumPolicy",
    "QuorumResult",
    "detect_fork",
    "evaluate",
    "parse_policy",
]

# 64 logs and 64 witnesses with ML-DSA-44 keys of 1.8 kB each still fit; the standard asks for 32 of each.
MAX_POLICY_BYTES = 1 << 18
MAX_DEFINITIONS = 64
MAX_PINS = 16
NONE = "none"
WITNESS = "witness"

# Tab, newline and every octet but the other control characters (C2SP tlog-policy, Character set).
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_SPACES = re.compile(r"[ \t]+")
_THRESHOLD = re.compile(r"[1-9][0-9]{0,3}\Z", re.ASCII)
_KIND = re.compile(r"[a-z][a-z0-9_.-]{0,47}\Z", re.ASCII)
_PIN = re.compile(r"([a-z][a-z0-9_]{0,47})=(.+)\Z", re.ASCII)


class Outcome(StrEnum):
    """What a quorum comes to. UNDETERMINED: members that could not be asked would still decide it."""

    MET = "met"
    NOT_MET = "not_met"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class PolicyLog:
    """A log whose checkpoints are accepted; the key's name is its origin. *url* is empty where none is given."""

    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness by its one cosigner key; *name* means something within this policy only."""

    name: str
    key: VerifierKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class PolicyLedger:
    """A ledger of another kind, by the *pins* that a verifier of its evidence trusts."""

    name: str
    kind: str
    pins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PolicyGroup:
    """It counts when at least *threshold* (1 to all) of its *members* count."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuorumPolicy:
    """A parsed policy. *quorum* names a witness, ledger or group, or is ``none``."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    ledgers: tuple[PolicyLedger, ...]
    groups: tuple[PolicyGroup, ...]
    quorum: str

    @property
    def log_keys(self) -> tuple[VerifierKey, ...]:
        """The keys by any of which a checkpoint must be signed."""
        return tuple(log.key for log in self.logs)

    @property
    def witness_keys(self) -> tuple[VerifierKey, ...]:
        """The keys whose cosignatures count."""
        return tuple(witness.key for witness in self.witnesses)

    @property
    def members(self) -> frozenset[str]:
        """The names of the witnesses and ledgers that the quorum rests on, through whatever groups."""
        groups = {group.name: group for group in self.groups}
        found, waiting = set[str](), [self.quorum]
        while waiting:
            name = waiting.pop()
            if name in groups:
                waiting += groups[name].members
            elif name != NONE:
                found.add(name)
        return frozenset(found)

    def cosigned_by(self, note: str | bytes) -> frozenset[str]:
        """Return the names of the witnesses that cosigned *note*. Raises as protocol.cosignature."""
        names = {witness.key: witness.name for witness in self.witnesses}
        return frozenset(names[made.key] for made in verified_cosignatures(note, self.witness_keys))


@dataclass(frozen=True, slots=True)
class QuorumResult:
    """The *outcome*, and among the members that the quorum rests on: who counted, who is lacking, who was not asked."""

    outcome: Outcome
    counted: tuple[str, ...]
    missing: tuple[str, ...]
    undecided: tuple[str, ...]


def parse_policy(text: str | bytes) -> QuorumPolicy:
    """Parse a policy file, strictly. Raises QuorumPolicyError, naming the line.

    Bounds: 256 KiB, 64 logs, witnesses, ledgers and groups each. Names are octet strings: octets that are not UTF-8
    are kept as surrogate escapes.
    """
    reader = _Reader()
    for number, line in enumerate(_decode(text), start=1):
        try:
            reader.read(line)
        except (NoteKeyError, QuorumPolicyError) as error:
            raise QuorumPolicyError(f"line {number}: {error.detail}") from None
    return reader.policy()


def evaluate(policy: QuorumPolicy, *, satisfied: Collection[str], unknown: Collection[str] = ()) -> QuorumResult:
    """Say whether the members in *satisfied* are enough, where those in *unknown* could not be asked.

    Both are names of witnesses and ledgers; names of groups and other names do not count.
    """
    held = dict.fromkeys(unknown, Outcome.UNDETERMINED) | dict.fromkeys(satisfied, Outcome.MET)
    members = sorted(policy.members)
    outcomes = {NONE: Outcome.MET}
    leaves = [witness.name for witness in policy.witnesses] + [ledger.name for ledger in policy.ledgers]
    outcomes |= {name: held.get(name, Outcome.NOT_MET) for name in leaves}
    # Groups refer to what precedes them, so each finds the outcome of its members.
    for group in policy.groups:
        outcomes[group.name] = _group_outcome(group, [outcomes[name] for name in group.members])
    by_outcome = {outcome: tuple(name for name in members if outcomes[name] is outcome) for outcome in Outcome}
    return QuorumResult(
        outcomes[policy.quorum],
        counted=by_outcome[Outcome.MET],
        missing=by_outcome[Outcome.NOT_MET],
        undecided=by_outcome[Outcome.UNDETERMINED],
    )


def _group_outcome(group: PolicyGroup, members: Sequence[Outcome]) -> Outcome:
    met = members.count(Outcome.MET)
    if met >= group.threshold:
        return Outcome.MET
    return Outcome.UNDETERMINED if met + members.count(Outcome.UNDETERMINED) >= group.threshold else Outcome.NOT_MET


def _decode(text: str | bytes) -> list[str]:
    try:
        raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    except UnicodeEncodeError:
        raise QuorumPolicyError("text without octets") from None
    if len(raw) > MAX_POLICY_BYTES:
        raise QuorumPolicyError(f"longer than {MAX_POLICY_BYTES} bytes")
    if _FORBIDDEN.search(raw):
        raise QuorumPolicyError("a control character other than tab and newline")
    # A file cut off inside its last line would otherwise be another policy.
    if not raw.endswith(b"\n"):
        raise QuorumPolicyError("the last line is not ended by a newline")
    return raw[:-1].decode("utf-8", "surrogateescape").split("\n")


@dataclass
class _Reader:
    """A policy as far as its lines have been read; a line refers to names of preceding lines only."""

    logs: list[PolicyLog] = field(default_factory=list)
    witnesses: list[PolicyWitness] = field(default_factory=list)
    ledgers: list[PolicyLedger] = field(default_factory=list)
    groups: list[PolicyGroup] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    grouped: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    quorum: str | None = None

    def read(self, line: str) -> None:
        keyword, *items = _SPACES.split(line.strip(" \t"))
        if keyword == "" or keyword.startswith("#"):
            return
        readers: dict[str, Callable[[list[str]], None]] = {
            "log": self._read_log,
            "witness": self._read_witness,
            "ledger": self._read_ledger,
            "group": self._read_group,
            "quorum": self._read_quorum,
        }
        if keyword not in readers:
            raise QuorumPolicyError("not a kind of line")
        self.counts[keyword] += 1
        if self.counts[keyword] > MAX_DEFINITIONS:
            raise QuorumPolicyError(f"more than {MAX_DEFINITIONS} of one kind")
        readers[keyword](items)

    def policy(self) -> QuorumPolicy:
        if self.quorum is None:
            raise QuorumPolicyError("no quorum line")
        parts = tuple(self.logs), tuple(self.witnesses), tuple(self.ledgers), tuple(self.groups)
        return QuorumPolicy(*parts, self.quorum)

    def _read_log(self, items: list[str]) -> None:
        vkey, url = _with_url(items, 1)
        key = VerifierKey.from_vkey(vkey)
        _refuse_duplicate(key, [log.key for log in self.logs])
        self.logs.append(PolicyLog(key, url))

    def _read_witness(self, items: list[str]) -> None:
        name, vkey, url = _with_url(items, 2)
        key = VerifierKey.from_vkey(vkey)
        if not key.is_cosigner:
            raise QuorumPolicyError("a plain key does not cosign")
        _refuse_duplicate(key, [witness.key for witness in self.witnesses])
        self.witnesses.append(PolicyWitness(self._define(name), key, url))

    def _read_ledger(self, items: list[str]) -> None:
        if len(items) < 3 or not _KIND.match(items[1]):
            raise QuorumPolicyError("a ledger has a name, a kind and pins")
        name, kind, pins = items[0], items[1], _parse_pins(items[2:])
        # Its cosigner key would count here, and once more on a witness line.
        if kind == WITNESS:
            raise QuorumPolicyError("a witness has a line of its own")
        if any(ledger.kind == kind and _may_be_one(ledger.pins, pins) for ledger in self.ledgers):
            raise QuorumPolicyError("a ledger twice: no pin tells it from another")
        self.ledgers.append(PolicyLedger(self._define(name), kind, pins))

    def _read_group(self, items: list[str]) -> None:
        if len(items) < 3:
            raise QuorumPolicyError("a group has a name, a threshold and members")
        name, threshold, *members = items
        for member in members:
            # Each member contributes in one way only, so none is listed twice, here or in another group.
            if member not in self.names or member in self.grouped:
                raise QuorumPolicyError("a member that is not defined before, or is in a group already")
            self.grouped.add(member)
        self.groups.append(PolicyGroup(self._define(name), _parse_threshold(threshold, len(members)), tuple(members)))

    def _read_quorum(self, items: list[str]) -> None:
        if self.quorum is not None or len(items) != 1:
            raise QuorumPolicyError("not the one quorum line with one name")
        if items[0] != NONE and items[0] not in self.names:
            raise QuorumPolicyError("a quorum that is not defined before")
        self.quorum = items[0]

    def _define(self, name: str) -> str:
        if name == NONE or name in self.names:
            raise QuorumPolicyError("a name that is taken")
        self.names.add(name)
        return name


def _with_url(items: list[str], count: int) -> list[str]:
    if len(items) not in (count, count + 1):
        raise QuorumPolicyError("too few or too many items")
    return items if len(items) > count else [*items, ""]


def _refuse_duplicate(key: VerifierKey, others: list[VerifierKey]) -> None:
    # By the key itself: another name or type would let one key count as two.
    if any(key.public_key == other.public_key for other in others):
        raise QuorumPolicyError("a public key twice")


def _parse_pins(items: list[str]) -> Mapping[str, str]:
    found = [_PIN.match(item) for item in items]
    pins = {match[1]: match[2] for match in found if match}
    if len(pins) != len(items) or len(pins) > MAX_PINS:
        raise QuorumPolicyError("pins are name=value, each name once")
    return MappingProxyType(pins)


def _may_be_one(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    # A pin that only one of them names sets nothing apart, nor does the case of hexadecimal.
    return all(one[name].casefold() == other[name].casefold() for name in one.keys() & other.keys())


def _parse_threshold(text: str, members: int) -> int:
    if text in ("all", "any"):
        return members if text == "all" else 1
    if not _THRESHOLD.match(text) or int(text) > members:
        raise QuorumPolicyError("a threshold is all, any, or 1 to the number of members")
    return int(text)
