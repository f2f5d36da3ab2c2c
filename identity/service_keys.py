"""The public keys with which the service itself signs receipts and reports, for anyone who checks them."""

from __future__ import annotations

from typing import Any

from identity.models import SigningKey

PURPOSES = (SigningKey.Purpose.RECEIPT,)


def service_jwks() -> dict[str, Any]:
    """Return the JWK Set (RFC 7517 §5): active and retired keys, never disabled ones, the newest first."""
    rows = SigningKey.objects.filter(agency__isnull=True, purpose__in=PURPOSES).order_by("-created_at", "-pk")
    usable = rows.exclude(state=SigningKey.State.DISABLED)
    return {
        "keys": [
            {**row.public_jwk, "kid": row.key_id, "use": "sig", "alg": row.algorithm, "x5c": row.x5c} for row in usable
        ]
    }
