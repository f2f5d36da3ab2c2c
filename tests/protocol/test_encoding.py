from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.encoding import (
    MAX_JSON_BYTES,
    b64u_decode,
    b64u_encode,
    canonical_json,
    check_scalar,
    json_dumps,
    json_dumps_checked,
    json_loads,
    json_object,
)
from protocol.errors import Base64UrlError, EncodingError, JsonError, TooLargeError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.requirement("RFC 7515 §2", "base64url without padding, one spelling per byte string")
@given(st.binary(max_size=100))
def test_base64url_round_trips(data: bytes) -> None:
    text = b64u_encode(data)
    assert text == base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert b64u_decode(text) == b64u_decode(text.encode()) == data


@given(st.text(alphabet="AQgwBCD-_+/=. \n\0é", max_size=12))
def test_base64url_that_is_accepted_is_the_one_spelling(text: str) -> None:
    try:
        decoded = b64u_decode(text)
    except Base64UrlError:
        return
    assert b64u_encode(decoded) == text


@pytest.mark.parametrize(
    "text", ["A", "AAAAA", "AB", "AAB", "AA==", "A+AA", "A/AA", "AA\n", "AA A", "é", "A\0AA", "=", "AA=A"]
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(Base64UrlError):
        b64u_decode(text)


@given(JSON)
def test_json_round_trips(value: Any) -> None:
    assert json_loads(json_dumps(value)) == value
    assert json_loads(json_dumps(value).decode()) == value
    assert json_loads(json_dumps_checked(value)) == value


@given(st.text(alphabet='{}[]":,0123456789eE+-. \ntrufalsn\\"NI', max_size=30))
def test_strict_json_never_crashes_and_is_a_subset_of_python_json(text: str) -> None:
    try:
        value = json_loads(text)
    except EncodingError:
        return
    assert json.loads(text) == value


@pytest.mark.requirement("RFC 7515 §4", "duplicate member names refused")
@pytest.mark.parametrize("text", ['{"a":1,"a":1}', '{"b":{"a":1,"\\u0061":2}}', '[{"a":1,"a":null}]'])
def test_duplicate_names_are_refused(text: str) -> None:
    with pytest.raises(JsonError, match="duplicate member name"):
        json_loads(text)


@pytest.mark.requirement("RFC 8259 §6", "numbers that are not JSON refused")
@pytest.mark.parametrize(
    "text", ["NaN", "-Infinity", "1e400", "-1e400", "1" * 21, "-" + "1" * 20, "01", "1.", ".5", "+1", "0x1"]
)
def test_numbers_that_are_not_json_are_refused(text: str) -> None:
    with pytest.raises(JsonError):
        json_loads(f'{{"a":{text}}}')


@pytest.mark.parametrize(
    "data",
    [b"\xff", b'"\xc0\xaf"', b'"\xed\xa0\x80"', '"\\ud800"', '{"\\udfff":1}', '"\ud800"', "\ufeff1", b"\xef\xbb\xbf1"],
)
def test_text_that_is_not_unicode_is_refused(data: bytes | str) -> None:
    with pytest.raises(JsonError):
        json_loads(data)


@pytest.mark.parametrize(
    "text", ["", " ", "1 1", "[1]]", "{}x", "'a'", "/**/1", "[1,]", '"', "nul", "\f1", "1\u00a0", '"\n"']
)
def test_text_that_is_not_one_value_is_refused(text: str) -> None:
    with pytest.raises(JsonError):
        json_loads(text)


def test_blanks_around_are_allowed() -> None:
    assert json_loads(" \t\r\n[1] \n") == [1]


def test_surrogate_pairs_are_one_letter() -> None:
    assert json_loads('"\\ud83d\\ude42"') == "🙂"


@pytest.mark.parametrize(
    ("text", "is_deep"),
    [("[" * 64 + "]" * 64, False), ("[" * 65 + "]" * 65, True), ('{"a":' * 65 + "1" + "}" * 65, True)],
)
def test_nesting_is_bounded(text: str, *, is_deep: bool) -> None:
    if not is_deep:
        assert json_loads(text)
        return
    with pytest.raises(JsonError, match="deeper"):
        json_loads(text)


@pytest.mark.parametrize(
    "text", ["[" + '"[[{{",' * 100 + "1]", "[" + ",".join(["[]", "{}"] * 100) + "]", '["\\"' + "[" * 100 + '"]']
)
def test_only_brackets_outside_text_and_still_open_count(text: str) -> None:
    assert json_loads(text) == json.loads(text)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, '"' + "[" * 100, '"\\' * 50_000 + "[" * 65, '"' * 300_001 + "[" * 65]
)
def test_hostile_nesting_is_refused_quickly(text: str) -> None:
    with pytest.raises(JsonError):
        json_loads(text)


