"""Proofs of the holder's key: every way to forge, replay or redirect one, with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from protocol.did import did_jwk, did_key
from protocol.errors import KeyAttestationError, KeyProofError, OAuthError
from protocol.keys import SoftwareSigner, p256_from_jwk
from protocol.openid4vci import AttestationPolicy, verify_attestation_proof, verify_proofs
from tests.protocol import attacks_header
from tests.protocol.issuance_makers import (
    C_NONCE,
    CREDENTIAL_ISSUER,
    KEYS,
    TRUSTED,
    judge_keys,
    judge_proof,
    key_proof,
    keys_attested,
    request_with,
)
from tests.protocol.makers import DROP, EVE, HOLDER, NOW

SOURCE = "OpenID4VCI 1.0 appendix F.4"
HEADER_ATTACKS = list(attacks_header.of(key_proof))
DID_KEY = did_key(p256_from_jwk(HOLDER.public_jwk))
DID_JWK = did_jwk(HOLDER.public_jwk)
ENCRYPTION_DID = did_jwk({**HOLDER.public_jwk, "use": "enc"})
EDWARDS_DID = did_key(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())


def by_kid(kid: Any, **how: Any) -> str:
    return key_proof(header={"jwk": DROP, "kid": kid}, **how)


def attested(*, signer: Any = KEYS[0], header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A proof by one of the attested keys, with the attestation of all of them."""
    return key_proof(signer=signer, header={"key_attestation": keys_attested(), **(header or {})}, **claims)


def prove(*proofs: str, **how: Any) -> Any:
    fixed = {"audience": CREDENTIAL_ISSUER, "now": NOW, "attester_keys": TRUSTED, "max_keys": 3}
    return verify_proofs(request_with(*proofs, proof_type=how.pop("proof_type", "jwt")), **{**fixed, **how})


@pytest.mark.requirement("OpenID4VCI 1.0 appendix F.1", "a key is proven by jwk, or by kid as did:key or did:jwk")
@pytest.mark.parametrize(
    "proof",
    [key_proof(), by_kid(f"{DID_KEY}#{DID_KEY.removeprefix('did:key:')}"), by_kid(f"{DID_JWK}#0")],
    ids=["jwk", "did:key", "did:jwk"],
)
def test_a_sound_proof_tells_its_key(proof: str) -> None:
    found = judge_proof(proof)
    assert found.keys == (HOLDER.public_jwk,)
    assert found.nonces == {C_NONCE}
    assert found.attestation is None


@pytest.mark.requirement(SOURCE, "form, type, algorithm, key and signature of a proof are checked")
@pytest.mark.parametrize(("name", "proof", "reason"), HEADER_ATTACKS, ids=[attack[0] for attack in HEADER_ATTACKS])
def test_an_attack_on_the_header_is_refused(name: str, proof: str, reason: str) -> None:
    with pytest.raises(KeyProofError) as refusal:
        judge_proof(proof)
    assert refusal.value.oauth_error == "invalid_proof", reason


