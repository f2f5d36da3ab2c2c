"""COSE Receipts of inclusion (RFC 9942, vds 1 = RFC9162_SHA256) with the headers that SCITT asks for (RFC 9943 §6).

A receipt is a COSE_Sign1 whose payload, the root of the tree, is left out: whoever checks it computes the root from the
leaf and the path, and then whether the log signed that. The signature therefore belongs to the checkpoint and not to
the record: sign_root is called once for a checkpoint, and its result serves every record under it.

**What it proves.** The log ``iss`` signed a root, and the leaf stands below that root.

**What it does not prove by the standard alone** is the size of the tree, and with it the leaf's position: RFC 9942 puts
both beside the signature, and a path often leads to the same root under a neighbouring size. We close that gap inside
the standard. ``sub`` names what the statement is about, which for all records of one checkpoint is the tree itself:
``<origin>#<size>``, under the signature. The size of a receipt with another ``sub`` stays unproven, and is said to be,
unless a signed checkpoint is at hand to take it from.

Nor does it prove that everyone is shown the same tree. That is what witnesses are for, and a receipt has no place for
their cosignatures: keep the tlog-proof (protocol.proof) for the archive.

This profile is narrow: exactly alg, kid, vds and CWT claims in the protected header, exactly one proof in the other,
Ed25519 keys, deterministic CBOR. So no byte of a receipt can be changed and pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from protocol.cbor import Tagged, Value, decode, encode
from protocol.checkpoint import Checkpoint, KeyType, NoteSigner, VerifierKey, verifier_key
from protocol.errors import (
    CborError,
    CheckpointOriginError,
    CoseReceiptFormatError,
    CoseReceiptKeyError,
    CoseReceiptRootError,
    CoseReceiptSignatureError,
    CoseReceiptSizeError,
    NoteSignatureError,
    TooLargeError,
)
from protocol.merkle import HASH_SIZE, MAX_SIZE, inclusion_root

MEDIA_TYPE = "application/cose"
MAX_RECEIPT_BYTES = 1 << 13
MAX_PATH = 63

_SIGN1_TAG = 18
_ALGORITHM, _KEY_ID, _CLAIMS, _STRUCTURE, _PROOFS = 1, 4, 15, 395, 396
_INCLUSION = -1
_ISSUER, _SUBJECT, _ISSUED_AT = 1, 2, 6
_RFC9162_SHA256 = 1
# EdDSA is what verifiers know today; Ed25519 is its fully specified name (RFC 9864 §2.2), read as the same.
_EDDSA, _ED25519 = -8, -19
_SIGNATURE_SIZE = 64


@dataclass(frozen=True, slots=True)
class SignedRoot:
    """What the log signed, apart from the root itself: the same for every record under one checkpoint.

    *issuer* is the log's origin, *key_id* the 4-byte id in its verifier key, *issued_at* seconds since 1970 by the
    log's own clock. *protected* are the header's bytes, which the signature covers. Nothing here has been verified.
    """

    issuer: str
    subject: str
    key_id: bytes
    issued_at: int | None
    protected: bytes
    signature: bytes

    def signs_size(self, size: int) -> bool:
        """Return whether *size* is the one signed; False where none is. Raises CoseReceiptSizeError for another."""
        if self.subject == tree_name(self.issuer, size):
            return True
        if self.subject.startswith(tree_name(self.issuer)):
            raise CoseReceiptSizeError("another size than the one in sub")
        return False


@dataclass(frozen=True, slots=True)
class CoseReceipt:
    """A parsed receipt of which nothing has been verified: *path* holds up to 63 hashes of 32 bytes."""

    signed_root: SignedRoot
    size: int
    index: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ProvenLeaf:
    """Where a leaf stands by a verified receipt.

    *size* and *index* are the proof's own claim, worth nothing, unless *is_size_signed*. *issued_at* is the log's word.
    """

    origin: str
    size: int
    index: int
    root: bytes
    issued_at: int | None
    is_size_signed: bool


def tree_name(origin: str, size: int | str = "") -> str:
    """Return the ``sub`` of receipts under the log's tree of *size* leaves: ``<origin>#<size>``."""
    return f"{origin}#{size}"


def sign_root(checkpoint: Checkpoint, signer: NoteSigner, *, issued_at: int) -> bytes:
    """Return the COSE_Sign1 over the checkpoint's root that encode_receipt completes for each record.

    *issued_at* is seconds since 1970. Raises CheckpointOriginError unless the key's name is the origin. Whoever calls
    this holds the invariant of protocol.checkpoint.sign: it signs the same statement. The two signatures by one key
    cannot be mistaken for each other, because a note is UTF-8 text and a Sig_structure begins with the byte 0x84.
    """
    if signer.name != checkpoint.origin:
        raise CheckpointOriginError("a log signs under its own origin only")
    claims: Value = {
        _ISSUER: checkpoint.origin,
        _SUBJECT: tree_name(checkpoint.origin, checkpoint.size),
        _ISSUED_AT: issued_at,
    }
    protected = encode(
        {_ALGORITHM: _EDDSA, _KEY_ID: verifier_key(signer).key_id, _CLAIMS: claims, _STRUCTURE: _RFC9162_SHA256}
    )
    return _sign1(protected, {}, signer.sign(_signed_bytes(protected, checkpoint.root)))


