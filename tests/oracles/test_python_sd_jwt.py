"""PyPI sd-jwt (over jwcrypto) and joserfc, both directions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from joserfc import jwk as joserfc_jwk
from joserfc import jws as joserfc_jws
from jwcrypto.jwk import JWK
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

from protocol.errors import TokenTypeError
from protocol.jose import sign_compact, verify_compact
from protocol.keys import jwk_thumbprint, p256_from_jwk
from tests.oracles import credential as made

ISSUER_JWK = JWK(**made.private_jwk(made.ISSUER_PRIVATE, made.ISSUER))
HOLDER_JWK = JWK(**made.private_jwk(made.HOLDER_PRIVATE, made.HOLDER))
OURS = joserfc_jwk.ECKey.import_key(dict(made.ISSUER.public_jwk))
FRAME = {"given_name": True, "note": True, "address": {"street": True}, "nationalities": [False, True, False]}
SHOWN: list[Any] = [("given_name",), ("note",), ("address", "street"), ("nationalities", 1)]
EXPECTED = {
    **made.registered(), "given_name": "Lei", "note": None, "address": made.CLAIMS["address"], "nationalities": ["PT"],
    "degrees": [{"name": "BSc"}, {"name": "MSc"}],
}  # fmt: skip


def verified_by_sd_jwt(presentation: str, nonce: str = made.NONCE) -> Any:
    verifier = SDJWTVerifier(presentation, lambda _issuer, _header: ISSUER_JWK, made.AUDIENCE, nonce)
    return made.as_json(verifier.get_verified_payload())


def issued_by_sd_jwt(**claims: Any) -> str:
    hidden = {SDObj(name): value for name, value in made.CLAIMS.items() if name != "nationalities"}
    nationalities = [SDObj(value) for value in made.CLAIMS["nationalities"]]
    registered = {name: value for name, value in made.registered().items() if name != "cnf"}
    content = {**registered, **hidden, "nationalities": nationalities, **claims}
    issuer = SDJWTIssuer(
        content, ISSUER_JWK, HOLDER_JWK, add_decoy_claims=True, extra_header_parameters={"typ": "dc+sd-jwt"}
    )
    text: str = issuer.sd_jwt_issuance
    return text


def presented_by_sd_jwt(credential: str, frame: dict[str, Any]) -> str:
    holder = SDJWTHolder(credential)
    holder.create_presentation(frame, made.NONCE, made.AUDIENCE, HOLDER_JWK)
    text: str = holder.sd_jwt_presentation
    return text


def binding_time(presentation: str) -> int:
    """sd-jwt stamps the clock of the machine."""
    token = joserfc_jws.extract_compact(presentation.rsplit("~", 1)[1].encode())
    issued_at: int = json.loads(token.payload)["iat"]
    return issued_at


@pytest.mark.parametrize("decoys", [0, 5])
def test_sd_jwt_accepts_our_presentation(decoys: int) -> None:
    assert verified_by_sd_jwt(made.present(made.issue(decoys), SHOWN)) == EXPECTED


def test_sd_jwt_refuses_our_presentation_under_another_nonce() -> None:
    with pytest.raises(ValueError, match="nonce"):
        verified_by_sd_jwt(made.present(made.issue(), SHOWN), nonce="another")


def test_we_accept_what_sd_jwt_presents_from_our_credential() -> None:
    text = presented_by_sd_jwt(made.issue(decoys=2).text, FRAME)
    assert made.judge(text, binding_time(text)) == EXPECTED


def test_we_accept_what_sd_jwt_issues_and_presents() -> None:
    text = presented_by_sd_jwt(
        issued_by_sd_jwt(), {"family_name": True, "level": True, "nationalities": [True, False, True]}
    )
    claims = made.judge(text, binding_time(text))
    assert claims == {**made.registered(), "family_name": "陳", "level": 0, "nationalities": ["MO", "CN"]}


def test_we_present_what_sd_jwt_issues() -> None:
    from protocol import sd_jwt

    held = sd_jwt.hold(issued_by_sd_jwt(), allowed_types=frozenset({"dc+sd-jwt"}))
    text = made.present(held, [("given_name",), ("nationalities", None)])
    assert verified_by_sd_jwt(text)["nationalities"] == made.CLAIMS["nationalities"]


def test_joserfc_accepts_our_jws() -> None:
    token = sign_compact("陳".encode(), signer=made.ISSUER, header={"typ": "JWT", "kid": "1"})
    found = joserfc_jws.deserialize_compact(token, OURS, algorithms=["ES256"])
    assert found.payload == "陳".encode()


def test_we_accept_the_jws_of_joserfc() -> None:
    key = joserfc_jwk.ECKey.import_key(dict(made.private_jwk(made.ISSUER_PRIVATE, made.ISSUER)))
    ours = p256_from_jwk(made.ISSUER.public_jwk)
    token = joserfc_jws.serialize_compact({"alg": "ES256", "typ": "JWT"}, b"{}", key)
    assert verify_compact(token, key=ours, allowed_types=frozenset({"JWT"})).payload == b"{}"
    untyped = joserfc_jws.serialize_compact({"alg": "ES256"}, b"{}", key)
    with pytest.raises(TokenTypeError):
        verify_compact(untyped, key=ours, allowed_types=frozenset({"JWT"}))


def test_thumbprint_agrees_with_joserfc_and_jwcrypto() -> None:
    assert jwk_thumbprint(made.ISSUER.public_jwk) == OURS.thumbprint()
    assert jwk_thumbprint(made.ISSUER.public_jwk) == ISSUER_JWK.thumbprint()
