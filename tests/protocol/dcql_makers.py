"""Queries and credentials for the tests of DCQL, with only what a test is about spelled out."""

from __future__ import annotations

from typing import Any

from protocol.dcql import CredentialQuery, HeldCredential, PresentedCredential, Query, parse_query

VCT = "https://issuer.example/types/birth/1"
OTHER_VCT = "https://issuer.example/types/licence/1"
CLAIMS: dict[str, Any] = {
    "vct": VCT,
    "name": "陳大文",
    "age_over_18": True,
    "count": 1,
    "address": {"street": "南灣", "numbers": [1, 2]},
    "degrees": [{"title": "BSc"}, {"title": "MSc", "year": 2020}],
    "empty": [],
    "nothing": None,
}


def credential(query_id: str = "certificate", **members: Any) -> dict[str, Any]:
    return {"id": query_id, "format": "dc+sd-jwt", "meta": {"vct_values": [VCT]}, **members}


def query(**members: Any) -> dict[str, Any]:
    return {"credentials": [credential(**members)]}


def several(*credentials: dict[str, Any], sets: list[Any] | None = None) -> dict[str, Any]:
    return {"credentials": list(credentials), **({} if sets is None else {"credential_sets": sets})}


def claim(*path: Any, **members: Any) -> dict[str, Any]:
    return {"path": list(path), **members}


def parsed(**members: Any) -> CredentialQuery:
    return parse_query(query(**members)).credentials[0]


def parsed_several(*credentials: dict[str, Any], sets: list[Any] | None = None) -> Query:
    return parse_query(several(*credentials, sets=sets))


def held(handle: str = "mine", claims: dict[str, Any] = CLAIMS, **changes: Any) -> HeldCredential:
    return HeldCredential(handle, changes.pop("format", "dc+sd-jwt"), claims, **changes)


def shown(*paths: Any, handle: str = "mine", claims: dict[str, Any] = CLAIMS, **changes: Any) -> PresentedCredential:
    """A presentation that discloses *paths*; what else stands in *claims* is always open."""
    return PresentedCredential(handle, changes.pop("format", "dc+sd-jwt"), claims, paths, **changes)
