"""Every byte of every text form flipped, cut off and doubled: refused by name, or the very same statement as before."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from protocol import merkle
from protocol.checkpoint import Checkpoint, SeedSigner, sign, verifier_key, verify
from protocol.cosignature import Ed25519Cosigner, MldsaCosigner, add_lines, cosign, verified_cosignatures
from protocol.errors import ProtocolError
from protocol.proof import Receipt, parse_receipt, verify_witnessed_receipt
from protocol.quorum import parse_policy
from protocol.witness import AddCheckpoint, judge, parse_add_checkpoint, parse_cosignature_response, parse_size
from tests.protocol.trees import MemoryTree, leaves

ORIGIN = "log.example/macau"
NOW = 1_679_315_147
LOG = SeedSigner(ORIGIN, b"\x01" * 32)
LOG_MLDSA = MldsaCosigner(ORIGIN, b"\x02" * 32)
WITNESS = Ed25519Cosigner("witness.example/gd", b"\x03" * 32)
LOG_KEYS = [verifier_key(LOG), LOG_MLDSA.verifier_key]
KEYS = [*LOG_KEYS, WITNESS.verifier_key]
TREE = MemoryTree(7)
HEAD = Checkpoint(ORIGIN, 7, TREE.root)
OLD = Checkpoint(ORIGIN, 3, merkle.root(TREE.read, 3))
PLAIN_NOTE = sign(HEAD, LOG)
ANSWER = cosign(HEAD, WITNESS, NOW)
NOTE = add_lines(PLAIN_NOTE, ANSWER)
MLDSA_LINE = cosign(HEAD, LOG_MLDSA, NOW)
PROOF = tuple(merkle.inclusion_proof(TREE.read, 3, 7))
LEAF = leaves(4)[3]

# Flips that stay letters, leave ASCII, make control characters, and what separates lines and words.
FLIPS = (0x01, 0x20, 0x80)
PUTS = b"\n A=+\x00"


def mutations(data: bytes) -> Iterator[bytes]:
    for at, byte in enumerate(data):
        before, after = data[:at], data[at + 1 :]
        yield before
        yield data[:at] + data[at:][:1] + data[at:]
        yield before + after
        yield from (before + bytes([byte ^ flip]) + after for flip in FLIPS)
        yield from (before + bytes([put]) + after for put in PUTS if put != byte)
    yield from whole_lines(data)


def whole_lines(data: bytes) -> Iterator[bytes]:
    lines = data.splitlines(keepends=True)
    for at, line in enumerate(lines):
        yield b"".join(lines[:at] + lines[at + 1 :])
        yield b"".join([*lines[: at + 1], line, *lines[at + 1 :]])
        yield b"".join([*lines[:at], *lines[at + 1 : at + 2], line, *lines[at + 2 :]])
    yield data + data
    yield data + b"\n"
    yield b"\n" + data
    yield b"\xef\xbb\xbf" + data


def outcomes(data: bytes, judged: Callable[[bytes], object]) -> list[object]:
    """What is accepted of all mutations; anything raised but a ProtocolError fails the test."""
    accepted = []
    for mutated in mutations(data):
        if mutated == data:
            continue
        try:
            accepted.append(judged(mutated))
        except ProtocolError:
            continue
    return accepted


def test_a_note_of_one_line_is_never_accepted_otherwise() -> None:
    """Only its whole signature line doubled, or moved where it stood, is the same note."""
    accepted = outcomes(PLAIN_NOTE.encode(), lambda note: verify(note, KEYS))
    assert accepted == [HEAD]


def test_a_note_of_several_lines_says_the_same_or_nothing() -> None:
    def judged(note: bytes) -> object:
        return verify(note, KEYS, origin=ORIGIN), {made.timestamp for made in verified_cosignatures(note, KEYS)} - {NOW}

    accepted = outcomes(NOTE.encode(), judged)
    assert accepted, "a line whose name was changed is of an unknown key"
    assert all(item == (HEAD, set()) for item in accepted)


def test_a_note_is_never_accepted_for_a_line_that_was_touched() -> None:
    """With one known key, a mutation refuses the note, or leaves that key's line as it was."""
    for key, line in ((KEYS[0], PLAIN_NOTE.rpartition("\n\n")[2]), (WITNESS.verifier_key, ANSWER)):
        for mutated in mutations(NOTE.encode()):
            if line.encode() not in mutated:
                with pytest.raises(ProtocolError):
                    verify(mutated, [key], origin=ORIGIN)