def test_size_is_bounded() -> None:
    with pytest.raises(TooLargeError):
        json_loads(b" " * (MAX_JSON_BYTES + 1))
    with pytest.raises(TooLargeError):
        json_object("{}", max_bytes=1)


@pytest.mark.parametrize("text", ["[]", "null", '"a"', "1", "true"])
def test_object_is_required_where_one_is_expected(text: str) -> None:
    with pytest.raises(JsonError, match="not an object"):
        json_object(text)
    assert json_object('{"a":1}') == {"a": 1}


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1, 2}, b"a", object(), "\ud800", {"a": "\udfff"}, {(1,): 2}]
)
def test_what_json_cannot_hold_is_not_written(value: Any) -> None:
    with pytest.raises(JsonError):
        json_dumps(value)


def test_recursive_value_is_not_written() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(JsonError):
        json_dumps(value)
    with pytest.raises(JsonError):
        json_dumps_checked(value)
    with pytest.raises(JsonError):
        canonical_json(value)


@pytest.mark.parametrize("value", [2**64, "\ud800", b"a", {1, 2}, {1: 2}])
def test_fast_writer_refuses_what_it_cannot_write(value: Any) -> None:
    with pytest.raises(JsonError):
        json_dumps_checked(value)


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), [], {}, b"", object(), type("Text", (str,), {})("a")])
def test_scalars_are_exactly_json_scalars(value: Any) -> None:
    with pytest.raises(JsonError):
        check_scalar(value)


@pytest.mark.parametrize("value", ["", "a", 0, -1, 1.5, True, None])
def test_json_scalars_pass(value: Any) -> None:
    check_scalar(value)


@pytest.mark.requirement("RFC 8785 §3.2.3", "member names sorted by UTF-16 code units")
def test_canonical_form_sorts_names_by_utf16() -> None:
    names = ["\U0001f600", "\ufb33", "\u20ac", "1", "\r", "\u0080", "\u00f6"]
    assert list(json.loads(canonical_json(dict.fromkeys(names, 0)))) == [
        "\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33",
    ]  # fmt: skip
    assert canonical_json({"b": [{"d": 1, "c": (2,)}], "a": "é"}) == '{"a":"é","b":[{"c":[2],"d":1}]}'.encode()


@pytest.mark.parametrize("value", [1.5, [1.0], {"a": {"b": 0.1}}, {1: 2}, {"a": [{None: 1}]}, {"\ud800": 1}, "\ud800"])
def test_canonical_form_refuses_floats_and_names_that_are_not_text(value: Any) -> None:
    with pytest.raises(JsonError):
        canonical_json(value)


@given(JSON)
def test_canonical_form_does_not_depend_on_order(value: Any) -> None:
    def reverse(item: Any) -> Any:
        if isinstance(item, dict):
            return {name: reverse(item[name]) for name in reversed(list(item))}
        return [reverse(inner) for inner in item] if isinstance(item, list) else item

    try:
        written = canonical_json(value)
    except JsonError:
        assert any(sign in json.dumps(value) for sign in ".e")
        return
    assert written == canonical_json(reverse(value))
