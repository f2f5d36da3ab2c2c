"""The same certificate in every format that a wallet may ask for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from anchoring import sequencer
from credentials import holdings, revocation
from credentials.models import Credential, CredentialInstance
from credentials.policy import DEFAULT
from credentials.sources import database_sources
from credentials.verification import Report, verify
from protocol import vc_jose
from tests import cast
from tests.credentials.openid4vci.conftest import MakeOffer
from tests.simulators.wallet import Wallet

pytestmark = pytest.mark.django_db

METADATA = "/.well-known/openid-credential-issuer/issuers/identification"
W3C = ["vc+sd-jwt", "vc+jwt"]


def configuration_of(form: str) -> str:
    return f"birth-certificate_1_{form.replace('+', '_').replace('-', '_')}"


def receive(offer: MakeOffer, form: str, *, count: int = 1) -> tuple[Wallet, list[str]]:
    made, wallet = offer(), Wallet()
    assert configuration_of(form) in made.message["credential_configuration_ids"]
    wallet.redeem(made.message, tx_code=made.tx_code)
    response = wallet.request(count=count, credential_configuration_id=configuration_of(form))
    assert response.status_code == 200, response.content
    return wallet, [one["credential"] for one in response.json()["credentials"]]


def judge(text: str) -> Report:
    return verify(text, sources=database_sources().as_sources(), now=datetime.now(UTC), policy=DEFAULT)


@pytest.mark.requirement("OpenID4VCI 1.0 §12.2.4", "each format of a type is a configuration of its own")
def test_metadata_lists_every_format_of_a_type(certificate: Credential) -> None:
    listed: dict[str, Any] = Client().get(METADATA).json()["credential_configurations_supported"]
    assert [listed[name]["format"] for name in listed if name.startswith("birth-certificate_1")] == ["dc+sd-jwt", *W3C]
    for form in W3C:
        described = listed[configuration_of(form)]
        assert described["scope"] == configuration_of(form)
        assert described["credential_definition"] == {"type": ["VerifiableCredential", certificate.credential_type.vct]}
        assert "vct" not in described
        paths = [claim["path"] for claim in described["credential_metadata"]["claims"]]
        assert ["credentialSubject", "birth_place", "country"] in paths


@pytest.mark.parametrize("form", W3C)
def test_a_wallet_receives_the_certificate_in_the_format_it_asks_for(
    offer: MakeOffer, certificate: Credential, form: str
) -> None:
    wallet, [text] = receive(offer, form)
    secured = vc_jose.parse(text)
    document, _ = vc_jose.reveal_document(secured)
    assert secured.header["typ"] == form
    assert secured.payload["cnf"] == {"jwk": wallet.keys[0].public_jwk}
    assert document["credentialSubject"]["certificate_number"] == certificate.number
    held = holdings.reveal_all(holdings.read_sd_jwt(certificate, cast.lei_person()))
    assert document["credentialSubject"] == held
    assert CredentialInstance.objects.get().format == form


@pytest.mark.parametrize("form", W3C)
def test_a_copy_in_any_format_verifies_stands_in_the_log_and_ends_with_the_certificate(
    offer: MakeOffer, certificate: Credential, form: str
) -> None:
    _, [text] = receive(offer, form)
    sequencer.sequence()
    sequencer.sign_checkpoint()
    report = judge(text)
    assert report.verdict == "valid"
    assert next(check.code for check in report.checks if check.step == "anchor") == "anchored"
    revocation.revoke(credential=certificate, actor=cast.checker_of(certificate.agency), reason="data_error")
    assert next(check.code for check in judge(text).checks if check.step == "status") == "credential_revoked"


@pytest.mark.parametrize("form", W3C)
def test_copies_in_any_format_cannot_be_linked(offer: MakeOffer, form: str) -> None:
    _, texts = receive(offer, form, count=3)
    payloads = [vc_jose.parse(text).payload for text in texts]
    for claim in ("cnf", "status"):
        assert len({str(payload[claim]) for payload in payloads}) == 3
    digests = [digest for payload in payloads for digest in payload["credentialSubject"].get("_sd", ())]
    assert len(set(digests)) == len(digests)
    assert {payload["validFrom"][10:] for payload in payloads} == {"T00:00:00Z"}
