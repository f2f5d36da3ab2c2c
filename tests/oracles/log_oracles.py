"""What other people's verifiers need to judge our proofs: keys and entries in their own shapes."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from scitt_cose import ReceiptResult, sign_sign1, verify_receipt
from sigstore._internal.merkle import verify_merkle_inclusion

VDS, PROOFS, INCLUSION = 395, 396, -1


def public_pem(public_key: bytes) -> bytes:
    key = Ed25519PublicKey.from_public_bytes(public_key)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_pem(seed: bytes) -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def ask_scitt(receipt: bytes, *, leaf: bytes, public_key: bytes) -> ReceiptResult:
    """Have scitt-cose judge a COSE Receipt of the entry *leaf*."""
    return verify_receipt(receipt, leaf_entry_hex=leaf.hex(), log_public_key_pem=public_pem(public_key))


def made_by_scitt(*, root: bytes, proof: bytes, seed: bytes, kid: bytes, claims: dict[int, Any]) -> bytes:
    """Have scitt-cose make a receipt, headers in the order of their encodings as RFC 8949 §4.2.1 wants them."""
    # alg goes into the place held for it.
    protected = {1: None, 4: kid, 15: claims, VDS: 1}
    receipt: bytes = sign_sign1(
        root,
        alg="EdDSA",
        private_key_pem=private_pem(seed),
        protected=protected,
        unprotected={PROOFS: {INCLUSION: [proof]}},
        detached=True,
    )
    return receipt


def ask_sigstore(*, leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Have sigstore judge a path; raises its VerificationError."""
    proof = SimpleNamespace(log_index=index, tree_size=size, hashes=path, root_hash=root)
    entry: Any = SimpleNamespace(_inner=SimpleNamespace(inclusion_proof=proof, canonicalized_body=leaf))
    verify_merkle_inclusion(entry)
