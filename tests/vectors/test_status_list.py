"""The examples of the Token Status List draft, in JSON and JWT form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from protocol.encoding import json_object
from protocol.errors import SignatureError
from protocol.jose import parse_compact
from protocol.keys import generate_p256
from protocol.status_list import TOKEN_TYPE, StatusList, verify_token
from tests.vectors.source import load

EXAMPLES = {
    name.removeprefix("examples/").removesuffix(".md"): data.decode()
    for name, data in load("status-list/status-list-examples.tar.gz").items()
    if name.startswith("examples/")
}
JSON_LISTS = sorted(name for name in EXAMPLES if name.startswith("status_list_encoding") and name.endswith("_json"))
CBOR = sorted(name for name in EXAMPLES if "cbor" in name or "cwt" in name)

# The statuses that the draft's text gives for its lists; all others of 2^20 are 0.
STATUSES: dict[str, dict[int, int]] = {
    "status_list_encoding_json": {0: 1, 3: 1, 4: 1, 5: 1, 7: 1, 8: 1, 9: 1, 13: 1, 15: 1},
    "status_list_encoding2_json": {0: 1, 1: 2, 3: 3, 5: 1, 7: 1, 8: 1, 9: 2, 10: 3, 11: 3},
    "status_list_encoding1_long_json": dict.fromkeys(
        (0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345), 1
    ),
    "status_list_encoding2_long_json": {
        **dict.fromkeys((0, 25460, 495669, 554353, 723232, 854545), 1),
        **dict.fromkeys((1993, 645645, 934534), 2),
        **dict.fromkeys((159495, 1000345), 3),
    },
    "status_list_encoding4_json": {
        0: 1,
        1993: 2,
        35460: 3,
        459495: 4,
        595669: 5,
        754353: 6,
        845645: 7,
        923232: 8,
        924445: 9,
        934534: 10,
        1004534: 11,
        1000345: 12,
        1030203: 13,
        1030204: 14,
        1030205: 15,
    },
}


def example(name: str) -> dict[str, Any]:
    text = EXAMPLES[name]
    body: dict[str, Any] = json.loads("".join(text[text.index("{") :].split()))
    return body


def nonzero(read: StatusList) -> dict[int, int]:
    per_byte = 8 // read.bits
    indexes = (
        index for at, byte in enumerate(read.array) if byte for index in range(at * per_byte, (at + 1) * per_byte)
    )
    return {index: read.get(index) for index in indexes if read.get(index)}


@pytest.mark.requirement("Token Status List §4.2", "the draft's lists of 1, 2 and 4 bits")
@pytest.mark.parametrize("name", sorted(STATUSES))
def test_lists_hold_the_statuses_that_the_draft_gives(name: str) -> None:
    assert nonzero(StatusList.from_lst(**example(name))) == STATUSES[name]


@pytest.mark.requirement("Token Status List §4.2", "the draft's list of 8 bits")
def test_the_list_of_bytes_holds_every_status_once() -> None:
    found = nonzero(StatusList.from_lst(**example("status_list_encoding8_json")))
    assert sorted(found.values()) == list(range(1, 256))


@pytest.mark.parametrize("name", JSON_LISTS)
def test_lists_compress_to_the_published_text(name: str) -> None:
    published = example(name)
    assert StatusList.from_lst(**published).compress() == published["lst"]


@pytest.mark.parametrize("name", JSON_LISTS)
def test_lists_can_be_rebuilt_status_by_status(name: str) -> None:
    published = StatusList.from_lst(**example(name))
    rebuilt = StatusList.of_size(published.size, bits=published.bits)
    for index, status in nonzero(published).items():
        rebuilt.set(index, status)
    assert rebuilt == published


@pytest.mark.requirement("Token Status List §5.1", "the draft's token")
def test_the_published_token_has_the_published_list() -> None:
    token = "".join(EXAMPLES["status_list_jwt_raw"].split())
    claims = json_object(parse_compact(token, allowed_types=frozenset({TOKEN_TYPE})).payload)
    assert claims["sub"] == "https://example.com/statuslists/1"
    assert nonzero(StatusList.from_lst(**claims["status_list"])) == STATUSES["status_list_encoding_json"]


def test_the_published_token_is_not_accepted_under_another_key() -> None:
    token = "".join(EXAMPLES["status_list_jwt_raw"].split())
    with pytest.raises(SignatureError):
        verify_token(
            token, key=generate_p256().public_key(), uri="https://example.com/statuslists/1", now=1_700_000_000
        )


def test_no_example_was_overlooked() -> None:
    assert {*JSON_LISTS, *CBOR, "status_list_jwt", "status_list_jwt_raw"} == set(EXAMPLES)
