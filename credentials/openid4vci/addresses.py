"""Where an agency's endpoints are: below its issuer identifier, but for the page that a person sees."""

from __future__ import annotations

from django.conf import settings

from identity.models import Agency
from identity.trust import issuer_identifier

PUSHED, TOKEN, NONCE = "par", "token", "nonce"
CREDENTIAL, DEFERRED, NOTIFICATION, OFFERS = "credential", "deferred", "notification", "offers"


def endpoint(agency: Agency, name: str) -> str:
    return f"{issuer_identifier(agency)}/{name}"


def consent_page(agency: Agency) -> str:
    """Return the authorization endpoint (RFC 6749 §3.1). It lies in the portal, whose pages nobody stores or frames."""
    return f"{settings.PUBLIC_URL}/portal/wallets/{agency.slug}/authorize"
