from __future__ import annotations

import json
from typing import Any

import pytest

from protocol import sd_jwt
from protocol.encoding import b64u_decode, json_object
from protocol.errors import (
    ClaimPathError,
    DisclosureUnreferencedError,
    HashAlgorithmError,
    JsonError,
    ProtocolError,
    ReservedNameError,
    SdJwtFormatError,
    SdJwtLimitError,
)
from protocol.jose import verify_compact
from tests.protocol.makers import ISSUER, ISSUER_KEY, disclose, hidden

TYPES = frozenset({"example+sd-jwt"})
CLAIMS: dict[str, Any] = {
    "name": "陳", "level": 0, "note": None, "address": {"street": "Rua 1", "city": "Macau"}, "nationalities": ["MO", "PT", "CN"],
    "degrees": [{"title": "BSc", "year": 2012}, {"title": "MSc", "year": 2014}], "grid": [[1, 2], [3]], "empty": [],
}  # fmt: skip


def issue(*disclosable: sd_jwt.Path, claims: dict[str, Any] | None = None, **how: Any) -> sd_jwt.SdJwt:
    return sd_jwt.issue(
        CLAIMS if claims is None else claims,
        disclosable=disclosable,
        signer=ISSUER,
        header={"typ": "example+sd-jwt"},
        **how,
    )


def reveal(text: str) -> dict[str, Any]:
    issuer_jwt, disclosures, _ = sd_jwt.split(text)
    return sd_jwt.reveal(
        json_object(verify_compact(issuer_jwt, key=ISSUER_KEY, allowed_types=TYPES).payload), disclosures
    )


@pytest.mark.requirement("RFC 9901 §4.2.1", "object members hidden behind digests")
def test_hidden_members_are_only_digests_in_the_payload() -> None:
    held = issue(("name",), ("level",), ("note",))
    text = json.dumps(held.payload)
    assert "陳" not in text
    assert not {"name", "level", "note"} & set(held.payload)
    assert len(held.payload["_sd"]) == 3
    assert held.payload["_sd_alg"] == "sha-256"
    assert held.payload["address"] == CLAIMS["address"]
    assert reveal(held.text) == CLAIMS
    assert json_object(b64u_decode(held.issuer_jwt.split(".")[1])) == held.payload


@pytest.mark.requirement("RFC 9901 §4.2.2", "array elements hidden behind digests")
def test_hidden_elements_leave_placeholders() -> None:
    held = issue(("nationalities", None), ("degrees", 1), ("grid", 0, 1))
    assert [list(item) for item in held.payload["nationalities"]] == [["..."]] * 3
    assert held.payload["degrees"][0] == CLAIMS["degrees"][0]
    assert held.payload["grid"][0][0] == 1
    assert reveal(held.text) == CLAIMS
    shown = reveal(sd_jwt.select(held, [("nationalities", 1)]))
    assert shown == {**CLAIMS, "nationalities": ["PT"], "degrees": CLAIMS["degrees"][:1], "grid": [[1], [3]]}


@pytest.mark.requirement("RFC 9901 §4.2.6", "recursive disclosures")
def test_recursive_disclosure_hides_children_inside_their_parent() -> None:
    held = issue(("address",), ("address", "street"), ("degrees", None), ("degrees", None, "year"))
    assert "address" not in held.payload
    assert reveal(held.text) == CLAIMS
    assert sd_jwt.disclosable_paths(held) == (
        ("degrees", 0), ("degrees", 0, "year"), ("degrees", 1), ("degrees", 1, "year"), ("address",), ("address", "street"),
    )  # fmt: skip
    assert reveal(sd_jwt.select(held, [("address", "city")]))["address"] == {"city": "Macau"}
    assert reveal(sd_jwt.select(held, [("address", "street")]))["address"] == CLAIMS["address"]
    assert reveal(sd_jwt.select(held, [("address",)]))["address"] == CLAIMS["address"]
    assert reveal(sd_jwt.select(held, [("degrees", 1, "year")]))["degrees"] == CLAIMS["degrees"][1:]


def test_every_element_and_one_element_may_be_named_together() -> None:
    held = issue(("degrees", None, "year"), ("degrees", 0), ("degrees", 0, "title"), ("grid", None, None), ("grid", 1))
    assert set(sd_jwt.disclosable_paths(held)) == {
        ("degrees", 0), ("degrees", 0, "title"), ("degrees", 0, "year"), ("degrees", 1, "year"), ("grid", 0, 0), ("grid", 0, 1),
        ("grid", 1), ("grid", 1, 0),
    }  # fmt: skip
    assert reveal(held.text) == CLAIMS


