"""Wycheproof JWE and RFC 7520 JWE: what is in scope opens, everything else is refused without a crash."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from protocol.encoding import b64u_decode, json_object
from protocol.envelope import open_envelope
from protocol.errors import ProtocolError
from tests.vectors.source import load

WYCHEPROOF = load("wycheproof/json_web_encryption_test.json")
COOKBOOK = {
    name.removesuffix(".json"): json.loads(data)
    for name, data in load("jose-rfc7520/ietf-jose-cookbook.tar.gz").items()
    if name.startswith("jwe/") or name == "curve25519/ecdh-es.json"
}
UNUSED = ec.derive_private_key(7, ec.SECP256R1())


def private_key(jwk: dict[str, Any]) -> ec.EllipticCurvePrivateKey:
    """The P-256 key of *jwk*; any P-256 key where it is of another kind, since nothing may get as far as using it."""
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256":
        return UNUSED
    return ec.derive_private_key(int.from_bytes(b64u_decode(jwk["d"]), "big"), ec.SECP256R1())


def is_in_scope(jwe: str) -> bool:
    header = json_object(b64u_decode(jwe.partition(".")[0]))
    return (
        header["alg"] in ("ECDH-ES", "ECDH-ES+A256KW")
        and header["enc"] in ("A128GCM", "A256GCM")
        and header["epk"]["crv"] == "P-256"
    )


CASES = [(group["private"], test) for group in WYCHEPROOF["testGroups"] for test in group["tests"]]


def judged(*, valid: bool) -> list[Any]:
    return [
        pytest.param(jwk, test, id=f"{test['tcId']}-{test['comment']}")
        for jwk, test in CASES
        if (test["result"] == "valid") is valid
    ]


@pytest.mark.requirement("RFC 7516 §5.2", "Wycheproof: valid JWEs in scope open, others are refused")
@pytest.mark.parametrize(("jwk", "test"), judged(valid=True))
def test_valid_cases_open_if_in_scope(jwk: dict[str, Any], test: dict[str, Any]) -> None:
    key, kid = private_key(jwk), jwk.get("kid")
    if is_in_scope(test["jwe"]):
        assert open_envelope(test["jwe"], key, kid).hex() == test["pt"]
    else:
        with pytest.raises(ProtocolError):
            open_envelope(test["jwe"], key, kid)


@pytest.mark.requirement("RFC 7516 §5.2", "Wycheproof: invalid JWEs are refused")
@pytest.mark.parametrize(("jwk", "test"), judged(valid=False))
def test_invalid_cases_are_refused(jwk: dict[str, Any], test: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError):
        open_envelope(test["jwe"], private_key(jwk), jwk.get("kid"))


def test_the_cases_in_scope_are_those_known() -> None:
    in_scope = [test["tcId"] for _, test in CASES if test["result"] == "valid" and is_in_scope(test["jwe"])]
    assert (in_scope, len(CASES)) == ([62, 66, 76, 78], 139)


@pytest.mark.requirement("RFC 7520 §5", "JWE examples of other algorithms are refused")
@pytest.mark.parametrize("name", sorted(COOKBOOK))
def test_cookbook_examples_are_out_of_scope_and_refused(name: str) -> None:
    """RFC 7520 has no P-256 example over AES-GCM; 5.5 is P-256 over AES-CBC."""
    example = COOKBOOK[name]
    keys = example["input"].get("key", {})
    for jwk in keys if isinstance(keys, list) else [keys]:
        for form in ("compact", "json", "json_flat"):
            if form in example["output"]:
                with pytest.raises(ProtocolError):
                    open_envelope(example["output"][form], private_key(jwk), jwk.get("kid"))