def encode_receipt(signed_root: bytes, *, size: int, index: int, path: Sequence[bytes]) -> bytes:
    """Return the receipt of leaf *index* in the tree of *size* leaves: *signed_root* with its proof put in.

    Raises CoseReceiptFormatError when *signed_root* is not what sign_root returns or the proof has no valid form, and
    CoseReceiptSizeError when it signs another size.
    """
    unprotected, signed = _parse_sign1(signed_root)
    if unprotected != {}:
        raise CoseReceiptFormatError("a proof is there already")
    signed.signs_size(size)
    proof: Value = [size, index, list(path)]
    _parse_proof(proof)
    return _sign1(signed.protected, {_PROOFS: {_INCLUSION: [encode(proof)]}}, signed.signature)


def parse_receipt(data: bytes) -> CoseReceipt:
    """Parse a receipt of at most 8 KiB without verifying it. Raises CoseReceiptFormatError for any other form."""
    unprotected, signed = _parse_sign1(data)
    proofs = _member(unprotected, _PROOFS)
    encoded = _member(proofs, _INCLUSION)
    if not isinstance(encoded, list) or len(encoded) != 1 or not isinstance(encoded[0], bytes):
        raise CoseReceiptFormatError("not exactly one proof of inclusion")
    return CoseReceipt(signed, *_parse_proof(_decode(encoded[0])))


def verify_receipt(
    receipt: CoseReceipt, *, leaf_hash: bytes, keys: Iterable[VerifierKey], checkpoint: Checkpoint | None = None
) -> ProvenLeaf:
    """Return where the leaf stands once the log's signature over its root has verified.

    *leaf_hash* is computed by the caller from the thing itself; *checkpoint*, if the caller has one, is the verified
    checkpoint that the receipt has to be of. In this order:

    1. ``iss`` and ``kid`` name one of *keys*, else CoseReceiptKeyError: never a key out of the receipt.
    2. Leaf, index, size and path have the form of a path, else InclusionProofError; they give the root.
    3. The key signed that root under this header, else CoseReceiptSignatureError.
    4. The proof's size is the one in ``sub``, else CoseReceiptSizeError; another ``sub`` leaves it unproven.
    5. Origin, size and root are the checkpoint's, else CheckpointOriginError, CoseReceiptSizeError or
       CoseReceiptRootError.
    """
    signed = receipt.signed_root
    key = _find_key(signed, keys)
    root = inclusion_root(leaf_hash, receipt.index, receipt.size, receipt.path)
    _verify_signature(key, signed, root)
    is_size_signed = signed.signs_size(receipt.size)
    if checkpoint is not None:
        _refuse_other_tree(checkpoint, signed.issuer, receipt.size, root)
        is_size_signed = True
    return ProvenLeaf(signed.issuer, receipt.size, receipt.index, root, signed.issued_at, is_size_signed)


def verify_signed_root(signed_root: bytes, *, checkpoint: Checkpoint, keys: Iterable[VerifierKey]) -> None:
    """Check that *signed_root*, as sign_root returns it, is of *checkpoint*: for whoever signs or stores it.

    Raises as verify_receipt, and CoseReceiptFormatError for any other form.
    """
    unprotected, signed = _parse_sign1(signed_root)
    if unprotected != {} or signed.issuer != checkpoint.origin or not signed.signs_size(checkpoint.size):
        raise CoseReceiptFormatError("not the signature of this checkpoint's root")
    _verify_signature(_find_key(signed, keys), signed, checkpoint.root)


def _find_key(signed: SignedRoot, keys: Iterable[VerifierKey]) -> VerifierKey:
    for key in keys:
        # A cosigner's key never signs receipts, so it is not asked whether it has.
        if key.type == KeyType.ED25519 and (key.name, key.key_id) == (signed.issuer, signed.key_id):
            return key
    raise CoseReceiptKeyError("not signed by a key that is trusted here")


def _verify_signature(key: VerifierKey, signed: SignedRoot, root: bytes) -> None:
    try:
        key.verify(signed.signature, _signed_bytes(signed.protected, root))
    except NoteSignatureError:
        raise CoseReceiptSignatureError("this root was not signed by this key") from None


