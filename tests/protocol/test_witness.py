"""C2SP tlog-witness add-checkpoint: both bodies, and every refusal with the status that the standard asks for."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest

from protocol import merkle, witness
from protocol.checkpoint import Checkpoint, SeedSigner, VerifierKey, add_signature, sign, signed_message, verifier_key
from protocol.cosignature import Ed25519Cosigner, MldsaCosigner, add_lines, cosign
from protocol.errors import (
    CosignatureTimeError,
    NoteSignatureError,
    NoteUnsignedError,
    ProtocolError,
    WitnessError,
    WitnessOriginError,
    WitnessProofError,
    WitnessRequestError,
    WitnessResponseError,
    WitnessSignatureError,
    WitnessSizeError,
)
from protocol.note import signature_line
from protocol.witness import (
    AddCheckpoint,
    encode_size,
    judge,
    parse_add_checkpoint,
    parse_cosignature_response,
    parse_size,
)
from tests.protocol.trees import MemoryTree, leaves

ORIGIN = "log.example/macau"
LOG = SeedSigner(ORIGIN, b"\x01" * 32)
OTHER_LOG_KEY = SeedSigner(ORIGIN, b"\x09" * 32)
LOG_MLDSA = MldsaCosigner(ORIGIN, b"\x02" * 32)
KEYS = [verifier_key(LOG)]
ED25519 = Ed25519Cosigner("witness.example/gd", b"\x03" * 32)
MLDSA = MldsaCosigner("witness.example/gd", b"\x04" * 32)
WITNESS_KEYS = [ED25519.verifier_key, MLDSA.verifier_key]
NOW = 1_679_315_147
TREE = MemoryTree(40)
HASH = b64encode(bytes(32)).decode()

# Published with the specification; the keys are not.
EXAMPLE = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""
EXAMPLE_RESPONSE = """— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==
— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==
— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==
"""


def head(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, merkle.root(TREE.read, size))


def note_of(size: int) -> str:
    return sign(head(size), LOG)


def request(old: int, new: int) -> AddCheckpoint:
    return AddCheckpoint(old, tuple(merkle.consistency_proof(TREE.read, old, new)), note_of(new))


def refusal(asked: AddCheckpoint, *, latest: Checkpoint | None, keys: list[VerifierKey] | None = None) -> WitnessError:
    with pytest.raises(WitnessError) as raised:
        judge(asked, keys=KEYS if keys is None else keys, latest=latest)
    return raised.value


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "the published request parses and is written the same")
def test_the_published_request_reads_back() -> None:
    parsed = parse_add_checkpoint(EXAMPLE.encode())
    assert (parsed.old_size, len(parsed.proof), parsed.origin) == (20852014, 4, "example.com/behind-the-sofa")
    assert parsed.encode() == EXAMPLE.encode()


@pytest.mark.parametrize(("old", "new"), [(0, 1), (0, 40), (1, 2), (3, 40), (39, 40), (40, 40)])
def test_requests_read_back_and_are_accepted(old: int, new: int) -> None:
    asked = request(old, new)
    assert parse_add_checkpoint(asked.encode()) == asked
    assert judge(asked, keys=KEYS, latest=head(old) if old else None) == head(new)


def test_an_empty_tree_may_be_cosigned_first_and_grows_from_there() -> None:
    asked = AddCheckpoint(0, (), note_of(0))
    assert judge(parse_add_checkpoint(asked.encode()), keys=KEYS, latest=None) == head(0)
    assert judge(request(0, 5), keys=KEYS, latest=head(0)) == head(5)


def test_a_log_that_signs_by_mldsa_alone_is_judged_by_that_key() -> None:
    note = f"{head(5).body()}\n{cosign(head(5), LOG_MLDSA, NOW)}"
    assert judge(AddCheckpoint(0, (), note), keys=[LOG_MLDSA.verifier_key], latest=None) == head(5)
    assert refusal(AddCheckpoint(0, (), note), latest=None).status == 403


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "400 for what is not a well-formed request")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n\n",
        b"old 0\n\n",
        f"{note_of(5)}".encode(),
        f"\n\n{note_of(5)}".encode(),
        f"old 0\n{note_of(5)}".encode(),
        f"old 05\n\n{note_of(5)}".encode(),
        f"old -1\n\n{note_of(5)}".encode(),
        f"old  0\n\n{note_of(5)}".encode(),
        f"old 0 \n\n{note_of(5)}".encode(),
        f"Old 0\n\n{note_of(5)}".encode(),
        f"old ٣\n\n{note_of(5)}".encode(),
        f"old 0\r\n\n{note_of(5)}".encode(),
        f"old 9223372036854775808\n\n{note_of(5)}".encode(),
        f"old {'9' * 5000}\n\n{note_of(5)}".encode(),
        f" old 0\n\n{note_of(5)}".encode(),
        f"\ufeffold 0\n\n{note_of(5)}".encode(),
        f"old 1\nAAAA\n\n{note_of(5)}".encode(),
        f"old 1\n{HASH[:-1]}\n\n{note_of(5)}".encode(),
        f"old 1\n{HASH} \n\n{note_of(5)}".encode(),
        f"old 1\n{HASH}{HASH}\n\n{note_of(5)}".encode(),
        f"old 1\n{HASH.replace('A=', 'B=')}\n\n{note_of(5)}".encode(),
        ("old 1\n" + f"{HASH}\n" * 64 + f"\n{note_of(5)}").encode(),
        f"old 0\n\n\n{note_of(5)}".encode(),
        f"old 0\n\n{note_of(5)[:-1]}".encode(),
        f"old 0\n\n{note_of(5)}\n".encode(),
        f"old 0\n\n{head(5).body()}".encode(),
        f"old 0\n\n{note_of(5).replace(chr(10) + '5' + chr(10), chr(10) + '05' + chr(10))}".encode(),
        b"old 0\n\n\xff" + note_of(5).encode(),
        b"old 0\n\n" + b"a" * witness.MAX_REQUEST_BYTES,
        note_of(5).encode().replace(b"\n", b"\x00"),
    ],
)
def test_malformed_requests_are_refused(body: bytes) -> None:
    with pytest.raises(WitnessRequestError) as raised:
        parse_add_checkpoint(body)
    assert raised.value.status == 400


def test_as_many_proof_lines_as_the_bound_are_read() -> None:
    asked = AddCheckpoint(1, (bytes(32),) * witness.MAX_PROOF_LINES, note_of(5))
    assert parse_add_checkpoint(asked.encode()) == asked
    assert refusal(asked, latest=head(1)).status == 422


@pytest.mark.parametrize(
    "fields",
    [{"old_size": -1}, {"old_size": True}, {"old_size": 2**63}, {"proof": (b"",)}, {"proof": (bytes(32),) * 64}],
)
def test_a_request_without_valid_text_cannot_be_made(fields: dict[str, Any]) -> None:
    with pytest.raises(WitnessRequestError):
        replace(request(0, 5), **fields)


@pytest.mark.parametrize("note", ["", "no note", head(5).body(), note_of(5).replace("\n5\n", "\n05\n")])
def test_a_request_that_was_not_parsed_is_judged_as_strictly(note: str) -> None:
    error = refusal(AddCheckpoint(0, (), note), latest=None)
    assert (type(error), error.status) == (WitnessRequestError, 400)


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "404 for an unknown origin")
def test_an_unknown_origin_is_not_found() -> None:
    error = refusal(request(0, 5), latest=None, keys=[])
    assert (type(error), error.status) == (WitnessOriginError, 404)


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "403 without a valid signature by a trusted key")
@pytest.mark.parametrize(
    "note",
    [
        sign(head(5), OTHER_LOG_KEY),
        note_of(5).replace("\n5\n", "\n6\n"),
        f"{head(5).body()}\n{signature_line(KEYS[0], bytes(64))}",
        note_of(5) + signature_line(KEYS[0], bytes(64)),
        f"{head(5).body()}\n{cosign(head(5), ED25519, NOW)}",
    ],
    ids=["unknown key", "altered", "forged", "one good and one forged line", "a witness only"],
)
def test_an_unsigned_checkpoint_is_forbidden(note: str) -> None:
    error = refusal(parse_add_checkpoint(AddCheckpoint(0, (), note).encode()), latest=None)
    assert (type(error), error.status) == (WitnessSignatureError, 403)


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "signatures of unknown keys are ignored")
def test_lines_of_strangers_are_ignored() -> None:
    note = add_signature(note_of(5), OTHER_LOG_KEY) + f"— {ORIGIN} {b64encode(bytes(90)).decode()}\n"
    assert judge(AddCheckpoint(0, (), note), keys=KEYS, latest=None) == head(5)


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "400 for an old size above the checkpoint's")
@pytest.mark.parametrize("latest", [None, 3, 5, 9])
def test_an_old_size_above_the_checkpoints_is_refused(latest: int | None) -> None:
    error = refusal(AddCheckpoint(9, (), note_of(5)), latest=head(latest) if latest else None)
    assert (type(error), error.status) == (WitnessRequestError, 400)


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "409 with the latest size when the old size is another")
@pytest.mark.parametrize(("old", "latest"), [(0, 5), (3, 5), (6, 5), (1, None), (40, 5)])
def test_another_old_size_is_a_conflict_that_says_the_size(old: int, latest: int | None) -> None:
    error = refusal(request(old, 40), latest=head(latest) if latest else None)
    assert isinstance(error, WitnessSizeError)
    assert (error.status, error.size) == (409, latest or 0)
    assert parse_size(encode_size(error.size)) == error.size


def test_a_rollback_is_never_cosigned() -> None:
    """Smaller than what was cosigned, whatever old size it names."""
    for old in range(12):
        asked = AddCheckpoint(old, (), note_of(5))
        assert refusal(asked, latest=head(9)).status in {400, 409}


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "422 for a proof that does not verify, or is not empty")
@pytest.mark.parametrize(
    ("asked", "latest"),
    [
        (replace(request(3, 40), proof=request(3, 40).proof[:-1]), 3),
        (replace(request(3, 40), proof=(*request(3, 40).proof, bytes(32))), 3),
        (replace(request(3, 40), proof=request(3, 40).proof[::-1]), 3),
        (replace(request(3, 40), proof=()), 3),
        (replace(request(3, 40), proof=request(4, 40).proof), 3),
        (replace(request(0, 40), proof=(bytes(32),)), None),
        (replace(request(40, 40), proof=(bytes(32),)), 40),
    ],
)
def test_an_unproven_checkpoint_is_unprocessable(asked: AddCheckpoint, latest: int | None) -> None:
    error = refusal(asked, latest=head(latest) if latest else None)
    assert (type(error), error.status) == (WitnessProofError, 422)


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "422 for another root at the same size, or a fork")
def test_a_fork_is_unprocessable() -> None:
    fork = MemoryTree()
    fork.append([*leaves(4), merkle.leaf_hash(b"another")])
    forked = sign(Checkpoint(ORIGIN, 5, fork.root), LOG)
    assert refusal(AddCheckpoint(5, (), forked), latest=head(5)).status == 422
    assert (
        refusal(AddCheckpoint(5, request(5, 40).proof, note_of(40)), latest=Checkpoint(ORIGIN, 5, fork.root)).status
        == 422
    )


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "422 for an empty tree with another root")
def test_an_empty_tree_with_another_root_is_unprocessable() -> None:
    text = f"{ORIGIN}\n0\n{HASH}\n"
    note = f"{text}\n{signature_line(KEYS[0], LOG.sign(text.encode()))}"
    asked = parse_add_checkpoint(AddCheckpoint(0, (), note).encode())
    assert refusal(asked, latest=None).status == 422
    assert refusal(asked, latest=None, keys=[]).status == 404


def test_a_latest_checkpoint_of_another_log_proves_nothing() -> None:
    assert refusal(request(5, 40), latest=Checkpoint("other.example", 5, head(5).root)).status == 404


def test_each_refusal_is_a_protocol_error_with_its_own_status() -> None:
    refusals = {WitnessRequestError: 400, WitnessSignatureError: 403, WitnessOriginError: 404, WitnessSizeError: 409}
    for kind, status in (refusals | {WitnessProofError: 422}).items():
        assert issubclass(kind, WitnessError)
        assert issubclass(kind, ProtocolError)
        assert kind.status == status


def answer(*lines: str) -> bytes:
    return "".join(lines).encode()


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "the answer is one or more cosignature lines")
def test_an_answer_with_both_kinds_is_read() -> None:
    lines = cosign(note_of(5), ED25519, NOW), cosign(note_of(5), MLDSA, NOW)
    made = parse_cosignature_response(answer(*lines), note_of(5), WITNESS_KEYS)
    assert [(item.key, item.timestamp, item.line) for item in made] == [
        (ED25519.verifier_key, NOW, lines[0]),
        (MLDSA.verifier_key, NOW, lines[1]),
    ]
    assert len(parse_cosignature_response(answer(*lines), note_of(5), WITNESS_KEYS[1:])) == 1


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "cosignatures from unknown keys are ignored")
def test_lines_of_unknown_keys_in_an_answer_are_ignored() -> None:
    stranger = Ed25519Cosigner("witness.example/gd", b"\x0a" * 32)
    strange = cosign(note_of(9), stranger, NOW), EXAMPLE_RESPONSE, sign(head(9), LOG).rpartition("\n\n")[2]
    made = parse_cosignature_response(answer(*strange, cosign(note_of(5), ED25519, NOW)), note_of(5), WITNESS_KEYS)
    assert [item.key for item in made] == [ED25519.verifier_key]
    with pytest.raises(NoteUnsignedError):
        parse_cosignature_response(answer(*strange), note_of(5), WITNESS_KEYS)


def test_lines_that_the_note_holds_already_do_not_count_as_an_answer() -> None:
    note = add_lines(note_of(5), cosign(note_of(5), ED25519, NOW))
    with pytest.raises(NoteUnsignedError):
        parse_cosignature_response(EXAMPLE_RESPONSE.encode(), note, WITNESS_KEYS)


@pytest.mark.parametrize("other", [note_of(6), sign(Checkpoint(ORIGIN, 5, head(6).root), LOG)])
def test_an_answer_for_another_checkpoint_is_refused(other: str) -> None:
    for cosigner in (ED25519, MLDSA):
        with pytest.raises(NoteSignatureError):
            parse_cosignature_response(answer(cosign(other, cosigner, NOW)), note_of(5), WITNESS_KEYS)


def test_one_forged_line_condemns_an_answer() -> None:
    forged = signature_line(MLDSA.verifier_key, bytes(8 + 2420))
    with pytest.raises(NoteSignatureError):
        parse_cosignature_response(answer(cosign(note_of(5), ED25519, NOW), forged), note_of(5), WITNESS_KEYS)


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "a witness's timestamp is not zero")
def test_an_answer_without_a_time_is_refused() -> None:
    message = signed_message(MLDSA.verifier_key, head(5), 0)
    untimed = signature_line(MLDSA.verifier_key, bytes(8) + MLDSA.sign(message))
    with pytest.raises(CosignatureTimeError):
        parse_cosignature_response(answer(untimed), note_of(5), WITNESS_KEYS)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\n",
        b"ok",
        b"{}",
        b"<html></html>\n",
        b"\xff\n",
        cosign(note_of(5), ED25519, NOW)[:-1].encode(),
        cosign(note_of(5), ED25519, NOW).encode() + b"\n",
        b"\n" + cosign(note_of(5), ED25519, NOW).encode(),
        cosign(note_of(5), ED25519, NOW).replace("\n", "\r\n").encode(),
        note_of(5).encode(),
        cosign(note_of(5), ED25519, NOW).encode() * 65,
        b"a" * (witness.MAX_RESPONSE_BYTES + 1),
    ],
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(WitnessResponseError):
        parse_cosignature_response(body, note_of(5), WITNESS_KEYS)


def test_an_answer_is_judged_for_a_well_formed_note_only() -> None:
    with pytest.raises(ProtocolError):
        parse_cosignature_response(cosign(note_of(5), ED25519, NOW).encode(), "no note", WITNESS_KEYS)


@pytest.mark.requirement("C2SP tlog-witness, add-checkpoint", "a 409 answer is the size in decimal and a newline")
@pytest.mark.parametrize("size", [0, 1, 20852163, 2**63 - 1])
def test_sizes_read_back(size: int) -> None:
    assert parse_size(encode_size(size)) == size


@pytest.mark.parametrize(
    "body", [b"", b"5", b"05\n", b"-1\n", b"5\n\n", b" 5\n", b"5\r\n", b"x\n", b"9223372036854775808\n", b"\xd9\xa3\n"]
)
def test_what_is_no_size_is_refused(body: bytes) -> None:
    with pytest.raises(WitnessResponseError):
        parse_size(body)


def test_a_request_is_of_the_log_that_its_note_names() -> None:
    other = sign(Checkpoint("other.example", 5, head(5).root), SeedSigner("other.example", b"\x01" * 32))
    asked = AddCheckpoint(0, (), other)
    assert asked.origin == "other.example"
    assert refusal(asked, latest=None).status == 403
