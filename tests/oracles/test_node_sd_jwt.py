"""@sd-jwt/sd-jwt-vc 0.19.0 on Node, both directions."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.errors import ProtocolError
from tests.oracles import credential as made
from tests.oracles.node import OracleError, run

SCRIPT = "sd_jwt_vc.mjs"
SHOWN: list[Any] = [
    ("given_name",),
    ("note",),
    ("level",),
    ("address", "street"),
    ("nationalities", 1),
    ("degrees", None),
]
SHOWN_CLAIMS = {
    "given_name": "Lei", "note": None, "level": 0, "nationalities": ["PT"], "degrees": made.CLAIMS["degrees"],
    "address": made.CLAIMS["address"],
}  # fmt: skip


def node_verifies(presentation: str, nonce: str = made.NONCE) -> Any:
    return run(
        SCRIPT, do="verify", presentation=presentation, issuerKey=made.ISSUER.public_jwk, now=made.NOW, nonce=nonce
    )


def node_presents(credential: str, frame: dict[str, Any]) -> str:
    binding = {"iat": made.NOW, "aud": made.AUDIENCE, "nonce": made.NONCE}
    key = made.private_jwk(made.HOLDER_PRIVATE, made.HOLDER)
    text: str = run(SCRIPT, do="present", credential=credential, frame=frame, binding=binding, holderPrivateKey=key)
    return text


def node_issues() -> str:
    frame = {
        "_sd": ["given_name", "family_name", "level", "note"],
        "_sd_decoy": 3,
        "address": {"_sd": ["street"]},
        "nationalities": {"_sd": [0, 1, 2]},
    }
    claims = {**made.registered(), **made.CLAIMS}
    key = made.private_jwk(made.ISSUER_PRIVATE, made.ISSUER)
    text: str = run(SCRIPT, do="issue", claims=claims, frame=frame, header={"kid": "1"}, issuerPrivateKey=key)
    return text


@pytest.mark.parametrize("decoys", [0, 5])
def test_node_accepts_our_presentation(decoys: int) -> None:
    answer = node_verifies(made.present(made.issue(decoys), SHOWN))
    assert answer["payload"] == {**made.registered(), **SHOWN_CLAIMS}
    assert answer["binding"]["aud"] == made.AUDIENCE


def test_node_refuses_our_presentation_under_another_nonce() -> None:
    with pytest.raises(OracleError, match=r"[Nn]once"):
        node_verifies(made.present(made.issue(), SHOWN), nonce="another")


def test_we_accept_what_node_presents_from_our_credential() -> None:
    frame = {"given_name": True, "note": True, "address": {"street": True}, "nationalities": {"1": True}}
    claims = made.judge(node_presents(made.issue(decoys=2).text, frame))
    expected = {"given_name": "Lei", "note": None, "nationalities": ["PT"], "address": made.CLAIMS["address"]}
    assert claims == {**made.registered(), **expected, "degrees": [{"name": "BSc"}, {"name": "MSc"}]}


def test_we_accept_what_node_issues_and_presents() -> None:
    claims = made.judge(node_presents(node_issues(), {"family_name": True, "nationalities": {"0": True, "2": True}}))
    assert claims["family_name"] == "陳"
    assert claims["nationalities"] == ["MO", "CN"]
    assert claims["address"] == {"city": "Macau", "lines": ["A", "B"]}
    assert "given_name" not in claims


def test_we_present_what_node_issues() -> None:
    from protocol import sd_jwt

    held = sd_jwt.hold(node_issues(), allowed_types=frozenset({"dc+sd-jwt"}))
    shown = made.present(held, [("given_name",), ("address", "street")])
    assert made.judge(shown)["given_name"] == "Lei"
    assert node_verifies(shown)["payload"]["address"] == made.CLAIMS["address"]


def test_we_refuse_what_node_presents_when_a_disclosure_is_added() -> None:
    held = made.issue()
    text = node_presents(held.text, {"given_name": True})
    issuer_jwt, rest = text.split("~", 1)
    with pytest.raises(ProtocolError):
        made.judge(f"{issuer_jwt}~{held.disclosures[0].encoded}~{rest}")
