"""DPoP proofs: every check of RFC 9449 §4.3, each attack with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.errors import DpopKeyError, DpopNonceError, DpopProofError, OAuthError
from tests.protocol import attacks_header
from tests.protocol.issuance_makers import (
    CREDENTIAL_URL,
    TOKEN,
    TOKEN_URL,
    WALLET,
    ath,
    dpop,
    judge_dpop,
    thumbprint,
)
from tests.protocol.makers import DROP, EVE, NOW

HEADER_ATTACKS = list(attacks_header.of(dpop, WALLET))


@pytest.mark.requirement("RFC 9449 §4.3", "a sound proof is accepted, its key named by its thumbprint")
def test_a_sound_proof_tells_its_key() -> None:
    made = judge_dpop(dpop(nonce="n1", extra={"ignored": True}))
    assert made.jwk == WALLET.public_jwk
    assert made.thumbprint == thumbprint(WALLET)
    assert (made.jti, made.issued_at, made.nonce) == ("e1j3V_bKic8-LAEB", NOW - 5, "n1")


@pytest.mark.requirement("RFC 9449 §4.3", "checks 1-7: form, type, algorithm, key and signature")
@pytest.mark.parametrize(("name", "proof", "reason"), HEADER_ATTACKS, ids=[attack[0] for attack in HEADER_ATTACKS])
def test_an_attack_on_the_header_is_refused(name: str, proof: str, reason: str) -> None:
    with pytest.raises(DpopProofError) as refusal:
        judge_dpop(proof)
    assert refusal.value.oauth_error == "invalid_dpop_proof", reason


CLAIM_ATTACKS: dict[str, tuple[dict[str, Any], str]] = {
    "no jti": ({"jti": DROP}, "§4.2: without a name a proof could be replayed unseen"),
    "empty jti": ({"jti": ""}, "the same"),
    "long jti": ({"jti": "x" * 257}, "what is remembered is bounded"),
    "jti a number": ({"jti": 1}, "the type is text"),
    "no htm": ({"htm": DROP}, "§4.2"),
    "another method": ({"htm": "GET"}, "check 8: made for another request"),
    "method in lower case": ({"htm": "post"}, "methods are case-sensitive"),
    "no htu": ({"htu": DROP}, "§4.2"),
    "another endpoint": ({"htu": CREDENTIAL_URL}, "check 9: a proof for one endpoint is no use at another"),
    "another host": ({"htu": "https://eve.example/issuers/dsi/token"}, "check 9"),
    "plain http": ({"htu": "http://issuer.example/issuers/dsi/token"}, "check 9: the scheme counts"),
    "another port": ({"htu": "https://issuer.example:8443/issuers/dsi/token"}, "check 9"),
    "path of another case": ({"htu": "https://issuer.example/issuers/DSI/token"}, "paths are case-sensitive"),
    "trailing slash": ({"htu": TOKEN_URL + "/"}, "another path"),
    "userinfo": ({"htu": "https://issuer.example@eve.example/issuers/dsi/token"}, "no part of a target"),
    "htu a list": ({"htu": [TOKEN_URL]}, "the type is text"),
    "no iat": ({"iat": DROP}, "§4.2"),
    "iat text": ({"iat": str(NOW)}, "a NumericDate is a number"),
    "iat true": ({"iat": True}, "a NumericDate is a number"),
    "too old": ({"iat": NOW - 301}, "check 11"),
    "from the future": ({"iat": NOW + 61}, "check 11: a proof made ahead could be kept for later"),
    "expired": ({"exp": NOW}, "what the wallet itself said is over"),
    "nonce a number": ({"nonce": 1}, "the type is text"),
}


@pytest.mark.requirement("RFC 9449 §4.3", "checks 3 and 8-11: claims, method, address and age")
@pytest.mark.parametrize("name", CLAIM_ATTACKS)
def test_an_attack_on_the_claims_is_refused(name: str) -> None:
    claims, reason = CLAIM_ATTACKS[name]
    with pytest.raises(DpopProofError) as refusal:
        judge_dpop(dpop(**claims))
    assert refusal.value.oauth_error == "invalid_dpop_proof", reason


@pytest.mark.requirement("RFC 9449 §4.3", "check 9: addresses are compared normalised, without query and fragment")
@pytest.mark.parametrize(
    "htu",
    [
        "HTTPS://Issuer.Example:443/issuers/dsi/token", "https://issuer.example/issuers/%64si/token",
        "https://issuer.example/issuers/./dsi/token", TOKEN_URL + "?a=b", TOKEN_URL + "#a",
    ],
)  # fmt: skip
def test_another_spelling_of_the_address_is_the_same(htu: str) -> None:
    assert judge_dpop(dpop(htu=htu)).thumbprint == thumbprint(WALLET)
    assert judge_dpop(dpop(), url=TOKEN_URL + "?a=b").thumbprint == thumbprint(WALLET)


@pytest.mark.parametrize("age", [-60, 0, 300])
def test_the_window_is_inclusive(age: int) -> None:
    assert judge_dpop(dpop(iat=NOW - age)).issued_at == NOW - age


@pytest.mark.requirement("RFC 9449 §8", "a missing or stale nonce is answered with use_dpop_nonce")
@pytest.mark.parametrize("nonce", [DROP, "stale"])
def test_a_nonce_is_demanded_before_the_age_is_judged(nonce: Any) -> None:
    with pytest.raises(DpopNonceError) as refusal:
        judge_dpop(dpop(nonce=nonce, iat=NOW - 3600), is_fresh_nonce="fresh".__eq__)
    assert refusal.value.oauth_error == "use_dpop_nonce"
    assert judge_dpop(dpop(nonce="fresh"), is_fresh_nonce="fresh".__eq__).nonce == "fresh"


@pytest.mark.requirement("RFC 9449 §4.3", "check 12: the proof names the access token and is by the key it is bound to")
def test_a_proof_is_for_one_access_token() -> None:
    made = judge_dpop(dpop(ath=ath()), access_token=TOKEN, thumbprint=thumbprint(WALLET))
    assert made.thumbprint == thumbprint(WALLET)
    for wrong in (DROP, ath("another"), TOKEN, "", 1, ath() + "="):
        with pytest.raises(DpopProofError):
            judge_dpop(dpop(ath=wrong), access_token=TOKEN)


@pytest.mark.requirement("RFC 9449 §7.1", "a token presented with another key is an invalid token")
def test_another_key_than_the_tokens_is_refused() -> None:
    with pytest.raises(DpopKeyError) as refusal:
        judge_dpop(dpop(signer=EVE, ath=ath()), access_token=TOKEN, thumbprint=thumbprint(WALLET))
    assert (refusal.value.oauth_error, refusal.value.oauth_status) == ("invalid_token", 401)


def test_no_cut_or_flipped_proof_passes() -> None:
    sound = dpop()
    for at in range(len(sound)):
        for changed in (sound[:at], sound[:at] + ("A" if sound[at] != "A" else "B") + sound[at + 1 :]):
            with pytest.raises(OAuthError):
                judge_dpop(changed)
