"""Proofs of keys: each refused that is not this key's own, for this issuer, made with a nonce of now (O-3)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from credentials.models import CredentialInstance
from credentials.openid4vci import providers
from identity.models import OneTimeValue
from protocol.encoding import b64u_encode, json_dumps
from protocol.keys import SoftwareSigner, generate_p256
from tests.credentials.openid4vci.conftest import MakeOffer
from tests.credentials.openid4vci.steps import admit, copies, error_of
from tests.simulators.wallet import Wallet, WalletProvider, sign

pytestmark = pytest.mark.django_db

KEY = SoftwareSigner(generate_p256(), "holder")
OTHER = SoftwareSigner(generate_p256(), "other")


def unsigned(wallet: Wallet) -> str:
    header = {"alg": "none", "typ": "openid4vci-proof+jwt", "jwk": KEY.public_jwk}
    claims = {"aud": wallet.issuer, "iat": int(time.time()), "nonce": wallet.nonce()}
    return f"{b64u_encode(json_dumps(header))}.{b64u_encode(json_dumps(claims))}."


def of_another_key(wallet: Wallet) -> str:
    return wallet.prove(OTHER, header={"typ": "openid4vci-proof+jwt", "jwk": KEY.public_jwk})


def with_private_key(wallet: Wallet) -> str:
    return wallet.prove(KEY, header={"typ": "openid4vci-proof+jwt", "jwk": {**KEY.public_jwk, "d": "AA"}})


def without_nonce(wallet: Wallet) -> str:
    claims = {"aud": wallet.issuer, "iat": int(time.time())}
    return sign(claims, signer=KEY, header={"typ": "openid4vci-proof+jwt", "jwk": KEY.public_jwk})


FORGED: dict[str, Callable[[Wallet], str]] = {
    "for another issuer": lambda wallet: wallet.prove(KEY, aud="http://localhost:8000/issuers/education"),
    "for nobody": lambda wallet: wallet.prove(KEY, aud=None),
    "of another type": lambda wallet: wallet.prove(KEY, header={"typ": "JWT", "jwk": KEY.public_jwk}),
    "without a nonce": without_nonce,
    "hour-old": lambda wallet: wallet.prove(KEY, iat=int(time.time()) - 3600),
    "of tomorrow": lambda wallet: wallet.prove(KEY, iat=int(time.time()) + 86400),
    "unsigned": unsigned,
    "of another key than it shows": of_another_key,
    "with the private key in it": with_private_key,
    "with a symmetric algorithm": lambda wallet: wallet.prove(
        KEY, header={"alg": "HS256", "typ": "openid4vci-proof+jwt", "jwk": KEY.public_jwk}
    ),
    "with a key by name alone": lambda wallet: wallet.prove(KEY, header={"typ": "openid4vci-proof+jwt", "kid": "1"}),
}


@pytest.mark.requirement("OpenID4VCI 1.0 appendix F.4", "a proof that breaks any rule is refused as invalid_proof")
@pytest.mark.parametrize("make", FORGED.values(), ids=FORGED.keys())
def test_a_bad_proof_is_refused(offer: MakeOffer, make: Callable[[Wallet], str]) -> None:
    wallet = admit(offer())
    assert error_of(wallet.request({"jwt": [make(wallet)]})) == (400, "invalid_proof")
    assert not CredentialInstance.objects.exists()
    # The same token still serves an honest request.
    assert wallet.request().status_code == 200


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §8.3.1.2", "a nonce that is not fresh is invalid_nonce, so that the wallet asks for another"
)
@pytest.mark.parametrize("nonce", ["x", "1999999999.AAAAAAAAAAAAAAAAAAAAAA.00000000000000000000000000000000", "\u4e00"])
def test_a_nonce_that_was_never_given_out_is_refused(offer: MakeOffer, nonce: str) -> None:
    wallet = admit(offer())
    assert error_of(wallet.request({"jwt": [wallet.prove(KEY, nonce=nonce)]})) == (400, "invalid_nonce")


def test_a_nonce_works_once(offer: MakeOffer) -> None:
    wallet = admit(offer(), Wallet(dpop=True))
    nonce = wallet.nonce()
    assert wallet.request({"jwt": [wallet.prove(KEY, nonce=nonce)]}).status_code == 200
    assert error_of(wallet.request({"jwt": [wallet.prove(OTHER, nonce=nonce)]})) == (400, "invalid_nonce")


def test_a_nonce_does_not_outlive_its_minutes(offer: MakeOffer) -> None:
    wallet = admit(offer())
    nonce = wallet.nonce()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=6)):
        assert error_of(wallet.request({"jwt": [wallet.prove(KEY, nonce=nonce)]})) == (400, "invalid_nonce")


@pytest.mark.requirement("OpenID4VCI 1.0 §7.2", "nonces are given to anyone, in answers that nobody keeps, and differ")
def test_nonces_differ_and_cost_no_row(offer: MakeOffer) -> None:
    wallet = Wallet()
    offer()
    before = OneTimeValue.objects.count()
    assert len({wallet.nonce() for _ in range(20)}) == 20
    assert OneTimeValue.objects.count() == before


@pytest.mark.parametrize(
    "proofs",
    [
        {},
        {"jwt": []},
        {"jwt": "text"},
        {"jwt": ["a"], "attestation": ["b"]},
        {"di_vp": [{}]},
        {"cwt": ["x"]},
        {"jwt": [1]},
        {"jwt": ["x.y.z"]},
    ],
    ids=str,
)
def test_proofs_of_no_known_shape_are_refused(offer: MakeOffer, proofs: Any) -> None:
    assert error_of(admit(offer()).request(proofs)) == (400, "invalid_proof")


@pytest.mark.requirement("OpenID4VCI 1.0 §3.3.2", "at most as many copies as announced, each with a key of its own")
def test_a_batch_has_an_end_and_every_copy_its_own_key(offer: MakeOffer) -> None:
    wallet = admit(offer(most=3))
    assert error_of(wallet.request(count=4)) == (400, "invalid_proof")
    nonce = wallet.nonce()
    twice = {"jwt": [wallet.prove(KEY, nonce=nonce), wallet.prove(KEY, nonce=nonce)]}
    assert error_of(wallet.request(twice)) == (400, "invalid_proof")
    assert len(copies(wallet.request(count=3))) == 3


# --- key attestation ---


@pytest.fixture
def provider() -> WalletProvider:
    made = WalletProvider()
    providers.trust(name="test", public_jwks=[made.public_jwk], purposes=["key"])
    return made


@pytest.mark.requirement("OpenID4VCI 1.0 appendix F.3", "an attestation alone proves every key in it")
def test_an_attestation_brings_a_copy_for_each_of_its_keys(offer: MakeOffer, provider: WalletProvider) -> None:
    wallet = admit(offer(requires_key_attestation=True))
    keys = [KEY.public_jwk, OTHER.public_jwk]
    proof = {"attestation": [provider.attest_keys(keys, nonce=wallet.nonce())]}
    assert len(copies(wallet.request(proof))) == 2


@pytest.mark.requirement("OpenID4VCI 1.0 appendix F.1", "a jwt proof carries the attestation of its key")
def test_a_key_may_be_attested_inside_its_proof(offer: MakeOffer, provider: WalletProvider) -> None:
    wallet = admit(offer(requires_key_attestation=True))
    nonce = wallet.nonce()
    header = {"typ": "openid4vci-proof+jwt", "jwk": KEY.public_jwk,
              "key_attestation": provider.attest_keys([KEY.public_jwk], nonce=nonce)}  # fmt: skip
    assert len(copies(wallet.request({"jwt": [wallet.prove(KEY, nonce=nonce, header=header)]}))) == 1


def test_a_key_without_the_attestation_demanded_is_refused(offer: MakeOffer, provider: WalletProvider) -> None:
    assert error_of(admit(offer(requires_key_attestation=True)).request()) == (400, "invalid_proof")


def test_nobody_but_a_trusted_provider_attests_keys(offer: MakeOffer, provider: WalletProvider) -> None:
    wallet = admit(offer())
    stranger = {"attestation": [WalletProvider().attest_keys([KEY.public_jwk], nonce=wallet.nonce())]}
    assert error_of(wallet.request(stranger)) == (400, "invalid_proof")
    good = {"attestation": [provider.attest_keys([KEY.public_jwk], nonce=wallet.nonce())]}
    providers.remove(name="test")
    assert error_of(wallet.request(good)) == (400, "invalid_proof")
