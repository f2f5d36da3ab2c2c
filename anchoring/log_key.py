"""The log's own two keys, the only ones that sign checkpoints: Ed25519, and ML-DSA-44 for the time after it.

Both bear the log's origin as their name. Whoever knows only the first goes on as before; whoever wants signatures that
quantum computers do not forge asks for the second. Checkpoints from before the second key bear the first alone.
"""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from protocol.checkpoint import Checkpoint, SeedSigner, VerifierKey, sign, verifier_key, verify
from protocol.cosignature import MldsaCosigner, add_lines, cosign, verified_cosignatures
from protocol.errors import CheckpointFormatError, CheckpointOriginError, NoteError
from protocol.note import SEED_SIZE

# Derived, so that there is one secret to keep, and safely so: who breaks the Ed25519 key finds the scalar that SHA-512
# makes of the seed, not the seed, and the seed is not to be had from either key. The text is fixed for good: another one
# is another key.
_MLDSA_INFO = b"chancela/log/ml-dsa-44@v1"


def log_origin() -> str:
    return str(settings.LOG_ORIGIN)


def log_signer() -> SeedSigner:
    return _signer(log_origin(), settings.LOG_SIGNING_SEED)


def log_cosigner() -> MldsaCosigner:
    return _cosigner(log_origin(), settings.LOG_SIGNING_SEED)


def log_key() -> VerifierKey:
    return verifier_key(log_signer())


def log_keys() -> tuple[VerifierKey, VerifierKey]:
    """Return both keys, the Ed25519 one first. Raises NoteKeyError where LOG_ORIGIN cannot name them."""
    return log_key(), log_cosigner().verifier_key


def log_verifier_key() -> str:
    """Return the text (vkey of C2SP signed-note) by which anyone checks our checkpoints."""
    return log_key().vkey


def log_verifier_keys() -> tuple[str, str]:
    """Return the texts of both keys, the Ed25519 one first."""
    ed25519, mldsa = log_keys()
    return ed25519.vkey, mldsa.vkey


def sign_note(checkpoint: Checkpoint, *, timestamp: int) -> str:
    """Return the note of *checkpoint* with the lines of both keys, verified; *timestamp* is in POSIX seconds.

    The caller holds the log's invariants: the tree only grows, and the time never goes back.
    """
    note = sign(checkpoint, log_signer())
    note = add_lines(note, cosign(checkpoint, log_cosigner(), timestamp))
    verify(note, log_keys())
    return note


def cosigned_at(note: str) -> int:
    """Return the time, in POSIX seconds, that our ML-DSA-44 key gave in *note*; 0 where it did not sign."""
    return max((made.timestamp for made in verified_cosignatures(note, [log_cosigner().verifier_key])), default=0)


def is_signed_by_us(note: str) -> bool:
    """Whether a checkpoint bears the signature of this log's key: not so after LOG_SIGNING_SEED was changed.

    Checkpoints from before the ML-DSA-44 key bear the Ed25519 line alone; where there are both, both must verify.
    """
    try:
        verify(note, [log_key()])
        verify(note, log_keys())
    except (NoteError, CheckpointFormatError, CheckpointOriginError):
        return False
    return True


@cache
def _signer(origin: str, seed: bytes) -> SeedSigner:
    return SeedSigner(origin, seed)


@cache
def _cosigner(origin: str, seed: bytes) -> MldsaCosigner:
    derived = HKDF(algorithm=SHA256(), length=SEED_SIZE, salt=None, info=_MLDSA_INFO).derive(seed)
    return MldsaCosigner(origin, derived)