ATTACKS: dict[str, tuple[str, str]] = {
    "no aud": (key_proof(aud=DROP), "required"),
    "another issuer": (key_proof(aud="https://issuer.example/issuers/other"), "a proof for department A is no use at B"),
    "aud an array": (key_proof(aud=[CREDENTIAL_ISSUER]), "a string"),
    "the token endpoint": (key_proof(aud=CREDENTIAL_ISSUER + "/token"), "the identifier and nothing else"),
    "no iat": (key_proof(iat=DROP), "required"),
    "iat text": (key_proof(iat=str(NOW)), "a number"),
    "too old": (key_proof(iat=NOW - 301), "outside the window"),
    "from the future": (key_proof(iat=NOW + 61), "made ahead, to be kept for later"),
    "expired": (key_proof(exp=NOW), "its own word"),
    "no nonce": (key_proof(nonce=DROP), "without it a proof could be replayed"),
    "empty nonce": (key_proof(nonce=""), "the same"),
    "nonce a number": (key_proof(nonce=1), "a string"),
    "neither jwk nor kid": (key_proof(header={"jwk": DROP}), "no key"),
    "jwk and kid": (key_proof(header={"kid": f"{DID_JWK}#0"}), "two keys could differ"),
    "x5c": (key_proof(header={"jwk": DROP, "x5c": ["MIIB"]}), "certificates bind no key here"),
    "jwk and x5c": (key_proof(header={"x5c": ["MIIB"]}), "two keys could differ"),
    "trust_chain": (key_proof(header={"trust_chain": ["x"]}), "no federation is trusted"),
    "kid of another's DID": (by_kid(f"{did_jwk(EVE.public_jwk)}#0"), "not by the key that is named"),
    "DID without fragment": (by_kid(DID_JWK), "names no key"),
    "another fragment": (by_kid(f"{DID_JWK}#1"), "the DID has no such key"),
    "fragment of another key": (by_kid(f"{DID_KEY}#z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"), "no such key"),
    "DID of an encryption key": (by_kid(f"{ENCRYPTION_DID}#0"), "it was not made to sign with"),
    "DID of an Ed25519 key": (by_kid(f"{EDWARDS_DID}#{EDWARDS_DID.removeprefix('did:key:')}"), "only P-256 is bound"),
    "did:web": (by_kid("did:web:eve.example#1"), "would have to be fetched from a stranger"),
    "did:weid": (by_kid("did:weid:101:0x0000000000000000000000000000000000000000#keys-0"), "holds no key in itself"),
    "malformed DID": (by_kid("did:"), "no DID"),
    "kid without attestation": (by_kid("0"), "names nothing"),
    "kid a number": (by_kid(0), "text"),
}  # fmt: skip


@pytest.mark.requirement(SOURCE, "claims and the key's name are checked: audience, age, nonce, exactly one key")
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused(name: str) -> None:
    proof, reason = ATTACKS[name]
    with pytest.raises(KeyProofError) as refusal:
        judge_proof(proof)
    assert refusal.value.oauth_error == "invalid_proof", reason


@pytest.mark.requirement("OpenID4VCI 1.0 appendix F.1", "iss is the client, where the client is known")
def test_the_issuer_of_a_proof_is_the_client() -> None:
    assert judge_proof(key_proof(iss="wallet"), client_id="wallet").keys
    assert judge_proof(key_proof(), client_id="wallet").keys
    with pytest.raises(KeyProofError, match="iss"):
        judge_proof(key_proof(iss="other"), client_id="wallet")


@pytest.mark.requirement("OpenID4VCI 1.0 appendix F.1", "a proof with a key attestation is by one of the attested keys")
@pytest.mark.parametrize("kid", ["1", "named"])
def test_an_attested_key_is_named_by_its_kid_or_position(kid: str) -> None:
    keys = [KEYS[0].public_jwk, {**KEYS[1].public_jwk, "kid": "named"}]
    header = {"jwk": DROP, "kid": kid, "key_attestation": keys_attested(attested_keys=keys)}
    found = judge_proof(key_proof(signer=KEYS[1], header=header))
    assert found.keys == (KEYS[1].public_jwk,)
    assert found.attestation is not None
    assert found.attestation.keys == (KEYS[0].public_jwk, KEYS[1].public_jwk)


WITH_ATTESTATION: dict[str, tuple[str, str]] = {
    "by a key that is not attested": (attested(signer=EVE), "the attestation says nothing of this key"),
    "position beyond": (attested(header={"jwk": DROP, "kid": "3"}), "names no attested key"),
    "position below": (attested(header={"jwk": DROP, "kid": "-1"}), "names no attested key"),
    "another position": (attested(header={"jwk": DROP, "kid": "1"}), "signed by key 0"),
    "forged attestation": (attested(header={"key_attestation": keys_attested(signer=EVE)}), "by nobody trusted"),
    "attestation without exp": (attested(header={"key_attestation": keys_attested(exp=DROP)}), "required with jwt"),
    "attestation without nonce": (attested(header={"key_attestation": keys_attested(nonce=DROP)}), "not fresh"),
    "attestation of a number": (attested(header={"key_attestation": 1}), "a token"),
}


