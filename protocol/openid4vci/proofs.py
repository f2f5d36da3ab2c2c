"""Proofs that a wallet holds the keys a credential will be bound to (OpenID4VCI 1.0 appendix F)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from protocol.claims import check_recent, optional_text
from protocol.did import method_key, parse_did_url, self_contained_document
from protocol.encoding import json_object
from protocol.errors import ClaimFormatError, DidKeyNotFoundError, KeyAttestationError, KeyProofError
from protocol.errors.issuance import refused_as
from protocol.jose import Jws, own_key, parse_proof, verify_es256
from protocol.key_attestation import AttestationPolicy, KeyAttestation, check_policy
from protocol.key_attestation import verify as verify_attestation
from protocol.keys import p256_from_jwk, public_jwk
from protocol.openid4vci.messages import CredentialRequest

JWT_PROOF_TYPES = frozenset({"openid4vci-proof+jwt"})
MAX_AGE_SECONDS = 300

# A certificate or a federation's chain would bring a key by way of a trust that is not judged here.
_OTHER_KEYS = frozenset({"x5c", "trust_chain"})


@dataclass(frozen=True, slots=True)
class KeyProof:
    """One proof that held: the keys it is good for as JWKs of required members, and the nonces it was made with."""

    keys: tuple[dict[str, str], ...]
    nonces: frozenset[str]
    attestation: KeyAttestation | None


@dataclass(frozen=True, slots=True)
class ProvenKeys:
    """The different keys of a whole request, one credential each, and every nonce it was made with."""

    keys: tuple[dict[str, str], ...]
    nonces: frozenset[str]
    attestations: tuple[KeyAttestation, ...]


def verify_proofs(
    request: CredentialRequest,
    *,
    audience: str,
    now: float,
    max_age: float = MAX_AGE_SECONDS,
    client_id: str | None = None,
    attester_keys: Sequence[Mapping[str, Any]] = (),
    policy: AttestationPolicy | None = None,
    max_keys: int = 1,
) -> ProvenKeys:
    """Return the keys that *request* proves, at most *max_keys* (appendix F.4).

    *audience* is the credential issuer's identifier. *attester_keys* are the public JWKs of trusted key attesters;
    with *policy* an attestation is demanded. One ``jwt`` proof with an attestation is good for every attested key;
    several are good for their own. That the nonces are fresh and used once is for the caller to see to, last, in the
    transaction that issues. Raises KeyProofError and KeyAttestationError.
    """
    if request.proof_type is None:
        raise KeyProofError("proofs is missing")
    if request.proof_type == "attestation":
        proofs = [verify_attestation_proof(proof, now=now, attester_keys=attester_keys) for proof in request.proofs]
    else:
        proofs = [
            verify_jwt_proof(
                proof, audience=audience, now=now, max_age=max_age, client_id=client_id, attester_keys=attester_keys
            )
            for proof in request.proofs
        ]
    _check_policy(proofs, policy)
    keys = _keys_of(proofs)
    if len(keys) > max_keys:
        raise KeyProofError(f"more than {max_keys} keys")
    if len({(key["x"], key["y"]) for key in keys}) != len(keys):
        raise KeyProofError("one key proven twice")
    attestations = tuple(proof.attestation for proof in proofs if proof.attestation is not None)
    return ProvenKeys(keys, frozenset(chain.from_iterable(proof.nonces for proof in proofs)), attestations)


def verify_jwt_proof(
    proof: str,
    *,
    audience: str,
    now: float,
    max_age: float = MAX_AGE_SECONDS,
    client_id: str | None = None,
    attester_keys: Sequence[Mapping[str, Any]] = (),
) -> KeyProof:
    """Return the key that a ``jwt`` *proof* proves, its own and no other (appendix F.1, F.4).

    The key is its header's ``jwk``, or a did:key or did:jwk in ``kid``, or the attested key that ``kid`` names. A
    ``nonce`` is demanded. ``iss`` is compared when *client_id* is known. Raises KeyProofError and KeyAttestationError.
    """
    with refused_as(KeyProofError):
        jws = parse_proof(proof, allowed_types=JWT_PROOF_TYPES)
        _check_one_key(jws)
        attestation = _attestation_of(jws, attester_keys, now)
        key = _proven_key(jws, attestation)
        claims = json_object(verify_es256(jws, key))
        if claims.get("aud") != audience:
            raise ClaimFormatError("aud is another issuer")
        if client_id is not None and claims.get("iss", client_id) != client_id:
            raise ClaimFormatError("iss is another client")
        check_recent(claims, now=now, max_age=max_age)
        jwk = public_jwk(key)
        if attestation is not None and jwk not in attestation.keys:
            raise KeyAttestationError("the proof's key is not attested")
        nonces = {_nonce(optional_text(claims, "nonce"))}
        if attestation is not None:
            nonces.add(_nonce(attestation.nonce))
        return KeyProof((jwk,), frozenset(nonces), attestation)


def verify_attestation_proof(proof: str, *, now: float, attester_keys: Sequence[Mapping[str, Any]]) -> KeyProof:
    """Return the keys of an ``attestation`` *proof*, on the word of a trusted attester alone (appendix F.3).

    A ``nonce`` is demanded. Raises KeyProofError and KeyAttestationError.
    """
    attestation = verify_attestation(proof, keys=attester_keys, now=now)
    return KeyProof(attestation.keys, frozenset({_nonce(attestation.nonce)}), attestation)


def _check_one_key(jws: Jws) -> None:
    if _OTHER_KEYS.intersection(jws.header):
        raise ClaimFormatError("a key is shown as jwk or named as kid here")
    if ("jwk" in jws.header) == ("kid" in jws.header):
        raise ClaimFormatError("not exactly one of jwk and kid")


def _attestation_of(jws: Jws, attester_keys: Sequence[Mapping[str, Any]], now: float) -> KeyAttestation | None:
    attestation = optional_text(jws.header, "key_attestation")
    if attestation is None:
        return None
    return verify_attestation(attestation, keys=attester_keys, now=now, needs_expiry=True)


def _proven_key(jws: Jws, attestation: KeyAttestation | None) -> ec.EllipticCurvePublicKey:
    if "jwk" in jws.header:
        return own_key(jws)
    name = jws.header["kid"]
    if name.startswith("did:"):
        return _key_of_did_url(name)
    if attestation is None:
        raise ClaimFormatError("kid is neither a did:key or did:jwk nor the name of an attested key")
    return p256_from_jwk(_attested_key(attestation, name))


def _key_of_did_url(name: str) -> ec.EllipticCurvePublicKey:
    document = self_contained_document(parse_did_url(name).did)
    for method in document["verificationMethod"]:
        # A key that its DID keeps for other purposes proves nothing here.
        if method["id"] == name and name in document.get("authentication", ()):
            return p256_from_jwk(public_jwk(method_key(method)))
    raise DidKeyNotFoundError("the DID holds no such key for authentication")


def _attested_key(attestation: KeyAttestation, name: str) -> dict[str, str]:
    """Return the key that *name* stands for: by the name it was attested under, else by its position (appendix F.1)."""
    if name in attestation.key_ids:
        return attestation.keys[attestation.key_ids.index(name)]
    positions = {str(position): key for position, key in enumerate(attestation.keys)}
    if name not in positions:
        raise KeyAttestationError("kid names no attested key")
    return positions[name]


def _nonce(value: str | None) -> str:
    if value is None:
        raise KeyProofError("a nonce of this issuer is missing")
    return value


def _check_policy(proofs: Iterable[KeyProof], policy: AttestationPolicy | None) -> None:
    if policy is None:
        return
    for proof in proofs:
        if proof.attestation is None:
            raise KeyAttestationError("a key attestation is needed")
        check_policy(proof.attestation, policy)


def _keys_of(proofs: Sequence[KeyProof]) -> tuple[dict[str, str], ...]:
    if len(proofs) == 1 and proofs[0].attestation is not None:
        return proofs[0].attestation.keys
    return tuple(chain.from_iterable(proof.keys for proof in proofs))
