"""Queries, credentials and presentations for two implementations of DCQL.

Most parts of a query are well formed, and any may be one of those that both must refuse. What is left out is what the
two are known to see differently; test_node_dcql.py lists it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from("abc")
IDS = ["p", "q", "r"]
SCALARS = st.sampled_from(["x", "y", "", 0, 1, 2, True, False])
# Repeated, so that a credential often fits a query.
TYPES = ["T", "T", "T", "U"]
FORMATS = st.sampled_from([*["dc+sd-jwt"] * 6, "vc+sd-jwt", "jwt_vc_json"])
AUTHORITIES = st.sampled_from(
    [("aki", "AAAA"), ("aki", "s9tIpPmhxdiuNkHMEWNpYim8S8Y"), ("etsi_tl", "https://list.example"),
     ("openid_federation", "https://anchor.example")]
)  # fmt: skip


def rarely(bad: list[Any], good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """*good*, and now and then something that must be refused."""
    # Not at an end of the range, which is drawn more often than what lies between.
    return st.integers(0, 99).flatmap(lambda n: st.sampled_from(bad) if n == 37 else good)


def values() -> st.SearchStrategy[Any]:
    """JSON without null, with arrays that are not empty and of one shape only."""
    return st.recursive(
        SCALARS,
        lambda inner: st.one_of(
            st.dictionaries(NAMES, inner, max_size=3),
            st.lists(SCALARS, min_size=1, max_size=3),
            st.dictionaries(NAMES, SCALARS, min_size=1, max_size=3).flatmap(_rows),
        ),
        max_leaves=8,
    )


def _rows(row: dict[str, Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Several objects, each with some of the members of *row*."""
    some = st.sets(st.sampled_from(sorted(row)))
    return st.lists(some.map(lambda names: {name: row[name] for name in names}), min_size=1, max_size=3)


CREDENTIALS = st.fixed_dictionaries(
    {
        "credential_format": FORMATS,
        "types": st.lists(st.sampled_from(TYPES), min_size=1, max_size=2),
        "claims": st.dictionaries(NAMES, values(), min_size=2, max_size=3),
        "authority": st.none() | AUTHORITIES,
        "is_bound": st.sampled_from([True] * 5 + [False]),
    }
)


@st.composite
def _paths(draw: st.DrawFn, *, has_positions: bool) -> list[Any]:
    steps = st.one_of(NAMES, NAMES, st.none(), *([st.integers(0, 2)] if has_positions else []))
    path = [draw(NAMES), *draw(st.just([]) | st.lists(steps, max_size=2))]
    bad = [[], ["a", -1], ["a", 1.5], ["a", True], "a", None]
    return draw(rarely(bad, st.just(path)))


@st.composite
def _claims(draw: st.DrawFn, *, has_positions: bool) -> list[Any]:
    paths = draw(st.lists(_paths(has_positions=has_positions), min_size=1, max_size=3, unique_by=repr))
    claims: list[dict[str, Any]] = []
    for position, path in enumerate(paths):
        item: dict[str, Any] = {"id": draw(rarely(["", "a b", 1, None], st.just(f"c{position}"))), "path": path}
        if draw(st.integers(0, 4)) == 3:
            item["values"] = draw(rarely([[1.5], [{}], [None], "x"], st.lists(SCALARS, min_size=1, max_size=3)))
        claims.append(item)
    return claims


@st.composite
def _credential_queries(draw: st.DrawFn, query_id: str, *, has_positions: bool) -> dict[str, Any]:
    name = draw(FORMATS)
    types = st.lists(st.sampled_from(TYPES), min_size=1, max_size=2)
    meta = (
        {"vct_values": draw(rarely([[1], "T", None], types))}
        if name == "dc+sd-jwt"
        else {"type_values": draw(rarely([[], [[]], ["T"], [[1]]], st.lists(types, min_size=1, max_size=2)))}
    )
    asked: dict[str, Any] = {
        "id": draw(rarely(["", "a b", 1, None], st.just(query_id))),
        "format": draw(rarely([1, None], st.just(name))),
        "meta": draw(rarely([None, "x"], st.just(meta))),
        "to_come": 1,
    }
    if draw(st.booleans()):
        asked["claims"] = claims = draw(_claims(has_positions=has_positions))
        ids = [f"c{n}" for n in range(len(claims))]
        if draw(st.integers(0, 2)) == 0:
            wanted = st.lists(st.sampled_from(ids), min_size=1, max_size=3)
            asked["claim_sets"] = draw(
                rarely([[], [[]], [["z"]], [[1]], "c0"], st.lists(wanted, min_size=1, max_size=3))
            )
    _draw_flags(draw, asked)
    return asked


def _draw_flags(draw: st.DrawFn, asked: dict[str, Any]) -> None:
    for name in ("multiple", "require_cryptographic_holder_binding"):
        if draw(st.integers(0, 2)) == 0:
            asked[name] = draw(rarely(["true", 1, None], st.booleans()))
    if draw(st.integers(0, 9)) == 7:
        known = draw(st.lists(AUTHORITIES, min_size=1, max_size=2))
        good = [{"type": kind, "values": [value]} for kind, value in known]
        bad = [[], ["aki"], [{"type": "aki"}], [{"type": "aki", "values": []}], [{"type": "aki", "values": ["+"]}]]
        asked["trusted_authorities"] = draw(rarely(bad, st.just(good)))


@st.composite
def queries(draw: st.DrawFn, *, has_positions: bool = True) -> Any:
    ids = draw(st.sampled_from([IDS[:1], IDS[:2], IDS]))
    named = [draw(rarely(["p"], st.just(query_id))) for query_id in ids]
    query: dict[str, Any] = {
        "credentials": [draw(_credential_queries(name, has_positions=has_positions)) for name in named]
    }
    if draw(st.booleans()):
        option = st.lists(st.sampled_from(ids), min_size=1, max_size=2)
        wanted = st.fixed_dictionaries(
            {"options": rarely([[], [["z"]], "p", [[1]]], st.lists(option, min_size=1, max_size=3))},
            optional={"required": rarely(["no", None], st.booleans())},
        )
        query["credential_sets"] = draw(rarely([[], {}, None], st.lists(wanted, min_size=1, max_size=2)))
    return draw(rarely([[], {}, {"credentials": []}, {"credentials": {}}, {"credentials": [1]}], st.just(query)))


def answers() -> st.SearchStrategy[dict[str, list[Any]]]:
    """Presentations by query id; few enough that they often fit."""
    some = st.lists(CREDENTIALS, min_size=1, max_size=2)
    return st.sampled_from([["p"], ["p"], ["p", "q"], IDS, ["q"], ["p", "z"]]).flatmap(
        lambda ids: st.fixed_dictionaries(dict.fromkeys(ids, some))
    )
