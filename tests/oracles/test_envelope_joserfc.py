"""joserfc opens what we seal, and we open what it seals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey, KeySet

from protocol.encoding import b64u_encode
from protocol.envelope import open_envelope, seal
from protocol.errors import EnvelopeAlgorithmError, EnvelopeRecipientError
from protocol.keys import public_jwk

KEYS = {name: ec.derive_private_key(number, ec.SECP256R1()) for number, name in enumerate(("ana", "lei"), 7)}
JWKS = [{**public_jwk(key.public_key()), "kid": name} for name, key in KEYS.items()]
ALGORITHMS = ["ECDH-ES", "ECDH-ES+A256KW", "ECDH-ES+A128KW", "A256GCM", "A128GCM", "A256CBC-HS512", "DEF"]


def private(name: str) -> ECKey:
    secret = KEYS[name].private_numbers().private_value.to_bytes(32, "big")
    jwk = next(jwk for jwk in JWKS if jwk["kid"] == name)
    return ECKey.import_key({**jwk, "d": b64u_encode(secret)})


def public(name: str) -> ECKey:
    return ECKey.import_key(KEYS[name].public_key(), {"kid": name})


@settings(deadline=None)
@given(plaintext=st.binary(max_size=300), apu=st.binary(max_size=9), apv=st.binary(max_size=9))
def test_joserfc_opens_ours(plaintext: bytes, apu: bytes, apv: bytes) -> None:
    sealed: Any = json.loads(json.dumps(seal(plaintext, JWKS, protected={"typ": "share"}, apu=apu, apv=apv)))
    opened = jwe.decrypt_json(sealed, KeySet([private("ana"), private("lei")]), algorithms=ALGORITHMS)
    assert opened.plaintext == plaintext


@pytest.mark.parametrize("content", ["A256GCM", "A128GCM"])
def test_we_open_the_general_json_of_joserfc(content: str) -> None:
    message = jwe.GeneralJSONEncryption({"enc": content}, b"secret", aad=b"more")
    for name in KEYS:
        message.add_recipient({"alg": "ECDH-ES+A256KW", "apu": b64u_encode(b"a"), "kid": name}, public(name))
    sealed: Any = jwe.encrypt_json(message, None, algorithms=ALGORITHMS)
    for name, key in KEYS.items():
        assert open_envelope(sealed, key, name) == b"secret"


@pytest.mark.requirement("OpenID4VP §8.3", "compact ECDH-ES responses are opened")
@pytest.mark.parametrize("algorithm", ["ECDH-ES", "ECDH-ES+A256KW"])
@pytest.mark.parametrize("content", ["A256GCM", "A128GCM"])
def test_we_open_the_compact_form_of_joserfc(algorithm: str, content: str) -> None:
    header = {"alg": algorithm, "enc": content, "kid": "ana", "apu": b64u_encode(b"wallet"), "apv": b64u_encode(b"n")}
    token = jwe.encrypt_compact(header, b"secret", public("ana"), algorithms=ALGORITHMS)
    assert open_envelope(token, KEYS["ana"], "ana") == b"secret"
    with pytest.raises(EnvelopeRecipientError):
        open_envelope(token, KEYS["lei"], "lei")


def test_a_compact_form_without_kid_is_tried() -> None:
    token = jwe.encrypt_compact({"alg": "ECDH-ES", "enc": "A256GCM"}, b"secret", public("ana"), algorithms=ALGORITHMS)
    assert open_envelope(token, KEYS["ana"], "ana") == open_envelope(token, KEYS["ana"], None) == b"secret"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "ECDH-ES+A128KW", "enc": "A256GCM"},
        {"alg": "ECDH-ES", "enc": "A256CBC-HS512"},
        {"alg": "ECDH-ES", "enc": "A256GCM", "zip": "DEF"},
    ],
)
def test_we_refuse_other_algorithms_that_joserfc_offers(header: dict[str, Any]) -> None:
    token = jwe.encrypt_compact(header, b"secret", public("ana"), algorithms=ALGORITHMS)
    with pytest.raises(EnvelopeAlgorithmError):
        open_envelope(token, KEYS["ana"], "ana")
