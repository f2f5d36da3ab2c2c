from __future__ import annotations

from typing import Any

import pytest

from protocol.errors import KeyAttestationError
from protocol.key_attestation import MAX_KEYS, AttestationPolicy, check_policy
from tests.protocol.issuance_makers import (
    C_NONCE,
    KEYS,
    OTHER_CURVE,
    PROVIDER,
    judge_keys,
    keys_attested,
    private_jwk,
    thumbprint,
)
from tests.protocol.makers import DROP, EVE, NOW

SOURCE = "OpenID4VCI 1.0 appendix D.1"
TWO = [{**KEYS[0].public_jwk, "kid": "first", "use": "sig"}, KEYS[1].public_jwk]


@pytest.mark.requirement(SOURCE, "a trusted attester's statement about several keys is read")
def test_a_sound_attestation_is_read() -> None:
    found = judge_keys(keys_attested(attested_keys=TWO, certification="https://c.example", status={"a": 1}))
    assert found.keys == (KEYS[0].public_jwk, KEYS[1].public_jwk)
    assert found.key_ids == ("first", None)
    assert (found.key_storage, found.user_authentication) == (("iso_18045_moderate",), ("iso_18045_moderate",))
    assert (found.nonce, found.issued_at, found.expires_at) == (C_NONCE, NOW - 60, NOW + 3600)
    assert (found.certification, found.status) == ("https://c.example", {"a": 1})
    assert found.attester == thumbprint(PROVIDER)


def test_what_is_optional_may_be_absent() -> None:
    found = judge_keys(keys_attested(key_storage=DROP, user_authentication=DROP, nonce=DROP, exp=DROP))
    assert (found.key_storage, found.user_authentication, found.nonce, found.expires_at) == ((), (), None, None)


@pytest.mark.parametrize("typ", ["key-attestation+jwt", "keyattestation+jwt"])
def test_the_type_of_1_0_and_of_its_drafts_are_read(typ: str) -> None:
    assert judge_keys(keys_attested(header={"typ": typ})).nonce == C_NONCE


UNSOUND: dict[str, tuple[dict[str, Any], str]] = {
    "another attester": ({"signer": EVE}, "trusted by nobody here"),
    "key named otherwise": ({"header": {"kid": "12"}}, "not the key that is trusted"),
    "brings its own key": ({"header": {"jwk": EVE.public_jwk}, "signer": EVE}, "keys never come from the token"),
    "unsigned": ({"header": {"alg": "none"}}, "never none"),
    "MAC": ({"header": {"alg": "HS256"}}, "never symmetric"),
    "another type": ({"header": {"typ": "JWT"}}, "explicitly typed"),
    "no type": ({"header": {"typ": DROP}}, "explicitly typed"),
    "no iat": ({"iat": DROP}, "required"),
    "from the future": ({"iat": NOW + 61}, "not made yet"),
    "older than accepted": ({"iat": NOW - 86_401}, "what it says may have changed since"),
    "expired": ({"exp": NOW}, "its own word"),
    "exp text": ({"exp": "x"}, "a number"),
    "no keys": ({"attested_keys": DROP}, "required"),
    "empty keys": ({"attested_keys": []}, "non-empty"),
    "keys no array": ({"attested_keys": KEYS[0].public_jwk}, "an array"),
    "too many keys": ({"attested_keys": [KEYS[0].public_jwk] * (MAX_KEYS + 1)}, "bounded"),
    "one key twice": ({"attested_keys": [KEYS[0].public_jwk] * 2}, "at most one credential for each"),
    "one key twice, named": (
        {"attested_keys": [KEYS[0].public_jwk, {**KEYS[0].public_jwk, "kid": "b"}]},
        "the same key",
    ),
    "private key": ({"attested_keys": [private_jwk(KEYS[0])]}, "leaked"),
    "key no object": ({"attested_keys": ["x"]}, "a JWK"),
    "Ed25519 key": ({"attested_keys": [OTHER_CURVE]}, "only P-256 keys are bound here"),
    "kid a number": ({"attested_keys": [{**KEYS[0].public_jwk, "kid": 1}]}, "text"),
    "storage text": ({"key_storage": "iso_18045_high"}, "an array"),
    "storage empty": ({"key_storage": []}, "non-empty"),
    "storage of numbers": ({"key_storage": [1]}, "text"),
    "authentication empty": ({"user_authentication": []}, "non-empty"),
    "nonce a number": ({"nonce": 1}, "text"),
    "status text": ({"status": "x"}, "an object"),
}


@pytest.mark.requirement(SOURCE, "an attestation that breaks a rule is refused")
@pytest.mark.parametrize("name", UNSOUND)
def test_an_unsound_attestation_is_refused(name: str) -> None:
    changes, reason = UNSOUND[name]
    with pytest.raises(KeyAttestationError) as refusal:
        judge_keys(keys_attested(**changes))
    assert refusal.value.oauth_error == "invalid_proof", reason


@pytest.mark.requirement(SOURCE, "with the jwt proof type an attestation expires")
def test_an_expiry_can_be_demanded() -> None:
    with pytest.raises(KeyAttestationError, match="exp"):
        judge_keys(keys_attested(exp=DROP), needs_expiry=True)
    assert judge_keys(keys_attested(), needs_expiry=True).expires_at == NOW + 3600


@pytest.mark.requirement("OpenID4VCI 1.0 appendix D.2", "keys attested as too weak are refused")
def test_a_policy_asks_for_one_of_its_values() -> None:
    found = judge_keys(keys_attested(key_storage=["iso_18045_high", "iso_18045_moderate"], user_authentication=DROP))
    for enough in (AttestationPolicy(), AttestationPolicy(key_storage=["iso_18045_high", "x"])):
        check_policy(found, enough)
    for more in (AttestationPolicy(key_storage=["iso_18045_basic"]), AttestationPolicy(user_authentication=["x"])):
        with pytest.raises(KeyAttestationError):
            check_policy(found, more)
