from __future__ import annotations

import time
from typing import Any

import pytest

from protocol import dcql
from protocol.errors import DcqlFormatError, DcqlNotSatisfiedError
from tests.protocol.dcql_makers import (
    CLAIMS,
    OTHER_VCT,
    VCT,
    claim,
    credential,
    held,
    parsed,
    parsed_several,
    query,
    several,
)

AKI = "s9tIpPmhxdiuNkHMEWNpYim8S8Y"


@pytest.mark.requirement("OpenID4VP 1.0 §6.1", "a credential query is read with its types, claims and claim sets")
def test_a_whole_query_is_read() -> None:
    found = parsed(
        claims=[claim("name", id="a"), claim("degrees", None, "title", id="b", values=["BSc", 3, True])],
        claim_sets=[["a", "b"], ["a"]],
        multiple=True,
        require_cryptographic_holder_binding=False,
        trusted_authorities=[{"type": "aki", "values": [AKI]}, {"type": "to come", "values": ["x"]}],
    )
    assert found.id == "certificate"
    assert found.vct_values == (VCT,)
    assert [item.path for item in found.claims] == [("name",), ("degrees", None, "title")]
    assert found.claims[1].values == ("BSc", 3, True)
    assert found.claim_sets == (("a", "b"), ("a",))
    assert (found.multiple, found.requires_holder_binding) == (True, False)
    assert found.trusted_authorities[0] == dcql.TrustedAuthority("aki", (AKI,))


@pytest.mark.requirement("OpenID4VP 1.0 §6.1", "one credential with holder binding is meant unless the query says so")
def test_what_is_left_out_means_one_credential_with_holder_binding() -> None:
    assert (parsed().multiple, parsed().requires_holder_binding, parsed().trusted_authorities) == (False, True, ())


@pytest.mark.requirement("OpenID4VP 1.0 §6.2", "credential sets are read with their options, required unless said")
def test_credential_sets_are_read() -> None:
    found = parsed_several(
        credential("a"),
        credential("b"),
        sets=[
            {"options": [["a"], ["b", "a", "b"]]},
            {"options": [["b"]], "required": False, "purpose": "開戶"},
            {"options": [["b"]], "purpose": {"not": "text"}},
        ],
    )
    assert [(item.options, item.is_required, item.purpose) for item in found.credential_sets] == [
        ((("a",), ("b", "a")), True, ""),
        ((("b",),), False, "開戶"),
        ((("b",),), True, ""),
    ]


@pytest.mark.requirement("OpenID4VP 1.0 §B.1.1", "W3C credentials are asked for by sets of types")
@pytest.mark.parametrize("name", ["vc+sd-jwt", "jwt_vc_json"])
def test_types_of_w3c_credentials_are_read(name: str) -> None:
    found = parsed(format=name, meta={"type_values": [["A", "B"], ["C"]]})
    assert found.type_values == (frozenset({"A", "B"}), frozenset({"C"}))
    assert found.vct_values == ()


@pytest.mark.requirement("OpenID4VP 1.0 §6", "members that are not defined are ignored")
def test_unknown_members_are_ignored() -> None:
    plain = query(claims=[claim("a")])
    extended = {
        "credentials": [
            credential(
                claims=[claim("a", intent_to_retain=True)],
                meta={"vct_values": [VCT], "doctype_value": 3},
                to_come={"deep": []},
            )
        ],
        "to_come": 1,
    }
    assert dcql.parse_query(extended) == dcql.parse_query(plain)


@pytest.mark.requirement("OpenID4VP 1.0 §6.1", "a format that is not known here is read, and met by nothing")
def test_an_unknown_format_is_met_by_nothing() -> None:
    found = dcql.parse_query(query(format="mso_mdoc", meta={"doctype_value": "org.iso.18013.5.1.mDL"}))
    assert not dcql.match(found, [held(format="mso_mdoc")]).can_be_met


