from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from identity import vault
from identity.errors import UnreadableError


@given(
    plaintext=st.binary(max_size=300), context=st.text(max_size=30, alphabet=st.characters(exclude_categories=["Cs"]))
)
def test_what_is_sealed_opens_under_the_same_key_and_context(plaintext: bytes, context: str) -> None:
    key = vault.create_data_key()
    assert vault.unseal(key, vault.seal(key, plaintext, context=context), context=context) == plaintext


def test_an_unwrapped_data_key_seals_as_the_wrapped_one_does_and_shows_nothing() -> None:
    wrapped = vault.create_data_key()
    key = vault.DataKey(wrapped)
    assert vault.unseal(wrapped, key.seal(b"claims", context="row"), context="row") == b"claims"
    assert key.unseal(vault.seal(wrapped, b"claims", context="row"), context="row") == b"claims"
    assert repr(key).startswith("<identity.vault.DataKey object")
    with pytest.raises(UnreadableError):
        vault.DataKey(b"")


@given(position=st.integers(0, 40), flip=st.integers(1, 255))
def test_any_changed_byte_is_refused(position: int, flip: int) -> None:
    key = vault.create_data_key()
    sealed = bytearray(vault.seal(key, b"0123456789ab", context="row"))
    sealed[position % len(sealed)] ^= flip
    with pytest.raises(UnreadableError):
        vault.unseal(key, bytes(sealed), context="row")


def test_a_ciphertext_moved_to_another_column_does_not_open() -> None:
    key = vault.create_data_key()
    sealed = vault.seal(key, b"value", context="person:1:identity")
    with pytest.raises(UnreadableError):
        vault.unseal(key, sealed, context="person:2:identity")


@pytest.mark.parametrize("erased", [b"", b"\x01", b"\x02" + bytes(60)])
def test_nothing_opens_once_the_data_key_is_erased(erased: bytes) -> None:
    sealed = vault.seal(vault.create_data_key(), b"value", context="row")
    with pytest.raises(UnreadableError):
        vault.unseal(erased, sealed, context="row")


def test_memoryviews_from_the_driver_are_read() -> None:
    key = vault.create_data_key()
    sealed = vault.seal(memoryview(key), b"value", context="row")
    assert vault.unseal(memoryview(key), memoryview(sealed), context="row") == b"value"


def test_service_sealing_and_data_keys_do_not_open_each_other() -> None:
    sealed = vault.seal_for_service(b"value", context="row")
    assert vault.unseal_for_service(sealed, context="row") == b"value"
    with pytest.raises(UnreadableError):
        vault.unseal(vault.create_data_key(), sealed, context="row")
    with pytest.raises(UnreadableError):
        vault.unwrap(sealed, context="row")


def test_another_master_key_opens_nothing(settings: Settings) -> None:
    sealed = vault.seal_for_service(b"value", context="row")
    settings.KEY_ENCRYPTION_KEY = bytes(range(100, 132))
    with pytest.raises(UnreadableError):
        vault.unseal_for_service(sealed, context="row")


def test_lookup_digests_meet_by_purpose_and_value_only() -> None:
    assert vault.lookup_hmac("a", "1") == vault.lookup_hmac("a", "1")
    assert len({vault.lookup_hmac("a", "1"), vault.lookup_hmac("b", "1"), vault.lookup_hmac("a", "2")}) == 3
