"""What can be wrong with the log, its proofs, status lists, identifiers, envelopes and requests."""

from __future__ import annotations

from protocol.errors.base import ProtocolError


class MerkleError(ProtocolError):
    """A rule of the Merkle tree of RFC 6962 §2.1 is broken."""

    code = "merkle_invalid"


class TreeRangeError(MerkleError):
    """An index or size outside the tree, or a leaf hash that is not 32 bytes (RFC 6962 §2.1)."""

    code = "tree_range_invalid"


class TileError(MerkleError):
    """A stored tile is shorter than its tree size says (C2SP tlog-tiles)."""

    code = "tile_invalid"


class InclusionProofError(MerkleError):
    """The path does not lead from this leaf to this root (RFC 6962 §2.1.1)."""

    code = "inclusion_proof_invalid"


class ConsistencyProofError(MerkleError):
    """The later tree does not extend the earlier one (RFC 6962 §2.1.2)."""

    code = "consistency_proof_invalid"


class NoteError(ProtocolError):
    """A rule of C2SP signed-note is broken."""

    code = "note_invalid"


class NoteFormatError(NoteError):
    """Not a well-formed signed note (C2SP signed-note, Format)."""

    code = "note_malformed"


class NoteKeyError(NoteError):
    """Not a well-formed verifier key or key name (C2SP signed-note, Signatures)."""

    code = "note_key_invalid"


class NoteSignatureError(NoteError):
    """A signature line of a known key does not verify (C2SP signed-note, Signatures)."""

    code = "note_signature_invalid"


class NoteUnsignedError(NoteError):
    """No line of the note was made by a known key (C2SP signed-note, Signatures)."""

    code = "note_unsigned"


class CheckpointFormatError(ProtocolError):
    """Not a well-formed checkpoint (C2SP tlog-checkpoint, Note text)."""

    code = "checkpoint_malformed"


class EmptyTreeRootError(CheckpointFormatError):
    """A checkpoint of size 0 with another root than that of the empty tree (RFC 6962 §2.1; C2SP tlog-witness)."""

    code = "empty_tree_root_invalid"


class CheckpointOriginError(ProtocolError):
    """The checkpoint is of another log than the one asked for (C2SP tlog-checkpoint, Signatures)."""

    code = "checkpoint_origin_mismatch"


class LeafFormatError(ProtocolError):
    """Leaf data that is not our fixed form: version, kind, 32-byte digest."""

    code = "leaf_malformed"


class ReceiptFormatError(ProtocolError):
    """Not a well-formed proof text (C2SP tlog-proof, Format)."""

    code = "receipt_malformed"


class ProofChainFormatError(ProtocolError):
    """Not a well-formed chain of proofs across logs."""

    code = "proof_chain_malformed"


class StatusListError(ProtocolError):
    """A rule of Token Status List is broken."""

    code = "status_list_invalid"


class StatusListFormatError(StatusListError):
    """Not a well-formed status list (Token Status List §4)."""

    code = "status_list_malformed"


class StatusListTooLargeError(StatusListError):
    """The list inflates past the bound; refused before it is inflated further (Token Status List §4.1)."""

    code = "status_list_too_large"


class StatusIndexError(StatusListError):
    """The index lies outside the list (Token Status List §8.3)."""

    code = "status_index_out_of_range"


class StatusReferenceError(StatusListError):
    """The ``status`` claim is not a well-formed reference (Token Status List §6.2)."""

    code = "status_reference_malformed"


class StatusListSubjectError(StatusListError):
    """The list's ``sub`` is not the address it was asked for at (Token Status List §8.3)."""

    code = "status_list_subject_mismatch"


class StatusListNotYetValidError(StatusListError):
    """The list's ``iat`` lies in the future (Token Status List §5.1)."""

    code = "status_list_not_yet_valid"


class StatusListExpiredError(StatusListError):
    """The list's ``exp`` has passed (Token Status List §5.1)."""

    code = "status_list_expired"


class StatusListStaleError(StatusListError):
    """The list has been kept longer than its ``ttl`` allows (Token Status List §5.1, §8.3)."""

    code = "status_list_stale"


class DidError(ProtocolError):
    """A rule of DID Core is broken."""

    code = "did_error"


class DidSyntaxError(DidError):
    """Not a well-formed DID, or not well-formed for its method (DID Core §3.1)."""

    code = "did_invalid"


class DidMethodError(DidError):
    """A DID method that is not spoken here (DID Resolution, methodNotSupported)."""

    code = "did_method_unsupported"


class DidDocumentError(DidError):
    """A document that breaks DID Core §5."""

    code = "did_document_invalid"


class DidKeyNotFoundError(DidError):
    """The document held no such verification method at that time (DID Core §5.2)."""

    code = "did_key_not_found"


class EnvelopeError(ProtocolError):
    """A rule of JWE is broken."""

    code = "envelope_invalid"


class EnvelopeFormatError(EnvelopeError):
    """Not a well-formed JWE of the accepted forms (RFC 7516 §7)."""

    code = "envelope_malformed"


class EnvelopeAlgorithmError(EnvelopeError):
    """An algorithm, compression or extension that is not accepted (RFC 7516 §4.1)."""

    code = "envelope_algorithm_refused"


class EnvelopeRecipientError(EnvelopeError):
    """The envelope holds no part for this key identifier (RFC 7516 §5.2)."""

    code = "envelope_recipient_missing"


class EnvelopeOpenError(EnvelopeError):
    """The key or the content does not authenticate; which of the two is not told (RFC 7516 §11.5)."""

    code = "envelope_not_opened"


class OpenId4VpError(ProtocolError):
    """A rule of OpenID4VP is broken."""

    code = "openid4vp_invalid"


class TransactionDataFormatError(OpenId4VpError):
    """Not base64url of a JSON object with ``type`` and ``credential_ids`` (OpenID4VP 1.0 §8.4)."""

    code = "transaction_data_malformed"


class TransactionDataHashError(OpenId4VpError):
    """The key binding JWT was not made over these transaction data (OpenID4VP 1.0 §B.3.3.1)."""

    code = "transaction_data_hash_mismatch"
