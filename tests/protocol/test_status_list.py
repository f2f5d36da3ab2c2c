"""Token Status List: packing, compression, references and tokens that are as they should be."""

from __future__ import annotations

import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import status_list
from protocol.encoding import b64u_encode, json_loads
from protocol.errors import (
    StatusIndexError,
    StatusListFormatError,
    StatusListStaleError,
    StatusListTooLargeError,
    StatusReferenceError,
)
from protocol.jose import parse_compact
from protocol.keys import SoftwareSigner, generate_p256
from protocol.status_list import INVALID, SUSPENDED, VALID, StatusList, encode_token, verify_token

KEY = generate_p256()
SIGNER = SoftwareSigner(KEY, "status-1")
URI = "https://status.example/lists/7"
NOW = 1_800_000_000
BITS = st.sampled_from(status_list.ALLOWED_BITS)


@pytest.mark.requirement("Token Status List §4.1", "statuses of 1, 2, 4 or 8 bits, least significant first")
@settings(deadline=None)
@given(data=st.data(), bits=BITS, size=st.integers(1, 300))
def test_what_is_set_is_read_back_and_nothing_else_changes(data: st.DataObject, bits: int, size: int) -> None:
    made, expected = StatusList.of_size(size, bits=bits), {}
    for _ in range(data.draw(st.integers(0, 20))):
        index, status = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, 2**bits - 1))
        made.set(index, status)
        expected[index] = status
    assert [made.get(index) for index in range(made.size)] == [expected.get(index, 0) for index in range(made.size)]


@pytest.mark.requirement("Token Status List §4.2", "zlib and base64url")
@settings(deadline=None)
@given(bits=BITS, array=st.binary(min_size=1, max_size=500))
def test_lists_survive_compression(bits: int, array: bytes) -> None:
    packed = StatusList(bits, bytearray(array))
    assert StatusList.from_lst(bits, packed.compress()) == packed


def test_a_list_has_room_for_as_many_as_asked() -> None:
    assert [StatusList.of_size(9, bits=bits).size for bits in (1, 2, 4, 8)] == [16, 12, 10, 9]
    for entries in (0, -1, 2**40):
        with pytest.raises(StatusListTooLargeError):
            StatusList.of_size(entries)


@pytest.mark.parametrize("index", [-1, 4, 2**70, True, 1.0, "1", None])
def test_an_index_outside_the_list_has_no_status(index: Any) -> None:
    one = StatusList(2, bytearray(1))
    with pytest.raises(StatusIndexError):
        one.get(index)
    with pytest.raises(StatusIndexError):
        one.set(index, 0)


@pytest.mark.parametrize("status", [-1, 4, True, 1.0, None])
def test_a_status_must_fit_its_bits(status: Any) -> None:
    with pytest.raises(StatusIndexError):
        StatusList(2, bytearray(1)).set(0, status)


@pytest.mark.parametrize("bits", [0, 3, 16, -1, "1", None, True, 2.0])
def test_other_sizes_are_refused(bits: Any) -> None:
    with pytest.raises(StatusListFormatError):
        StatusList(bits, bytearray(1))


def test_too_large_a_list_is_refused() -> None:
    with pytest.raises(StatusListTooLargeError):
        StatusList(1, bytearray(status_list.MAX_ARRAY_BYTES + 1))


def test_a_bomb_is_refused_at_the_bound() -> None:
    """The inflated bytes are bounded by the caller's limit, whatever the stream holds."""
    bomb = b64u_encode(zlib.compress(bytes(1 << 24)))
    with pytest.raises(StatusListTooLargeError):
        StatusList.from_lst(1, bomb, max_bytes=1000)
    assert StatusList.from_lst(1, b64u_encode(zlib.compress(bytes(1000))), max_bytes=1000).size == 8000


@pytest.mark.requirement("Token Status List §5.1", "a status list token in JWT form")
def test_a_token_has_the_claims_and_header_of_the_standard() -> None:
    token = encode_token(
        StatusList(1, bytearray(b"\xb9\xa3")), uri=URI, signer=SIGNER, iat=NOW, exp=NOW + 600, ttl=60, x5c=["AAAA"]
    )
    jws = parse_compact(token, allowed_types=frozenset({"statuslist+jwt"}))
    assert jws.header == {"alg": "ES256", "typ": "statuslist+jwt", "kid": "status-1", "x5c": ["AAAA"]}
    assert json_loads(jws.payload) == {
        "sub": URI,
        "iat": NOW,
        "exp": NOW + 600,
        "ttl": 60,
        "status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ"},
    }


@pytest.mark.requirement("Token Status List §7.1", "valid, invalid and suspended")
def test_a_token_tells_the_status_of_every_index() -> None:
    assert (VALID, INVALID, SUSPENDED) == (0, 1, 2)
    made = StatusList.of_size(100_000)
    made.set(0, SUSPENDED)
    made.set(99_999, INVALID)
    token = encode_token(made, uri=URI, signer=SIGNER, iat=NOW)
    read = verify_token(token, key=KEY.public_key(), uri=URI, now=NOW)
    assert [read.get(index) for index in (0, 1, 99_999)] == [SUSPENDED, VALID, INVALID]
    assert (read.issued_at, read.expires_at, read.ttl, read.fresh_until(NOW)) == (NOW, None, None, None)


@pytest.mark.requirement("Token Status List §5.1", "ttl says how long a copy may be kept")
def test_a_copy_is_fresh_until_ttl_or_expiry() -> None:
    token = encode_token(StatusList.of_size(1), uri=URI, signer=SIGNER, iat=NOW, exp=NOW + 100, ttl=60)

    def read(now: float, fetched_at: float) -> status_list.StatusListToken:
        return verify_token(token, key=KEY.public_key(), uri=URI, now=now, fetched_at=fetched_at)

    assert read(NOW + 59, NOW).fresh_until(NOW) == NOW + 60
    assert read(NOW + 99, NOW + 80).fresh_until(NOW + 80) == NOW + 100
    with pytest.raises(StatusListStaleError):
        read(NOW + 60, NOW)


def test_a_caller_may_insist_on_a_recent_list() -> None:
    token = encode_token(StatusList.of_size(1), uri=URI, signer=SIGNER, iat=NOW)
    verify_token(token, key=KEY.public_key(), uri=URI, now=NOW + 86_400, max_age=86_400)
    with pytest.raises(StatusListStaleError):
        verify_token(token, key=KEY.public_key(), uri=URI, now=NOW + 86_401, max_age=86_400)


@pytest.mark.requirement("Token Status List §6.2", "the reference in a credential")
@pytest.mark.parametrize(
    "uri", [URI, "https://a.example:8443/x?list=1", "https://xn--fiqs8s.example/%E4", "https://[2001:db8::1]/x"]
)
def test_a_reference_is_read(uri: str) -> None:
    claims = {"status": status_list.status_claim(5, uri) | {"other": {}}}
    assert status_list.status_reference(claims) == (5, uri)


def test_a_credential_without_status_has_no_reference() -> None:
    assert status_list.status_reference({"vct": "x"}) is None


def test_another_scheme_must_be_allowed() -> None:
    claims = {"status": status_list.status_claim(0, "http://localhost:8000/x")}
    assert status_list.status_reference(claims, allowed_schemes=frozenset({"http", "https"})) is not None
    with pytest.raises(StatusReferenceError):
        status_list.status_reference(claims)
