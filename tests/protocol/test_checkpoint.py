"""C2SP signed-note and tlog-checkpoint: the text, the keys, and everything that is refused."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import checkpoint
from protocol.checkpoint import Checkpoint, SeedSigner, VerifierKey, add_signature, parse, sign, verifier_key, verify
from protocol.cosignature import MldsaCosigner, cosign
from protocol.errors import (
    CheckpointFormatError,
    CheckpointOriginError,
    NoteFormatError,
    NoteKeyError,
    NoteSignatureError,
    NoteUnsignedError,
    ProtocolError,
)
from protocol.merkle import EMPTY_ROOT

ROOT = bytes(range(32))
ORIGIN = "log.example/macau"
LOG = SeedSigner(ORIGIN, b"\x01" * 32)
WITNESS = SeedSigner("witness.example", b"\x02" * 32)
KEYS = [verifier_key(LOG)]
HEAD = Checkpoint(ORIGIN, 42, ROOT)
NOTE = sign(HEAD, LOG)
BODY = HEAD.body()
LINE = NOTE.removeprefix(f"{BODY}\n")

# The example published in the specification, and the key of Go's checksum database.
EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeM"
    "cTOAYQ8=\n"
)
SUMDB = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"


@pytest.mark.requirement("C2SP tlog-checkpoint, Note text", "origin, size, root, one per line")
def test_the_body_has_origin_size_and_root() -> None:
    assert f"{ORIGIN}\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n" == BODY


@pytest.mark.requirement("C2SP signed-note, Signatures", "a note signed by a known key verifies")
@pytest.mark.parametrize("note", [NOTE, NOTE.encode()])
def test_what_the_log_signs_verifies(note: str | bytes) -> None:
    assert verify(note, KEYS) == HEAD


@pytest.mark.requirement("C2SP tlog-checkpoint, Note text", "the published example parses")
def test_the_published_example_parses() -> None:
    parsed = parse(EXAMPLE)
    assert (parsed.checkpoint.origin, parsed.checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert [(line.name, line.key_id.hex(), len(line.signature)) for line in parsed.signatures] == [
        ("example.com/behind-the-sofa", "033de0ae", 64)
    ]


@pytest.mark.requirement("C2SP signed-note, Ed25519 signatures", "the key id is the hash of name, type and key")
def test_verifier_keys_round_trip_through_text() -> None:
    key = VerifierKey.from_vkey(SUMDB)
    assert (key.name, key.key_id.hex(), key.vkey) == ("sum.golang.org", "033de0ae", SUMDB)
    assert VerifierKey.from_vkey(KEYS[0].vkey) == KEYS[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+033de0ae",
        SUMDB.replace("+033de0ae+", "+033de0af+"),
        SUMDB.replace("+033de0ae+", "+033DE0AE+"),
        SUMDB.replace("sum.", "evil."),
        SUMDB.replace("+Ac4z", "+Bc4z"),
        SUMDB[:-4],
        SUMDB + "=",
        SUMDB.replace("sum", ""),
        "na me" + SUMDB.removeprefix("sum.golang.org"),
        SUMDB.removeprefix("sum.golang.org"),
        "\ud800" + SUMDB,
    ],
)
def test_malformed_verifier_keys_are_refused(text: str) -> None:
    with pytest.raises(NoteKeyError):
        VerifierKey.from_vkey(text)


def test_keys_and_seeds_of_another_length_are_refused() -> None:
    with pytest.raises(NoteKeyError):
        VerifierKey("log", b"short")
    with pytest.raises(NoteKeyError):
        SeedSigner("log", b"short")


@pytest.mark.requirement("C2SP signed-note, Signatures", "lines of unknown keys are kept and ignored")
def test_unknown_signatures_are_kept_and_ignored() -> None:
    strange = b64encode(b"\0\0\0\x07" + b"post-quantum" * 300).decode()
    note = f"{add_signature(NOTE, WITNESS)}— {ORIGIN} {strange}\n"
    assert verify(note, KEYS) == HEAD
    assert [line.name for line in parse(note).signatures] == [ORIGIN, "witness.example", ORIGIN]
    assert verify(note, [*KEYS, verifier_key(WITNESS)]) == HEAD


@pytest.mark.requirement("C2SP signed-note, Signatures", "a note without a known key's signature is refused")
def test_a_note_by_unknown_keys_only_is_refused() -> None:
    with pytest.raises(NoteUnsignedError):
        verify(NOTE, [])
    with pytest.raises(NoteUnsignedError):
        verify(NOTE, [verifier_key(SeedSigner(ORIGIN, b"\x03" * 32))])


@pytest.mark.requirement("C2SP signed-note, Signatures", "a failing line of a known key condemns the note")
def test_one_false_line_of_a_known_key_condemns_the_note() -> None:
    forged = f"— witness.example {b64encode(verifier_key(WITNESS).key_id + bytes(64)).decode()}\n"
    assert verify(NOTE + forged, KEYS) == HEAD
    with pytest.raises(NoteSignatureError):
        verify(NOTE + forged, [*KEYS, verifier_key(WITNESS)])


def test_a_signature_of_another_length_under_a_known_key_is_refused() -> None:
    with pytest.raises(NoteSignatureError):
        verify(f"{BODY}\n— {ORIGIN} {b64encode(KEYS[0].key_id + b'short').decode()}\n", KEYS)


def test_an_impossible_public_key_never_verifies() -> None:
    key = VerifierKey(ORIGIN, b"\xff" * 32)
    with pytest.raises(NoteSignatureError):
        verify(f"{BODY}\n— {ORIGIN} {b64encode(key.key_id + bytes(64)).decode()}\n", [key])


@pytest.mark.requirement("C2SP tlog-checkpoint, Signatures", "a log's key vouches for its own origin only")
def test_a_checkpoint_of_another_origin_is_refused() -> None:
    other = Checkpoint("other.example/log", 42, ROOT)
    with pytest.raises(CheckpointOriginError):
        sign(other, LOG)
    note = f"{other.body()}\n{LINE}"
    with pytest.raises(NoteSignatureError):
        verify(note, KEYS)
    cosigned = add_signature(sign(other, SeedSigner(other.origin, b"\x04" * 32)), LOG)
    with pytest.raises(CheckpointOriginError):
        verify(cosigned, KEYS)
    assert verify(cosigned, KEYS, origin=other.origin) == other
    with pytest.raises(CheckpointOriginError):
        verify(NOTE, KEYS, origin=other.origin)


@settings(deadline=None)
@given(at=st.integers(0, len(NOTE.encode()) - 1), bit=st.integers(0, 7))
def test_no_altered_byte_is_accepted(at: int, bit: int) -> None:
    note = bytearray(NOTE.encode())
    note[at] ^= 1 << bit
    with pytest.raises(ProtocolError):
        verify(bytes(note), KEYS)


@settings(deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_noise_is_refused_and_never_crashes(note: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        verify(note, KEYS)


@pytest.mark.requirement("C2SP signed-note, Format", "what is not a signed note is refused")
@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n\n",
        f"\n\n{LINE}",
        BODY,
        f"{BODY}\n",
        f"{BODY}{LINE}",
        NOTE[:-1],
        f"{NOTE}\n",
        NOTE.replace("— ", "- ", 1),
        NOTE.replace("— ", "—", 1),
        NOTE.replace("— ", "—  ", 1),
        NOTE.replace("\n", "\r\n"),
        f"{NOTE}— \n",
        f"{NOTE}— name\n",
        f"{NOTE}— name \n",
        f"{NOTE}— name AAAA\n",
        f"{NOTE}— name AAAAAAA\n",
        f"{NOTE}— name AAAAAAB=\n",
        f"{NOTE}— name AAAA_AAA\n",
        f"{NOTE}— name AAAAAAA= x\n",
        f"{NOTE}— na+me AAAAAAA=\n",
        f"{NOTE}— na\N{NO-BREAK SPACE}me AAAAAAA=\n",
        f"{NOTE}— name ÄAAAAAA=\n",
        NOTE + LINE * checkpoint.MAX_SIGNATURES,
        "a" * (checkpoint.MAX_NOTE_BYTES + 1),
        "é" * (checkpoint.MAX_NOTE_BYTES - 1),
        NOTE.replace("42", "4\x002"),
        f"\ud800{NOTE}",
        b"\xff" + NOTE.encode(),
    ],
)
def test_malformed_notes_are_refused(note: Any) -> None:
    with pytest.raises(NoteFormatError):
        parse(note)


def signed(text: str) -> str:
    return f"{text}\n— {ORIGIN} {b64encode(KEYS[0].key_id + LOG.sign(text.encode())).decode()}\n"


@pytest.mark.requirement("C2SP tlog-checkpoint, Note text", "a signed text that is not a checkpoint is refused")
@pytest.mark.parametrize(
    "text",
    [
        "one\n",
        f"{ORIGIN}\n42\n",
        BODY.replace("42", "042"),
        BODY.replace("42", "-1"),
        BODY.replace("42", "+42"),
        BODY.replace("42", "4_2"),
        BODY.replace("42", "٤٢"),
        BODY.replace("42", "9223372036854775808"),
        BODY.replace("42", "9" * 30),
        BODY.replace("42", "0"),
        BODY.replace("Hh8=", "Hh8"),
        BODY.replace("Hh8=", "Hh9="),
        BODY.replace("Hh8=", "Hg=="),
        BODY.replace(ORIGIN, ""),
        BODY.replace("42", "42\n"),
        f"{BODY}\nextension\n",
        BODY.replace(ORIGIN, "o" * 600),
    ],
)
def test_malformed_checkpoints_are_refused_even_if_signed(text: str) -> None:
    with pytest.raises(CheckpointFormatError):
        verify(signed(text), KEYS)


@pytest.mark.requirement(
    "C2SP tlog-checkpoint, Note text", "extension lines are accepted, and covered by the signature"
)
@pytest.mark.requirement("C2SP tlog-cosignature, ML-DSA-44 signed message", "it commits to no extension line")
def test_another_logs_key_does_not_vouch_for_extension_lines() -> None:
    post_quantum = MldsaCosigner(ORIGIN, b"\x05" * 32)
    extended = Checkpoint(ORIGIN, 42, ROOT, ("forged",))
    other = SeedSigner("other.example/log", b"\x04" * 32)
    note = add_signature(f"{extended.body()}\n{cosign(extended, post_quantum, 1)}", other)
    keys = [post_quantum.verifier_key, verifier_key(other)]
    assert verify(note, keys) == HEAD
    assert verify(add_signature(note, LOG), [*keys, *KEYS]) == extended


def test_extension_lines_are_kept() -> None:
    extended = Checkpoint(ORIGIN, 42, ROOT, ("extension one", "two"))
    assert verify(sign(extended, LOG), KEYS) == extended


@pytest.mark.parametrize(("origin", "size"), [("o", 1), ("o" * 512, 2**63 - 1)])
def test_the_bounds_themselves_are_accepted(origin: str, size: int) -> None:
    signer = SeedSigner(origin, b"\x01" * 32)
    at_bound = Checkpoint(origin, size, ROOT)
    assert verify(sign(at_bound, signer), [verifier_key(signer)]) == at_bound
    with pytest.raises(CheckpointFormatError):
        Checkpoint("o" * 513, size, ROOT)


def test_as_many_signatures_as_the_bound_are_accepted() -> None:
    assert len(parse(f"{BODY}\n" + LINE * checkpoint.MAX_SIGNATURES).signatures) == checkpoint.MAX_SIGNATURES


def test_an_empty_tree_has_a_checkpoint() -> None:
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert verify(sign(empty, LOG), KEYS) == empty


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        ("", 1, ROOT),
        ("a\nb", 1, ROOT),
        ("a\tb", 1, ROOT),
        ("\ud800", 1, ROOT),
        ("log", -1, ROOT),
        ("log", True, ROOT),
        ("log", 1.0, ROOT),
        ("log", 2**63, ROOT),
        ("log", 1, b"short"),
        ("log", 0, ROOT),
    ],
)
def test_a_checkpoint_without_valid_text_cannot_be_made(origin: str, size: Any, root: bytes) -> None:
    with pytest.raises(CheckpointFormatError):
        Checkpoint(origin, size, root)
