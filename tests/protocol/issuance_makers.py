"""Builders of what a wallet sends to an issuer, sound unless an argument says otherwise."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from protocol import client_attestation, key_attestation
from protocol.dpop import DpopProof, verify_proof
from protocol.encoding import b64u_encode
from protocol.keys import SoftwareSigner, jwk_thumbprint
from protocol.openid4vci import CredentialRequest, KeyProof, verify_jwt_proof
from tests.protocol.makers import HOLDER, NOW, digest, jws, with_changes

CREDENTIAL_ISSUER = "https://issuer.example/issuers/dsi"
TOKEN_URL = "https://issuer.example/issuers/dsi/token"
CREDENTIAL_URL = "https://issuer.example/issuers/dsi/credential"
CLIENT = "https://wallet.example"
TOKEN = "czZCaGRSa3F0MzpnWDFmQmF0M2JW"
C_NONCE = "wKI4LT17ac15ES9bw8ac4"
OTHER_CURVE = {"kty": "OKP", "crv": "Ed25519", "x": b64u_encode(bytes(31) + b"\x01")}

PROVIDER = SoftwareSigner(ec.derive_private_key(0x9401, ec.SECP256R1()), "provider")
WALLET = SoftwareSigner(ec.derive_private_key(0x9402, ec.SECP256R1()), "wallet")
KEYS = [SoftwareSigner(ec.derive_private_key(0x9410 + number, ec.SECP256R1()), str(number)) for number in range(3)]
TRUSTED = [{**PROVIDER.public_jwk, "kid": "11"}]


def private_jwk(signer: SoftwareSigner) -> dict[str, Any]:
    number = signer._key.private_numbers()  # type: ignore[union-attr]
    return {**signer.public_jwk, "d": b64u_encode(number.private_value.to_bytes(32, "big"))}


def dpop(
    *,
    signer: SoftwareSigner = WALLET,
    header: dict[str, Any] | None = None,
    signature: bytes | None = None,
    **claims: Any,
) -> str:
    """A DPoP proof for the token endpoint; *claims* and *header* change it, DROP removes."""
    head = with_changes({"alg": "ES256", "typ": "dpop+jwt", "jwk": signer.public_jwk}, header or {})
    body = with_changes({"jti": "e1j3V_bKic8-LAEB", "htm": "POST", "htu": TOKEN_URL, "iat": NOW - 5}, claims)
    return jws(body, head, signer=signer, signature=signature)


def judge_dpop(proof: Any, **how: Any) -> DpopProof:
    return verify_proof(proof, **{"method": "POST", "url": TOKEN_URL, "now": NOW, **how})


def wallet_attestation(
    *, signer: SoftwareSigner = PROVIDER, header: dict[str, Any] | None = None, **claims: Any
) -> str:
    head = with_changes({"alg": "ES256", "typ": "oauth-client-attestation+jwt", "kid": "11"}, header or {})
    base = {"iss": "https://provider.example", "sub": CLIENT, "exp": NOW + 3600, "cnf": {"jwk": WALLET.public_jwk}}
    return jws(with_changes(base, claims), head, signer=signer)


def wallet_proof(*, signer: SoftwareSigner = WALLET, header: dict[str, Any] | None = None, **claims: Any) -> str:
    head = with_changes({"alg": "ES256", "typ": "oauth-client-attestation-pop+jwt"}, header or {})
    base = {"iss": CLIENT, "aud": CREDENTIAL_ISSUER, "jti": "d25d00ab-552b-46fc", "iat": NOW - 5}
    return jws(with_changes(base, claims), head, signer=signer)


def judge_client(attestation: Any, proof: Any, **how: Any) -> client_attestation.ClientAttestation:
    fixed = {"keys": TRUSTED, "audience": CREDENTIAL_ISSUER, "now": NOW}
    return client_attestation.verify(attestation, proof, **{**fixed, **how})


def keys_attested(*, signer: SoftwareSigner = PROVIDER, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A key attestation for KEYS."""
    head = with_changes({"alg": "ES256", "typ": "key-attestation+jwt", "kid": "11"}, header or {})
    base = {
        "iat": NOW - 60, "exp": NOW + 3600, "attested_keys": [key.public_jwk for key in KEYS], "nonce": C_NONCE,
        "key_storage": ["iso_18045_moderate"], "user_authentication": ["iso_18045_moderate"],
    }  # fmt: skip
    return jws(with_changes(base, claims), head, signer=signer)


def judge_keys(attestation: Any, **how: Any) -> key_attestation.KeyAttestation:
    return key_attestation.verify(attestation, **{"keys": TRUSTED, "now": NOW, **how})


def key_proof(
    *,
    signer: SoftwareSigner = HOLDER,
    header: dict[str, Any] | None = None,
    signature: bytes | None = None,
    **claims: Any,
) -> str:
    """A proof of the ``jwt`` type."""
    head = with_changes({"alg": "ES256", "typ": "openid4vci-proof+jwt", "jwk": signer.public_jwk}, header or {})
    body = with_changes({"aud": CREDENTIAL_ISSUER, "iat": NOW - 5, "nonce": C_NONCE}, claims)
    return jws(body, head, signer=signer, signature=signature)


def judge_proof(proof: Any, **how: Any) -> KeyProof:
    return verify_jwt_proof(proof, **{"audience": CREDENTIAL_ISSUER, "now": NOW, "attester_keys": TRUSTED, **how})


def request_with(*proofs: str, proof_type: str | None = "jwt") -> CredentialRequest:
    return CredentialRequest("birth_1", None, proof_type, proofs, None)


def thumbprint(signer: SoftwareSigner) -> str:
    return jwk_thumbprint(signer.public_jwk)


def ath(token: str = TOKEN) -> str:
    return digest(token)
