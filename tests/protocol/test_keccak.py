"""Keccak-256 as Ethereum and WeIdentity use it; pycryptodome is the judge."""

from __future__ import annotations

import hashlib

import pytest
from Crypto.Hash import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.keccak import keccak_256


@pytest.mark.requirement("Keccak submission 3.0", "Keccak-256 with the original padding")
@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
        (b"testing", "5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02"),
    ],
)
def test_known_digests(data: bytes, digest: str) -> None:
    assert keccak_256(data).hex() == digest


@pytest.mark.parametrize("length", [1, 64, 134, 135, 136, 137, 271, 272, 273, 1000])
def test_every_length_around_a_block_agrees_with_pycryptodome(length: int) -> None:
    data = bytes(range(256)) * 4
    assert keccak_256(data[:length]) == keccak.new(digest_bits=32 * 8, data=data[:length]).digest()


@settings(deadline=None)
@given(st.binary(max_size=600))
def test_any_data_agrees_with_pycryptodome(data: bytes) -> None:
    assert keccak_256(data) == keccak.new(digest_bits=256, data=data).digest()


def test_it_is_not_sha3() -> None:
    assert keccak_256(b"abc") != hashlib.sha3_256(b"abc").digest()
