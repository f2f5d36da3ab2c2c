"""The calls of contracts/CheckpointWitness.sol, as bytes (Ethereum contract ABI: words of 32 bytes)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from anchoring.errors import LedgerMisconfiguredError, RejectedByLedgerError
from protocol.keccak import keccak_256
from protocol.merkle import MAX_CONSISTENCY_PATH, MAX_SIZE

WORD = 32


def _selector(signature: str) -> bytes:
    return keccak_256(signature.encode("ascii"))[:4]


SUBMIT = _selector("submit(bytes32,uint64,bytes32,uint64,bytes32[])")
ROOT_AT = _selector("rootAt(bytes32,uint64)")
NEWEST = _selector("newest(bytes32)")
IS_SUBMITTER = _selector("isSubmitter(bytes32,address)")
VERIFY_INCLUSION = _selector("verifyInclusion(bytes32,uint64,uint64,bytes32,bytes32[])")

_SUBMIT_HEAD = 5
_NO_ROOT = bytes(WORD)


@dataclass(frozen=True, slots=True)
class Submission:
    """The arguments of ``submit``: *origin* is its hash; *proof* leads from *old_size* to *size*."""

    origin: bytes
    size: int
    root: bytes
    old_size: int
    proof: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Return the call."""
        head = [self.origin, word(self.size), self.root, word(self.old_size), word(_SUBMIT_HEAD * WORD)]
        return SUBMIT + b"".join([*head, word(len(self.proof)), *self.proof])


@dataclass(frozen=True, slots=True)
class Head:
    """The newest checkpoint that the contract holds for an origin, and the number of the block that took it."""

    size: int
    root: bytes
    block_number: int


def parse_submission(data: bytes) -> Submission:
    """Return what a call of ``submit`` asks. Raises RejectedByLedgerError for all that ``encode`` does not return."""
    words = _words(data[4:])
    if data[:4] != SUBMIT or len(data) % WORD != 4 or not 6 <= len(words) <= 6 + MAX_CONSISTENCY_PATH:
        raise RejectedByLedgerError("not a submission")
    origin, size, root, old_size = words[:4]
    found = Submission(origin, number(size), root, number(old_size), tuple(words[6:]))
    if found.encode() != data:
        raise RejectedByLedgerError("not a submission")
    return found


def origin_hash(origin: str) -> bytes:
    """Return the name of a log in the contract: SHA-256 of its origin."""
    return sha256(origin.encode()).digest()


def ask_root_at(origin: bytes, size: int) -> bytes:
    """Return the call of ``rootAt``."""
    return ROOT_AT + origin + word(size)


def ask_newest(origin: bytes) -> bytes:
    """Return the call of ``newest``."""
    return NEWEST + origin


def ask_is_submitter(origin: bytes, account: bytes) -> bytes:
    """Return the call of ``isSubmitter`` for a 20-byte address."""
    return IS_SUBMITTER + origin + account.rjust(WORD, b"\0")


def ask_inclusion(origin: bytes, size: int, index: int, leaf: bytes, path: tuple[bytes, ...]) -> bytes:
    """Return the call of ``verifyInclusion``."""
    head = [origin, word(size), word(index), leaf, word(_SUBMIT_HEAD * WORD), word(len(path))]
    return VERIFY_INCLUSION + b"".join([*head, *path])


def read_root(answer: bytes) -> bytes | None:
    """Return the root, or None where there is none. Raises LedgerMisconfiguredError for any other kind of answer."""
    root = _answer(answer, 1)[0]
    return None if root == _NO_ROOT else root


def read_newest(answer: bytes) -> Head | None:
    """Return the head, or None where there is none. Raises LedgerMisconfiguredError for any other kind of answer."""
    size, root, _, block_number = _answer(answer, 4)
    if number(size) == 0:
        return None
    if number(size) > MAX_SIZE:
        raise LedgerMisconfiguredError("the contract answers what it cannot hold")
    return Head(number(size), root, number(block_number))


def read_flag(answer: bytes) -> bool:
    """Return a truth value. Raises LedgerMisconfiguredError for any other kind of answer."""
    flag = number(_answer(answer, 1)[0])
    if flag > 1:
        raise LedgerMisconfiguredError("the contract answers what it cannot mean")
    return flag == 1


def word(value: int) -> bytes:
    """Return a number as 32 big-endian bytes."""
    return value.to_bytes(WORD, "big")


def number(data: bytes) -> int:
    """Return the number in a word."""
    return int.from_bytes(data, "big")


def _answer(data: bytes, count: int) -> list[bytes]:
    # An address without code answers nothing at all.
    if len(data) != count * WORD:
        raise LedgerMisconfiguredError("no such contract at this address")
    return _words(data)


def _words(data: bytes) -> list[bytes]:
    return [data[at : at + WORD] for at in range(0, len(data), WORD)]
