"""dcql 3.0.0 on Node: does it read, match and check what we do?

Its type for W3C credentials and its authorities are written differently; ``theirs`` and ``ours`` turn one case into both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocol import dcql
from protocol.errors import DcqlFormatError, DcqlResponseError, DcqlUnaskedCredentialError
from tests.oracles import dcql_cases as cases
from tests.oracles.node import conversation
from tests.protocol.dcql_makers import CLAIMS, VCT, claim, credential, query, several

Ask = Callable[..., dict[str, Any]]
MANY = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with conversation("dcql.mjs") as asking:
        yield asking


def theirs(case: dict[str, Any]) -> dict[str, Any]:
    kind = {"vct": case["types"][0]} if case["credential_format"] == "dc+sd-jwt" else {"type": case["types"]}
    authority = case["authority"] and {"type": case["authority"][0], "values": [case["authority"][1]]}
    return {
        "credential_format": case["credential_format"],
        "cryptographic_holder_binding": case["is_bound"],
        "claims": case["claims"],
        **kind,
        **({"authority": authority} if authority else {}),
    }


def claims_of(case: dict[str, Any]) -> dict[str, Any]:
    return {**case["claims"], "vct": case["types"][0], "type": case["types"]}


def authorities_of(case: dict[str, Any]) -> frozenset[Any]:
    return frozenset([case["authority"]] if case["authority"] else [])


def held(handle: str, case: dict[str, Any]) -> dcql.HeldCredential:
    return dcql.HeldCredential(
        handle, case["credential_format"], claims_of(case), authorities_of(case), can_bind=case["is_bound"]
    )


def presented(handle: str, case: dict[str, Any], disclosed: Any = ()) -> dcql.PresentedCredential:
    authorities, name = authorities_of(case), case["credential_format"]
    return dcql.PresentedCredential(handle, name, claims_of(case), disclosed, authorities, is_bound=case["is_bound"])


def parse(query: Any) -> dcql.Query | None:
    try:
        return dcql.parse_query(query)
    except DcqlFormatError:
        return None


def refusal_of(asked: dcql.Query, answer: dict[str, list[dcql.PresentedCredential]]) -> DcqlResponseError | None:
    try:
        dcql.check_response(asked, answer)
    except DcqlResponseError as error:
        return error
    return None


def test_both_read_the_same_queries_and_find_the_same_credentials(ask: Ask) -> None:
    seen: Counter[str] = Counter()

    @MANY
    @given(cases.queries(), st.lists(cases.CREDENTIALS, max_size=5))
    def compare(query: Any, credentials: list[dict[str, Any]]) -> None:
        asked = parse(query)
        answer = ask(do="match", query=query, credentials=list(map(theirs, credentials)))
        if asked is None:
            seen["refused"] += 1
            assert "refusal" in answer, (query, answer)
            return
        found = dcql.match(asked, [held(str(at), case) for at, case in enumerate(credentials)])
        seen["met" if found.can_be_met else "not met"] += 1
        mine = {name: [int(candidate.handle) for candidate in some] for name, some in found.candidates.items()}
        assert answer.get("result") == {"canBeMet": found.can_be_met, "candidates": mine}, (query, credentials, answer)

    compare()
    assert min(seen[kind] for kind in ("refused", "met", "not met")) > 5, f"the cases are of one kind: {seen}"


def test_they_accept_what_we_would_present(ask: Ask) -> None:
    """And so do we: the paths that matching chose are exactly what a check of the response allows."""
    count = 0

    @MANY
    @given(cases.queries(has_positions=False), st.lists(cases.CREDENTIALS, min_size=3, max_size=6))
    def compare(query: Any, credentials: list[dict[str, Any]]) -> None:
        nonlocal count
        asked = parse(query)
        found = asked and dcql.match(asked, [held(str(at), case) for at, case in enumerate(credentials)])
        if not asked or not found or not found.can_be_met:
            return
        count += 1
        first = {query_id: found.candidates[query_id][0] for query_id in found.chosen}
        taken = {query_id: credentials[int(candidate.handle)] for query_id, candidate in first.items()}
        answer = {
            query_id: [presented(candidate.handle, taken[query_id], candidate.paths)]
            for query_id, candidate in first.items()
        }
        assert refusal_of(asked, answer) is None, (query, credentials)
        shown = {query_id: [theirs(case)] for query_id, case in taken.items()}
        assert ask(do="check", query=query, presented=shown) == {"result": True}, (query, credentials)

    compare()
    assert count > 20


def test_both_refuse_less_and_another_than_asked(ask: Ask) -> None:
    """Theirs does not look for more than was asked, except by id and number; everything else is refused alike."""
    seen: Counter[str] = Counter()

    @MANY
    @given(cases.queries(has_positions=False), cases.answers())
    def compare(query: Any, answer: dict[str, list[dict[str, Any]]]) -> None:
        asked = parse(query)
        if asked is None:
            return
        mine = {
            query_id: [presented(f"{query_id}{at}", case) for at, case in enumerate(some)]
            for query_id, some in answer.items()
        }
        refusal = refusal_of(asked, mine)
        shown = {query_id: list(map(theirs, some)) for query_id, some in answer.items()}
        accepted = ask(do="check", query=query, presented=shown).get("result", False)
        seen["accepted" if accepted else "refused"] += 1
        if not isinstance(refusal, DcqlUnaskedCredentialError):
            assert accepted is (refusal is None), (query, answer, refusal)

    compare()
    assert seen["refused"] > 20
    assert seen["accepted"] > 5


# What the two read differently: the query, whether theirs reads it, whether we do, and why.
READ_DIFFERENTLY: dict[str, tuple[Any, bool, bool]] = {
    "§6.1.1: a kind of authority to come is read, and met by nothing": (
        query(trusted_authorities=[{"type": "to come", "values": ["x"]}]), False, True,
    ),
    "§6.1.1.2: an identifier of a list is text, not always a web address": (
        query(trusted_authorities=[{"type": "etsi_tl", "values": ["list"]}]), False, True,
    ),
    "§6.1: a format to come is read, and met by nothing": (query(format="to come"), False, True),
    "§6.1: meta is required": ({"credentials": [{"id": "a", "format": "dc+sd-jwt"}]}, True, False),
    "§B.3.5: vct_values is required": (query(meta={}), True, False),
    "§B.3.5: vct_values is not empty": (query(meta={"vct_values": []}), True, False),
    "§B.1: vc+sd-jwt names W3C credentials; the drafts' use of it is gone": (query(format="vc+sd-jwt"), True, False),
    "§6.3: values is not empty": (query(claims=[claim("a", values=[])]), True, False),
    "§6.3: an id stands once among claims": (query(claims=[claim("a", id="a"), claim("b", id="a")]), True, False),
    "§6.1: one claim is not asked for twice": (query(claims=[claim("a"), claim("a")]), True, False),
    "§6.3: with claim_sets every claim has an id": (
        query(claims=[claim("a", id="a"), claim("b")], claim_sets=[["a"]]), True, False,
    ),
    "§6.2: an option is not empty": (several(credential(), sets=[{"options": [[]]}]), True, False),
    "§6.1.1.1, RFC 7515 §2: base64url has no padding": (
        query(trusted_authorities=[{"type": "aki", "values": ["AAA="]}]), True, False,
    ),
    "§6: purpose is not defined, so any will do": (
        several(credential(), sets=[{"options": [["certificate"]], "purpose": True}]), False, True,
    ),
    "a bound of ours": (query(id="a" * 65), True, False),
}  # fmt: skip


@pytest.mark.parametrize(("query", "is_read", "is_read_here"), READ_DIFFERENTLY.values(), ids=READ_DIFFERENTLY.keys())
def test_known_differences_in_reading(ask: Ask, query: Any, is_read: bool, is_read_here: bool) -> None:
    assert ("result" in ask(do="parse", query=query)) is is_read
    assert (parse(query) is not None) is is_read_here


# What the two match differently: the claims, the path, whether theirs finds it, whether we do.
MATCHED_DIFFERENTLY: dict[str, tuple[dict[str, Any], list[Any], bool, bool]] = {
    "§7.1.1: a claim whose value is null is there": ({"a": None}, ["a"], False, True),
    "§7.1.1: of an empty array nothing is selected": ({"a": []}, ["a", None], True, False),
    "§7.1.1: one element of another kind ends the search": ({"a": [{"b": 1}, 2]}, ["a", None, "b"], True, False),
}


@pytest.mark.parametrize(
    ("claims", "path", "is_found", "is_found_here"), MATCHED_DIFFERENTLY.values(), ids=MATCHED_DIFFERENTLY.keys()
)
def test_known_differences_in_matching(
    ask: Ask, claims: dict[str, Any], path: list[Any], is_found: bool, is_found_here: bool
) -> None:
    case = {"credential_format": "dc+sd-jwt", "types": [VCT], "claims": claims, "authority": None, "is_bound": True}
    asked = query(claims=[claim(*path)])
    assert ask(do="match", query=asked, credentials=[theirs(case)])["result"]["canBeMet"] is is_found
    assert dcql.match(dcql.parse_query(asked), [held("a", case)]).can_be_met is is_found_here


def test_they_take_any_element_for_the_one_at_a_position(ask: Ask) -> None:
    """A verifier of theirs has lost the positions; ours keeps them, so another element is not what was asked."""
    case = {"credential_format": "dc+sd-jwt", "types": [VCT], "claims": CLAIMS, "authority": None, "is_bound": True}
    asked = query(claims=[claim("address", "numbers", 0, values=[2])])
    assert ask(do="check", query=asked, presented={"certificate": [theirs(case)]}) == {"result": True}
    assert refusal_of(dcql.parse_query(asked), {"certificate": [presented("a", case)]}) is not None
