"""The command that the W3C's suite drives, through the contract of that suite: files in, one JSON result out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from credentials.vc_jose_cli import EXIT_USAGE, main
from protocol.encoding import b64u_encode
from protocol.jws_algorithms import JwkSigner
from tests.protocol.makers import DROP, NOW
from tests.protocol.vc_documents import document, envelope, presentation

CONTROLLER = "https://issuer.example/keys"
CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
FEATURES = ["credential_jose", "credential_sdjwt", "presentation_jose", "presentation_sdjwt"]


def private_jwk(curve: str) -> dict[str, str]:
    if curve == "Ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
        halves = {"x": key.public_key().public_bytes_raw(), "d": key.private_bytes_raw()}
        kind = {"kty": "OKP", "crv": curve, "alg": "EdDSA"}
    else:
        numbers = ec.generate_private_key(CURVES[curve]).private_numbers()
        size = (CURVES[curve].key_size + 7) // 8
        point = numbers.public_numbers
        values = {"x": point.x, "y": point.y, "d": numbers.private_value}
        halves = {name: value.to_bytes(size, "big") for name, value in values.items()}
        kind = {"kty": "EC", "crv": curve, "alg": ALGORITHMS[curve]}
    return {**kind, **{name: b64u_encode(half) for name, half in halves.items()}}


def method(curve: str = "P-256", **changes: Any) -> dict[str, Any]:
    """A verification method as the suite hands it over."""
    secret = private_jwk(curve)
    public = {name: value for name, value in secret.items() if name != "d"}
    return {
        "id": f"{CONTROLLER}#key-1", "type": "JsonWebKey", "controller": CONTROLLER, "publicKeyJwk": public,
        "secretKeyJwk": secret, **changes,
    }  # fmt: skip


class Bench:
    """A folder in which the command is run as the suite runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, command: str, content: Any, key: dict[str, Any], feature: str, *more: str) -> dict[str, str]:
        source, key_file, output = (self.folder / name for name in ("input", "key.json", "output.json"))
        source.write_text(content if isinstance(content, str) else json.dumps(content))
        key_file.write_text(json.dumps(key))
        named = ["--input", str(source), "--key", str(key_file), "--output", str(output)]
        assert main([command, *named, "--feature", feature, *more]) == 0
        result: dict[str, str] = json.loads(output.read_text())
        return result

    def issue(self, feature: str, key: dict[str, Any], content: Any = None) -> dict[str, str]:
        made = content or (credential() if feature.startswith("credential") else shown())
        hidden = {"credential_sdjwt": ["credentialSubject.phones[0]"], "presentation_sdjwt": ["holder"]}
        more = ["--sd", json.dumps(hidden[feature])] if feature in hidden else []
        return self.run("issue", made, key, feature, *more)

    def verify(self, token: str, key: dict[str, Any], feature: str, *more: str) -> str:
        return self.run("verify", token, key, feature, *more)["result"]


def credential(**changes: Any) -> dict[str, Any]:
    return document(**{"issuer": CONTROLLER, "credentialSubject": {"phones": ["+1", "+2"]}, **changes})


def shown(**changes: Any) -> dict[str, Any]:
    return presentation(**{"holder": CONTROLLER, **changes})


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.requirement("VC-JOSE-COSE §3", "ES256, ES384, ES512 and EdDSA, by the command for the W3C's suite")
@pytest.mark.parametrize("curve", ALGORITHMS)
@pytest.mark.parametrize("feature", FEATURES)
def test_what_is_issued_with_a_key_verifies_with_it_and_with_no_other(bench: Bench, feature: str, curve: str) -> None:
    key = method(curve)
    issued = bench.issue(feature, key)
    assert issued["result"] == "success", issued["data"]
    assert bench.verify(issued["data"], key, feature) == "success"
    assert bench.verify(issued["data"], method(curve), feature) == "failure"


@pytest.mark.parametrize("other", FEATURES)
@pytest.mark.parametrize("feature", FEATURES)
def test_token_of_one_feature_is_not_taken_for_another(bench: Bench, feature: str, other: str) -> None:
    key = method()
    token = bench.issue(feature, key)["data"]
    assert bench.verify(token, key, other) == ("success" if other == feature else "failure")