@pytest.mark.requirement("RFC 9901 §9.3", "salts of at least 128 random bits, never used twice")
def test_salts_are_long_and_never_repeat() -> None:
    salts = [item.salt for _ in range(300) for item in issue(("name",), ("nationalities", None)).disclosures]
    assert len(set(salts)) == len(salts) == 1200
    assert min(len(b64u_decode(salt)) for salt in salts) >= 16
    assert len(b64u_decode(sd_jwt.make_disclosure("a", 1).salt)) >= 16


def test_many_hidden_claims_have_their_own_salts_in_one_credential() -> None:
    claims = {f"c{number}": number for number in range(100)}
    held = issue(*[(name,) for name in claims], claims=claims)
    assert len({item.salt for item in held.disclosures}) == 100
    assert reveal(held.text) == claims


@pytest.mark.requirement("RFC 9901 §4.2.4.1", "digests in an order that says nothing of the claims")
def test_digests_are_sorted() -> None:
    held = issue(*[(name,) for name in CLAIMS], decoys=20)
    assert held.payload["_sd"] == sorted(held.payload["_sd"])
    assert [item.digest for item in held.disclosures] != held.payload["_sd"]


@pytest.mark.requirement("RFC 9901 §4.2.5", "decoy digests")
def test_decoys_look_like_digests_and_change_nothing() -> None:
    held = issue(("name",), ("address", "street"), ("nationalities", 0), decoys=3)
    assert [len(held.payload["_sd"]), len(held.payload["address"]["_sd"]), len(held.payload["nationalities"])] == [
        4,
        4,
        6,
    ]
    assert {len(digest) for digest in held.payload["_sd"]} == {43}
    assert reveal(held.text) == CLAIMS
    assert sd_jwt.disclosable_paths(issue(("nationalities", 2), decoys=5)) == (("nationalities", 2),)


@pytest.mark.parametrize(("hidden_count", "expected"), [(1, 8), (7, 8), (8, 8)])
def test_decoys_fill_up_to_a_bucket(hidden_count: int, expected: int) -> None:
    held = issue(*[(name,) for name in list(CLAIMS)[:hidden_count]], decoys=sd_jwt.pad_to(8))
    assert len(held.payload["_sd"]) == expected


@pytest.mark.requirement("RFC 9901 §4.1.1", "sha-256, sha-384 and sha-512")
@pytest.mark.parametrize(("name", "length"), [("sha-256", 43), ("sha-384", 64), ("sha-512", 86)])
def test_hash_is_stated_and_used(name: str, length: int) -> None:
    held = issue(("name",), hash_name=name)
    assert held.payload["_sd_alg"] == name == sd_jwt.hash_of(held.payload)
    assert len(held.payload["_sd"][0]) == len(sd_jwt.sd_hash(held.text, name)) == length
    assert reveal(held.text) == CLAIMS


def test_unknown_hash_is_refused() -> None:
    with pytest.raises(HashAlgorithmError):
        issue(("name",), hash_name="md5")
    with pytest.raises(HashAlgorithmError):
        sd_jwt.hash_of({"_sd_alg": "md5"})


def test_nothing_hidden_leaves_no_trace() -> None:
    held = issue()
    assert held.payload == CLAIMS
    assert held.text == f"{held.issuer_jwt}~"
    assert issue(("empty", None)).payload == CLAIMS


@pytest.mark.parametrize(
    "path",
    [
        (), ("missing",), ("address", "missing"), ("address", 0), ("address", None), ("nationalities", 3), ("nationalities", -1),
        ("nationalities", "MO"), ("name", "x"), ("name", None), ("degrees", None, "missing"), (None,), (0,), ("grid", None, None, None),
    ],
)  # fmt: skip
def test_path_that_leads_nowhere_is_refused(path: sd_jwt.Path) -> None:
    with pytest.raises(ClaimPathError):
        issue(path)
    with pytest.raises(ClaimPathError):
        sd_jwt.select(issue(("name",)), [path])


def test_path_of_a_visible_claim_selects_nothing_more() -> None:
    held = issue(("name",))
    assert sd_jwt.select(held, [("level",), ("degrees", None, "year"), ("nationalities", 0)]) == f"{held.issuer_jwt}~"


@pytest.mark.parametrize(
    "claims",
    [
        {"_sd": []},
        {"...": "x"},
        {"_sd_alg": "sha-256"},
        {"a": {"_sd": "x"}},
        {"a": [{"...": "x"}]},
        {"a": [[{"b": {"_sd_alg": 1}}]]},
    ],
)
def test_reserved_names_cannot_be_issued(claims: dict[str, Any]) -> None:
    with pytest.raises(ReservedNameError):
        issue(claims=claims)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        b"x",
        {1, 2},
        object(),
        {1: 2},
        {None: 1},
        "\ud800",
        2**70,
        [float("nan")],
        {"a": [b""]},
    ],
)
def test_what_json_cannot_hold_is_not_issued(value: Any) -> None:
    for paths in ((), (("a",),)):
        with pytest.raises(JsonError):
            issue(*paths, claims={"a": value})


