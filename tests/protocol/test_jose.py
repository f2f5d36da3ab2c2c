from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from protocol.encoding import b64u_decode, b64u_encode
from protocol.errors import (
    AlgorithmError,
    CriticalHeaderError,
    HeaderFormatError,
    HeaderNotAllowedError,
    KeyFormatError,
    ProtocolError,
    SignatureError,
    SignatureFormatError,
    TokenTypeError,
    TooLargeError,
)
from protocol.jose import (
    MAX_HEADER_BYTES,
    MAX_PROOF_BYTES,
    Jws,
    own_key,
    parse_compact,
    parse_proof,
    sign_compact,
    verify_compact,
    verify_es256,
)
from protocol.keys import SoftwareSigner
from tests.protocol.makers import EVE, ISSUER, ISSUER_KEY, jws

TYPES = frozenset({"example+jwt"})
HEADER = {"typ": "example+jwt", "kid": "k1"}
TOKEN = sign_compact(b"payload", signer=ISSUER, header=HEADER)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~=+/ \n\0é"


@pytest.mark.requirement("RFC 7515 §5.1", "compact JWS made with ES256")
@given(st.binary(max_size=200))
def test_what_is_signed_verifies(payload: bytes) -> None:
    token = sign_compact(payload, signer=ISSUER, header=HEADER)
    found = verify_compact(token, key=ISSUER_KEY, allowed_types=TYPES)
    assert (found.payload, found.header) == (payload, {"alg": "ES256", **HEADER})


@pytest.mark.requirement("RFC 7515 §5.2", "no altered token verifies to another payload or header")
@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(ALPHABET))
def test_no_changed_character_verifies(at: int, sign: str) -> None:
    changed = TOKEN[:at] + sign + TOKEN[at + 1 :]
    if changed == TOKEN:
        return
    with pytest.raises(ProtocolError):
        verify_compact(changed, key=ISSUER_KEY, allowed_types=TYPES)


@given(st.text(alphabet=ALPHABET, max_size=60) | st.binary(max_size=20) | st.none())
def test_no_text_crashes_the_parser(token: Any) -> None:
    with pytest.raises(ProtocolError):
        parse_compact(token, allowed_types=TYPES)


def test_parts_are_the_bytes_that_were_signed() -> None:
    found = parse_compact(TOKEN, allowed_types=TYPES)
    assert found.digest == sha256(TOKEN.rpartition(".")[0].encode()).digest()
    assert b64u_encode(found.signature) == TOKEN.rpartition(".")[2]


def test_header_handed_out_is_the_callers_own() -> None:
    token = sign_compact(b"", signer=ISSUER, header={**HEADER, "x5c": ["MIIB"], "a": {"b": [{"c": [1]}]}})
    first = parse_compact(token, allowed_types=TYPES).header
    first["x5c"].append("EVIL")
    first["a"]["b"][0]["c"].append(2)
    first["typ"] = "changed"
    assert parse_compact(token, allowed_types=TYPES).header == {
        "alg": "ES256", **HEADER, "x5c": ["MIIB"], "a": {"b": [{"c": [1]}]},
    }  # fmt: skip


def test_another_key_does_not_verify() -> None:
    with pytest.raises(SignatureError):
        verify_es256(parse_compact(jws({}, {"alg": "ES256", **HEADER}, signer=EVE), allowed_types=TYPES), ISSUER_KEY)


@pytest.mark.parametrize("curve", [ec.SECP256K1(), ec.SECP384R1()], ids=["secp256k1", "P-384"])
def test_es256_needs_a_p256_key(curve: ec.EllipticCurve) -> None:
    with pytest.raises(SignatureError, match="P-256"):
        verify_es256(parse_compact(TOKEN, allowed_types=TYPES), ec.generate_private_key(curve).public_key())


@pytest.mark.parametrize("length", [0, 63, 65, 72])
def test_signature_length_is_checked_without_the_parser_too(length: int) -> None:
    with pytest.raises(SignatureFormatError):
        verify_es256(Jws({}, b"", bytes(32), bytes(length)), ISSUER_KEY)


def test_token_without_type_needs_the_callers_word() -> None:
    token = jws({}, {"alg": "ES256"})
    with pytest.raises(TokenTypeError):
        parse_compact(token, allowed_types=TYPES)
    assert parse_compact(token, allowed_types=frozenset({None})).header == {"alg": "ES256"}
    with pytest.raises(TokenTypeError):
        parse_compact(jws({}, {"alg": "ES256", "typ": None}), allowed_types=frozenset({None}))