SET = {"options": [["certificate"]]}
MALFORMED: dict[str, Any] = {
    "not an object": [],
    "no credentials": {},
    "no credential": {"credentials": []},
    "credential not an object": {"credentials": ["x"]},
    "a name that is not text": {"credentials": [{1: 2}]},
    "two credentials with one id": several(credential("a"), credential("a")),
    "no id": query(id=None),
    "empty id": query(id=""),
    "id with a space": query(id="a b"),
    "id with a line end": query(id="a\n"),
    "id in another script": query(id="證"),
    "format missing": query(format=None),
    "format empty": query(format=""),
    "meta missing": query(meta=None),
    "meta without types": query(meta={}),
    "types not text": query(meta={"vct_values": [1]}),
    "empty type": query(meta={"vct_values": [""]}),
    "no types": query(meta={"vct_values": []}),
    "W3C without types": query(format="vc+sd-jwt"),
    "W3C types not in sets": query(format="vc+sd-jwt", meta={"type_values": ["A"]}),
    "an empty set of W3C types, which all have": query(format="jwt_vc_json", meta={"type_values": [[]]}),
    "multiple is text": query(multiple="false"),
    "multiple is null": query(multiple=None),
    "holder binding is a number": query(require_cryptographic_holder_binding=0),
    "no trusted authority": query(trusted_authorities=[]),
    "authority not an object": query(trusted_authorities=["aki"]),
    "authority without type": query(trusted_authorities=[{"values": ["x"]}]),
    "authority without values": query(trusted_authorities=[{"type": "etsi_tl", "values": []}]),
    "authority value not text": query(trusted_authorities=[{"type": "etsi_tl", "values": [1]}]),
    "key identifier not base64url": query(trusted_authorities=[{"type": "aki", "values": ["a+b/"]}]),
    "claims empty": query(claims=[]),
    "claims not an array": query(claims={}),
    "claim not an object": query(claims=["name"]),
    "claim without path": query(claims=[{}]),
    "empty path": query(claims=[claim()]),
    "path is text": query(claims=[{"path": "name"}]),
    "negative position": query(claims=[claim("a", -1)]),
    "boolean position": query(claims=[claim("a", True)]),
    "fractional position": query(claims=[claim("a", 1.5)]),
    "claim id not text": query(claims=[claim("a", id=1)]),
    "two claims with one id": query(claims=[claim("a", id="a"), claim("b", id="a")]),
    "one claim asked for twice": query(claims=[claim("a"), claim("a", values=["x"])]),
    "values empty": query(claims=[claim("a", values=[])]),
    "value is a fraction": query(claims=[claim("a", values=[1.5])]),
    "value is an object": query(claims=[claim("a", values=[{}])]),
    "value is null": query(claims=[claim("a", values=[None])]),
    "sets without claims": query(claim_sets=[["a"]]),
    "sets over claims without ids": query(claims=[claim("a")], claim_sets=[["a"]]),
    "set names no claim": query(claims=[claim("a", id="a")], claim_sets=[["b"]]),
    "set holds a number": query(claims=[claim("a", id="a")], claim_sets=[[1]]),
    "set holds an array": query(claims=[claim("a", id="a")], claim_sets=[[["a"]]]),
    "sets empty": query(claims=[claim("a", id="a")], claim_sets=[]),
    "a set is empty": query(claims=[claim("a", id="a")], claim_sets=[[]]),
    "credential sets empty": several(credential(), sets=[]),
    "credential set not an object": several(credential(), sets=[["certificate"]]),
    "no options": several(credential(), sets=[{}]),
    "options empty": several(credential(), sets=[{"options": []}]),
    "an option is empty, which anything meets": several(credential(), sets=[{"options": [[]]}]),
    "option names no credential": several(credential(), sets=[{"options": [["other"]]}]),
    "required is text": several(credential(), sets=[{**SET, "required": "no"}]),
}
TOO_MUCH: dict[str, Any] = {
    "credentials": several(*(credential(str(n)) for n in range(11))),
    "credential sets": several(credential(), sets=[SET] * 17),
    "options": several(credential(), sets=[{"options": [["certificate"]] * 17}]),
    "ids in an option": several(credential(), sets=[{"options": [["certificate"] * 65]}]),
    "claims": query(claims=[claim(str(n)) for n in range(65)]),
    "claim sets": query(claims=[claim("a", id="a")], claim_sets=[["a"]] * 65),
    "ids in a claim set": query(claims=[claim("a", id="a")], claim_sets=[["a"] * 65]),
    "values": query(claims=[claim("a", values=list(range(65)))]),
    "steps": query(claims=[claim(*["a"] * 17)]),
    "characters of a step": query(claims=[claim("a" * 2049)]),
    "characters of an id": query(id="a" * 65),
    "characters of a type": query(meta={"vct_values": ["a" * 2049]}),
    "types": query(meta={"vct_values": ["a"] * 65}),
    "authorities": query(trusted_authorities=[{"type": "aki", "values": [AKI]}] * 65),
}


