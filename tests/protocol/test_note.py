"""C2SP signed-note: three kinds of keys, their texts, and signature lines."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest

from protocol import note
from protocol.cosignature import Ed25519Cosigner, MldsaCosigner
from protocol.errors import NoteFormatError, NoteKeyError, NoteSignatureError
from protocol.note import KeyType, NoteSignature, SeedSigner, VerifierKey, parse_lines, split_note, verifier_key

SEED = b"\x07" * 32
PLAIN = verifier_key(SeedSigner("log.example/macau", SEED))
ED25519 = Ed25519Cosigner("witness.example/gd", SEED).verifier_key
MLDSA = MldsaCosigner("witness.example/gd", SEED).verifier_key
KEYS = [PLAIN, ED25519, MLDSA]
TYPES = {PLAIN: 0x01, ED25519: 0x04, MLDSA: 0x06}
SIZES = {PLAIN: 32, ED25519: 32, MLDSA: 1312}

# Both published with the specification.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
POEM = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3"
    "ZekRwNtIc=\n"
)


@pytest.mark.requirement("C2SP signed-note, Verifier keys", "the published key verifies the published note")
def test_the_published_key_verifies_the_published_note() -> None:
    key = VerifierKey.from_vkey(EXAMPLE_KEY)
    text, [line] = split_note(EXAMPLE_NOTE)
    assert (text, line.name, line.key_id) == ("This is an example message.\n", key.name, key.key_id)
    key.verify(line.signature, text.encode())
    with pytest.raises(NoteSignatureError):
        key.verify(line.signature, b"This is another message.\n")


@pytest.mark.requirement("C2SP signed-note, Format", "the text may hold empty lines; the last one ends it")
def test_the_last_empty_line_ends_the_text() -> None:
    text, [line] = split_note(POEM.encode())
    assert text.endswith("sole:\n\ned è subito sera.\n")
    assert (line.name, line.line) == ("quasimodo.example/salvatore", POEM.rpartition("\n\n")[2])


@pytest.mark.requirement("C2SP tlog-cosignature, Format", "key ids of types 0x04 and 0x06, and their vkeys")
@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.type.name)
def test_every_kind_of_key_has_its_own_id_and_round_trips(key: VerifierKey) -> None:
    material = bytes([TYPES[key]]) + key.public_key
    assert len(key.public_key) == SIZES[key]
    assert key.key_id == sha256(key.name.encode() + b"\n" + material).digest()[:4]
    assert key.vkey == f"{key.name}+{key.key_id.hex()}+{b64encode(material).decode()}"
    read = VerifierKey.from_vkey(key.vkey)
    assert (read, read.type) == (key, key.type)
    assert key.is_cosigner is (key is not PLAIN)


def test_one_public_key_under_two_types_is_two_keys() -> None:
    plain = VerifierKey(ED25519.name, ED25519.public_key)
    assert plain != ED25519
    assert plain.key_id != ED25519.key_id


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.type.name)
def test_a_key_id_of_another_key_is_refused(key: VerifierKey) -> None:
    others = [other.key_id.hex() for other in KEYS if other is not key]
    for other in (*others, key.key_id.hex().upper(), "", "0" * 8):
        if other != key.key_id.hex():
            with pytest.raises(NoteKeyError):
                VerifierKey.from_vkey(key.vkey.replace(f"+{key.key_id.hex()}+", f"+{other}+"))


@pytest.mark.parametrize(
    ("name", "public_key", "kind"),
    [
        ("name", bytes(31), KeyType.ED25519),
        ("name", bytes(1312), KeyType.ED25519),
        ("name", bytes(1312), KeyType.COSIGNATURE_ED25519),
        ("name", bytes(32), KeyType.COSIGNATURE_MLDSA44),
        ("name", bytes(1311), KeyType.COSIGNATURE_MLDSA44),
        ("name", bytes(32), 0x02),
        ("name", bytes(32), 0xFF),
        ("n" * 256, bytes(1312), KeyType.COSIGNATURE_MLDSA44),
        ("é" * 128, bytes(1312), KeyType.COSIGNATURE_MLDSA44),
        ("n" * 513, bytes(32), KeyType.ED25519),
        ("na me", bytes(32), KeyType.COSIGNATURE_ED25519),
        ("na+me", bytes(32), KeyType.COSIGNATURE_ED25519),
        ("", bytes(32), KeyType.COSIGNATURE_ED25519),
    ],
)
def test_keys_that_cannot_be_are_refused(name: str, public_key: bytes, kind: Any) -> None:
    with pytest.raises(NoteKeyError):
        VerifierKey(name, public_key, kind)


@pytest.mark.parametrize(("name", "kind"), [("n" * 255, KeyType.COSIGNATURE_MLDSA44), ("n" * 512, KeyType.ED25519)])
def test_the_longest_names_are_accepted(name: str, kind: KeyType) -> None:
    key = VerifierKey(name, bytes(note.PUBLIC_KEY_SIZES[kind]), kind)
    assert VerifierKey.from_vkey(key.vkey) == key


IMPOSSIBLE = [VerifierKey("name", bytes([byte]) * 1312, KeyType.COSIGNATURE_MLDSA44) for byte in (0x00, 0xFF)]


@pytest.mark.parametrize("key", [*KEYS, *IMPOSSIBLE], ids=lambda key: key.type.name)
@pytest.mark.parametrize("signature", [b"", bytes(64), bytes(2420), bytes(5000)])
def test_noise_never_verifies(key: VerifierKey, signature: bytes) -> None:
    with pytest.raises(NoteSignatureError):
        key.verify(signature, b"message")


def test_lines_read_back() -> None:
    line = NoteSignature("witness.example", b"abcd", b"signature")
    assert parse_lines(line.line * 2) == (line, line)


@pytest.mark.parametrize("lines", ["", "\n", "— name AAAAAAA=", "— name AAAAAAA=\n\n", "\n— name AAAAAAA=\n", "name\n"])
def test_what_is_no_line_is_refused(lines: str) -> None:
    with pytest.raises(NoteFormatError):
        parse_lines(lines)