def test_no_byte_of_a_post_quantum_line_can_be_altered_or_left_out() -> None:
    line = MLDSA_LINE.encode()
    for at in range(len(line)):
        for mutated in (line[:at], line[:at] + line[at + 1 :], line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :]):
            with pytest.raises(ProtocolError):
                verify(f"{HEAD.body()}\n".encode() + mutated, [LOG_MLDSA.verifier_key], origin=ORIGIN)


def test_no_byte_under_a_post_quantum_line_can_be_altered() -> None:
    accepted = outcomes(HEAD.body().encode(), lambda text: verify(text + b"\n" + MLDSA_LINE.encode(), KEYS))
    assert set(accepted) == {HEAD}, "what looks like an extension line is left out, for nobody signed it"


def test_a_proof_says_the_same_or_nothing() -> None:
    def judged(text: bytes) -> object:
        receipt = parse_receipt(text)
        proven = verify_witnessed_receipt(receipt, leaf_hash=LEAF, keys=KEYS[:1], witness_keys=KEYS[2:], origin=ORIGIN)
        return receipt.index, receipt.path, proven.checkpoint

    accepted = outcomes(Receipt(3, PROOF, NOTE, b"opaque").encode().encode(), judged)
    assert set(accepted) == {(3, PROOF, HEAD)}


def test_a_request_is_judged_the_same_or_refused() -> None:
    path = tuple(merkle.consistency_proof(TREE.read, 3, 7))

    def judged(body: bytes) -> object:
        request = parse_add_checkpoint(body)
        return request.old_size, request.proof, judge(request, keys=LOG_KEYS[:1], latest=OLD)

    accepted = outcomes(AddCheckpoint(3, path, NOTE).encode(), judged)
    assert set(accepted) == {(3, path, HEAD)}


def test_an_answer_is_the_same_cosignature_or_none() -> None:
    def judged(body: bytes) -> object:
        return [(made.key, made.timestamp, made.line) for made in parse_cosignature_response(body, PLAIN_NOTE, KEYS)]

    assert outcomes(ANSWER.encode(), judged) == [[(WITNESS.verifier_key, NOW, ANSWER)]] * 2
    assert all(isinstance(size, int) for size in outcomes(b"20852163\n", parse_size))


POLICY = f"""# a comment
log {LOG_KEYS[0].vkey} https://log.example/

witness gd {WITNESS.verifier_key.vkey}
ledger tsa timestamp certificate=3f0c
ledger evm evm chain_id=20200 address=0x52
group any2 2 gd tsa evm
quorum any2
"""


def as_written(text: bytes) -> list[list[str]]:
    """The definitions of a policy by a reader of another make: words of lines, nothing judged."""
    lines = [line.replace("\t", " ").split(" ") for line in text.decode("utf-8", "surrogateescape").split("\n")]
    words = [[word for word in line if word] for line in lines]
    return [line for line in words if line and not line[0].startswith("#")]


def as_read(text: bytes) -> list[list[str]]:
    """The same definitions out of the parsed policy, by kind."""
    policy = parse_policy(text)
    logs = [["log", log.key.vkey, *([log.url] if log.url else [])] for log in policy.logs]
    witnesses = [["witness", each.name, each.key.vkey, *([each.url] if each.url else [])] for each in policy.witnesses]
    ledgers = [
        ["ledger", each.name, each.kind, *(f"{name}={value}" for name, value in each.pins.items())]
        for each in policy.ledgers
    ]
    groups = [["group", each.name, str(each.threshold), *each.members] for each in policy.groups]
    return [*logs, *witnesses, *ledgers, *groups, ["quorum", policy.quorum]]


def test_a_policy_is_read_as_it_is_written_or_refused() -> None:
    def judged(text: bytes) -> object:
        return sorted(as_read(text)) == sorted(as_written(text))

    accepted = outcomes(POLICY.encode(), judged)
    assert len(accepted) > 50, "names, thresholds and pins may be any"
    assert all(accepted)


def test_no_key_of_a_policy_can_be_altered_unnoticed() -> None:
    for vkey in (LOG_KEYS[0].vkey, WITNESS.verifier_key.vkey):
        before, after = POLICY.encode().split(vkey.encode())
        for at in range(len(vkey)):
            for flip in (1, 2, 4, 8, 16, 32, 64, 128):
                altered = bytearray(vkey.encode())
                altered[at] ^= flip
                with pytest.raises(ProtocolError):
                    parse_policy(before + bytes(altered) + after)


def test_no_beginning_of_a_policy_is_a_policy() -> None:
    for end in range(len(POLICY)):
        with pytest.raises(ProtocolError):
            parse_policy(POLICY[:end])