@pytest.mark.requirement("OpenID4VP 1.0 §6", "a query that breaks DCQL is refused")
@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_query_is_refused(bad: Any) -> None:
    with pytest.raises(DcqlFormatError):
        dcql.parse_query(bad)


@pytest.mark.parametrize("bad", TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_a_query_past_the_bounds_is_refused(bad: Any) -> None:
    with pytest.raises(DcqlFormatError):
        dcql.parse_query(bad)


@pytest.mark.requirement("OpenID4VP 1.0 §7.1", "a claims path pointer selects members, positions and every element")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("name",), ["陳大文"]),
        (("address", "street"), ["南灣"]),
        (("address", "numbers", 1), [2]),
        (("address", "numbers", 2), []),
        (("degrees", None, "title"), ["BSc", "MSc"]),
        (("degrees", None, "year"), [2020]),
        (("degrees", "title"), []),
        (("name", "x"), []),
        (("name", None), []),
        (("address", 0), []),
        (("empty", None), []),
        (("nothing",), [None]),
        (("missing", "deeper"), []),
    ],
)
def test_a_path_selects_values(path: tuple[Any, ...], expected: list[Any]) -> None:
    assert dcql.select_values(CLAIMS, path) == expected


@pytest.mark.requirement("OpenID4VP 1.0 §6.4.1", "without claim_sets every claim is needed")
def test_every_claim_is_needed_without_sets() -> None:
    needed = parsed(claims=[claim("name"), claim("age_over_18", values=[True])])
    assert dcql.match_credential(needed, CLAIMS) == (("name",), ("age_over_18",))


@pytest.mark.requirement("OpenID4VP 1.0 §6.4.1", "without claims nothing is asked for that could be withheld")
def test_no_claim_is_asked_for_without_claims() -> None:
    assert dcql.match_credential(parsed(), CLAIMS) == ()


@pytest.mark.requirement("OpenID4VP 1.0 §6.4.1", "the first claim set that can be satisfied is chosen")
def test_the_first_possible_set_is_chosen() -> None:
    claims = [claim("name", id="a"), claim("missing", id="b"), claim("count", id="c")]
    sets = parsed(claims=claims, claim_sets=[["a", "b"], ["a"], ["a", "c"]])
    assert dcql.match_credential(sets, CLAIMS) == (("name",),)


@pytest.mark.requirement("OpenID4VP 1.0 §6.4.1", "another type, a missing claim or another value does not match")
@pytest.mark.parametrize(
    "members",
    [
        {"meta": {"vct_values": [OTHER_VCT]}},
        {"format": "vc+sd-jwt", "meta": {"type_values": [["A"]]}},
        {"format": "mso_mdoc", "meta": {}},
        {"claims": [claim("missing")]},
        {"claims": [claim("name", values=["陳小文"])]},
        {"claims": [claim("count", values=[True])]},
        {"claims": [claim("age_over_18", values=[1])]},
        {"claims": [claim("missing", id="a")], "claim_sets": [["a"]]},
    ],
    ids=["type", "W3C type", "unknown format", "claim", "value", "true is not 1", "1 is not true", "no set"],
)
def test_what_does_not_satisfy_the_query_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(DcqlNotSatisfiedError):
        dcql.match_credential(parsed(**members), CLAIMS)


@pytest.mark.requirement("OpenID4VP 1.0 §B.1.1", "all types of one alternative must be there, in any order")
@pytest.mark.parametrize(
    ("types", "is_met"),
    [(["B", "X", "A"], True), ("C", True), (["A"], False), ([], False), ([{}, "A"], False), (None, False)],
)
def test_w3c_types_are_matched_as_sets(types: Any, is_met: bool) -> None:
    asked = dcql.parse_query(query(format="vc+sd-jwt", meta={"type_values": [["A", "B"], ["C"]]}))
    assert dcql.match(asked, [held(claims={"type": types}, format="vc+sd-jwt")]).can_be_met is is_met


