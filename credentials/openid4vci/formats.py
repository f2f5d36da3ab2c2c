"""The formats in which a certificate can be had, and which name each goes by at an agency.

A new format is one more entry: how it signs what is settled, and what its credential configuration says besides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from credentials.models import CredentialType
from credentials.signing import CertifiedSigner, Plan, Signed, sign_credential
from credentials.w3c_documents import credential_definition
from credentials.w3c_signing import SUBJECT, sign_vc_jwt, sign_vc_sd_jwt
from identity.models import Agency
from protocol.sd_jwt_vc import CREDENTIAL_TYPE


class CredentialFormat(NamedTuple):
    """``suffix`` ends the ids of its configurations; ``parameters`` are those of the format's profile (appendix A).

    ``claims_at`` is the path under which the credential holds its claims.
    """

    name: str
    suffix: str
    sign: Callable[[Plan, CertifiedSigner], Signed]
    parameters: Callable[[CredentialType], Mapping[str, Any]]
    claims_at: tuple[str, ...] = ()


class Configuration(NamedTuple):
    """One type in one format: what a wallet asks for by ``id``."""

    id: str
    credential_type: CredentialType
    format: CredentialFormat


def _sign_sd_jwt(plan: Plan, signer: CertifiedSigner) -> Signed:
    return sign_credential(plan, signer=signer)


SD_JWT_VC = CredentialFormat(CREDENTIAL_TYPE, "", _sign_sd_jwt, lambda kind: {"vct": kind.vct})
VC_SD_JWT = CredentialFormat("vc+sd-jwt", "_vc_sd_jwt", sign_vc_sd_jwt, credential_definition, (SUBJECT,))
VC_JWT = CredentialFormat("vc+jwt", "_vc_jwt", sign_vc_jwt, credential_definition, (SUBJECT,))
# The first is what a wallet is offered first.
FORMATS: Mapping[str, CredentialFormat] = {one.name: one for one in (SD_JWT_VC, VC_SD_JWT, VC_JWT)}


def configuration_of(credential_type: CredentialType, form: CredentialFormat = SD_JWT_VC) -> Configuration:
    return Configuration(f"{credential_type.slug}_{credential_type.version}{form.suffix}", credential_type, form)


def configurations_of(agency: Agency) -> dict[str, Configuration]:
    """Return everything that *agency* issues, by configuration id."""
    types = CredentialType.objects.filter(agency=agency, is_active=True).order_by("slug", "version")
    found = (configuration_of(kind, form) for kind in types for form in FORMATS.values())
    return {one.id: one for one in found}
