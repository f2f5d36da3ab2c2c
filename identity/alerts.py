"""What of the keys needs a person before it needs everybody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from anchoring.standing import Alert
from identity import keystore

EXPIRES_SOON = timedelta(days=30)


def check() -> Iterator[Alert]:
    """Yield an error for a key that signs no more because its certificate has ended, a warning a month before."""
    ended = set(keystore.expiring_keys(within=timedelta(0)))
    for key_id in keystore.expiring_keys(within=EXPIRES_SOON):
        if key_id in ended:
            yield Alert("key_expired", "error", key_id)
        else:
            yield Alert("key_expiring", "warning", key_id)
