"""Everything decided about one certificate → the same certificate as a W3C credential, in either of two forms."""

from __future__ import annotations

from typing import Any

from credentials.issuer_keys import key_url
from credentials.signing import DECOYS, CertifiedSigner, Plan, Signed, complete_claims, present_paths, signed
from credentials.w3c_documents import context_url, schema_url
from protocol.status_list import status_claim
from protocol.vc_jose import registered_claims, secure_with_jwt, secure_with_sd_jwt
from protocol.vcdm import build_credential

SUBJECT = "credentialSubject"


def sign_vc_sd_jwt(plan: Plan, signer: CertifiedSigner) -> Signed:
    """Return ``vc+sd-jwt``: the holder chooses what to show, as with an SD-JWT VC. Raises ClaimsInvalidError."""
    claims = complete_claims(plan)
    issued = secure_with_sd_jwt(
        _document(plan, claims),
        disclosable=[(SUBJECT, *path) for path in present_paths(plan.credential_type, claims)],
        signer=signer,
        header=_header(plan, signer),
        registered=_registered(plan),
        decoys=DECOYS,
    )
    return signed(issued.text, issued.issuer_jwt)


def sign_vc_jwt(plan: Plan, signer: CertifiedSigner) -> Signed:
    """Return ``vc+jwt``, which shows every claim to whoever it is shown. Raises ClaimsInvalidError."""
    document = _document(plan, complete_claims(plan))
    text = secure_with_jwt(document, signer=signer, header=_header(plan, signer), registered=_registered(plan))
    return signed(text, text)


def _document(plan: Plan, claims: dict[str, Any]) -> dict[str, Any]:
    return build_credential(
        claims=claims,
        types=[plan.credential_type.vct],
        issuer=plan.issuer,
        valid_from=int(plan.issued_at.timestamp()),
        valid_until=int(plan.expires_at.timestamp()),
        contexts=[context_url(plan.credential_type)],
        schema=schema_url(plan.credential_type),
    )


def _header(plan: Plan, signer: CertifiedSigner) -> dict[str, Any]:
    # An address in the issuer's controlled identifier document, for readers who find keys there (VC-JOSE-COSE §4.2).
    return {"kid": key_url(plan.issuer, signer.key_id), "x5c": signer.x5c}


def _registered(plan: Plan) -> dict[str, Any]:
    return registered_claims(
        issuer=plan.issuer,
        issued_at=int(plan.issued_at.timestamp()),
        expires_at=int(plan.expires_at.timestamp()),
        holder_jwk=plan.holder_jwk,
        status=status_claim(plan.status_index, plan.status_uri),
    )
