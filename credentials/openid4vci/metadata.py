"""What an agency says of itself to wallets: as credential issuer (OpenID4VCI 1.0 §12.2) and authorization server (RFC 8414)."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings

from credentials.catalog import claim_specs, is_required, type_metadata
from credentials.openid4vci.addresses import (
    CREDENTIAL,
    DEFERRED,
    NONCE,
    NOTIFICATION,
    PUSHED,
    TOKEN,
    consent_page,
    endpoint,
)
from credentials.openid4vci.formats import Configuration, configurations_of
from credentials.openid4vci.request_keys import current_key, public_key
from identity.keystore import signer_for
from identity.languages import LOCALES
from identity.models import Agency, SigningKey
from identity.trust import issuer_identifier
from protocol import oauth
from protocol import openid4vci as messages

ISSUER_SUFFIX, SERVER_SUFFIX = "openid-credential-issuer", "oauth-authorization-server"
SIGNED_SECONDS = 86_400
_GRANTS = (oauth.AUTHORIZATION_CODE_GRANT, oauth.PRE_AUTHORIZED_GRANT, oauth.REFRESH_GRANT)
_HAIP_GRANTS = (oauth.AUTHORIZATION_CODE_GRANT, oauth.REFRESH_GRANT)


def issuer_metadata(agency: Agency) -> dict[str, Any]:
    """Return the credential issuer metadata of *agency*."""
    issuer = issuer_identifier(agency)
    return messages.issuer_metadata(
        issuer=issuer,
        authorization_servers=[issuer],
        credential_endpoint=endpoint(agency, CREDENTIAL),
        nonce_endpoint=endpoint(agency, NONCE),
        deferred_endpoint=endpoint(agency, DEFERRED),
        notification_endpoint=endpoint(agency, NOTIFICATION),
        configurations={one.id: _configuration(one, agency) for one in configurations_of(agency).values()},
        display=[
            {"name": agency.name[code], "locale": locale} for code, locale in LOCALES.items() if code in agency.name
        ],
        batch_size=settings.WALLET_BATCH_SIZE,
        request_encryption_keys=[public_key(current_key(agency))],
    )


def signed_issuer_metadata(agency: Agency) -> str:
    """Return the same as a JWT under the agency's own key (§12.2.3). Raises KeyStateError."""
    signer = signer_for(purpose=SigningKey.Purpose.CREDENTIAL, agency=agency)
    now = int(time.time())
    return messages.sign_issuer_metadata(
        issuer_metadata(agency),
        signer=signer,
        issued_at=now,
        expires_at=now + SIGNED_SECONDS,
        header={"kid": signer.key_id, "x5c": signer.x5c},
    )


def server_metadata(agency: Agency) -> dict[str, Any]:
    """Return the authorization server metadata of *agency*."""
    return oauth.authorization_server_metadata(
        issuer=issuer_identifier(agency),
        token_endpoint=endpoint(agency, TOKEN),
        authorization_endpoint=consent_page(agency),
        pushed_endpoint=endpoint(agency, PUSHED),
        # Without a push nobody but a browser's address bar would vouch for where an answer goes.
        requires_pushed=True,
        scopes=list(configurations_of(agency)),
        grant_types=_HAIP_GRANTS if agency.haip else _GRANTS,
        client_authentication=("attest_jwt_client_auth",) if agency.haip else ("none", "attest_jwt_client_auth"),
        is_anonymous_allowed=not agency.haip,
    )


def _configuration(one: Configuration, agency: Agency) -> dict[str, Any]:
    return messages.credential_configuration(
        credential_format=one.format.name,
        scope=one.id,
        display=type_metadata(one.credential_type)["display"],
        claims=[_claim(one, spec) for spec in claim_specs(one.credential_type)],
        parameters=one.format.parameters(one.credential_type),
        key_attestations_required={} if agency.haip else None,
    )


def _claim(one: Configuration, spec: dict[str, Any]) -> dict[str, Any]:
    labels = spec["label"]
    return {
        "path": [*one.format.claims_at, *spec["path"]],
        "mandatory": is_required(one.credential_type, tuple(spec["path"])),
        "display": [{"name": labels[code], "locale": locale} for code, locale in LOCALES.items() if code in labels],
    }