@pytest.mark.requirement("OpenID4VP 1.0 §6.4.2", "without credential_sets every credential is asked for")
def test_every_credential_is_asked_for_without_sets() -> None:
    asked = parsed_several(credential("a"), credential("b", meta={"vct_values": [OTHER_VCT]}))
    mine, licence = held("mine"), held("licence", {"vct": OTHER_VCT})
    both = dcql.match(asked, [mine, licence])
    assert both.can_be_met
    assert both.chosen == ("a", "b")
    assert [item.handle for item in both.candidates["b"]] == ["licence"]
    one = dcql.match(asked, [mine])
    assert not one.can_be_met
    assert one.chosen == (), "nothing may be returned when something required is missing"


@pytest.mark.requirement(
    "OpenID4VP 1.0 §6.4.2", "one option of every required set is chosen, and optional sets are offered"
)
def test_options_that_can_be_met_are_offered() -> None:
    missing = {"meta": {"vct_values": [OTHER_VCT]}}
    asked = parsed_several(
        credential("a", **missing),
        credential("b"),
        credential("c"),
        sets=[
            {"options": [["a", "b"], ["b"], ["c"]]},
            {"options": [["a"]], "required": False},
            {"options": [["c"]], "required": False, "purpose": "更快"},
        ],
    )
    found = dcql.match(asked, [held()])
    assert [choice.options for choice in found.sets] == [(("b",), ("c",)), (), (("c",),)]
    assert found.sets[2].purpose == "更快"
    assert found.can_be_met
    assert found.chosen == ("b",)


@pytest.mark.requirement(
    "OpenID4VP 1.0 §6.1", "a credential that cannot be bound answers only where no proof is asked for"
)
@pytest.mark.parametrize("is_required", [True, False])
def test_holder_binding_is_matched(is_required: bool) -> None:
    asked = dcql.parse_query(query(require_cryptographic_holder_binding=is_required))
    assert dcql.match(asked, [held(can_bind=False)]).can_be_met is not is_required


@pytest.mark.requirement(
    "OpenID4VP 1.0 §6.1.1", "one trusted authority must match; one of a kind unknown here matches nothing"
)
@pytest.mark.parametrize(
    ("asked", "known", "is_met"),
    [
        ([("aki", [AKI])], [("aki", AKI)], True),
        ([("aki", ["AAAA", AKI])], [("aki", AKI), ("aki", "BBBB")], True),
        ([("aki", ["AAAA"])], [("aki", AKI)], False),
        ([("aki", [AKI])], [], False),
        ([("etsi_tl", [AKI])], [("aki", AKI)], False),
        ([("openid_federation", ["https://a.example"])], [("openid_federation", "https://a.example")], True),
        ([("to come", ["x"])], [("to come", "x")], False),
        ([("to come", ["x"]), ("etsi_tl", ["https://l.example"])], [("etsi_tl", "https://l.example")], True),
    ],
)
def test_trusted_authorities_are_matched(asked: list[Any], known: list[Any], is_met: bool) -> None:
    authorities = [{"type": kind, "values": values} for kind, values in asked]
    wanted = dcql.parse_query(query(trusted_authorities=authorities))
    assert dcql.match(wanted, [held(authorities=frozenset(known))]).can_be_met is is_met


@pytest.mark.parametrize(
    ("required", "optional", "expected_sets"),
    [
        ([("name",)], [("degrees", None)], (("c0", "c1"), ("c0",))),
        ([("name",), ("count",)], [], ()),
        ([], [("name",)], ()),
        ([], [], ()),
    ],
)
def test_a_query_made_here_is_read_back(
    required: list[Any], optional: list[Any], expected_sets: tuple[tuple[str, ...], ...]
) -> None:
    made = dcql.credential_query(query_id="certificate", vct=VCT, required=required, optional=optional)
    [found] = dcql.parse_query(made).credentials
    assert [item.path for item in found.claims] == [*required, *optional]
    assert found.claim_sets == expected_sets


def test_a_query_at_its_bounds_over_a_large_credential_is_matched_in_time() -> None:
    claims = [claim("rows", None, "cells", None, str(n), id=f"c{n}") for n in range(64)]
    ids = [item["id"] for item in claims]
    wide = {"claims": claims, "claim_sets": [ids[n:] + ids[:n] for n in range(64)]}
    asked = parsed_several(*(credential(f"q{n}", **wide) for n in range(10)))
    rows = [{"cells": [{"0": 1}] * 50}] * 50
    started = time.perf_counter()
    assert not dcql.match(asked, [held(claims={"vct": VCT, "rows": rows})]).can_be_met
    assert time.perf_counter() - started < 5
