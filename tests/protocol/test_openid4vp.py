from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from protocol import openid4vp
from protocol.encoding import b64u_encode, json_dumps
from protocol.errors import (
    DcqlFormatError,
    DcqlNotSatisfiedError,
    DcqlUnsupportedError,
    ProtocolError,
    TransactionDataFormatError,
    TransactionDataHashError,
)

VCT = "https://issuer.example/types/birth/1"
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


def query(**members: Any) -> dict[str, Any]:
    credential = {"id": "certificate", "format": "dc+sd-jwt", "meta": {"vct_values": [VCT]}, **members}
    return {"credentials": [credential]}


def claim(*path: Any, **members: Any) -> dict[str, Any]:
    return {"path": list(path), **members}


def parsed(**members: Any) -> openid4vp.CredentialQuery:
    return openid4vp.parse_query(query(**members))


@pytest.mark.requirement("OpenID4VP 1.0 §6.1", "a credential query is read with its types, claims and claim sets")
def test_a_whole_query_is_read() -> None:
    found = parsed(
        claims=[claim("name", id="a"), claim("degrees", None, "title", id="b", values=["BSc", 3, True])],
        claim_sets=[["a", "b"], ["a"]],
    )
    assert found.id == "certificate"
    assert found.vct_values == (VCT,)
    assert [item.path for item in found.claims] == [("name",), ("degrees", None, "title")]
    assert found.claims[1].values == ("BSc", 3, True)
    assert found.claim_sets == (("a", "b"), ("a",))


MALFORMED: dict[str, Any] = {
    "not an object": [],
    "no credentials": {},
    "no credential": {"credentials": []},
    "credential not an object": {"credentials": ["x"]},
    "a name that is not text": {"credentials": [{1: 2}]},
    "no id": query(id=None),
    "empty id": query(id=""),
    "id with a space": query(id="a b"),
    "format missing": query(format=None),
    "meta missing": query(meta=None),
    "meta without types": query(meta={}),
    "types not text": query(meta={"vct_values": [1]}),
    "empty type": query(meta={"vct_values": [""]}),
    "claims empty": query(claims=[]),
    "claims not an array": query(claims={}),
    "claim not an object": query(claims=["name"]),
    "claim without path": query(claims=[{}]),
    "empty path": query(claims=[claim()]),
    "path is text": query(claims=[{"path": "name"}]),
    "path too long": query(claims=[claim(*["a"] * 17)]),
    "negative position": query(claims=[claim("a", -1)]),
    "boolean position": query(claims=[claim("a", True)]),
    "fractional position": query(claims=[claim("a", 1.5)]),
    "claim id not text": query(claims=[claim("a", id=1)]),
    "two claims with one id": query(claims=[claim("a", id="a"), claim("b", id="a")]),
    "values empty": query(claims=[claim("a", values=[])]),
    "value is a fraction": query(claims=[claim("a", values=[1.5])]),
    "value is an object": query(claims=[claim("a", values=[{}])]),
    "too many claims": query(claims=[claim(str(n)) for n in range(65)]),
    "sets without claims": query(claim_sets=[["a"]]),
    "sets over claims without ids": query(claims=[claim("a")], claim_sets=[["a"]]),
    "set names no claim": query(claims=[claim("a", id="a")], claim_sets=[["b"]]),
    "set holds a number": query(claims=[claim("a", id="a")], claim_sets=[[1]]),
    "sets empty": query(claims=[claim("a", id="a")], claim_sets=[]),
    "a set is empty": query(claims=[claim("a", id="a")], claim_sets=[[]]),
}
UNSUPPORTED: dict[str, Any] = {
    "several credentials": {"credentials": [*query()["credentials"], *query()["credentials"]]},
    "credential sets": {**query(), "credential_sets": []},
    "another format": query(format="mso_mdoc"),
    "multiple": query(multiple=True),
    "trusted authorities": query(trusted_authorities=[]),
    "without holder binding": query(require_cryptographic_holder_binding=False),
    "an unknown member of the query": {**query(), "purpose": "x"},
    "an unknown member of a claim": query(claims=[claim("a", intent_to_retain=True)]),
    "an unknown member of meta": query(meta={"vct_values": [VCT], "doctype_value": "x"}),
    "one path twice": query(claims=[claim("a"), claim("a", values=["x"])]),
}


