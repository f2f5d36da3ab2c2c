"""Who may ask for a verification: anyone with an API key, and anyone else at a modest rate."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from anchoring.throttle import count_request
from credentials.facts import CouldNotCheckError
from credentials.sources import database_sources
from identity.models import Organisation
from identity.views.authentication import authenticate_api_key
from protocol.errors import UnavailableError

_KEYS_HELD = 10_000

# Digest of an authorization header → the trust version as of which it was found good, and whose it is.
_known: dict[bytes, tuple[int, Organisation | None]] = {}


def admit_api_key(authorization_header: str) -> Organisation | None:
    """Return whose key it is; none for an agency's. Raises ApiKeyInvalidError.

    A key revoked elsewhere is refused here one poll interval later, at the latest. Revoking raises the trust version, which verification polls anyway: an admitted key needs no query of its own.
    """
    digest = sha256(authorization_header.encode("utf-8", "surrogateescape")).digest()
    try:
        version = database_sources().trust_version()
        held = _known.get(digest)
        if held is not None and held[0] == version:
            return held[1]
        _known.pop(digest, None)
        organisation = authenticate_api_key(authorization_header).organisation
    except (DatabaseError, CouldNotCheckError):
        raise UnavailableError("API keys cannot be read") from None
    if len(_known) >= _KEYS_HELD:
        _known.clear()
    _known[digest] = version, organisation
    return organisation


def forget() -> None:
    """Look every key up again, as a new process would."""
    _known.clear()


def admit_anonymous(address: str) -> None:
    """Count one request from *address*. Raises RateLimitedError past the rate of settings."""
    rates: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    count_request(address, name="VERIFY_ANONYMOUS_RATE", rate=rates["verify_anonymous"])
