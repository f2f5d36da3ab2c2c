"""What can be wrong with CBOR and with a COSE Receipt."""

from __future__ import annotations

from protocol.errors.base import EncodingError, ProtocolError


class CborError(EncodingError):
    """Not the deterministic encoding of a kind of value that is read here (RFC 8949 §4.2.1)."""

    code = "cbor_invalid"


class CoseReceiptError(ProtocolError):
    """A rule of COSE Receipts is broken (RFC 9942)."""

    code = "cose_receipt_invalid"


class CoseReceiptFormatError(CoseReceiptError):
    """Not a receipt of inclusion with exactly the headers of this profile (RFC 9942 §5.2.1, RFC 9943 §6)."""

    code = "cose_receipt_malformed"


class CoseReceiptKeyError(CoseReceiptError):
    """``iss`` and ``kid`` name no key that the verifier trusts (RFC 9052 §3.1)."""

    code = "cose_receipt_key_unknown"


class CoseReceiptSignatureError(CoseReceiptError):
    """The key did not sign the root that leaf and path lead to (RFC 9052 §4.4)."""

    code = "cose_receipt_signature_invalid"


class CoseReceiptSizeError(CoseReceiptError):
    """The proof is for another tree size than the one that was signed (RFC 9162 §2.1.3.2)."""

    code = "cose_receipt_size_mismatch"


class CoseReceiptRootError(CoseReceiptError):
    """The log has signed another root at this size: a fork, if the receipt's own size is signed too."""

    code = "cose_receipt_root_mismatch"