@pytest.mark.requirement("OpenID4VP 1.0 §6", "a query that breaks DCQL is refused")
@pytest.mark.parametrize("bad", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_query_is_refused(bad: Any) -> None:
    with pytest.raises(DcqlFormatError):
        openid4vp.parse_query(bad)


@pytest.mark.requirement("OpenID4VP 1.0 §6", "parts of DCQL that are not spoken are refused by name, never ignored")
@pytest.mark.parametrize("bad", UNSUPPORTED.values(), ids=UNSUPPORTED.keys())
def test_an_unsupported_query_is_refused(bad: Any) -> None:
    with pytest.raises(DcqlUnsupportedError):
        openid4vp.parse_query(bad)


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
    assert openid4vp.select_values(CLAIMS, path) == expected


@pytest.mark.requirement("OpenID4VP 1.0 §6.4.1", "without claim_sets every claim is needed")
def test_every_claim_is_needed_without_sets() -> None:
    needed = parsed(claims=[claim("name"), claim("age_over_18", values=[True])])
    assert openid4vp.match_credential(needed, CLAIMS) == (("name",), ("age_over_18",))
    assert openid4vp.match_credential(parsed(), CLAIMS) == ()


@pytest.mark.requirement("OpenID4VP 1.0 §6.4.1", "the first claim set that can be satisfied is chosen")
def test_the_first_possible_set_is_chosen() -> None:
    sets = parsed(claims=[claim("name", id="a"), claim("missing", id="b")], claim_sets=[["a", "b"], ["a"]])
    assert openid4vp.match_credential(sets, CLAIMS) == (("name",),)


@pytest.mark.requirement("OpenID4VP 1.0 §6.4.1", "another type, a missing claim or another value does not match")
@pytest.mark.parametrize(
    "members",
    [
        {"meta": {"vct_values": ["https://issuer.example/other"]}},
        {"claims": [claim("missing")]},
        {"claims": [claim("name", values=["陳小文"])]},
        {"claims": [claim("count", values=[True])]},
        {"claims": [claim("age_over_18", values=[1])]},
        {"claims": [claim("missing", id="a")], "claim_sets": [["a"]]},
    ],
    ids=["type", "claim", "value", "true is not 1", "1 is not true", "no set"],
)
def test_what_does_not_satisfy_the_query_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(DcqlNotSatisfiedError):
        openid4vp.match_credential(parsed(**members), CLAIMS)


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
    made = openid4vp.credential_query(query_id="certificate", vct=VCT, required=required, optional=optional)
    found = openid4vp.parse_query(made)
    assert [item.path for item in found.claims] == [*required, *optional]
    assert found.claim_sets == expected_sets


TERMS = {"type": "https://issuer.example/authorization/v1", "credential_ids": ["certificate"], "purpose": "開戶"}


@pytest.mark.requirement(
    "OpenID4VP 1.0 §8.4", "transaction data is base64url of an object with type and credential_ids"
)
def test_transaction_data_is_read_back() -> None:
    assert openid4vp.parse_transaction_data(openid4vp.encode_transaction_data(TERMS)) == TERMS


@pytest.mark.requirement("OpenID4VP 1.0 §8.4", "malformed transaction data is refused")
@pytest.mark.parametrize(
    "bad",
    [
        None,
        "",
        "%%%",
        "é",
        "A" * ((1 << 15) + 1),
        b64u_encode(b"[]"),
        b64u_encode(b'{"type":"a","type":"b","credential_ids":["c"]}'),
        *(b64u_encode(json_dumps({**TERMS, **change})) for change in ({"type": ""}, {"type": 1})),
        *(b64u_encode(json_dumps({**TERMS, "credential_ids": ids})) for ids in (None, [], [1], [""], "c")),
    ],
)
def test_malformed_transaction_data_is_refused(bad: Any) -> None:
    with pytest.raises(TransactionDataFormatError):
        openid4vp.parse_transaction_data(bad)


def test_transaction_data_that_would_be_refused_is_not_made() -> None:
    with pytest.raises(TransactionDataFormatError):
        openid4vp.encode_transaction_data({"type": "x"})


@pytest.mark.requirement("OpenID4VP 1.0 §B.3.3.1", "the hash is over the transaction data as sent")
def test_the_hash_is_over_the_text_as_sent() -> None:
    encoded = openid4vp.encode_transaction_data(TERMS)
    assert openid4vp.hash_transaction_data(encoded) == b64u_encode(sha256(encoded.encode()).digest())
    with pytest.raises(TransactionDataFormatError):
        openid4vp.hash_transaction_data("é")


@pytest.mark.requirement("OpenID4VP 1.0 §B.3.3.1", "the key binding JWT covers exactly the transaction data, in order")
@pytest.mark.parametrize(
    "change",
    [
        {"transaction_data_hashes": None},
        {"transaction_data_hashes": []},
        {"transaction_data_hashes": ["x"]},
        {"transaction_data_hashes_alg": "sha-512"},
        {"transaction_data_hashes_alg": None},
    ],
)
def test_other_hashes_are_refused(change: dict[str, Any]) -> None:
    encoded = openid4vp.encode_transaction_data(TERMS)
    binding = {"transaction_data_hashes": [openid4vp.hash_transaction_data(encoded)]}
    openid4vp.check_transaction_data(binding, [encoded])
    openid4vp.check_transaction_data({**binding, "transaction_data_hashes_alg": "sha-256"}, [encoded])
    with pytest.raises(TransactionDataHashError):
        openid4vp.check_transaction_data({**binding, **change}, [encoded])


def test_every_refusal_is_a_protocol_error_with_its_own_code() -> None:
    kinds = (
        DcqlFormatError,
        DcqlUnsupportedError,
        DcqlNotSatisfiedError,
        TransactionDataFormatError,
        TransactionDataHashError,
    )
    assert all(issubclass(kind, ProtocolError) for kind in kinds)
    assert len({kind.code for kind in kinds}) == len(kinds)