@pytest.mark.parametrize("curve", [curve for curve in ALGORITHMS if curve != "P-256"])
def test_algorithm_is_that_of_the_key_never_that_of_the_token(bench: Bench, curve: str) -> None:
    token = bench.issue("credential_jose", method())["data"]
    assert bench.verify(token, method(curve), "credential_jose") == "failure"


@pytest.mark.parametrize(
    ("feature", "content"),
    [
        ("credential_jose", credential(badExtension={"huh": "what?"})),
        ("credential_jose", credential(vc={})),
        ("credential_jose", credential(issuer=DROP)),
        ("credential_sdjwt", credential(validFrom="yesterday")),
        ("presentation_jose", shown(verifiableCredential=[credential()])),
        ("presentation_jose", shown(verifiableCredential=[envelope(id="not-a-credential")])),
    ],
)
def test_unsound_document_is_not_issued(bench: Bench, feature: str, content: dict[str, Any]) -> None:
    assert bench.issue(feature, method(), content)["result"] == "failure"


def test_unsecured_document_does_not_verify(bench: Bench) -> None:
    assert bench.verify(json.dumps(credential()), method(), "credential_jose") == "failure"
    assert bench.verify(json.dumps(shown()), method(), "presentation_jose") == "failure"


@pytest.mark.requirement("VC-JOSE-COSE §4.2", "the key must be its issuer's: controller and issuer are compared")
def test_key_of_another_controller_does_not_verify(bench: Bench) -> None:
    key = method()
    token = bench.issue("credential_jose", key)["data"]
    assert bench.verify(token, {**key, "controller": "https://eve.example"}, "credential_jose") == "failure"


def test_dates_are_judged_as_of_the_time_given(bench: Bench) -> None:
    key = method()
    token = bench.issue("credential_jose", key)["data"]
    assert bench.verify(token, key, "credential_jose", "--at", str(NOW)) == "success"
    assert bench.verify(token, key, "credential_jose", "--at", "4000000000") == "failure"


def test_feature_that_is_not_supported_is_said_to_be_neither(bench: Bench) -> None:
    for feature in ("credential_cose", "presentation_cose", "proof_jose"):
        assert bench.run("verify", "0oRYSKQ", method(), feature)["result"] == "indeterminate"


@pytest.mark.parametrize(
    "changes",
    [
        {"secretKeyJwk": {**private_jwk("P-256"), "alg": "ES384"}},
        {"secretKeyJwk": {**private_jwk("P-256"), "d": "AAAA"}},
        {"secretKeyJwk": {**private_jwk("P-256"), "x": private_jwk("P-256")["x"]}},
        {"secretKeyJwk": {**private_jwk("Ed25519"), "x": private_jwk("Ed25519")["x"]}},
        {"secretKeyJwk": {"kty": "EC", "crv": "secp256k1"}},
        {"secretKeyJwk": {**private_jwk("P-256"), "y": 7}},
        {"secretKeyJwk": {**private_jwk("P-256"), "d": b64u_encode(bytes(32))}},
    ],
)
def test_unsound_key_signs_nothing(bench: Bench, changes: dict[str, Any]) -> None:
    assert bench.issue("credential_jose", method(**changes))["result"] == "failure"


def test_what_cannot_be_read_is_wrong_usage(tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    key.write_text("{}")
    arguments = [
        "--input",
        str(key),
        "--key",
        str(key),
        "--output",
        str(tmp_path / "out"),
        "--feature",
        "credential_jose",
    ]
    assert main(["verify", *arguments]) == EXIT_USAGE
    assert main(["verify", *arguments[:-2], "--feature", "x", "--input", str(tmp_path / "none")]) == EXIT_USAGE


def test_the_command_needs_no_settings_and_no_database(tmp_path: Path) -> None:
    key, source, output = tmp_path / "key.json", tmp_path / "in.json", tmp_path / "out.json"
    key.write_text(json.dumps(method()))
    source.write_text(json.dumps(credential()))
    named = ["--input", source, "--key", key, "--output", output, "--feature", "credential_jose"]
    subprocess.run(
        [sys.executable, "-m", "credentials.vc_jose_cli", "issue", *map(str, named)], check=True, env={"PATH": ""}
    )
    assert json.loads(output.read_text())["result"] == "success"


def test_signer_does_not_show_its_key() -> None:
    jwk = private_jwk("P-384")
    assert jwk["d"] not in repr(JwkSigner(jwk, "k"))
