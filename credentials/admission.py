"""Who may ask for a verification: anyone with an API key, and anyone else at a modest rate."""

from __future__ import annotations

import logging
import re
import time
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError
from redis.exceptions import RedisError

from credentials.errors import RateLimitedError
from credentials.facts import CouldNotCheckError
from credentials.sources import database_sources
from identity.views.authentication import authenticate_api_key
from protocol.errors import UnavailableError

logger = logging.getLogger(__name__)

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RATE = re.compile(r"([1-9][0-9]{0,8})/([smhd])")
_KEYS_HELD = 10_000

# Digest of an authorization header → the trust version as of which it was found good.
_known: dict[bytes, int] = {}


def admit_api_key(authorization_header: str) -> None:
    """Raises ApiKeyInvalidError. A key revoked elsewhere is refused here one poll interval later, at the latest.

    Revoking raises the trust version, which verification polls anyway: an admitted key needs no query of its own.
    """
    digest = sha256(authorization_header.encode("utf-8", "surrogateescape")).digest()
    try:
        version = database_sources().trust_version()
        if _known.get(digest) == version:
            return
        _known.pop(digest, None)
        authenticate_api_key(authorization_header)
    except (DatabaseError, CouldNotCheckError):
        raise UnavailableError("API keys cannot be read") from None
    if len(_known) >= _KEYS_HELD:
        _known.clear()
    _known[digest] = version


def forget() -> None:
    """Look every key up again, as a new process would."""
    _known.clear()


def admit_anonymous(address: str) -> None:
    """Count one request from *address*. Raises RateLimitedError past the rate of settings."""
    rates: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    limit, period = _rate(rates["verify_anonymous"])
    now = time.time()
    window = int(now // period)
    # The address itself is not kept, not even for a minute.
    name = f"verify:{window}:{sha256(f'{settings.SECRET_KEY}{address}'.encode()).hexdigest()[:32]}"
    if _count(name, period) > limit:
        raise RateLimitedError(retry_after=max(1, int((window + 1) * period - now)))


def _count(name: str, period: int) -> int:
    try:
        cache.add(name, 0, timeout=2 * period)
        return int(cache.incr(name))
    except ValueError:
        return 1
    except RedisError as error:
        # Verifying goes on without the counter: an outage of the cache must not look like a bad certificate.
        logger.warning("anonymous rate is not counted: %s", type(error).__name__)
        return 0


def _rate(text: str) -> tuple[int, int]:
    match = _RATE.match(text)
    if match is None:
        raise ValueError(f"VERIFY_ANONYMOUS_RATE {text!r} is not like 60/min")
    return int(match[1]), _SECONDS[match[2]]
