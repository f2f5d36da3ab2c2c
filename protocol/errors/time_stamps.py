"""What can be wrong with what others attest: RFC 3161 time stamps, and entries of another transparency log."""

from __future__ import annotations

from protocol.errors.base import EncodingError, ProtocolError


class DerError(EncodingError):
    """Not the DER encoding of what belongs there (ITU-T X.690 §10)."""

    code = "der_invalid"


class TimeStampError(ProtocolError):
    """A rule of the Time-Stamp Protocol is broken (RFC 3161)."""

    code = "time_stamp_invalid"


class TimeStampFormatError(TimeStampError):
    """Not a request, response or token of the forms that are read here (RFC 3161 §2.4, RFC 5652 §5)."""

    code = "time_stamp_malformed"


class TimeStampRefusedError(TimeStampError):
    """The authority granted nothing; ``failure`` is its PKIFailureInfo by name, or empty (RFC 3161 §2.4.2)."""

    code = "time_stamp_refused"

    def __init__(self, detail: str = "", *, failure: str = "") -> None:
        super().__init__(detail)
        self.failure = failure


class TimeStampImprintError(TimeStampError):
    """The token stamps other bytes, or answers another request (RFC 3161 §2.4.2)."""

    code = "time_stamp_imprint_mismatch"


class TimeStampSignerError(TimeStampError):
    """The signer was no time stamping authority under the pinned certificate at that time (RFC 3161 §2.3)."""

    code = "time_stamp_signer_untrusted"


class TimeStampSignatureError(TimeStampError):
    """The authority did not sign this content (RFC 5652 §5.4, RFC 5816 §2.2.1)."""

    code = "time_stamp_signature_invalid"


class RemoteEntryError(ProtocolError):
    """An entry of another transparency log does not show what it is said to show."""

    code = "remote_entry_invalid"


class RemoteEntryFormatError(RemoteEntryError):
    """Not a hashedrekord 0.0.2 entry with its proof, in the canonical form that its log hashes."""

    code = "remote_entry_malformed"


class RemoteEntryDigestError(RemoteEntryError):
    """The entry records another digest."""

    code = "remote_entry_digest_mismatch"


class RemoteEntrySignatureError(RemoteEntryError):
    """The key in the entry did not sign its digest."""

    code = "remote_entry_signature_invalid"
