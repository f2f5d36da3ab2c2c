"""transparency-dev/merkle testdata: every proof good or bad as the file says."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest

from protocol.errors import MerkleError
from protocol.merkle import verify_consistency, verify_inclusion
from tests.vectors.source import load

CASES = {
    name.removeprefix("testdata/").removesuffix(".json"): json.loads(data)
    for name, data in load("merkle/transparency-dev-merkle-testdata.tar.gz").items()
    if name.endswith(".json")
}


def named(kind: str) -> list[Any]:
    return [pytest.param(case, id=name) for name, case in CASES.items() if name.startswith(f"{kind}/")]


def subtrees(kind: str) -> list[Any]:
    # A subtree that begins at leaf 0 is a tree of RFC 9162; the others belong to Merkle Tree Certificates.
    return [case for case in named(kind) if case.values[0]["start"] == 0 and case.values[0]["end"] > 0]


def judge(case: dict[str, Any], verify: Any, *arguments: Any) -> None:
    if case["wantErr"]:
        with pytest.raises(MerkleError):
            verify(*arguments)
    else:
        verify(*arguments)


def hashes(case: dict[str, Any]) -> list[bytes]:
    return [b64decode(node) for node in case["proof"] or []]


@pytest.mark.requirement("RFC 9162 §2.1.3.2", "inclusion proofs are verified")
@pytest.mark.parametrize("case", named("inclusion"))
def test_inclusion(case: dict[str, Any]) -> None:
    leaf, root = b64decode(case["leafHash"]), b64decode(case["root"])
    judge(case, verify_inclusion, leaf, case["leafIdx"], case["treeSize"], hashes(case), root)


@pytest.mark.requirement("RFC 9162 §2.1.4.2", "consistency proofs are verified")
@pytest.mark.parametrize("case", named("consistency"))
def test_consistency(case: dict[str, Any]) -> None:
    roots = b64decode(case["root1"]), b64decode(case["root2"])
    judge(case, verify_consistency, case["size1"], case["size2"], hashes(case), *roots)


@pytest.mark.parametrize("case", subtrees("subtreeinclusion"))
def test_inclusion_in_a_first_subtree(case: dict[str, Any]) -> None:
    leaf, root = b64decode(case["leafHash"]), b64decode(case["root"])
    judge(case, verify_inclusion, leaf, case["leafIdx"], case["end"], hashes(case), root)


@pytest.mark.parametrize("case", subtrees("subtreeconsistency"))
def test_consistency_of_a_first_subtree(case: dict[str, Any]) -> None:
    roots = b64decode(case["root1"]), b64decode(case["root2"])
    judge(case, verify_consistency, case["end"], case["size"], hashes(case), *roots)


def test_no_file_was_overlooked() -> None:
    kinds = ("inclusion", "consistency", "subtreeinclusion", "subtreeconsistency")
    assert [len(named(kind)) for kind in kinds] == [98, 98, 204, 118]
    assert (len(subtrees("subtreeinclusion")), len(subtrees("subtreeconsistency"))) != (0, 0)
