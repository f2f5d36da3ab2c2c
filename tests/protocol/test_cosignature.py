"""C2SP tlog-cosignature: what is signed, by which key, at what time, and what a note with many lines comes to."""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from protocol.checkpoint import Checkpoint, SeedSigner, parse, sign, signed_message, verifier_key, verify
from protocol.cosignature import (
    Cosignature,
    CosignerKey,
    Ed25519Cosigner,
    MldsaCosigner,
    add_lines,
    cosign,
    verified_cosignatures,
)
from protocol.errors import (
    CheckpointFormatError,
    CheckpointOriginError,
    CosignatureTimeError,
    NoteFormatError,
    NoteKeyError,
    NoteSignatureError,
)
from protocol.merkle import EMPTY_ROOT
from protocol.note import KeyType, VerifierKey, signature_line

ORIGIN = "log.example/macau"
ROOT = bytes(range(32))
HEAD = Checkpoint(ORIGIN, 42, ROOT)
LOG = SeedSigner(ORIGIN, b"\x01" * 32)
LOG_MLDSA = MldsaCosigner(ORIGIN, b"\x02" * 32)
ED25519 = Ed25519Cosigner("witness.example/gd", b"\x03" * 32)
MLDSA = MldsaCosigner("witness.example/gd", b"\x04" * 32)
COSIGNERS: list[CosignerKey] = [ED25519, MLDSA]
NOTE = sign(HEAD, LOG)
NOW = 1_679_315_147
LATEST = (1 << 63) - 1

each_kind = pytest.mark.parametrize("cosigner", COSIGNERS, ids=["ed25519", "ml-dsa-44"])

# Published with the specification; the keys are not.
EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeM"
    "cTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+"
    "mbIUBkBIfZ+qnA==\n"
)


def mldsa_message(name: bytes, origin: bytes, size: int, root: bytes, timestamp: int) -> bytes:
    """``cosigned_message`` put together by hand, from offsets that do not come from the code under test."""
    head = struct.pack(f">12sB{len(name)}sQ", b"subtree/v1\n\0", len(name), name, timestamp)
    return head + struct.pack(f">B{len(origin)}sQQ32s", len(origin), origin, 0, size, root)


def forged(key: VerifierKey, timestamp: int, signature: bytes) -> str:
    return signature_line(key, struct.pack(">Q", timestamp) + signature)


def raw_signature(line: str) -> tuple[bytes, int, bytes]:
    raw = b64decode(line.split(" ")[2])
    return raw[:4], struct.unpack(">Q", raw[4:12])[0], raw[12:]


@pytest.mark.requirement("C2SP tlog-cosignature, Format", "the published example has a time and a 64-byte signature")
def test_the_published_cosignature_has_its_form() -> None:
    line = parse(EXAMPLE).signatures[1]
    assert (line.name, line.key_id.hex(), len(line.signature)) == ("witness.example.com/w1", "8d66cf3f", 8 + 64)
    assert struct.unpack(">Q", line.signature[:8])[0] == NOW


@pytest.mark.requirement("C2SP tlog-cosignature, Ed25519 signed message", "header line, time line, the note's text")
def test_ed25519_signs_the_published_text() -> None:
    head = parse(EXAMPLE).checkpoint
    expected = b"cosignature/v1\ntime 1679315147\n" + EXAMPLE.partition("\n\n")[0].encode() + b"\n"
    assert signed_message(ED25519.verifier_key, head, NOW) == expected
    key_id, timestamp, signature = raw_signature(cosign(EXAMPLE, ED25519, NOW))
    assert (key_id, timestamp, len(signature)) == (ED25519.verifier_key.key_id, NOW, 64)
    Ed25519PublicKey.from_public_bytes(ED25519.verifier_key.public_key).verify(signature, expected)


