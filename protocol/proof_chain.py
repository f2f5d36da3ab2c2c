"""Proof across logs: a record in log A, A's checkpoint as a leaf of log B, and so on to a log whose key is trusted.

A log that witnesses another enters the other's checkpoints among its own leaves, each as the SHA-256 digest of its
origin, size and root. Whoever trusts B's key alone can then trust A's record: the three are bound together, and B
entered them only after checking A's signature and that A had grown by appending. A chain needs no signature but the
last log's; it shows that B saw this tree of A, not that B saw no other one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256

from protocol.checkpoint import Checkpoint, VerifierKey, parse
from protocol.encoding import json_dumps, json_object
from protocol.errors import JsonError, ProofChainFormatError, TooLargeError
from protocol.merkle import leaf_hash as hash_leaf
from protocol.merkle import verify_inclusion
from protocol.proof import MAX_RECEIPT_BYTES, Receipt, leaf_data, parse_receipt, verify_receipt

CHAIN_FORMAT = "chancela/proof-chain@v1"
CHECKPOINT_KIND = "checkpoint"
MIN_LINKS = 2
MAX_LINKS = 8
MAX_CHAIN_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ProofChain:
    """Receipts from the record's own log to the trusted one: each proves the checkpoint of the one before it.

    Raises ProofChainFormatError outside 2 to 8 of them.
    """

    proofs: tuple[Receipt, ...]

    def __post_init__(self) -> None:
        if not MIN_LINKS <= len(self.proofs) <= MAX_LINKS:
            raise ProofChainFormatError(f"a chain has {MIN_LINKS} to {MAX_LINKS} proofs")

    def encode(self) -> bytes:
        """Return the chain as JSON: ``format`` and ``proofs``, each a C2SP tlog-proof text."""
        return json_dumps({"format": CHAIN_FORMAT, "proofs": [proof.encode() for proof in self.proofs]})


def parse_chain(data: str | bytes) -> ProofChain:
    """Parse what ``encode`` writes. Raises ProofChainFormatError, and ReceiptFormatError for a proof inside.

    Nothing is verified: that is verify_chain's.
    """
    try:
        fields = json_object(data, max_bytes=MAX_CHAIN_BYTES)
    except (JsonError, TooLargeError) as error:
        raise ProofChainFormatError(str(error)) from None
    proofs = fields.get("proofs")
    if fields.keys() != {"format", "proofs"} or fields["format"] != CHAIN_FORMAT or not isinstance(proofs, list):
        raise ProofChainFormatError("not a chain of this version")
    if len(proofs) > MAX_LINKS or not all(isinstance(text, str) and len(text) <= MAX_RECEIPT_BYTES for text in proofs):
        raise ProofChainFormatError("not a list of proofs within bounds")
    return ProofChain(tuple(parse_receipt(text) for text in proofs))


def verify_chain(
    chain: ProofChain, *, leaf_hash: bytes, keys: Iterable[VerifierKey], origin: str | None = None
) -> tuple[Checkpoint, ...]:
    """Return the checkpoints along the way, the record's own log first; the last is signed by one of *keys*.

    *leaf_hash* is the record's, computed by the caller from the thing itself. Raises as verify_receipt for the last
    proof, as checkpoint.parse and InclusionProofError for those before it.
    """
    *inner, last = chain.proofs
    passed = []
    for proof in inner:
        # Unsigned, and yet no choice of whoever made the chain: the next proof holds for this size and root only.
        entered = replace(parse(proof.checkpoint).checkpoint, extensions=())
        verify_inclusion(leaf_hash, proof.index, entered.size, proof.path, entered.root)
        passed.append(entered)
        leaf_hash = hash_leaf(leaf_data(CHECKPOINT_KIND, head_digest(entered)))
    return (*passed, verify_receipt(last, leaf_hash=leaf_hash, keys=keys, origin=origin))


def head_digest(checkpoint: Checkpoint) -> bytes:
    """Return the 32 bytes that a log enters for another log's checkpoint.

    SHA-256 of the lines origin, size and root, each ended by a newline: the text of the note without extension lines
    and signatures, which may differ from copy to copy.
    """
    return sha256(replace(checkpoint, extensions=()).body().encode()).digest()
