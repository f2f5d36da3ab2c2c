"""A certificate again, for another key and in a format of the W3C."""

from __future__ import annotations

import uuid

from credentials import w3c_signing
from credentials.holdings import read_sd_jwt, reveal_all
from credentials.models import Credential
from credentials.signing import Plan
from credentials.status import list_uri
from identity import trust
from identity.keystore import signer_of
from protocol.keys import SoftwareSigner, generate_p256
from tests import cast

HOLDER = SoftwareSigner(generate_p256(), "holder")
_DERIVED = frozenset({"age_over_18", "certificate_number"})
_SIGN = {"vc+jwt": w3c_signing.sign_vc_jwt, "vc+sd-jwt": w3c_signing.sign_vc_sd_jwt}


def plan_of(credential: Credential) -> Plan:
    claims = reveal_all(read_sd_jwt(credential, cast.lei_person()))
    return Plan(
        credential_id=uuid.uuid4(),
        number=credential.number,
        issuer=trust.issuer_identifier(credential.agency),
        credential_type=credential.credential_type,
        holder_jwk=HOLDER.public_jwk,
        claims={name: value for name, value in claims.items() if name not in _DERIVED},
        status_list_id=credential.status_list_id,
        status_uri=list_uri(credential.status_list_id),
        status_index=credential.status_index,
        issued_at=credential.issued_at,
        expires_at=credential.expires_at,
    )


def copy_of(credential: Credential, *, form: str) -> str:
    return _SIGN[form](plan_of(credential), signer_of(credential.signing_key)).text
