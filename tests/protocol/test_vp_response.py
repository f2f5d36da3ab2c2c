"""What wallets post, and what pretends to be a wallet: opened with one key, in one form, within bounds."""

from __future__ import annotations

import zlib
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey

from protocol.encoding import b64u_decode, b64u_encode, json_object
from protocol.errors import CodedError, ResponseFormatError
from protocol.keys import generate_p256, public_jwk
from protocol.vp_response import MAX_RESPONSE_BYTES, WalletResponse, parse_form, read_response
from tests.protocol.makers import js

KEY = generate_p256()
KID = "this request's"
TOKEN = {"a": ["presentation~"], "b": ["one~", "two~"]}
ANSWER = {"vp_token": TOKEN, "state": "s"}
SEEN = {"a": ("presentation~",), "b": ("one~", "two~")}


def form(**parameters: Any) -> bytes:
    return urlencode(
        {name: js(value) if isinstance(value, dict) else value for name, value in parameters.items()}
    ).encode()


def sealed(members: Any = ANSWER, *, key: Any = KEY, **header: Any) -> str:
    """As a wallet seals it: by joserfc, which is not ours."""
    protected = {"alg": "ECDH-ES", "enc": "A128GCM", "kid": KID, **header}
    protected = {name: value for name, value in protected.items() if value is not None}
    recipient = ECKey.import_key({**public_jwk(key.public_key())})
    registry = jwe.JWERegistry(algorithms=["ECDH-ES", "ECDH-ES+A256KW", "A128GCM", "A256GCM", "DEF"])
    body = members if isinstance(members, bytes) else js(members).encode()
    return jwe.encrypt_compact(protected, body, recipient, registry=registry)


def read(body: bytes, mode: str = "direct_post.jwt") -> WalletResponse:
    return read_response(body, response_mode=mode, private_key=KEY, kid=KID)


@pytest.mark.requirement("OpenID4VP 1.0 §8.2", "direct_post: vp_token and state in a form")
def test_a_plain_answer_is_read() -> None:
    body = form(vp_token=TOKEN, state="s", presentation_submission="ignored")
    assert read(body, "direct_post") == WalletResponse("s", SEEN)


@pytest.mark.requirement(
    "OpenID4VP 1.0 §8.3.1", "direct_post.jwt: the parameters in a JWE, ECDH-ES with A128GCM or A256GCM"
)
@pytest.mark.parametrize("enc", ["A128GCM", "A256GCM"])
def test_an_encrypted_answer_is_opened(enc: str) -> None:
    parties = {"apu": b64u_encode(b"wallet"), "apv": b64u_encode(b"nonce")}
    for header in ({}, parties):
        assert read(form(response=sealed(enc=enc, **header))) == WalletResponse("s", SEEN, is_encrypted=True)


@pytest.mark.requirement("OpenID4VP 1.0 §8.5", "a wallet may answer with an error, also where it could not encrypt")
@pytest.mark.parametrize("mode", ["direct_post", "direct_post.jwt"])
def test_an_error_may_come_in_the_clear(mode: str) -> None:
    assert read(form(error="access_denied", state="s"), mode) == WalletResponse("s", {}, "access_denied")
    encrypted = read(form(response=sealed({"error": "access_denied", "state": "s"})))
    assert encrypted == WalletResponse("s", {}, "access_denied", is_encrypted=True)


def header_of(token: str, **changes: Any) -> str:
    """The JWE with another protected header, which nothing authenticates before the key is used."""
    head, _, rest = token.partition(".")
    return f"{b64u_encode(js({**json_object(b64u_decode(head)), **changes}).encode())}.{rest}"


def bomb() -> str:
    """A megabyte that would become a gigabyte (O-11)."""
    squeezed = zlib.compressobj(9, wbits=-15)
    body = squeezed.compress(b"\0" * (1 << 24)) + squeezed.flush()
    return header_of(sealed(body), zip="DEF")


