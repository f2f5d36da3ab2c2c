"""The cases and examples of sd-jwt-python: issued and shown there, judged here."""

from __future__ import annotations

import re
from typing import Any

import pytest

from protocol import sd_jwt
from protocol.encoding import json_loads, json_object
from protocol.errors import HeaderFormatError, ProtocolError
from protocol.jose import verify_compact
from protocol.keys import p256_from_jwk
from tests.vectors import source

FILES = source.archive("sd-jwt/sd-jwt-python-generated.tar.gz")
CASES = sorted({name.rpartition("/")[0] for name in FILES if name.endswith("/specification.yml")})
# kid is text (RFC 7515 §4.1.4); this case sends a number.
REFUSED = "tests/testcases/header_mod"
TYPES = frozenset({None, "example+sd-jwt"})
REGISTERED = {"iss", "iat", "exp", "cnf"}


def setting(name: str) -> str:
    """A scalar of settings.yml."""
    found = re.search(
        rf"^ *{name}: *\"?([^\"\n#]+?)\"? *(?:#.*)?$", FILES["tests/testcases/settings.yml"].decode(), re.MULTILINE
    )
    assert found
    return found.group(1)


def issuer_key() -> Any:
    return p256_from_jwk({"kty": "EC", "crv": "P-256", "x": setting("x"), "y": setting("y")})


def readable(name: str) -> Any:
    """The JSON of one file; some break long strings for reading, some hold JSON as text."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', lambda found: re.sub(r"\n *", "", found.group()), FILES[name].decode())
    value = json_loads(text)
    return json_loads(value) if isinstance(value, str) else value


def read(case: str, stem: str) -> str:
    """The compact form of a token, also for the cases published in a JSON serialization (RFC 9901 §8)."""
    if f"{case}/{stem}.txt" in FILES:
        return source.unwrap(FILES[f"{case}/{stem}.txt"])
    value = readable(f"{case}/{stem}.json")
    first = value["signatures"][0] if "signatures" in value else value
    jws: str = f"{first['protected']}.{value['payload']}.{first['signature']}"
    return sd_jwt.join(jws, first["header"]["disclosures"]) + str(first["header"].get("kb_jwt", ""))


def reveal(text: str) -> dict[str, Any]:
    issuer_jwt, disclosures, _ = sd_jwt.split(text)
    return sd_jwt.reveal(
        json_object(verify_compact(issuer_jwt, key=issuer_key(), allowed_types=TYPES).payload), disclosures
    )


def sound_cases() -> list[str]:
    return [case for case in CASES if case != REFUSED]


def test_every_case_of_the_archive_is_known() -> None:
    assert len([case for case in CASES if case.startswith("tests/")]) == 17
    assert len([case for case in CASES if case.startswith("examples/")]) == 15
    assert REFUSED in CASES


@pytest.mark.requirement("RFC 9901 §7.1", "the claims of foreign presentations (sd-jwt-python cases)")
@pytest.mark.parametrize("case", sound_cases())
def test_presentation_reveals_the_expected_claims(case: str) -> None:
    assert reveal(read(case, "sd_jwt_presentation")) == readable(f"{case}/verified_contents.json")


@pytest.mark.requirement("RFC 9901 §6.1", "the claims of foreign issuances, shown in full (sd-jwt-python cases)")
@pytest.mark.parametrize("case", sound_cases())
def test_issuance_reveals_all_claims(case: str) -> None:
    claims = reveal(read(case, "sd_jwt_issuance"))
    expected = readable(f"{case}/user_claims.json")
    assert {name: value for name, value in claims.items() if name not in REGISTERED} == {
        name: value for name, value in expected.items() if name not in REGISTERED
    }


@pytest.mark.requirement("RFC 9901 §7.2", "every disclosure of a foreign credential can be shown alone")
@pytest.mark.parametrize("case", sound_cases())
def test_each_hidden_path_can_be_shown_alone(case: str) -> None:
    held = sd_jwt.hold(read(case, "sd_jwt_issuance"), allowed_types=TYPES)
    for path in sd_jwt.disclosable_paths(held):
        _, disclosures, _ = sd_jwt.split(sd_jwt.select(held, [path]))
        shown = sd_jwt.disclosed_paths(held.payload, disclosures)
        assert path in shown
        assert all(other[: len(path)] == path or path[: len(other)] == other for other in shown)


@pytest.mark.requirement("RFC 9901 §7.3", "foreign key binding (sd-jwt-python cases)")
@pytest.mark.parametrize("case", [case for case in sound_cases() if f"{case}/kb_jwt_payload.json" in FILES])
def test_key_binding_is_verified(case: str) -> None:
    text = read(case, "sd_jwt_presentation")
    expected = readable(f"{case}/kb_jwt_payload.json")
    issuer_jwt, _, binding = sd_jwt.split(text)
    assert binding
    payload = json_object(verify_compact(issuer_jwt, key=issuer_key(), allowed_types=TYPES).payload)
    how = {"issuer_payload": payload, "key_binding_jwt": binding, "now": expected["iat"] + 1, "max_age": 60}
    found = sd_jwt.verify_key_binding(text, audience=setting("verifier"), nonce=setting("key_binding_nonce"), **how)
    assert found == expected
    with pytest.raises(ProtocolError):
        sd_jwt.verify_key_binding(text, audience=setting("verifier"), nonce="another", **how)


@pytest.mark.requirement("RFC 7515 §4.1.4", "kid is text")
def test_kid_that_is_a_number_is_refused() -> None:
    with pytest.raises(HeaderFormatError):
        reveal(read(REFUSED, "sd_jwt_presentation"))


@pytest.mark.parametrize("case", [case for case in CASES if f"{case}/sd_jwt_presentation.json" in FILES])
def test_json_serialization_itself_is_refused(case: str) -> None:
    with pytest.raises(ProtocolError):
        reveal(FILES[f"{case}/sd_jwt_presentation.json"].decode())