@pytest.mark.requirement("C2SP tlog-cosignature, ML-DSA-44 signed message", "cosigned_message, byte for byte")
@pytest.mark.parametrize("head", [HEAD, Checkpoint(ORIGIN, 0, EMPTY_ROOT), Checkpoint("o" * 255, 2**63 - 1, ROOT)])
def test_mldsa_signs_the_structure(head: Checkpoint) -> None:
    expected = mldsa_message(b"witness.example/gd", head.origin.encode(), head.size, head.root, NOW)
    assert signed_message(MLDSA.verifier_key, head, NOW) == expected
    key_id, timestamp, signature = raw_signature(cosign(head, MLDSA, NOW))
    assert (key_id, timestamp, len(signature)) == (MLDSA.verifier_key.key_id, NOW, 2420)
    MLDSA44PublicKey.from_public_bytes(MLDSA.verifier_key.public_key).verify(signature, expected)


@each_kind
@pytest.mark.parametrize("timestamp", [1, NOW, LATEST])
def test_a_cosignature_verifies_with_its_time(cosigner: CosignerKey, timestamp: int) -> None:
    line = cosign(NOTE, cosigner, timestamp)
    note = add_lines(NOTE, line)
    assert verified_cosignatures(note, [cosigner.verifier_key]) == (
        Cosignature(cosigner.verifier_key, timestamp, line),
    )
    assert verified_cosignatures(note.encode(), [cosigner.verifier_key])[0].line == line
    assert verify(note, [verifier_key(LOG), cosigner.verifier_key]) == HEAD


@each_kind
@pytest.mark.parametrize("timestamp", [0, -1, LATEST + 1, True, 1.0])
def test_a_time_outside_the_bounds_is_never_signed(cosigner: CosignerKey, timestamp: Any) -> None:
    with pytest.raises(CosignatureTimeError):
        cosign(NOTE, cosigner, timestamp)


@pytest.mark.requirement("C2SP tlog-cosignature, Format", "a timestamp past 2^63-1 is refused, even if it is signed")
@each_kind
@pytest.mark.parametrize("timestamp", [1 << 63, (1 << 64) - 1])
def test_a_signed_time_past_the_bound_is_refused(cosigner: CosignerKey, timestamp: int) -> None:
    key = cosigner.verifier_key
    line = forged(key, timestamp, cosigner.sign(signed_message(key, HEAD, timestamp)))
    with pytest.raises(NoteSignatureError):
        verified_cosignatures(NOTE + line, [key])


@each_kind
def test_another_time_than_the_signed_one_is_refused(cosigner: CosignerKey) -> None:
    _, _, signature = raw_signature(cosign(NOTE, cosigner, NOW))
    with pytest.raises(NoteSignatureError):
        verified_cosignatures(NOTE + forged(cosigner.verifier_key, NOW + 1, signature), [cosigner.verifier_key])


@each_kind
@pytest.mark.parametrize("raw", [b"\x00", bytes(7), bytes(8), bytes(72), bytes(8 + 2420)])
def test_signatures_of_another_form_are_refused(cosigner: CosignerKey, raw: bytes) -> None:
    with pytest.raises(NoteSignatureError):
        verified_cosignatures(NOTE + signature_line(cosigner.verifier_key, raw), [cosigner.verifier_key])


@each_kind
@pytest.mark.parametrize(
    "other", [Checkpoint(ORIGIN, 43, ROOT), Checkpoint(ORIGIN, 42, ROOT[::-1]), Checkpoint("o", 42, ROOT)]
)
def test_a_cosignature_is_of_one_checkpoint_only(cosigner: CosignerKey, other: Checkpoint) -> None:
    note = add_lines(sign(other, SeedSigner(other.origin, b"\x01" * 32)), cosign(HEAD, cosigner, NOW))
    with pytest.raises(NoteSignatureError):
        verified_cosignatures(note, [cosigner.verifier_key])


