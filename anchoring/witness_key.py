"""The keys by which this deployment witnesses the logs of others: one name, Ed25519 and ML-DSA-44."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from anchoring.errors import WitnessDisabledError
from protocol.cosignature import CosignerKey, Ed25519Cosigner, MldsaCosigner

# Whoever breaks Ed25519 learns its scalar, not the seed: the other key, which must outlive it, follows from the seed.
_MLDSA_INFO = b"chancela/witness/ml-dsa-44@v1"


def witness_cosigners() -> tuple[CosignerKey, ...]:
    """Return our signers, Ed25519 (0x04) and ML-DSA-44 (0x06). Raises WitnessDisabledError without a seed."""
    if settings.WITNESS_SIGNING_SEED is None:
        raise WitnessDisabledError
    return _cosigners(str(settings.WITNESS_NAME), settings.WITNESS_SIGNING_SEED)


def witness_vkeys() -> tuple[str, ...]:
    """Return the texts by which anyone checks our cosignatures. Raises WitnessDisabledError without a seed."""
    return tuple(cosigner.verifier_key.vkey for cosigner in witness_cosigners())


@cache
def _cosigners(name: str, seed: bytes) -> tuple[CosignerKey, ...]:
    mldsa_seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=_MLDSA_INFO).derive(seed)
    return Ed25519Cosigner(name, seed), MldsaCosigner(name, mldsa_seed)