# name, body, code, why
ENCRYPTION = "vp_response_encryption"
ATTACKS: list[tuple[str, Any, str, str]] = [
    ("in the clear", lambda: form(vp_token=TOKEN, state="s"), ENCRYPTION, "whoever carries it could read it"),
    ("both", lambda: form(vp_token=TOKEN, response=sealed()), ENCRYPTION, "two answers, and a choice between them"),
    ("to another key", lambda: form(response=sealed(key=generate_p256())), ENCRYPTION, "not ours to open"),
    ("under another name", lambda: form(response=sealed(kid="another")), ENCRYPTION, "a key of another session"),
    ("under no name", lambda: form(response=sealed(kid=None)), ENCRYPTION, "§8.3: the kid of the JWK is repeated"),
    ("compressed", lambda: form(response=sealed(zip="DEF")), ENCRYPTION, "O-11: refused before decompression"),
    ("bomb", lambda: form(response=bomb()), ENCRYPTION, "O-11: refused before decompression"),
    ("password", lambda: form(response=header_of(sealed(), alg="PBES2-HS256+A128KW", p2c=2**31, p2s="AAAAAAAA")),
     ENCRYPTION, "O-11: work chosen by a stranger"),
    ("direct key", lambda: form(response=header_of(sealed(), alg="dir")), ENCRYPTION, "a key that was never agreed"),
    ("wrapped key", lambda: form(response=sealed(alg="ECDH-ES+A256KW")), ENCRYPTION, "not what client_metadata asked"),
    ("cbc", lambda: form(response=header_of(sealed(), enc="A256CBC-HS512")), ENCRYPTION, "not what was asked for"),
    ("altered", lambda: form(response=sealed()[:-4] + "AAAA"), ENCRYPTION, "the tag does not hold"),
    ("epk off the curve", lambda: form(response=header_of(sealed(), epk={"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"})),
     "key_invalid", "invalid-curve attack on the session's key"),
    ("general JSON", lambda: form(response='{"protected":"a.b.c.d"}....'), ENCRYPTION, "one form, one parser"),
    ("four parts", lambda: form(response="a.b.c.d"), ENCRYPTION, "not a compact JWE"),
    ("no JSON in the header", lambda: form(response="AAAA.b.c.d.e"), ENCRYPTION, "not a compact JWE"),
    ("long header", lambda: form(response="A" * 20_000 + ".b.c.d.e"), ENCRYPTION, "bounded before work"),
    ("no object inside", lambda: form(response=sealed(b"[]")), "vp_response_malformed", "§8.1"),
    ("nothing at all", lambda: b"", ENCRYPTION, "no parameter, and so nothing encrypted"),
    ("empty form", lambda: form(state="s"), ENCRYPTION, "neither answer nor error"),
    ("twice", lambda: form(response=sealed()) + b"&response=x", "vp_response_malformed", "two parsers might choose two"),
    ("too long", lambda: b"response=" + b"A" * MAX_RESPONSE_BYTES, "too_large", "refused before parsing"),
    ("too many", lambda: "&".join(f"a{n}=1" for n in range(17)).encode(), "vp_response_malformed", "bounded"),
    ("not ASCII", "response=é".encode, "vp_response_malformed", "a form is percent-encoded"),
    ("not UTF-8", lambda: b"response=%FF", "vp_response_malformed", "text is UTF-8"),
    ("no form", lambda: b'{"vp_token":{}}', "vp_response_malformed", "JSON where a form belongs"),
]  # fmt: skip


@pytest.mark.requirement("OpenID4VP 1.0 §8.3", "an answer that was not encrypted as asked is refused before any work")
@pytest.mark.parametrize(("build", "code"), [each[1:3] for each in ATTACKS], ids=[each[0] for each in ATTACKS])
def test_what_no_wallet_sends_is_refused(build: Any, code: str) -> None:
    with pytest.raises(CodedError) as refused:
        read(build())
    assert refused.value.code == code


@pytest.mark.requirement("OpenID4VP 1.0 §8.1", "vp_token is an object of arrays of presentations, none of them empty")
@pytest.mark.parametrize(
    "token",
    [[], {}, "x", None, {"a": "x"}, {"a": []}, {"a": [1]}, {"a": [{}]}, {"a": [None]}, {str(n): ["x"] for n in range(17)},
     {"a": ["x"] * 17}],
    ids=lambda token: js(token)[:20],
)  # fmt: skip
def test_other_tokens_are_refused(token: Any) -> None:
    with pytest.raises(ResponseFormatError):
        read(form(response=sealed({"vp_token": token, "state": "s"})))
    with pytest.raises(ResponseFormatError):
        read(urlencode({"vp_token": js(token), "state": "s"}).encode(), "direct_post")


@pytest.mark.parametrize(
    "members",
    [{}, {"vp_token": TOKEN, "error": "x"}, {"vp_token": TOKEN, "state": "x" * 513}, {"vp_token": TOKEN, "state": 1},
     {"error": 1}, {"error": "x" * 513}],
    ids=lambda members: js(members)[:30],
)  # fmt: skip
def test_neither_answer_nor_error_or_both_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ResponseFormatError):
        read(form(response=sealed(members)))


def test_an_encrypted_answer_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(CodedError, match=ENCRYPTION):
        read(form(response=sealed()), "direct_post")
    with pytest.raises(CodedError, match=ENCRYPTION):
        read_response(form(response=sealed()), response_mode="direct_post.jwt", private_key=None, kid=None)


def test_a_form_is_read_as_it_was_written() -> None:
    assert parse_form(b"a=1+2&b=%E9%8A%80&c=") == {"a": "1 2", "b": "銀", "c": ""}
