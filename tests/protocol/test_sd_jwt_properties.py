"""Properties of issuing, selecting and revealing, for claims of any shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from protocol import sd_jwt
from protocol.encoding import json_object
from protocol.errors import ProtocolError
from protocol.jose import verify_compact
from tests.protocol.makers import ISSUER, ISSUER_KEY, disclose, hidden, judge, present

TYPES = frozenset({"example+sd-jwt"})
NAMES = st.text(max_size=8).filter(lambda name: name not in ("_sd", "...", "_sd_alg"))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
CLAIMS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=5)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"


def all_paths(value: Any, path: sd_jwt.Path = ()) -> list[sd_jwt.Path]:
    """Every path of *value*, parents first."""
    steps: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for step, item in steps for found in ((*path, step), *all_paths(item, (*path, step)))]


def pruned(value: Any, gone: set[sd_jwt.Path], path: sd_jwt.Path = ()) -> Any:
    """*value* without what lies at the paths in *gone*."""
    if isinstance(value, dict):
        return {name: pruned(item, gone, (*path, name)) for name, item in value.items() if (*path, name) not in gone}
    if isinstance(value, list):
        return [pruned(item, gone, (*path, at)) for at, item in enumerate(value) if (*path, at) not in gone]
    return value


def reveal(text: str) -> dict[str, Any]:
    issuer_jwt, disclosures, _ = sd_jwt.split(text)
    return sd_jwt.reveal(
        json_object(verify_compact(issuer_jwt, key=ISSUER_KEY, allowed_types=TYPES).payload), disclosures
    )


def issue(claims: dict[str, Any], disclosable: list[sd_jwt.Path], decoys: int) -> sd_jwt.SdJwt:
    header = {"typ": "example+sd-jwt"}
    return sd_jwt.issue(claims, disclosable=disclosable, signer=ISSUER, header=header, decoys=decoys)


@st.composite
def issued(draw: st.DrawFn) -> tuple[dict[str, Any], list[sd_jwt.Path], sd_jwt.SdJwt]:
    claims = draw(CLAIMS)
    hidden_paths = draw(st.lists(st.sampled_from(all_paths(claims)), unique=True, max_size=8))
    return claims, hidden_paths, issue(claims, hidden_paths, draw(st.integers(0, 3)))


@pytest.mark.requirement("RFC 9901 §6", "everything shown gives back exactly the claims issued")
@given(issued())
def test_all_shown_is_all_issued(made: tuple[dict[str, Any], list[sd_jwt.Path], sd_jwt.SdJwt]) -> None:
    claims, hidden_paths, held = made
    assert reveal(held.text) == claims
    assert set(sd_jwt.disclosable_paths(held)) == set(hidden_paths)
    assert reveal(sd_jwt.select(held, [])) == pruned(claims, set(hidden_paths))


@pytest.mark.requirement("RFC 9901 §7.2", "what is selected is shown, with its parents and contents, and nothing else")
@given(issued(), st.data())
def test_exactly_what_is_selected_is_shown(
    made: tuple[dict[str, Any], list[sd_jwt.Path], sd_jwt.SdJwt], data: st.DataObject
) -> None:
    claims, hidden_paths, held = made
    wanted = data.draw(st.lists(st.sampled_from(all_paths(claims)), max_size=4))
    gone = {
        path for path in hidden_paths if not any(path[: len(other)] == other or other[: len(path)] == path for other in wanted)
    }  # fmt: skip
    text = sd_jwt.select(held, wanted)
    assert reveal(text) == pruned(claims, gone)
    assert set(sd_jwt.withheld_paths(held, wanted)) == gone
    assert set(sd_jwt.disclosed_paths(held.payload, sd_jwt.split(text)[1])) == set(hidden_paths) - gone


@pytest.mark.requirement("RFC 9901 §10.1", "what is withheld leaves no trace of its name or value")
@given(st.text(alphabet="abcdefgh", min_size=12, max_size=20), st.text(alphabet="ijklmnop", min_size=12, max_size=20))
def test_withheld_claim_leaves_no_trace(name: str, value: str) -> None:
    held = issue({name: value, "other": [value]}, [(name,), ("other", None)], 0)
    shown = json_object(verify_compact(held.issuer_jwt, key=ISSUER_KEY, allowed_types=TYPES).payload)
    assert name not in repr(shown)
    assert value not in repr(shown)


GIVEN, FAMILY = disclose("salt-one", "given_name", "Lei"), disclose("salt-two", "family_name", "Chan")
PRESENTATION = present(hidden(GIVEN, FAMILY), [GIVEN])
SHOWN = judge(PRESENTATION)


@pytest.mark.requirement("RFC 9901 §7", "no single changed character gives other claims")
@settings(max_examples=300)
@given(st.integers(0, len(PRESENTATION) - 1), st.sampled_from(ALPHABET))
def test_no_changed_character_is_accepted(at: int, sign: str) -> None:
    changed = PRESENTATION[:at] + sign + PRESENTATION[at + 1 :]
    assume(changed != PRESENTATION)
    with pytest.raises(ProtocolError):
        judge(changed)


@pytest.mark.requirement("RFC 9901 §7", "no removed or doubled stretch gives other claims")
@given(st.integers(0, len(PRESENTATION)), st.integers(0, 60), st.booleans())
def test_no_removed_or_doubled_stretch_is_accepted(at: int, length: int, is_doubled: bool) -> None:
    end = min(at + length, len(PRESENTATION))
    middle = PRESENTATION[at:end] * 2 if is_doubled else ""
    changed = PRESENTATION[:at] + middle + PRESENTATION[end:]
    assume(changed != PRESENTATION)
    with pytest.raises(ProtocolError):
        judge(changed)


@given(st.lists(VALUES, max_size=4))
def test_no_disclosure_of_any_shape_crashes(parts: list[Any]) -> None:
    item = disclose(*parts)
    try:
        claims = judge(present(hidden(item), [item]))
    except ProtocolError:
        return
    assert claims[parts[1]] == parts[2]


@given(VALUES, st.sampled_from(["_sd", "_sd_alg", "...", "a", "cnf", "exp", "iss", "vct", "status", "nbf", "iat"]))
def test_no_payload_of_any_shape_crashes(value: Any, name: str) -> None:
    content = {**hidden(GIVEN), name: value}
    try:
        claims = judge(present(content))
    except ProtocolError:
        return
    assert claims.get(name) == value or name.startswith("_sd")


@given(VALUES, st.sampled_from(["aud", "nonce", "iat", "sd_hash", "exp", "nbf"]))
def test_no_binding_of_any_shape_crashes(value: Any, name: str) -> None:
    try:
        claims = judge(present(hidden(GIVEN, FAMILY), [GIVEN], **{name: value}))
    except ProtocolError:
        return
    assert claims == SHOWN