@pytest.mark.parametrize("value", [float("nan"), b"x", object(), "\ud800"])
def test_what_json_cannot_hold_is_not_disclosed(value: Any) -> None:
    with pytest.raises(JsonError):
        sd_jwt.make_disclosure("a", value)


def test_depth_is_bounded_when_issuing() -> None:
    recursive: list[Any] = []
    recursive.append(recursive)
    with pytest.raises(SdJwtLimitError):
        issue(claims={"a": recursive})


def test_tuples_become_arrays() -> None:
    assert reveal(issue(("a", 0), claims={"a": ("x", "y")}).text) == {"a": ["x", "y"]}


@pytest.mark.parametrize(("name", "value"), [("a", {"b": [1]}), (None, "x"), ("", None)])
def test_made_disclosure_reads_back(name: str | None, value: Any) -> None:
    made = sd_jwt.make_disclosure(name, value, hash_name="sha-384")
    assert sd_jwt.parse_disclosure(made.encoded, "sha-384") == made


@pytest.mark.requirement("RFC 9901 §7.1", "an unreferenced disclosure refused")
def test_unreferenced_disclosure_is_refused_by_reveal_itself() -> None:
    with pytest.raises(DisclosureUnreferencedError):
        sd_jwt.reveal(issue(("name",)).payload, [disclose("salt", "admin", True)])


def test_reveal_leaves_its_input_alone() -> None:
    held = issue(("name",), ("address",), ("address", "street"), ("nationalities", None))
    before = json.dumps(held.payload)
    claims = sd_jwt.reveal(held.payload, [item.encoded for item in held.disclosures])
    claims["nationalities"].append("XX")
    claims["degrees"][0]["title"] = "changed"
    assert json.dumps(held.payload) == before
    assert held.disclosures[0].value == "陳"


def test_withheld_paths_are_the_rest() -> None:
    held = issue(("name",), ("address",), ("address", "street"), ("nationalities", None))
    assert set(sd_jwt.withheld_paths(held, [("address", "street"), ("nationalities", 0)])) == {
        ("name",), ("nationalities", 1), ("nationalities", 2),
    }  # fmt: skip
    assert sd_jwt.withheld_paths(held, []) == sd_jwt.disclosable_paths(held)
    assert sd_jwt.withheld_paths(held, sd_jwt.disclosable_paths(held)) == ()


def test_positions_count_decoys_of_others_but_lead_to_the_same_element() -> None:
    items = [disclose("s1", "MO"), disclose("s2", "CN")]
    digests = hidden(*items)["_sd"]
    payload = {"nat": [{"...": "decoy-1"}, {"...": digests[0]}, {"...": "decoy-2"}, {"...": digests[1]}]}
    held = sd_jwt.SdJwt("a.b.c", payload, tuple(sd_jwt.parse_disclosure(item) for item in items))
    assert sd_jwt.disclosable_paths(held) == (("nat", 1), ("nat", 3))
    assert sd_jwt.select(held, [("nat", 3)]) == f"a.b.c~{items[1]}~"
    assert sd_jwt.disclosed_paths(payload, [items[1]]) == (("nat", 3),)


def test_held_credential_is_read_from_its_text() -> None:
    held = issue(("name",), ("nationalities", None))
    again = sd_jwt.hold(held.text, allowed_types=TYPES)
    assert again.issuer_jwt == held.issuer_jwt
    assert again.payload == held.payload
    assert {item.encoded for item in again.disclosures} == {item.encoded for item in held.disclosures}
    with pytest.raises(ProtocolError):
        sd_jwt.hold(held.text + "AA~", allowed_types=TYPES)


@pytest.mark.requirement("RFC 9901 §4", "issuer JWT, disclosures and key binding separated by tildes")
def test_split_and_join_are_inverse() -> None:
    assert sd_jwt.split("jwt~") == ("jwt", (), None)
    assert sd_jwt.split("jwt~a~b~") == ("jwt", ("a", "b"), None)
    assert sd_jwt.split("jwt~a~kb") == ("jwt", ("a",), "kb")
    assert sd_jwt.join("jwt", ["a", "b"]) == "jwt~a~b~"
    assert sd_jwt.without_key_binding("jwt~a~kb") == "jwt~a~"


@pytest.mark.parametrize("text", ["", "jwt", "~", "~a~", "jwt~~", "jwt~a~~kb", "jwté~", None, b"jwt~", 1])
def test_other_shapes_do_not_split(text: Any) -> None:
    with pytest.raises(SdJwtFormatError):
        sd_jwt.split(text)


def test_digest_of_text_beyond_ascii_is_refused() -> None:
    with pytest.raises(SdJwtFormatError):
        sd_jwt.sd_hash("é~")
