"""The log's own Ed25519 key: the only one that signs checkpoints, under the log's origin as its name."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from protocol.checkpoint import SeedSigner, VerifierKey, verifier_key


def log_origin() -> str:
    return str(settings.LOG_ORIGIN)


def log_signer() -> SeedSigner:
    return _signer(log_origin(), settings.LOG_SIGNING_SEED)


def log_key() -> VerifierKey:
    return verifier_key(log_signer())


def log_verifier_key() -> str:
    """Return the text (vkey of C2SP signed-note) by which anyone checks our checkpoints."""
    return log_key().vkey


@cache
def _signer(origin: str, seed: bytes) -> SeedSigner:
    return SeedSigner(origin, seed)
