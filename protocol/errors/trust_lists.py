"""What can be wrong with a trust list, with the one before it, or with the chain that it is part of."""

from __future__ import annotations

from protocol.errors.base import ProtocolError


class TrustListError(ProtocolError):
    """A trust list, or a chain of them, that must not be relied on."""

    code = "trust_list_invalid"


class TrustListFormatError(TrustListError):
    """A member that is missing, unknown, out of bounds or of the wrong type."""

    code = "trust_list_malformed"


class TrustListIssuerError(TrustListError):
    """``iss`` is not the party whose list was asked for: another party's list under its name (mix-and-match)."""

    code = "trust_list_issuer_mismatch"


class TrustListSubjectError(TrustListError):
    """``sub`` is not the address of the list that was asked for: another list of the same party."""

    code = "trust_list_subject_mismatch"


class TrustListExpiredError(TrustListError):
    """``exp`` has passed: whoever serves it may be holding newer ones back (freeze)."""

    code = "trust_list_expired"


class TrustListNotYetValidError(TrustListError):
    """``iat`` lies in the future."""

    code = "trust_list_not_yet_valid"


class TrustListRollbackError(TrustListError):
    """A version below the highest one accepted so far."""

    code = "trust_list_rolled_back"


class TrustListForkError(TrustListError):
    """The version accepted before, with other content: its publisher tells two stories, or lost the key."""

    code = "trust_list_forked"


class TrustListFastForwardError(TrustListError):
    """A version so far ahead that accepting it would shut out every honest one after it."""

    code = "trust_list_fast_forwarded"


class TrustChainLimitError(TrustListError):
    """More lists above one another, or more lists in all, than this project follows."""

    code = "trust_chain_too_long"


class TrustChainCycleError(TrustListError):
    """A list that was reached before: two bodies accredit each other, or two entries name one list."""

    code = "trust_chain_cycle"


class TrustGrantError(TrustListError):
    """An entry that grants what its grantor does not hold: a type, or the right to accredit at all."""

    code = "trust_grant_exceeded"


class TrustIdentifierError(TrustListError):
    """An entry for a name that a list nearer to the root has an entry for already."""

    code = "trust_identifier_taken"
