"""RFC 7520, examples of JOSE, and RFC 8037: keys and signatures of the kinds in use here; the rest is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from protocol.encoding import b64u_decode, b64u_encode, json_dumps
from protocol.errors import AlgorithmError, KeyFormatError, ProtocolError
from protocol.jose import parse_compact
from protocol.keys import jwk_thumbprint, public_jwk, public_key_from_jwk
from tests.vectors import source

FILES = source.archive("jose-rfc7520/ietf-jose-cookbook.tar.gz")
ANY_TYPE = frozenset({None, "JWT"})


def example(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(FILES[name])
    return value


@pytest.mark.requirement("RFC 8037 §2", "Ed25519 public keys as OKP JWKs; private ones refused")
def test_ed25519_key_of_rfc_8037_verifies_its_signature() -> None:
    shown = example("curve25519/jws.json")
    jwk = {name: value for name, value in shown["input"]["key"].items() if name != "d"}
    key = public_key_from_jwk(jwk)
    assert isinstance(key, ed25519.Ed25519PublicKey)
    key.verify(b64u_decode(shown["signing"]["sig"]), shown["signing"]["sig-input"].encode())
    assert public_jwk(key)["x"] == jwk["x"]
    with pytest.raises(KeyFormatError):
        public_key_from_jwk(shown["input"]["key"])


@pytest.mark.requirement("RFC 7638 §3", "JWK thumbprint")
def test_thumbprint_of_rfc_8037_appendix_a3() -> None:
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert jwk_thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.requirement("RFC 7517 §4", "keys of kinds that are not in use, and private keys, refused")
@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("jwk/")])
def test_keys_of_other_kinds_are_refused(name: str) -> None:
    with pytest.raises(KeyFormatError):
        public_key_from_jwk(example(name))


@pytest.mark.requirement("RFC 7515 §4.1.1", "algorithms outside the allow-list refused (RFC 7520 §4)")
@pytest.mark.parametrize(
    "name",
    [name for name in FILES if name.startswith(("jws/", "rfc7797/", "curve25519/jws")) and name.endswith(".json")],
)
def test_signatures_of_other_algorithms_are_refused(name: str) -> None:
    output = example(name)["output"]
    expected = AlgorithmError if "compact" in output else ProtocolError
    with pytest.raises(expected):
        parse_compact(output.get("compact", json_dumps(output).decode()), allowed_types=ANY_TYPE)


@pytest.mark.requirement("RFC 7516 §9", "a JWE is not taken for a JWS (RFC 7520 §5)")
@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("jwe/")])
def test_encrypted_messages_are_refused(name: str) -> None:
    output = example(name)["output"]
    with pytest.raises(ProtocolError):
        parse_compact(output.get("compact", json_dumps(output).decode()), allowed_types=ANY_TYPE)


@pytest.mark.requirement("RFC 7515 §2", "base64url of headers and signatures as printed in RFC 7520")
@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("jws/")])
def test_base64url_round_trips_what_the_rfc_prints(name: str) -> None:
    signing = example(name)["signing"]
    for part in signing if isinstance(signing, list) else [signing]:
        for member in ("sig", "protected_b64u"):
            if member in part:
                assert b64u_encode(b64u_decode(part[member])) == part[member]