@pytest.mark.requirement("OpenID4VCI 1.0 appendix F.1", "a proof that its attestation does not cover is refused")
@pytest.mark.parametrize("name", WITH_ATTESTATION)
def test_an_attestation_that_does_not_fit_is_refused(name: str) -> None:
    proof, reason = WITH_ATTESTATION[name]
    with pytest.raises(KeyProofError) as refusal:
        judge_proof(proof)
    assert refusal.value.oauth_error == "invalid_proof", reason


@pytest.mark.requirement("OpenID4VCI 1.0 appendix F.3", "the attestation proof type proves every attested key")
def test_an_attestation_alone_proves_its_keys() -> None:
    found = prove(keys_attested(), proof_type="attestation")
    assert found.keys == tuple(key.public_jwk for key in KEYS)
    assert found.nonces == {C_NONCE}
    assert found.attestations == (judge_keys(keys_attested()),)
    for unsound in (keys_attested(nonce=DROP), keys_attested(signer=EVE), key_proof()):
        with pytest.raises(KeyProofError):
            verify_attestation_proof(unsound, now=NOW, attester_keys=TRUSTED)


@pytest.mark.requirement("OpenID4VCI 1.0 §8.2", "a batch of proofs is good for as many different keys")
def test_a_batch_proves_different_keys() -> None:
    found = prove(*(key_proof(signer=key, nonce=f"n{number % 2}") for number, key in enumerate(KEYS)))
    assert found.keys == tuple(key.public_jwk for key in KEYS)
    assert (found.nonces, found.attestations) == ({"n0", "n1"}, ())


@pytest.mark.requirement("OpenID4VCI 1.0 appendix F.1", "one proof with an attestation is good for all attested keys")
def test_one_attested_proof_is_good_for_every_attested_key() -> None:
    assert prove(attested(nonce="another")).keys == tuple(key.public_jwk for key in KEYS)
    assert prove(attested(nonce="another")).nonces == {"another", C_NONCE}
    assert prove(attested(), attested(signer=KEYS[1])).keys == (KEYS[0].public_jwk, KEYS[1].public_jwk)


@pytest.mark.requirement("OpenID4VCI 1.0 §8.2", "each key is bound to at most one credential")
def test_a_key_proven_twice_is_refused() -> None:
    with pytest.raises(KeyProofError, match="twice"):
        prove(key_proof(), key_proof(iat=NOW - 6))
    with pytest.raises(KeyProofError, match="more than 2"):
        prove(attested(), max_keys=2)


@pytest.mark.requirement(
    "OpenID4VCI 1.0 §8.3.1.2", "missing proofs are invalid_proof, and one bad proof spoils a batch"
)
def test_a_request_without_proof_or_with_one_bad_proof_is_refused() -> None:
    with pytest.raises(KeyProofError, match="missing"):
        prove(proof_type=None)
    with pytest.raises(KeyProofError):
        prove(key_proof(), key_proof(signer=KEYS[0], nonce=DROP))


@pytest.mark.requirement("OpenID4VCI 1.0 §12.2.4", "key_attestations_required is enforced")
def test_a_policy_demands_attested_keys() -> None:
    for policy in (AttestationPolicy(), AttestationPolicy(key_storage=["iso_18045_moderate"])):
        assert prove(attested(), policy=policy).attestations
        with pytest.raises(KeyAttestationError, match="needed"):
            prove(key_proof(), policy=policy)
    with pytest.raises(KeyAttestationError, match="key_storage"):
        prove(attested(), policy=AttestationPolicy(key_storage=["iso_18045_high"]))


def test_an_attestation_of_a_whole_batch_fits_into_a_header() -> None:
    signers = [SoftwareSigner(ec.derive_private_key(0x7000 + n, ec.SECP256R1()), str(n)) for n in range(50)]
    attestation = keys_attested(attested_keys=[key.public_jwk for key in signers], header={"x5c": ["A" * 1200] * 2})
    proof = key_proof(signer=signers[7], header={"key_attestation": attestation})
    assert len(prove(proof, max_keys=50).keys) == 50


def test_no_cut_or_flipped_proof_passes() -> None:
    sound = key_proof()
    for at in range(len(sound)):
        for changed in (sound[:at], sound[:at] + ("A" if sound[at] != "A" else "B") + sound[at + 1 :]):
            with pytest.raises(OAuthError):
                judge_proof(changed)
