"""API keys of verifier organisations and of agencies: shown once, stored as a keyed digest."""

from __future__ import annotations

import re
import secrets

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from identity.errors import ApiKeyInvalidError
from identity.models import Agency, ApiKey, Organisation
from identity.trust import bump_trust
from identity.vault import lookup_hmac

_MAY_ASK = Q(agency__isnull=False) | Q(organisation__approved_at__isnull=False)
_SECRET = re.compile(r"ck_[A-Za-z0-9_-]{43}\Z")


def create_api_key(*, organisation: Organisation, label: str) -> tuple[ApiKey, str]:
    """Return the stored key and its secret, which nobody can ever see again."""
    secret = _draw()
    return ApiKey.objects.create(organisation=organisation, label=label, digest=_digest(secret)), secret


def create_agency_key(*, agency: Agency, label: str) -> tuple[ApiKey, str]:
    """As create_api_key, for the software of an agency."""
    secret = _draw()
    return ApiKey.objects.create(agency=agency, label=label, digest=_digest(secret)), secret


def find_api_key(secret: str) -> ApiKey:
    """Return the active key of an approved organisation or of an agency. Raises ApiKeyInvalidError."""
    if not _SECRET.match(secret):
        raise ApiKeyInvalidError("not an API key")
    keys = ApiKey.objects.select_related("organisation", "agency")
    key = keys.filter(_MAY_ASK, digest=_digest(secret), revoked_at__isnull=True).first()
    if key is None:
        raise ApiKeyInvalidError("unknown or revoked")
    return key


@transaction.atomic
def revoke_api_key(*, api_key: ApiKey) -> None:
    """End a key. Whoever holds it as good does so as of a trust version, and learns of this with the next."""
    ApiKey.objects.filter(pk=api_key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
    bump_trust()


def _draw() -> str:
    return f"ck_{secrets.token_urlsafe(32)}"


def _digest(secret: str) -> str:
    return lookup_hmac("api-key", secret)
