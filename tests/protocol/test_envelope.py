"""The digital envelope: several recipients, a fresh key per message, and refusals that tell nothing."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import envelope
from protocol.encoding import b64u_decode, b64u_encode, json_dumps, json_object
from protocol.envelope import compact_header, open_envelope, seal, seal_compact
from protocol.errors import (
    EnvelopeError,
    EnvelopeFormatError,
    EnvelopeOpenError,
    EnvelopeRecipientError,
    KeyFormatError,
    ProtocolError,
)
from protocol.keys import public_jwk

KEYS = {name: ec.derive_private_key(number, ec.SECP256R1()) for number, name in enumerate(("ana", "lei", "chan"), 7)}
JWKS = [{**public_jwk(key.public_key()), "kid": name} for name, key in KEYS.items()]
SECRET = "處方 🔒".encode()


@pytest.mark.requirement("RFC 7516 §7.2.1", "General JSON serialization to several recipients")
def test_every_recipient_opens_the_same_envelope() -> None:
    sealed = seal(SECRET, JWKS, protected={"typ": "share"})
    for name, key in KEYS.items():
        assert open_envelope(sealed, key, name) == SECRET
        assert open_envelope(json.dumps(sealed), key, name) == SECRET
    assert json_object(b64u_decode(sealed["protected"])) == {"enc": "A256GCM", "typ": "share"}


@pytest.mark.requirement("RFC 7518 §4.6", "an ephemeral key and a content key of their own for every message")
def test_nothing_repeats_between_two_envelopes_of_one_message() -> None:
    first, second = (seal(SECRET, JWKS) for _ in range(2))
    assert {first["iv"], first["ciphertext"]}.isdisjoint({second["iv"], second["ciphertext"]})
    keys = [part["header"]["epk"]["x"] for sealed in (first, second) for part in sealed["recipients"]]
    assert len(set(keys)) == len(keys)


@settings(deadline=None)
@given(st.binary(max_size=2000), st.binary(max_size=20), st.binary(max_size=20))
def test_any_bytes_survive(plaintext: bytes, apu: bytes, apv: bytes) -> None:
    assert open_envelope(seal(plaintext, JWKS[:1], apu=apu, apv=apv), KEYS["ana"], "ana") == plaintext


@pytest.mark.requirement("RFC 7518 §4.6.2", "Concat KDF, the example of appendix C")
def test_the_key_derivation_is_that_of_the_published_example() -> None:
    secret = int.from_bytes(b64u_decode("0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"), "big")
    point = b"\x04" + b64u_decode("weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ")
    point += b64u_decode("e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck")
    bob = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    shared = ec.derive_private_key(secret, ec.SECP256R1()).exchange(ec.ECDH(), bob)
    assert b64u_encode(envelope._derive(shared, "A128GCM", 16, b"Alice", b"Bob")) == "VqqN6vgjbSBcIijNcacQGg"


@pytest.mark.requirement("RFC 7518 §4.6.1", "apu and apv are bound into the key")
@pytest.mark.parametrize("name", ["apu", "apv"])
def test_altered_parties_do_not_open(name: str) -> None:
    sealed = seal(SECRET, JWKS[:1], apu=b"agency", apv=b"ana")
    sealed["recipients"][0]["header"][name] = b64u_encode(b"other")
    with pytest.raises(EnvelopeOpenError):
        open_envelope(sealed, KEYS["ana"], "ana")


@pytest.mark.requirement("RFC 7516 §11.5", "a wrong key and altered content give one answer")
@pytest.mark.parametrize("member", ["iv", "ciphertext", "tag", "protected", "encrypted_key", "key"])
def test_every_failure_after_the_key_was_used_reads_the_same(member: str) -> None:
    sealed, key = seal(SECRET, JWKS[:1], protected={"cty": "x"}), KEYS["ana"]
    if member == "key":
        key = KEYS["lei"]
    elif member == "protected":
        sealed["protected"] = b64u_encode(json_dumps({"enc": "A256GCM", "cty": "y"}))
    else:
        holder = sealed["recipients"][0] if member == "encrypted_key" else sealed
        raw = bytearray(b64u_decode(holder[member]))
        raw[0] ^= 1
        holder[member] = b64u_encode(bytes(raw))
    with pytest.raises(EnvelopeOpenError) as refusal:
        open_envelope(sealed, key, "ana")
    assert str(refusal.value) == "envelope_not_opened: not for this key, or altered"
    assert refusal.value.__cause__ is None


@pytest.mark.requirement("RFC 7516 §5.2", "additional authenticated data")
def test_additional_authenticated_data_is_authenticated() -> None:
    sealed = seal(SECRET, JWKS[:1])
    with pytest.raises(EnvelopeOpenError):
        open_envelope({**sealed, "aad": b64u_encode(b"more")}, KEYS["ana"], "ana")


@pytest.mark.parametrize("kid", ["other", None, ""])
def test_an_envelope_for_others_is_told_apart_before_any_work(kid: str | None) -> None:
    with pytest.raises(EnvelopeRecipientError):
        open_envelope(seal(SECRET, JWKS), KEYS["ana"], kid)


def test_a_key_of_another_curve_opens_nothing() -> None:
    with pytest.raises(KeyFormatError):
        open_envelope(seal(SECRET, JWKS[:1]), ec.derive_private_key(7, ec.SECP256K1()), "ana")


@pytest.mark.parametrize(
    ("recipients", "error"),
    [
        ([], EnvelopeFormatError),
        ([JWKS[0]] * 2, EnvelopeFormatError),
        ([JWKS[0] | {"kid": 5}], EnvelopeFormatError),
        ([JWKS[0] | {"kid": ""}], EnvelopeFormatError),
        ([JWKS[0] | {"kid": "k" * 600}], EnvelopeFormatError),
        ([public_jwk(KEYS["ana"].public_key())], EnvelopeFormatError),
        ([JWKS[0] | {"kid": str(number)} for number in range(17)], EnvelopeFormatError),
        ([JWKS[0] | {"d": "AA"}], KeyFormatError),
        ([JWKS[0] | {"use": "sig"}], KeyFormatError),
        ([JWKS[0] | {"y": JWKS[0]["x"]}], KeyFormatError),
        ([JWKS[0] | {"crv": "P-384"}], KeyFormatError),
    ],
)
def test_nothing_is_sealed_to_unsound_recipients(recipients: list[dict[str, Any]], error: type[Exception]) -> None:
    with pytest.raises(error):
        seal(SECRET, recipients)


@pytest.mark.parametrize("member", ["enc", "alg", "epk", "kid", "apu", "zip", "crit", "p2c"])
def test_reserved_members_are_not_the_callers(member: str) -> None:
    with pytest.raises(EnvelopeFormatError):
        seal(SECRET, JWKS, protected={member: "x"})


@pytest.mark.parametrize(
    "oversized",
    [
        lambda: seal(bytes(envelope.MAX_PLAINTEXT_BYTES + 1), JWKS),
        lambda: seal(SECRET, JWKS, protected={"cty": "x" * 9000}),
        lambda: seal(SECRET, JWKS, apu=bytes(257)),
        lambda: seal(SECRET, JWKS, apv=bytes(257)),
    ],
)
def test_oversized_parts_are_not_sealed(oversized: Callable[[], object]) -> None:
    with pytest.raises(EnvelopeFormatError):
        oversized()


def test_the_bounds_themselves_are_accepted() -> None:
    key_ids = [chr(ord("a") + number) for number in range(15)] + ["k" * 512]
    sealed = seal(SECRET, [JWKS[0] | {"kid": kid} for kid in key_ids], apu=bytes(256), apv=bytes(256))
    assert [open_envelope(sealed, KEYS["ana"], kid) for kid in key_ids] == [SECRET] * 16


def test_a_megabyte_fits() -> None:
    plaintext = bytes(envelope.MAX_PLAINTEXT_BYTES)
    assert open_envelope(json.dumps(seal(plaintext, JWKS)), KEYS["chan"], "chan") == plaintext


def compact(**members: Any) -> str:
    """Seal by hand as a wallet does: direct agreement, everything in the protected header."""
    ephemeral, iv = ec.derive_private_key(99, ec.SECP256R1()), bytes(12)
    fields = {"alg": "ECDH-ES", "enc": "A128GCM", "epk": public_jwk(ephemeral.public_key())} | members
    key = envelope._derive(ephemeral.exchange(ec.ECDH(), KEYS["ana"].public_key()), "A128GCM", 16, b"", b"")
    encoded = b64u_encode(json_dumps(fields))
    sealed = AESGCM(key).encrypt(iv, SECRET, encoded.encode())
    return ".".join([encoded, "", *(b64u_encode(part) for part in (iv, sealed[:-16], sealed[-16:]))])


@pytest.mark.requirement("RFC 7516 §7.1", "compact serialization with direct key agreement is opened")
def test_a_compact_envelope_opens_for_its_key() -> None:
    assert open_envelope(compact(), KEYS["ana"], "ana") == open_envelope(compact(), KEYS["ana"], None) == SECRET
    assert open_envelope(compact(kid="ana"), KEYS["ana"], "ana") == SECRET
    for kid in ("lei", None):
        with pytest.raises(EnvelopeRecipientError):
            open_envelope(compact(kid="ana"), KEYS["ana"], kid)
    with pytest.raises(EnvelopeOpenError):
        open_envelope(compact(), KEYS["lei"], "lei")
    with pytest.raises(EnvelopeFormatError):
        open_envelope(compact().replace("..", ".AAAA."), KEYS["ana"], "ana")


@pytest.mark.requirement("RFC 7518 §4.6", "direct key agreement in compact form is made, with either cipher")
@pytest.mark.parametrize("encryption", ["A128GCM", "A256GCM"])
def test_a_compact_envelope_is_made_for_one_key(encryption: str) -> None:
    made = seal_compact(SECRET, JWKS[0], encryption=encryption, protected={"cty": "json"}, apu=b"a", apv=b"b")
    assert open_envelope(made, KEYS["ana"], "ana") == SECRET
    head = compact_header(made)
    assert head.pop("epk").keys() == {"kty", "crv", "x", "y"}
    assert head == {"alg": "ECDH-ES", "enc": encryption, "kid": "ana", "apu": "YQ", "apv": "Yg", "cty": "json"}
    with pytest.raises(EnvelopeOpenError):
        open_envelope(made, KEYS["lei"], "ana")
    nameless = seal_compact(SECRET, public_jwk(KEYS["ana"].public_key()))
    assert open_envelope(nameless, KEYS["ana"], None) == SECRET
    assert "kid" not in compact_header(nameless)


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"encryption": "A128CBC-HS256"}, EnvelopeFormatError), ({"protected": {"enc": "A256GCM"}}, EnvelopeFormatError),
        ({"protected": {"zip": "DEF"}}, EnvelopeFormatError), ({"protected": {"epk": {}}}, EnvelopeFormatError),
        ({"protected": {"a": "x" * 9000}}, EnvelopeFormatError), ({"apu": bytes(257)}, EnvelopeFormatError),
        ({"plaintext": bytes(envelope.MAX_PLAINTEXT_BYTES + 1)}, EnvelopeFormatError),
        ({"jwk": {**JWKS[0], "use": "sig"}}, KeyFormatError), ({"jwk": {**JWKS[0], "y": JWKS[0]["x"]}}, KeyFormatError),
    ],
)  # fmt: skip
def test_no_compact_envelope_is_made_of_unsound_parts(how: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        seal_compact(**{"plaintext": SECRET, "jwk": JWKS[0], **how})


@pytest.mark.parametrize(
    "text", ["", "a.b.c", "a.b.c.d.e.f", "!.b.c.d.e", b64u_encode(b"{}") + "....", "a" * (1 << 22) + "....", None]
)
def test_the_header_of_what_is_no_envelope_is_not_read(text: Any) -> None:
    with pytest.raises(EnvelopeError):
        compact_header(text)


SEALED = seal(SECRET, JWKS[:2], protected={"typ": "share"})


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    sealed = copy.deepcopy(SEALED)
    change(sealed)
    return sealed


def header(**members: Any) -> dict[str, Any]:
    return changed(lambda sealed: sealed["recipients"][0]["header"].update(members))


def protected(**members: Any) -> dict[str, Any]:
    encoded = b64u_encode(json_dumps({"enc": "A256GCM"} | members))
    return changed(lambda sealed: sealed.update(protected=encoded))


def members(**values: Any) -> dict[str, Any]:
    return changed(lambda sealed: sealed.update(values))


FIRST = SEALED["recipients"][0]
EPK = FIRST["header"]["epk"]

# Each: name, envelope, expected code.
HOSTILE: list[tuple[str, Any, str]] = [
    ("alg dir", header(alg="dir"), "envelope_algorithm_refused"),
    ("alg ECDH-ES in JSON", header(alg="ECDH-ES"), "envelope_algorithm_refused"),
    ("alg RSA-OAEP", header(alg="RSA-OAEP"), "envelope_algorithm_refused"),
    ("alg RSA1_5", header(alg="RSA1_5"), "envelope_algorithm_refused"),
    ("alg PBES2", header(alg="PBES2-HS256+A128KW", p2c=10**9), "envelope_algorithm_refused"),
    ("alg A128KW", header(alg="A128KW"), "envelope_algorithm_refused"),
    ("alg none", header(alg="none"), "envelope_algorithm_refused"),
    ("alg list", header(alg=["ECDH-ES+A256KW"]), "envelope_algorithm_refused"),
    ("alg null", header(alg=None), "envelope_algorithm_refused"),
    ("enc CBC", protected(enc="A256CBC-HS512"), "envelope_algorithm_refused"),
    ("enc list", protected(enc=["A256GCM"]), "envelope_algorithm_refused"),
    ("enc shorter", protected(enc="A128GCM"), "envelope_malformed"),
    (
        "enc unprotected",
        changed(lambda s: s.update(protected="e30", unprotected={"enc": "A256GCM"})),
        "envelope_algorithm_refused",
    ),
    ("enc twice", header(enc="A256GCM"), "envelope_malformed"),
    ("zip", protected(zip="DEF"), "envelope_algorithm_refused"),
    ("zip unprotected", members(unprotected={"zip": "DEF"}), "envelope_algorithm_refused"),
    ("crit", protected(crit=["x"], x=1), "envelope_algorithm_refused"),
    ("crit empty", protected(crit=[]), "envelope_algorithm_refused"),
    ("jku", header(jku="https://evil.example"), "envelope_algorithm_refused"),
    ("epk missing", changed(lambda s: s["recipients"][0]["header"].pop("epk")), "envelope_malformed"),
    ("epk text", header(epk="x"), "envelope_malformed"),
    ("epk off the curve", header(epk=EPK | {"y": EPK["x"]}), "key_invalid"),
    ("epk at infinity", header(epk=EPK | {"x": b64u_encode(bytes(32)), "y": b64u_encode(bytes(32))}), "key_invalid"),
    ("epk P-384", header(epk=EPK | {"crv": "P-384"}), "key_invalid"),
    ("epk secp256k1", header(epk=EPK | {"crv": "secp256k1"}), "key_invalid"),
    ("epk private", header(epk=EPK | {"d": "AA"}), "key_invalid"),
    ("epk empty", header(epk={}), "key_invalid"),
    ("apu number", header(apu=5), "envelope_malformed"),
    ("apu padded", header(apu="QQ=="), "envelope_malformed"),
    ("apv long", header(apv="A" * 4000), "envelope_malformed"),
    ("kid twice", changed(lambda s: s["recipients"].append(s["recipients"][0])), "envelope_malformed"),
    ("kid number", header(kid=5), "envelope_recipient_missing"),
    ("recipients none", members(recipients=[]), "envelope_malformed"),
    ("recipients map", members(recipients={}), "envelope_malformed"),
    ("recipients text", members(recipients=["ana"]), "envelope_malformed"),
    ("recipients many", members(recipients=[FIRST] * 17), "envelope_malformed"),
    ("flattened", {**{k: v for k, v in SEALED.items() if k != "recipients"}, **FIRST}, "envelope_malformed"),
    ("header text", changed(lambda s: s["recipients"][0].update(header="x")), "envelope_malformed"),
    ("unprotected list", members(unprotected=[]), "envelope_malformed"),
    ("protected missing", changed(lambda s: s.pop("protected")), "envelope_malformed"),
    ("protected map", members(protected={"enc": "A256GCM"}), "envelope_malformed"),
    ("protected not JSON", members(protected=b64u_encode(b"{")), "envelope_malformed"),
    ("protected list", members(protected=b64u_encode(b"[]")), "envelope_malformed"),
    ("protected duplicate", members(protected=b64u_encode(b'{"enc":"A256GCM","enc":"A256GCM"}')), "envelope_malformed"),
    ("protected long", members(protected="A" * 20_000), "envelope_malformed"),
    ("encrypted_key missing", changed(lambda s: s["recipients"][0].pop("encrypted_key")), "envelope_malformed"),
    ("encrypted_key empty", changed(lambda s: s["recipients"][0].update(encrypted_key="")), "envelope_malformed"),
    ("encrypted_key long", changed(lambda s: s["recipients"][0].update(encrypted_key="A" * 64)), "envelope_malformed"),
    ("iv 16 bytes", members(iv=b64u_encode(bytes(16))), "envelope_malformed"),
    ("iv missing", changed(lambda s: s.pop("iv")), "envelope_malformed"),
    ("tag 12 bytes", members(tag=b64u_encode(bytes(12))), "envelope_malformed"),
    ("tag empty", members(tag=""), "envelope_malformed"),
    ("ciphertext number", members(ciphertext=5), "envelope_malformed"),
    ("ciphertext plain base64", members(ciphertext="+/+/"), "envelope_malformed"),
    ("ciphertext oversized", members(ciphertext="A" * (envelope.MAX_PLAINTEXT_BYTES * 2)), "envelope_malformed"),
    ("aad number", members(aad=5), "envelope_malformed"),
    ("aad not base64url", members(aad="é"), "envelope_malformed"),
    ("text empty", "", "envelope_malformed"),
    ("text not JSON", "{", "envelope_malformed"),
    ("text deep", '{"a":' * 5000, "envelope_malformed"),
    ("text oversized", "{" + " " * envelope.MAX_ENVELOPE_BYTES, "envelope_malformed"),
    ("four parts", "a.b.c.d", "envelope_malformed"),
    ("six parts", "a.b.c.d.e.f", "envelope_malformed"),
    ("compact header not JSON", "YQ....", "envelope_malformed"),
    ("neither text nor map", 5, "envelope_malformed"),
    ("bytes", b"a.b.c.d.e", "envelope_malformed"),
]


@pytest.mark.requirement("RFC 7516 §5.2", "malformed envelopes and other algorithms are refused")
@pytest.mark.parametrize(("hostile", "code"), [pytest.param(*case[1:], id=case[0]) for case in HOSTILE])
def test_hostile_envelopes_are_refused(hostile: Any, code: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        open_envelope(hostile, KEYS["ana"], "ana")
    assert refusal.value.code == code


@settings(deadline=None)
@given(name=st.sampled_from([*SEALED]), value=st.none() | st.integers() | st.text(max_size=8) | st.lists(st.text()))
def test_no_member_crashes_the_opener(name: str, value: Any) -> None:
    with pytest.raises(ProtocolError):
        open_envelope(members(**{name: value}), KEYS["ana"], "ana")


def test_an_unrelated_recipient_part_does_not_hinder() -> None:
    strange: Mapping[str, Any] = {"header": {"alg": "RSA-OAEP", "kid": "other"}, "encrypted_key": "AAAA"}
    sealed = changed(lambda s: s["recipients"].insert(0, strange))
    assert open_envelope(sealed, KEYS["ana"], "ana") == SECRET