def test_size_is_bounded_before_work() -> None:
    with pytest.raises(TooLargeError):
        parse_compact(TOKEN, allowed_types=TYPES, max_bytes=len(TOKEN) - 1)
    with pytest.raises(TooLargeError):
        parse_compact("A" * (MAX_HEADER_BYTES + 4) + ".AA.AA", allowed_types=TYPES)


@pytest.mark.requirement("RFC 8725 §3.11", "every token made here states its type")
@pytest.mark.parametrize(
    ("header", "error"),
    [
        ({}, TokenTypeError), ({"typ": None}, TokenTypeError), ({"typ": 1}, TokenTypeError), ({**HEADER, "alg": "none"}, AlgorithmError),
        ({**HEADER, "alg": "EdDSA"}, AlgorithmError), ({**HEADER, "crit": ["exp"]}, CriticalHeaderError),
        ({**HEADER, "jwk": {}}, HeaderNotAllowedError), ({**HEADER, "kid": 1}, HeaderFormatError), ({**HEADER, "x5c": []}, HeaderFormatError),
        ({**HEADER, "a": None}, HeaderFormatError), ({**HEADER, "a": [{"b": float("nan")}]}, HeaderFormatError),
        ({**HEADER, "a": "x" * MAX_HEADER_BYTES}, TooLargeError), ({**HEADER, "a": object()}, ProtocolError),
    ],
)  # fmt: skip
def test_nothing_is_signed_that_would_be_refused(header: dict[str, Any], error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        sign_compact(b"", signer=ISSUER, header=header)


def test_stating_the_signers_own_algorithm_is_harmless() -> None:
    assert verify_compact(
        sign_compact(b"", signer=ISSUER, header={"alg": "ES256", **HEADER}), key=ISSUER_KEY, allowed_types=TYPES
    )


@pytest.mark.requirement("RFC 8037 §3.1", "EdDSA signatures can be made, and are not accepted for tokens")
def test_eddsa_token_is_made_and_not_accepted() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    token = sign_compact(b"payload", signer=SoftwareSigner(key, "k"), header=HEADER)
    signing_input, _, signature = token.rpartition(".")
    key.public_key().verify(b64u_decode(signature), signing_input.encode())
    with pytest.raises(AlgorithmError):
        parse_compact(token, allowed_types=TYPES)


PROOF_HEADER = {"alg": "ES256", **HEADER, "jwk": {**ISSUER.public_jwk, "use": "sig"}}


@pytest.mark.requirement("RFC 8725 §3.10", "a token's own key is seen by one door alone, for proofs of possession")
def test_a_proof_shows_its_key_and_no_other_token_does() -> None:
    token = jws({"a": 1}, PROOF_HEADER)
    found = parse_proof(token, allowed_types=TYPES)
    assert verify_es256(found, own_key(found)) == b'{"a":1}'
    with pytest.raises(HeaderNotAllowedError):
        parse_compact(token, allowed_types=TYPES)
    with pytest.raises(SignatureError):
        verify_es256(parse_proof(jws({}, PROOF_HEADER, signer=EVE), allowed_types=TYPES), own_key(found))


def test_a_proof_may_show_no_key() -> None:
    found = parse_proof(TOKEN, allowed_types=TYPES)
    assert verify_es256(found, ISSUER_KEY) == b"payload"
    with pytest.raises(KeyFormatError):
        own_key(found)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"jwk": {**ISSUER.public_jwk, "d": "AA"}}, KeyFormatError), ({"jwk": {"kty": "oct", "k": "AA"}}, KeyFormatError),
        ({"jwk": {**ISSUER.public_jwk, "crv": "secp256k1"}}, KeyFormatError), ({"jwk": None}, KeyFormatError), ({"jwk": []}, KeyFormatError),
        ({"jku": "https://eve.example"}, HeaderNotAllowedError), ({"epk": {}}, HeaderNotAllowedError), ({"crit": []}, CriticalHeaderError),
        ({"alg": "none"}, AlgorithmError), ({"typ": "JWT"}, TokenTypeError), ({"x5c": []}, HeaderFormatError),
        ({"a": "x" * MAX_PROOF_BYTES}, TooLargeError),
    ],
)  # fmt: skip
def test_the_door_for_proofs_is_as_strict_as_the_other(changes: dict[str, Any], error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        parse_proof(jws({}, {**PROOF_HEADER, **changes}), allowed_types=TYPES)
