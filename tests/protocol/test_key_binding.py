from __future__ import annotations

from typing import Any

import pytest

from protocol import sd_jwt
from protocol.errors import (
    HolderKeyError,
    KeyBindingFormatError,
    KeyBindingFutureError,
    KeyBindingHashError,
    KeyBindingSignatureError,
    KeyBindingStaleError,
    SdJwtFormatError,
)
from tests.protocol.makers import AUDIENCE, EVE, HOLDER, NONCE, NOW, bind, disclose, hidden, jws, payload, unbound

GIVEN = disclose("salt", "given_name", "Lei")
PAYLOAD = hidden(GIVEN)
TEXT = unbound(jws(PAYLOAD), [GIVEN])


def create(text: str = TEXT, **how: Any) -> str:
    return sd_jwt.create_key_binding(
        text, **{"signer": HOLDER, "audience": AUDIENCE, "nonce": NONCE, "issued_at": NOW, **how}
    )


def verify(presentation: str, **how: Any) -> dict[str, Any]:
    base = {"audience": AUDIENCE, "nonce": NONCE, "now": NOW, "max_age": 300, "issuer_payload": PAYLOAD}
    return sd_jwt.verify_key_binding(presentation, key_binding_jwt=presentation.rsplit("~", 1)[1], **{**base, **how})


@pytest.mark.requirement("RFC 9901 §4.3", "key binding JWT made by the holder over exactly what is shown")
def test_binding_made_is_accepted_with_its_claims() -> None:
    made = create(extra={"transaction_data_hashes": ["AAAA"]})
    assert made.startswith(TEXT)
    assert verify(made) == {
        "iat": NOW, "aud": AUDIENCE, "nonce": NONCE, "sd_hash": sd_jwt.sd_hash(TEXT), "transaction_data_hashes": ["AAAA"],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["iat", "aud", "nonce", "sd_hash"])
def test_extra_claims_cannot_replace_those_that_are_checked(name: str) -> None:
    with pytest.raises(KeyBindingFormatError):
        create(extra={name: "x"})


@pytest.mark.parametrize("text", [TEXT[:-1], bind(TEXT), ""])
def test_only_an_unbound_presentation_can_be_bound(text: str) -> None:
    with pytest.raises(SdJwtFormatError):
        create(text)


def test_other_hash_is_used_on_both_sides() -> None:
    made = create(hash_name="sha-512")
    assert len(verify(made, hash_name="sha-512")["sd_hash"]) == 86
    with pytest.raises(KeyBindingHashError):
        verify(made)


@pytest.mark.requirement(
    "RFC 9901 §7.3", "without expected audience and nonce, signature, hash and time are still checked"
)
def test_nothing_to_compare_with_is_no_excuse() -> None:
    free: dict[str, Any] = {"audience": None, "nonce": None}
    assert verify(create(audience="anyone", nonce="any"), **free)["aud"] == "anyone"
    with pytest.raises(KeyBindingSignatureError):
        verify(create(signer=EVE), **free)
    with pytest.raises(KeyBindingStaleError):
        verify(create(issued_at=NOW - 301), **free)
    with pytest.raises(KeyBindingFormatError):
        verify(bind(TEXT, aud=None), **free)
    other = unbound(jws(PAYLOAD))
    with pytest.raises(KeyBindingHashError):
        verify(other + create().rsplit("~", 1)[1], **free)


@pytest.mark.parametrize(
    ("issued_at", "error"),
    [(NOW - 300, None), (NOW - 301, KeyBindingStaleError), (NOW + 60, None), (NOW + 61, KeyBindingFutureError)],
)
def test_window_is_the_callers(issued_at: int, error: type[Exception] | None) -> None:
    if error is None:
        assert verify(create(issued_at=issued_at))["iat"] == issued_at
        return
    with pytest.raises(error):
        verify(create(issued_at=issued_at))


def test_skew_into_the_future_can_be_narrowed() -> None:
    with pytest.raises(KeyBindingFutureError):
        verify(create(issued_at=NOW + 1), future_skew=0)


@pytest.mark.requirement("RFC 7800 §3.2", "the holder key is cnf.jwk of what the issuer signed")
def test_holder_key_is_read_from_the_payload() -> None:
    assert sd_jwt.holder_key(payload()).public_numbers().x > 0
    for cnf in (None, {}, {"jwk": None}, {"jwk": {"kty": "RSA"}}, "x", [HOLDER.public_jwk]):
        with pytest.raises(HolderKeyError):
            sd_jwt.holder_key({"cnf": cnf})
    with pytest.raises(HolderKeyError):
        sd_jwt.holder_key({})
