"""O-10: a verifier that asks for more than was registered, and the words in which a citizen is asked."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.dcql import Excess, TrustedAuthority, explain, find_excess, parse_query
from tests.protocol.dcql_makers import OTHER_VCT, VCT, claim, credential, several

NAME, AGE = claim("name", id="n"), claim("age", id="a", values=[18, 21])
AUTHORITY = [{"type": "aki", "values": ["AAAA", "BBBB"]}]
REGISTERED = several(
    credential("birth", claims=[NAME, AGE, claim("degrees", None, id="d")], trusted_authorities=AUTHORITY),
    credential("licence", meta={"vct_values": [OTHER_VCT]}, multiple=True, require_cryptographic_holder_binding=False),
    credential("w3c", format="vc+sd-jwt", meta={"type_values": [["A", "B"]]}),
    credential(
        "either",
        meta={"vct_values": ["https://issuer.example/types/either/1"]},
        claims=[claim("x", id="x"), claim("y", id="y")],
        claim_sets=[["x"], ["y"]],
    ),
)
EITHER: dict[str, Any] = {"meta": {"vct_values": ["https://issuer.example/types/either/1"]}}
TRUSTED: dict[str, Any] = {"trusted_authorities": AUTHORITY}

COVERED: dict[str, dict[str, Any]] = {
    "the same": REGISTERED,
    "less, under another id": several(credential("mine", claims=[claim("name")], **TRUSTED)),
    "no claims": several(credential("mine", **TRUSTED)),
    "a part of a claim": several(credential(claims=[claim("degrees", 0), claim("degrees", None, "title")], **TRUSTED)),
    "fewer values": several(credential(claims=[claim("age", values=[21])], **TRUSTED)),
    "one of the authorities": several(credential(trusted_authorities=[{"type": "aki", "values": ["BBBB"]}])),
    "one where several may be asked": several(credential("l", meta={"vct_values": [OTHER_VCT]})),
    "more types of one credential": several(credential(format="vc+sd-jwt", meta={"type_values": [["A", "B", "C"]]})),
    "one of two alternatives": several(credential(claims=[claim("y")], **EITHER)),
}
EXCEEDING: dict[str, tuple[dict[str, Any], list[tuple[str, Any]]]] = {
    "another format": (several(credential(format="mso_mdoc", meta={})), [("format", None)]),
    "another type": (several(credential(meta={"vct_values": ["x"]})), [("type", None)]),
    "another type beside a registered one": (
        several(credential(meta={"vct_values": [OTHER_VCT, "x"]})),
        [("type", None)],
    ),
    "fewer types, so more credentials": (
        several(credential(format="vc+sd-jwt", meta={"type_values": [["A"]]})),
        [("type", None)],
    ),
    "another claim": (several(credential(claims=[claim("name"), claim("z")], **TRUSTED)), [("claim", ("z",))]),
    "the whole of a part": (several(credential(claims=[claim("degrees")], **TRUSTED)), [("claim", ("degrees",))]),
    "any value": (several(credential(claims=[claim("age")], **TRUSTED)), [("value", ("age",))]),
    "another value": (several(credential(claims=[claim("age", values=[21, 65])], **TRUSTED)), [("value", ("age",))]),
    "a value of another kind": (
        several(credential(claims=[claim("age", values=["21"])], **TRUSTED)),
        [("value", ("age",))],
    ),
    "any authority": (several(credential()), [("authority", None)]),
    "another authority": (
        several(credential(trusted_authorities=[{"type": "aki", "values": ["AAAA", "CCCC"]}])),
        [("authority", None)],
    ),
    "several of one": (several(credential(multiple=True, **TRUSTED)), [("multiple", None)]),
    "no proof of possession": (
        several(credential(require_cryptographic_holder_binding=False, **TRUSTED)),
        [("holder_binding", None)],
    ),
    "two alternatives together": (
        several(credential(claims=[claim("x"), claim("y")], **EITHER)),
        [("combination", None)],
    ),
    "two alternatives together, as one of them": (
        several(credential(claims=[claim("x", id="x"), claim("y", id="y")], claim_sets=[["x"], ["x", "y"]], **EITHER)),
        [("combination", None)],
    ),
    "several things": (
        several(credential(claims=[claim("p"), claim("q")], multiple=True, **TRUSTED)),
        [("multiple", None), ("claim", ("p",)), ("claim", ("q",))],
    ),
}


@pytest.mark.parametrize("asked", COVERED.values(), ids=COVERED.keys())
def test_what_was_registered_may_be_asked(asked: dict[str, Any]) -> None:
    assert find_excess(registered=parse_query(REGISTERED), asked=parse_query(asked)) == ()


@pytest.mark.requirement("OpenID4VP 1.0 §15.4.2", "what lies outside a verifier's registration is found, part by part")
@pytest.mark.parametrize(("asked", "expected"), EXCEEDING.values(), ids=EXCEEDING.keys())
def test_what_was_not_registered_is_found(asked: dict[str, Any], expected: list[tuple[Any, Any]]) -> None:
    found = find_excess(registered=parse_query(REGISTERED), asked=parse_query(asked))
    assert list(found) == [Excess("certificate", kind, path) for kind, path in expected]


def test_a_format_without_types_is_never_covered() -> None:
    unknown = parse_query(several(credential(format="mso_mdoc", meta={})))
    assert find_excess(registered=unknown, asked=unknown) == (Excess("certificate", "type"),)


def test_a_query_is_explained() -> None:
    asked = several(
        credential(
            "a",
            claims=[NAME, AGE, claim("unused", id="u")],
            claim_sets=[["n", "a"], ["n"]],
            **TRUSTED,
        ),
        credential("b", format="vc+sd-jwt", meta={"type_values": [["B", "A"], ["C"]]}, multiple=True),
        sets=[{"options": [["a"], ["b"]], "purpose": "開戶"}, {"options": [["b"]], "required": False}],
    )
    found = explain(parse_query(asked))
    first, second = found.credentials
    assert (first.types, first.required, first.optional) == ((VCT,), (("name",),), (("age",),))
    assert first.alternatives == ((("name",), ("age",)), (("name",),))
    assert first.values == {("age",): (18, 21)}
    assert first.authorities == (TrustedAuthority("aki", ("AAAA", "BBBB")),)
    assert (second.types, second.required, second.optional) == (("A + B", "C"), (), ())
    assert (second.multiple, second.requires_holder_binding) == (True, True)
    assert [(item.options, item.purpose, item.is_required) for item in found.sets] == [
        ((("a",), ("b",)), "開戶", True),
        ((("b",),), "", False),
    ]


def test_every_credential_is_a_set_of_its_own_when_no_sets_are_named() -> None:
    found = explain(parse_query(several(credential("a"), credential("b"))))
    assert [item.options for item in found.sets] == [(("a",),), (("b",),)]
