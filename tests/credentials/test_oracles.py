"""Software that none of us wrote, on a certificate issued by the real path: it accepts ours, we accept what it presents."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwcrypto.jwk import JWK
from sd_jwt.holder import SDJWTHolder
from sd_jwt.verifier import SDJWTVerifier

from credentials import holdings, revocation
from credentials.models import Credential
from credentials.policy import DEFAULT
from credentials.sources import DatabaseSources
from credentials.status import status_token
from credentials.verification import Report, verify
from identity.models import SigningKey
from protocol.encoding import b64u_encode
from tests import cast
from tests.oracles.node import OracleError, run

pytestmark = pytest.mark.django_db

AUDIENCE, NONCE = "https://bank.example", "n-123"
SLUGS = ("birth-certificate", "proof-of-residence", "diploma", "professional-licence")
SCRIPT = "sd_jwt_vc.mjs"


@pytest.fixture(params=SLUGS)
def held(request: pytest.FixtureRequest, lei: cast.Citizen) -> tuple[str, dict[str, str]]:
    """The certificate with every disclosure, and its issuer's public key as published."""
    credential = cast.issue_certificate(to=lei, slug=request.param)
    return holdings.read_sd_jwt(credential, lei.person), credential.signing_key.public_jwk


def private_jwk(lei: cast.Citizen) -> dict[str, str]:
    key = lei.device.signer._key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    number = key.private_numbers().private_value
    return {**lei.device.public_jwk, "d": b64u_encode(number.to_bytes(32, "big"))}


def judge(presentation: str) -> Report:
    return verify(
        presentation,
        sources=DatabaseSources().as_sources(),
        now=datetime.now(UTC),
        policy=DEFAULT,
        audience=AUDIENCE,
        nonce=NONCE,
    )


def present(lei: cast.Citizen, held: str) -> str:
    return lei.device.present(held, paths=[("family_name",), ("birth_date",)], audience=AUDIENCE, nonce=NONCE)


def test_pypi_sd_jwt_accepts_our_presentation(lei: cast.Citizen, held: tuple[str, dict[str, str]]) -> None:
    text, issuer = held
    verifier = SDJWTVerifier(present(lei, text), lambda _iss, _header: JWK(**issuer), AUDIENCE, NONCE)
    payload = verifier.get_verified_payload()
    assert (payload["family_name"], payload["birth_date"]) == ("Lei", "1990-03-31")
    assert "given_name" not in payload


def node_verifies(lei: cast.Citizen, held: tuple[str, dict[str, str]]) -> Any:
    credential = Credential.objects.select_related("agency").get()
    status_key = SigningKey.objects.get(agency=credential.agency, purpose=SigningKey.Purpose.STATUS)
    return run(
        SCRIPT,
        do="verify",
        presentation=present(lei, held[0]),
        issuerKey=held[1],
        now=int(time.time()),
        nonce=NONCE,
        statusToken=status_token(credential.status_list_id).text,
        statusKey=status_key.public_jwk,
    )


def test_node_sd_jwt_vc_accepts_our_presentation_and_status_list(
    lei: cast.Citizen, held: tuple[str, dict[str, str]]
) -> None:
    answer = node_verifies(lei, held)
    assert answer["payload"]["family_name"] == "Lei"
    assert answer["binding"]["aud"] == AUDIENCE


@pytest.mark.parametrize("held", ["diploma"], indirect=True)
def test_node_sd_jwt_vc_reads_our_revocation(lei: cast.Citizen, held: tuple[str, dict[str, str]]) -> None:
    credential = Credential.objects.get()
    revocation.revoke(credential=credential, actor=cast.checker_of(credential.agency), reason="data_error")
    with pytest.raises(OracleError, match="Status is not valid"):
        node_verifies(lei, held)


def test_we_accept_what_pypi_sd_jwt_presents(lei: cast.Citizen, held: tuple[str, dict[str, str]]) -> None:
    holder = SDJWTHolder(held[0])
    key = JWK.from_json(json.dumps(private_jwk(lei)))
    holder.create_presentation({"family_name": True}, NONCE, AUDIENCE, key)
    report = judge(holder.sd_jwt_presentation)
    assert (report.verdict, report.claims["family_name"]) == ("valid", "Lei")


def test_we_accept_what_node_presents(lei: cast.Citizen, held: tuple[str, dict[str, str]]) -> None:
    binding: dict[str, Any] = {"iat": int(time.time()), "aud": AUDIENCE, "nonce": NONCE}
    text = run(
        SCRIPT,
        do="present",
        credential=held[0],
        frame={"family_name": True},
        binding=binding,
        holderPrivateKey=private_jwk(lei),
    )
    report = judge(text)
    assert (report.verdict, report.claims["family_name"]) == ("valid", "Lei")
