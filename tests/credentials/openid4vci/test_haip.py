"""HAIP 1.0: sign-in, pushed requests, bound tokens, attested wallets and attested keys, and nothing less."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from credentials.checks import check_wallet_providers
from credentials.errors import OfferRequestError
from credentials.models import Credential
from credentials.openid4vci.offers import Grant
from identity.models import Agency
from protocol.encoding import json_dumps
from protocol.keys import SoftwareSigner, generate_p256
from tests import cast
from tests.credentials.conftest import Enter
from tests.credentials.openid4vci.conftest import MakeOffer
from tests.credentials.openid4vci.steps import copies, error_of
from tests.credentials.openid4vci.test_authorization_code import agree, push
from tests.simulators.wallet import Wallet, WalletProvider

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider() -> WalletProvider:
    made = WalletProvider()
    call_command(
        "wallets", "trust", "test", "--jwks", json_dumps({"keys": [made.public_jwk]}).decode(), stdout=StringIO()
    )
    return made


@pytest.fixture
def haip(certificate: Credential) -> Agency:
    call_command("agency", "haip", "identification", "on", stdout=StringIO())
    return Agency.objects.get(slug="identification")


@pytest.fixture
def browser(lei: cast.Citizen, enter: Enter) -> Client:
    return enter(lei.account)


def attested_proofs(wallet: Wallet, provider: WalletProvider, count: int = 2) -> dict[str, list[str]]:
    keys = [SoftwareSigner(generate_p256(), f"copy {number}").public_jwk for number in range(count)]
    return {"attestation": [provider.attest_keys(keys, nonce=wallet.nonce())]}


@pytest.mark.requirement(
    "HAIP 1.0 §4", "authorization code, PAR, PKCE, DPoP, wallet attestation and key attestation together"
)
def test_a_wallet_of_the_profile_is_served(haip: Agency, browser: Client, provider: WalletProvider) -> None:
    wallet = Wallet(dpop=True, provider=provider)
    given = wallet.exchange(agree(browser, wallet, push(wallet)))
    assert given.json()["token_type"] == "DPoP"
    assert len(copies(wallet.request(attested_proofs(wallet, provider)))) == 2
    assert wallet.refresh().status_code == 200
    assert len(copies(wallet.request(attested_proofs(wallet, provider)))) == 2


@pytest.mark.requirement("HAIP 1.0 §4.4", "a wallet that nobody vouches for is refused at every endpoint of the server")
@pytest.mark.parametrize(
    ("shown", "error"),
    [
        ({"dpop": True, "provider": None}, (401, "invalid_client")),
        ({"dpop": True, "provider": WalletProvider()}, (401, "invalid_client")),
        ({}, (400, "invalid_dpop_proof")),
    ],
    ids=["not attested", "attested by a stranger", "without a key"],
)
def test_less_is_refused_at_the_first_step(haip: Agency, provider: WalletProvider, shown: Any, error: Any) -> None:
    assert error_of(Wallet(**{"provider": provider, **shown}).push()) == error


def test_an_unattested_key_is_refused(haip: Agency, browser: Client, provider: WalletProvider) -> None:
    wallet = Wallet(dpop=True, provider=provider)
    wallet.exchange(agree(browser, wallet, push(wallet)))
    assert error_of(wallet.request()) == (400, "invalid_proof")


def test_another_instance_of_the_wallet_cannot_use_the_code(
    haip: Agency, browser: Client, provider: WalletProvider
) -> None:
    wallet = Wallet(dpop=True, provider=provider)
    location = agree(browser, wallet, push(wallet))
    thief = Wallet(dpop=True, provider=provider)
    thief.verifier, thief.dpop_key = wallet.verifier, wallet.dpop_key
    assert error_of(thief.exchange(location)) == (400, "invalid_grant")
    assert wallet.exchange(location).status_code == 200


@pytest.mark.requirement(
    "OAuth Attestation-Based Client Authentication §8",
    "a proof of the wallet's key serves once, here, now, in its name",
)
@pytest.mark.parametrize(
    "changes",
    [{"aud": "http://localhost:8000/issuers/education"}, {"iat": 1}, {"iss": "thief.example"}, {"jti": None}],
    ids=str,
)
def test_a_bad_attestation_is_refused(haip: Agency, provider: WalletProvider, changes: dict[str, Any]) -> None:
    wallet = Wallet(dpop=True, provider=provider)
    honest = wallet.attestation
    wallet.attestation = lambda **_: honest(**changes)  # type: ignore[method-assign]
    assert error_of(wallet.push()) == (401, "invalid_client")


def test_an_attestation_is_not_replayed(haip: Agency, provider: WalletProvider) -> None:
    wallet = Wallet(dpop=True, provider=provider)
    push(wallet)
    kept = wallet.attestation()
    wallet.attestation = lambda **_: kept  # type: ignore[method-assign]
    # The first answer asks for a nonce no more: one try each.
    assert wallet.push().status_code == 201
    assert error_of(wallet.push()) == (401, "invalid_client")


def test_offers_lead_to_the_sign_in(haip: Agency, offer: MakeOffer) -> None:
    made = offer()
    assert made.row.grant == Grant.AUTHORIZATION
    assert "authorization_code" in made.message["grants"]
    with pytest.raises(OfferRequestError):
        offer(grant=Grant.PRE_AUTHORIZED)


def test_a_code_without_sign_in_dies_when_the_profile_is_switched_on(
    certificate: Credential, offer: MakeOffer, provider: WalletProvider
) -> None:
    made = offer(tx_code=False)
    call_command("agency", "haip", "identification", "on", stdout=StringIO())
    answer = Wallet(dpop=True, provider=provider).redeem(made.message)
    assert error_of(answer) == (400, "unauthorized_client")


@pytest.mark.requirement("HAIP 1.0 §4", "the metadata say so")
def test_the_metadata_say_what_is_demanded(haip: Agency) -> None:
    server = Client().get("/.well-known/oauth-authorization-server/issuers/identification").json()
    assert server["token_endpoint_auth_methods_supported"] == ["attest_jwt_client_auth"]
    assert server["require_pushed_authorization_requests"] is True
    assert server["pre-authorized_grant_anonymous_access_supported"] is False
    issuer = Client().get("/.well-known/openid-credential-issuer/issuers/identification").json()
    proofs = issuer["credential_configurations_supported"]["birth-certificate_1"]["proof_types_supported"]
    assert all("key_attestations_required" in proof for proof in proofs.values())


def test_providers_are_trusted_listed_and_removed_by_command(provider: WalletProvider) -> None:
    listed = StringIO()
    call_command("wallets", "list", stdout=listed)
    assert listed.getvalue() == "test\tkey,wallet\t1\n"
    call_command("wallets", "remove", "test", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("wallets", "remove", "test", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("wallets", "trust", "x", "--jwks", '{"kty":"oct","k":"AA"}', stdout=StringIO())


@pytest.mark.parametrize("content", [b"", b"{}", b'{"keys": [{"kty": "oct", "k": "AA"}]}', None])
def test_a_file_of_providers_that_cannot_be_used_is_found_at_the_start(
    settings: Any, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "providers.json"
    if content is not None:
        path.write_bytes(content)
    settings.TRUSTED_WALLET_PROVIDERS = str(path)
    assert [found.id for found in check_wallet_providers()] == ["credentials.E002"]
    settings.TRUSTED_WALLET_PROVIDERS = ""
    assert check_wallet_providers() == []


def test_a_setting_trusts_a_provider_for_tests(db: None, settings: Any, tmp_path: Path) -> None:
    made = WalletProvider()
    path = tmp_path / "providers.json"
    path.write_bytes(json_dumps({"keys": [made.public_jwk]}))
    settings.TRUSTED_WALLET_PROVIDERS = str(path)
    cast.credential_type()
    assert Wallet(provider=made).push().status_code == 201
    assert error_of(Wallet(provider=WalletProvider()).push()) == (401, "invalid_client")
