"""Who we are to relying parties: one issuer, its endpoints, and the keys that verify its ID tokens."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from authorization.models import RelyingParty
from identity.models import SigningKey
from protocol.openid_connect import Endpoints, provider_metadata


def issuer() -> str:
    return f"{settings.PUBLIC_URL}/oidc"


def acr() -> str:
    """How sure a sign-in is: a certificate valid at that moment, shown under a fresh signature of its holder's key."""
    return f"{issuer()}/acr/presentation"


def endpoints() -> Endpoints:
    base = issuer()
    return Endpoints(
        authorization=f"{base}/authorize", token=f"{base}/token", userinfo=f"{base}/userinfo", keys=f"{base}/keys"
    )


def describe_provider() -> dict[str, Any]:
    """Return the discovery document. Which claims a client receives, its own registration says."""
    return provider_metadata(
        issuer=issuer(),
        endpoints=endpoints(),
        acr=acr(),
        client_authentication=list(RelyingParty.Method.values),
        claims=["sub", "acr", "amr", "auth_time"],
    )


def public_keys() -> dict[str, Any]:
    """Return the JWK set: every key that still verifies, the signing one first; none before a client is registered."""
    rows = SigningKey.objects.filter(purpose=SigningKey.Purpose.BRIDGE).exclude(state=SigningKey.State.DISABLED)
    return {
        "keys": [
            {**row.public_jwk, "kid": row.key_id, "use": "sig", "alg": row.algorithm} for row in rows.order_by("-pk")
        ]
    }