def _refuse_other_tree(checkpoint: Checkpoint, origin: str, size: int, root: bytes) -> None:
    if checkpoint.origin != origin:
        raise CheckpointOriginError("a checkpoint of another log")
    if checkpoint.size != size:
        raise CoseReceiptSizeError("another size than the checkpoint's")
    if checkpoint.root != root:
        raise CoseReceiptRootError("another root than the checkpoint's")


def _signed_bytes(protected: bytes, root: bytes) -> bytes:
    """Return the Sig_structure of a COSE_Sign1 without external data (RFC 9052 §4.4)."""
    return encode(["Signature1", protected, b"", root])


def _sign1(protected: bytes, unprotected: Value, signature: bytes) -> bytes:
    return encode(Tagged(_SIGN1_TAG, [protected, unprotected, None, signature]))


def _parse_sign1(data: bytes) -> tuple[Value, SignedRoot]:
    """Return the unprotected header, and the rest of a COSE_Sign1 without payload (RFC 9052 §4.2)."""
    message = _decode(data)
    if not isinstance(message, Tagged) or message.number != _SIGN1_TAG or not isinstance(message.value, list):
        raise CoseReceiptFormatError("not a tagged COSE_Sign1")
    if len(message.value) != 4:
        raise CoseReceiptFormatError("a COSE_Sign1 has four parts")
    protected, unprotected, payload, signature = message.value
    if not isinstance(protected, bytes) or payload is not None:
        raise CoseReceiptFormatError("the protected header is not in bytes, or the root is not left out")
    if not isinstance(signature, bytes) or len(signature) != _SIGNATURE_SIZE:
        raise CoseReceiptFormatError("an Ed25519 signature is 64 bytes")
    return unprotected, _parse_protected(protected, signature)


def _parse_protected(protected: bytes, signature: bytes) -> SignedRoot:
    header = _decode(protected)
    # Exactly these: so neither crit nor a header that changes the meaning passes unread.
    if not isinstance(header, dict) or set(header) != {_ALGORITHM, _KEY_ID, _CLAIMS, _STRUCTURE}:
        raise CoseReceiptFormatError("not exactly alg, kid, vds and CWT claims")
    if header[_ALGORITHM] not in (_EDDSA, _ED25519) or header[_STRUCTURE] != _RFC9162_SHA256:
        raise CoseReceiptFormatError("another algorithm or tree")
    key_id = header[_KEY_ID]
    if not isinstance(key_id, bytes):
        raise CoseReceiptFormatError("kid is not in bytes")
    return SignedRoot(*_parse_claims(header[_CLAIMS], key_id), protected, signature)


def _parse_claims(claims: Value, key_id: bytes) -> tuple[str, str, bytes, int | None]:
    if not isinstance(claims, dict) or set(claims) - {_ISSUED_AT} != {_ISSUER, _SUBJECT}:
        raise CoseReceiptFormatError("claims other than iss, sub and iat")
    issuer, subject, issued_at = claims[_ISSUER], claims[_SUBJECT], claims.get(_ISSUED_AT)
    if not isinstance(issuer, str) or not isinstance(subject, str):
        raise CoseReceiptFormatError("iss or sub is not text")
    if issued_at is not None and (not isinstance(issued_at, int) or issued_at < 0):
        raise CoseReceiptFormatError("iat is not a time")
    return issuer, subject, key_id, issued_at


def _parse_proof(proof: Value) -> tuple[int, int, tuple[bytes, ...]]:
    """Return size, index and path. The path of a tree of one leaf is empty, which the RFC's CDDL forgot."""
    if not isinstance(proof, list) or len(proof) != 3:
        raise CoseReceiptFormatError("a proof is size, index and path")
    size, index, path = proof
    if type(size) is not int or type(index) is not int or not 0 <= index < size <= MAX_SIZE:
        raise CoseReceiptFormatError("index outside the tree")
    if not isinstance(path, list) or len(path) > MAX_PATH:
        raise CoseReceiptFormatError("a path is at most 63 hashes")
    return size, index, tuple(_hash(node) for node in path)


def _hash(node: Value) -> bytes:
    if not isinstance(node, bytes) or len(node) != HASH_SIZE:
        raise CoseReceiptFormatError("a hash is 32 bytes")
    return node


def _member(value: Value, label: int) -> Value:
    """Return the one member of a map. Anything beside it would be unsigned, and read by nobody."""
    if not isinstance(value, dict) or set(value) != {label}:
        raise CoseReceiptFormatError("not exactly the one header that a proof needs")
    return value[label]


def _decode(data: bytes) -> Value:
    try:
        return decode(data, max_bytes=MAX_RECEIPT_BYTES)
    except (CborError, TooLargeError) as error:
        raise CoseReceiptFormatError(error.detail) from None
