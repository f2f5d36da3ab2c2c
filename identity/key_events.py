"""Every change to a signing key is a leaf of the log, so that nobody can make, exchange or withdraw one unseen.

The leaf commits to what is public of the event. It is not to be guessed before the key is known, and needs no salt: a
thumbprint is of the entropy of its key.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from hashlib import sha256

from anchoring import outbox
from anchoring.models import LogEntry
from identity.models import SigningKey
from protocol.encoding import canonical_json
from protocol.keys import jwk_thumbprint

_LEAF_DOMAIN = b"chancela/key-event@v1\n"


class KeyEvent(StrEnum):
    CREATED = "created"
    RETIRED = "retired"
    DISABLED = "disabled"


def record_event(key: SigningKey, event: KeyEvent) -> None:
    """Hand the event over to the log, in the transaction that makes it so."""
    outbox.append(record_id=record_id(key, event), kind=LogEntry.Kind.KEY, digest=leaf_digest(key, event))


def record_id(key: SigningKey, event: KeyEvent) -> str:
    return f"key:{key.key_id}:{event}"


def leaf_digest(key: SigningKey, event: KeyEvent) -> bytes:
    """Return what the log holds of the event: 32 bytes, the same whenever it is computed."""
    facts = {
        "event": str(event),
        "key_id": key.key_id,
        "purpose": str(key.purpose),
        "thumbprint": jwk_thumbprint(key.public_jwk),
    }
    return sha256(_LEAF_DOMAIN + canonical_json(facts)).digest()


def events_of(key: SigningKey) -> Iterator[KeyEvent]:
    """Yield what must have been recorded of a key in its state; one that is disabled may have been retired before."""
    yield KeyEvent.CREATED
    if key.state == SigningKey.State.RETIRED:
        yield KeyEvent.RETIRED
    elif key.state == SigningKey.State.DISABLED:
        yield KeyEvent.DISABLED