@pytest.mark.requirement("C2SP tlog-cosignature", "ML-DSA-44 commits to the cosigner's name, Ed25519 does not")
def test_only_mldsa_commits_to_the_name() -> None:
    for cosigner, is_bound in ((ED25519, False), (MLDSA, True)):
        renamed = VerifierKey("evil.example", cosigner.verifier_key.public_key, cosigner.verifier_key.type)
        _, timestamp, signature = raw_signature(cosign(HEAD, cosigner, NOW))
        note = NOTE + forged(renamed, timestamp, signature)
        if is_bound:
            with pytest.raises(NoteSignatureError):
                verified_cosignatures(note, [renamed])
        else:
            assert verified_cosignatures(note, [renamed])[0].key == renamed


@pytest.mark.requirement("C2SP signed-note, Signature types", "a line of one type is not one of another")
def test_a_line_of_one_type_is_none_of_another() -> None:
    """One Ed25519 key under both types: neither line passes for the other."""
    plain = SeedSigner("witness.example/gd", b"\x03" * 32)
    assert plain.public_key == ED25519.verifier_key.public_key
    as_plain = signature_line(verifier_key(plain), ED25519.sign(signed_message(ED25519.verifier_key, HEAD, NOW)))
    with pytest.raises(NoteSignatureError):
        verify(NOTE + as_plain, [verifier_key(LOG), verifier_key(plain)])
    as_cosignature = forged(ED25519.verifier_key, NOW, plain.sign(HEAD.body().encode()))
    with pytest.raises(NoteSignatureError):
        verified_cosignatures(NOTE + as_cosignature, [ED25519.verifier_key])


@pytest.mark.requirement("C2SP tlog-cosignature, ML-DSA-44 signed message", "extension lines are not covered")
def test_extension_lines_are_returned_only_if_signed() -> None:
    extended = Checkpoint(ORIGIN, 42, ROOT, ("extension",))
    note = add_lines(sign(extended, LOG), [cosign(extended, LOG_MLDSA, NOW), cosign(extended, ED25519, NOW)])
    assert verify(note, [LOG_MLDSA.verifier_key]) == HEAD
    assert verify(note, [verifier_key(LOG), LOG_MLDSA.verifier_key]) == extended
    assert verify(note, [ED25519.verifier_key], origin=ORIGIN) == extended
    swapped = note.replace("\nextension\n", "\nanother one\n")
    assert verify(swapped, [LOG_MLDSA.verifier_key]) == HEAD
    for key in (verifier_key(LOG), ED25519.verifier_key):
        with pytest.raises(NoteSignatureError):
            verify(swapped, [key], origin=ORIGIN)


@pytest.mark.requirement("C2SP tlog-checkpoint, Signatures", "a log may sign by ML-DSA-44 cosignature alone")
def test_a_log_that_signs_by_mldsa_alone_is_verified() -> None:
    note = f"{HEAD.body()}\n{cosign(HEAD, LOG_MLDSA, NOW)}"
    assert verify(note, [LOG_MLDSA.verifier_key]) == HEAD
    with pytest.raises(CheckpointOriginError):
        verify(f"{HEAD.body()}\n{cosign(HEAD, MLDSA, NOW)}", [MLDSA.verifier_key])


@pytest.mark.requirement("C2SP tlog-cosignature, ML-DSA-44 signed message", "the time may be 0; it then states none")
def test_a_cosignature_without_a_time_is_read() -> None:
    key = MLDSA.verifier_key
    untimed = forged(key, 0, MLDSA.sign(signed_message(key, HEAD, 0)))
    assert [made.timestamp for made in verified_cosignatures(NOTE + untimed, [key])] == [0]
    timed = cosign(HEAD, MLDSA, NOW)
    assert [made.timestamp for made in verified_cosignatures(NOTE + untimed + timed, [key])] == [NOW]


@each_kind
def test_several_cosignatures_by_one_key_count_once_by_the_earliest(cosigner: CosignerKey) -> None:
    lines = [cosign(HEAD, cosigner, NOW + later) for later in (5, 0, 9)]
    assert verified_cosignatures(add_lines(NOTE, lines), [cosigner.verifier_key]) == (
        Cosignature(cosigner.verifier_key, NOW, lines[1]),
    )


