"""Everything decided about one certificate → the signed certificate. Issuing one by one or by the thousand meets here."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from credentials.catalog import disclosable_paths
from credentials.claim_paths import SpecPath
from credentials.derivation import derive_claims
from credentials.models import CredentialType
from credentials.schemas import check_schema
from protocol.keys import Signer
from protocol.sd_jwt import pad_to
from protocol.sd_jwt_vc import issue_credential
from protocol.status_list import status_claim

# Optional claims left out must not show in the count: every type's arrays fill up to the same multiple.
DECOY_BUCKET = 4
DECOYS = pad_to(DECOY_BUCKET)

# Eight bytes lead to each of the 32 symbols, so that random bytes are random symbols.
_SYMBOLS = 8 * b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_NUMBER_LENGTH = 10


class CertifiedSigner(Signer, Protocol):
    """A signer whose key has a certificate chain."""

    @property
    def x5c(self) -> list[str]: ...


class Plan(NamedTuple):
    """All that is settled, and stored as an intent, before a key is touched."""

    credential_id: uuid.UUID
    number: str
    issuer: str
    credential_type: CredentialType
    holder_jwk: Mapping[str, Any]
    claims: Mapping[str, Any]
    status_list_id: uuid.UUID
    status_uri: str
    status_index: int
    issued_at: datetime
    expires_at: datetime


class Signed(NamedTuple):
    """The credential with every disclosure, and SHA-256 of what was signed: the leaf of the log."""

    text: str
    digest: bytes


def sign_credential(plan: Plan, *, signer: CertifiedSigner) -> Signed:
    """Return the credential of *plan*. Raises ClaimsInvalidError when the complete claims do not fit the type."""
    claims = complete_claims(plan)
    issued = issue_credential(
        claims=claims,
        vct=plan.credential_type.vct,
        signer=signer,
        header={"kid": signer.key_id, "x5c": signer.x5c},
        issuer=plan.issuer,
        issued_at=int(plan.issued_at.timestamp()),
        expires_at=int(plan.expires_at.timestamp()),
        holder_jwk=plan.holder_jwk,
        status=status_claim(plan.status_index, plan.status_uri),
        extra=_integrity(plan.credential_type),
        disclosable=present_paths(plan.credential_type, claims),
        decoys=DECOYS,
    )
    return signed(issued.text, issued.issuer_jwt)


def complete_claims(plan: Plan) -> dict[str, Any]:
    """Return the claims of *plan* with the computed ones. Raises ClaimsInvalidError when they do not fit the type."""
    credential_type = plan.credential_type
    claims = derive_claims(credential_type.claims, plan.claims, today=plan.issued_at.date(), number=plan.number)
    check_schema(credential_type, claims)
    return claims


def signed(text: str, issuer_jwt: str) -> Signed:
    """Return *text* with the digest of what was signed in it."""
    signing_input = issuer_jwt.rpartition(".")[0]
    return Signed(text, sha256(signing_input.encode("ascii")).digest())


def _integrity(credential_type: CredentialType) -> dict[str, str]:
    """Pin what a wallet will show: the type's metadata can be fetched from anywhere, and not be exchanged."""
    integrity = credential_type.metadata_integrity
    return {"vct#integrity": integrity} if integrity else {}


def validity(credential_type: CredentialType, now: datetime) -> tuple[datetime, datetime]:
    """Return issue and end times, both at midnight UTC: a finer time would link certificates issued together."""
    issued_at = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    return issued_at, issued_at + timedelta(days=credential_type.validity_days)


def draw_number(credential_type: CredentialType, now: datetime) -> str:
    """Return a certificate number that says nothing about how many there are."""
    text = secrets.token_bytes(_NUMBER_LENGTH).translate(_SYMBOLS).decode()
    return f"{credential_type.number_prefix}-{now.year}-{text[:5]}-{text[5:]}"


def present_paths(credential_type: CredentialType, claims: Mapping[str, Any]) -> list[SpecPath]:
    """Return those of the type's disclosable paths that lead to one of *claims*."""
    # Most paths are one name long and need no walk.
    return [
        path
        for path in disclosable_paths(credential_type)
        if (path[0] in claims if len(path) == 1 else _leads_somewhere(claims, path))
    ]


def _leads_somewhere(node: Any, path: SpecPath) -> bool:
    for place, step in enumerate(path):
        if step is None:
            return isinstance(node, list) and any(_leads_somewhere(item, path[place + 1 :]) for item in node)
        # The exact kind first: asking an abstract class costs six times as much.
        if not isinstance(node, (dict, Mapping)) or step not in node:
            return False
        node = node[step]
    return True
