"""How often somebody may ask, a nameless address or a witnessed log: counted in the cache that all processes share."""

from __future__ import annotations

import logging
import re
import time
from hashlib import sha256

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from anchoring.errors import RateLimitedError

logger = logging.getLogger(__name__)

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RATE = re.compile(r"([1-9][0-9]{0,8})/([smhd])")


def count_request(asker: str, *, name: str, rate: str) -> None:
    """Count one request of the kind *name* from *asker*, an address for example.

    *name* is the setting that holds *rate*, such as ``60/min``. Raises RateLimitedError past it, and ValueError when it
    cannot be read.
    """
    limit, period = parse_rate(name, rate)
    now = time.time()
    window = int(now // period)
    # The address itself is not kept, not even for a minute.
    key = f"{name}:{window}:{sha256(f'{settings.SECRET_KEY}{asker}'.encode()).hexdigest()[:32]}"
    if _count(key, period) > limit:
        raise RateLimitedError(retry_after=max(1, int((window + 1) * period - now)))


def parse_rate(name: str, text: str) -> tuple[int, int]:
    """Return how many requests, and per how many seconds. Raises ValueError."""
    match = _RATE.match(text)
    if match is None:
        raise ValueError(f"{name} {text!r} is not like 60/min")
    return int(match[1]), _SECONDS[match[2]]


def _count(key: str, period: int) -> int:
    try:
        cache.add(key, 0, timeout=2 * period)
        return int(cache.incr(key))
    except ValueError:
        return 1
    except RedisError as error:
        # The service goes on without the counter: an outage of the cache must not look like a refusal.
        logger.warning("rate is not counted: %s", type(error).__name__)
        return 0
