"""Wallet attestation: who a wallet's provider is, and that this installation holds the attested key."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.errors import ClientAttestationChallengeError, ClientAttestationError, ClientAttestationStaleError
from tests.protocol.issuance_makers import (
    CLIENT,
    CREDENTIAL_ISSUER,
    OTHER_CURVE,
    PROVIDER,
    TRUSTED,
    WALLET,
    judge_client,
    private_jwk,
    thumbprint,
    wallet_attestation,
    wallet_proof,
)
from tests.protocol.makers import DROP, EVE, NOW

SOURCE = "OAuth attestation-based client auth. draft 07"


@pytest.mark.requirement(f"{SOURCE} §8", "a trusted provider's wallet authenticates with a proof of its key")
def test_a_sound_wallet_authenticates() -> None:
    attestation = wallet_attestation(wallet_name="W", wallet_link="https://w.example", status={"status_list": {}})
    client = judge_client(attestation, wallet_proof(challenge="c"), client_id=CLIENT)
    assert (client.client_id, client.issuer, client.jti) == (CLIENT, "https://provider.example", "d25d00ab-552b-46fc")
    assert (client.jwk, client.thumbprint) == (WALLET.public_jwk, thumbprint(WALLET))
    assert (client.attester, client.expires_at, client.challenge) == (thumbprint(PROVIDER), NOW + 3600, "c")
    assert (client.wallet_name, client.wallet_link) == ("W", "https://w.example")
    assert client.status == {"status_list": {}}


def test_the_trusted_key_is_found_by_name_or_by_trying() -> None:
    keys = [EVE.public_jwk, {**EVE.public_jwk, "kid": "11"}, *TRUSTED]
    for header in ({}, {"kid": DROP}, {"x5c": ["MIIB"]}):
        assert judge_client(wallet_attestation(header=header), wallet_proof(), keys=keys).attester == thumbprint(
            PROVIDER
        )
    assert judge_client(wallet_attestation(header={"kid": "x"}), wallet_proof(), keys=[PROVIDER.public_jwk])


ATTESTATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "another provider's": ({"signer": EVE}, "check 5: nobody here trusts that key"),
    "signed by the wallet itself": ({"signer": WALLET}, "check 5: a wallet cannot vouch for itself"),
    "key named otherwise": ({"header": {"kid": "12"}}, "check 5: the named key is not a trusted one"),
    "brings its own key": ({"header": {"jwk": EVE.public_jwk}, "signer": EVE}, "keys never come from the token"),
    "unsigned": ({"header": {"alg": "none"}}, "check 4"),
    "MAC": ({"header": {"alg": "HS256"}}, "check 4: asymmetric only"),
    "type of a proof": ({"header": {"typ": "oauth-client-attestation-pop+jwt"}}, "§5.1"),
    "no type": ({"header": {"typ": DROP}}, "§5.1"),
    "no iss": ({"iss": DROP}, "§5.1"),
    "no sub": ({"sub": DROP}, "§5.1"),
    "another client": ({"sub": "https://other.example"}, "check 13: the proof's iss is not its sub"),
    "sub a number": ({"sub": 1}, "§5.1"),
    "no exp": ({"exp": DROP}, "§5.1"),
    "not yet": ({"nbf": NOW + 61}, "§5.1"),
    "no cnf": ({"cnf": DROP}, "§5.1"),
    "cnf without jwk": ({"cnf": {"kid": "1"}}, "§5.1: by jwk only"),
    "cnf no object": ({"cnf": "x"}, "§5.1"),
    "private key": ({"cnf": {"jwk": private_jwk(WALLET)}}, "check 6"),
    "Ed25519 key": ({"cnf": {"jwk": OTHER_CURVE}}, "only P-256 is spoken"),
    "another's key": ({"cnf": {"jwk": EVE.public_jwk}}, "check 7: the proof is by another key"),
    "status text": ({"status": "x"}, "an object"),
}


@pytest.mark.requirement(f"{SOURCE} §8", "an attestation that breaks a rule is refused as invalid_client")
@pytest.mark.parametrize("name", ATTESTATIONS)
def test_an_unsound_attestation_is_refused(name: str) -> None:
    changes, reason = ATTESTATIONS[name]
    with pytest.raises(ClientAttestationError) as refusal:
        judge_client(wallet_attestation(**changes), wallet_proof())
    assert (refusal.value.oauth_error, refusal.value.oauth_status) == ("invalid_client", 401), reason


PROOFS: dict[str, tuple[dict[str, Any], str]] = {
    "another's": ({"signer": EVE}, "check 7: whoever stole an attestation lacks the key"),
    "type of an attestation": ({"header": {"typ": "oauth-client-attestation+jwt"}}, "§5.2"),
    "shows a key": ({"header": {"jwk": WALLET.public_jwk}}, "the key is the attested one, never one shown here"),
    "unsigned": ({"header": {"alg": "none"}}, "check 4"),
    "no iss": ({"iss": DROP}, "§5.2"),
    "another client": ({"iss": "https://other.example"}, "check 13"),
    "no aud": ({"aud": DROP}, "§5.2"),
    "another server": ({"aud": "https://issuer.example/issuers/other"}, "check 10: a proof for A is no use at B"),
    "two servers": ({"aud": [CREDENTIAL_ISSUER, "https://eve.example"]}, "check 10: a proof for one server"),
    "no jti": ({"jti": DROP}, "§5.2: without a name it could be replayed unseen"),
    "long jti": ({"jti": "x" * 257}, "what is remembered is bounded"),
    "no iat": ({"iat": DROP}, "§5.2"),
    "too old": ({"iat": NOW - 301}, "check 9"),
    "from the future": ({"iat": NOW + 61}, "check 9"),
    "expired": ({"exp": NOW}, "RFC 7519 §4.1.4"),
    "challenge a number": ({"challenge": 1}, "§5.2: text"),
}


@pytest.mark.requirement(f"{SOURCE} §8", "a proof of possession that breaks a rule is refused as invalid_client")
@pytest.mark.parametrize("name", PROOFS)
def test_an_unsound_proof_is_refused(name: str) -> None:
    changes, reason = PROOFS[name]
    with pytest.raises(ClientAttestationError) as refusal:
        judge_client(wallet_attestation(), wallet_proof(**changes))
    assert refusal.value.oauth_error == "invalid_client", reason


def test_the_client_of_the_request_is_the_attested_one() -> None:
    with pytest.raises(ClientAttestationError):
        judge_client(wallet_attestation(), wallet_proof(), client_id="https://other.example")


def test_the_audience_may_stand_in_an_array_of_one() -> None:
    assert judge_client(wallet_attestation(), wallet_proof(aud=[CREDENTIAL_ISSUER])).client_id == CLIENT


@pytest.mark.requirement(f"{SOURCE} §6.2", "an expired attestation is answered with use_fresh_attestation")
def test_an_expired_attestation_asks_for_a_fresh_one() -> None:
    with pytest.raises(ClientAttestationStaleError) as refusal:
        judge_client(wallet_attestation(exp=NOW), wallet_proof())
    assert refusal.value.oauth_error == "use_fresh_attestation"


@pytest.mark.requirement(f"{SOURCE} §6.2", "a proof without the server's challenge: use_attestation_challenge")
@pytest.mark.parametrize("claims", [{}, {"challenge": "stale"}, {"nonce": "stale"}])
def test_a_challenge_is_demanded(claims: dict[str, Any]) -> None:
    with pytest.raises(ClientAttestationChallengeError) as refusal:
        judge_client(wallet_attestation(), wallet_proof(**claims), is_fresh_challenge="fresh".__eq__)
    assert refusal.value.oauth_error == "use_attestation_challenge"
    for name in ("challenge", "nonce"):
        answer: dict[str, Any] = {name: "fresh"}
        assert (
            judge_client(wallet_attestation(), wallet_proof(**answer), is_fresh_challenge="fresh".__eq__).challenge
            == "fresh"
        )


@pytest.mark.parametrize(
    "header", ["", "a.b", "a.b.c", f"{wallet_attestation()},{wallet_attestation()}", "é", "x" * 50_000]
)
def test_what_is_no_single_token_is_refused(header: str) -> None:
    with pytest.raises(ClientAttestationError):
        judge_client(header, wallet_proof())
    with pytest.raises(ClientAttestationError):
        judge_client(wallet_attestation(), header)