def test_both_kinds_under_one_name_are_told_apart() -> None:
    note = add_lines(NOTE, cosign(NOTE, ED25519, NOW) + cosign(NOTE, MLDSA, NOW + 1))
    made = verified_cosignatures(note, [MLDSA.verifier_key, ED25519.verifier_key])
    assert [(item.key.type, item.timestamp) for item in made] == [
        (KeyType.COSIGNATURE_ED25519, NOW),
        (KeyType.COSIGNATURE_MLDSA44, NOW + 1),
    ]
    assert verified_cosignatures(note, []) == ()
    assert verified_cosignatures(note, [verifier_key(LOG)]) == ()


@pytest.mark.requirement("C2SP signed-note, Signatures", "a failing line of any known key condemns the note")
def test_a_false_line_condemns_the_note_but_not_for_strangers() -> None:
    note = NOTE + forged(ED25519.verifier_key, NOW, bytes(64)) + cosign(NOTE, MLDSA, NOW)
    with pytest.raises(NoteSignatureError):
        verified_cosignatures(note, [ED25519.verifier_key, MLDSA.verifier_key])
    assert len(verified_cosignatures(note, [MLDSA.verifier_key])) == 1
    plain = f"{HEAD.body()}\n{signature_line(verifier_key(LOG), bytes(64))}{cosign(NOTE, MLDSA, NOW)}"
    with pytest.raises(NoteSignatureError):
        verified_cosignatures(plain, [verifier_key(LOG), MLDSA.verifier_key])


@pytest.mark.parametrize("size", [256, 300])
def test_an_origin_too_long_for_mldsa_is_never_signed_nor_accepted(size: int) -> None:
    head = Checkpoint("o" * size, 42, ROOT)
    with pytest.raises(CheckpointFormatError):
        cosign(head, MLDSA, NOW)
    note = f"{head.body()}\n{forged(MLDSA.verifier_key, NOW, bytes(2420))}"
    with pytest.raises(NoteSignatureError):
        verified_cosignatures(note, [MLDSA.verifier_key])
    assert verified_cosignatures(f"{head.body()}\n{cosign(head, ED25519, NOW)}", [ED25519.verifier_key])


def test_lines_are_added_once() -> None:
    first, second = cosign(NOTE, ED25519, NOW), cosign(NOTE, MLDSA, NOW)
    note = add_lines(NOTE, first)
    assert note == NOTE + first
    assert add_lines(note, [first, "", second + first, second]) == note + second
    assert add_lines(note, "") == add_lines(note, []) == note


@pytest.mark.parametrize(
    "lines",
    [
        "text\n",
        "\n",
        "— name AAAAAAA=",
        "— name AAAAAAA=\n\n— name AAAAAAA=\n",
        "\nother.example\n1\n" + b64encode(ROOT).decode() + "\n\n— name AAAAAAA=\n",
        "— na me AAAAAAA=\n",
        "".join(f"— name{number} AAAAAAA=\n" for number in range(64)),
        "— name " + b64encode(bytes(200_000)).decode() + "\n",
    ],
)
def test_lines_that_would_break_the_note_are_not_added(lines: str) -> None:
    with pytest.raises(NoteFormatError):
        add_lines(NOTE, lines)
    with pytest.raises(NoteFormatError):
        add_lines(NOTE, [cosign(NOTE, ED25519, NOW), lines])


@pytest.mark.parametrize("kind", [Ed25519Cosigner, MldsaCosigner])
@pytest.mark.parametrize(("name", "seed"), [("witness", b"short"), ("witness", bytes(64)), ("wit ness", bytes(32))])
def test_cosigners_that_cannot_be_are_refused(kind: Any, name: str, seed: bytes) -> None:
    with pytest.raises(NoteKeyError):
        kind(name, seed)
