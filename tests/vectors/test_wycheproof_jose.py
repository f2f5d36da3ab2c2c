"""Project Wycheproof: ECDSA P-256 with r and s concatenated, and the JOSE files.

In scope are P-256 keys with ES256. Everything else in the files, sound or not, must be refused and never crash.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from protocol.encoding import b64u_encode
from protocol.errors import ProtocolError
from protocol.jose import Jws, parse_compact, verify_compact, verify_es256
from protocol.keys import p256_from_jwk
from tests.vectors import source

ANY_TYPE = frozenset({None, "JWT", "JOSE"})


def signatures() -> Iterator[Any]:
    for group in source.load("wycheproof/ecdsa_secp256r1_sha256_p1363_test.json")["testGroups"]:
        for test in group["tests"]:
            yield pytest.param(group["publicKey"]["uncompressed"], test, id=f"{test['tcId']}")


def tokens() -> Iterator[Any]:
    for name in ("json_web_signature", "json_web_key", "json_web_crypto"):
        for group in source.load(f"wycheproof/{name}_test.json")["testGroups"]:
            key = group.get("public") or group["private"]
            for test in group["tests"]:
                keys = key.get("keys", [key])
                token = test["jws"] if "jws" in test else test.get("jwe", "")
                yield pytest.param(keys, token, test["result"], id=f"{name}-{test['tcId']}")


def is_in_scope(keys: list[dict[str, Any]]) -> bool:
    """Whether there is one key, for ES256."""
    return len(keys) == 1 and keys[0].get("crv") == "P-256" and keys[0].get("alg") == "ES256"


@pytest.mark.requirement("RFC 7518 §3.4", "ES256 signatures of 64 bytes (Wycheproof, P1363)")
@pytest.mark.parametrize(("point", "test"), list(signatures()))
def test_es256_agrees_with_wycheproof(point: str, test: dict[str, str]) -> None:
    x, y = (b64u_encode(bytes.fromhex(half)) for half in (point[2:66], point[66:]))
    key = p256_from_jwk({"kty": "EC", "crv": "P-256", "x": x, "y": y})
    jws = Jws({}, b"", sha256(bytes.fromhex(test["msg"])).digest(), bytes.fromhex(test["sig"]))
    if test["result"] == "valid":
        assert verify_es256(jws, key) == b""
        return
    with pytest.raises(ProtocolError):
        verify_es256(jws, key)


@pytest.mark.requirement("RFC 7515 §5.2", "ES256 tokens as Wycheproof judges them; all other algorithms refused")
@pytest.mark.parametrize(("keys", "token", "result"), list(tokens()))
def test_tokens_agree_with_wycheproof(keys: list[dict[str, Any]], token: Any, result: str) -> None:
    if result == "valid" and is_in_scope(keys):
        assert verify_compact(token, key=p256_from_jwk(keys[0]), allowed_types=ANY_TYPE).payload
        return
    for jwk in keys:
        with pytest.raises(ProtocolError):
            verify_compact(token, key=p256_from_jwk(jwk), allowed_types=ANY_TYPE)


def test_files_hold_sound_es256_tokens() -> None:
    """Guards the test above against passing by refusing everything."""
    sound = [param.values for param in tokens() if param.values[2] == "valid" and is_in_scope(param.values[0])]
    assert len(sound) >= 3
    assert all(parse_compact(token, allowed_types=ANY_TYPE).header["alg"] == "ES256" for _, token, _ in sound)
