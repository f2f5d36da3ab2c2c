"""The log's own Ed25519 key: the only one that signs checkpoints, under the log's origin as its name."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from protocol.checkpoint import SeedSigner, VerifierKey, verifier_key, verify
from protocol.errors import CheckpointOriginError, NoteError


def log_origin() -> str:
    return str(settings.LOG_ORIGIN)


def log_signer() -> SeedSigner:
    return _signer(log_origin(), settings.LOG_SIGNING_SEED)


def log_key() -> VerifierKey:
    return verifier_key(log_signer())


def log_verifier_key() -> str:
    """Return the text (vkey of C2SP signed-note) by which anyone checks our checkpoints."""
    return log_key().vkey


def is_signed_by_us(note: str) -> bool:
    """Whether a checkpoint bears the signature of this log's key: not so after LOG_SIGNING_SEED was changed."""
    try:
        verify(note, [log_key()])
    except (NoteError, CheckpointOriginError):
        return False
    return True


@cache
def _signer(origin: str, seed: bytes) -> SeedSigner:
    return SeedSigner(origin, seed)
