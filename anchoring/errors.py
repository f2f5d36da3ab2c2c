"""What the log refuses, and how a ledger fails. Each class names the rule that was broken."""

from __future__ import annotations

from typing import ClassVar

from protocol.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError


class RecordIdError(InvalidInputError):
    """A record id is 1 to 100 visible ASCII characters, without a slash."""

    code = "record_id_invalid"


class RecordConflictError(ConflictError):
    """A record id already stands in the log, or waits for its place, with another kind or digest."""

    code = "record_conflict"


class RecordNotLoggedError(NotFoundError):
    """The log has never been asked to hold this record."""

    code = "record_not_logged"


class ReceiptPendingError(ConflictError):
    """The record has no receipt yet: no signed checkpoint covers it."""

    code = "receipt_pending"


class LogResourceNotFoundError(NotFoundError):
    """No such checkpoint, tile or entry bundle is published."""

    code = "log_resource_not_found"


class LogRollbackError(ConflictError):
    """The stored tree is smaller than one already signed: a database was restored, or replaced."""

    code = "log_rolled_back"


class LogForkError(ConflictError):
    """The stored tree is not an extension of one already signed, or a ledger holds another root."""

    code = "log_forked"


class HeadGuardUnreadableError(UnavailableError):
    """The file that remembers the highest signed checkpoint cannot be read, so nothing may be signed."""

    code = "log_guard_unreadable"


class LedgerError(UnavailableError):
    """A ledger did not do what was asked. Nobody but its own attestations waits for it."""

    code = "ledger_error"


class TransientLedgerError(LedgerError):
    """Certainly nothing was accepted; the same call may succeed later."""

    code = "ledger_transient"


class AmbiguousLedgerError(LedgerError):
    """The ledger may or may not have accepted: look it up before anything else."""

    code = "ledger_ambiguous"


class RejectedByLedgerError(LedgerError):
    """The ledger will never accept these bytes."""

    code = "ledger_rejected"
    permanent: ClassVar[bool] = True


class UnderpricedOnLedgerError(LedgerError):
    """The bytes are acceptable but offer too little; the same bytes may pass when the price falls."""

    code = "ledger_underpriced"


class LedgerConflictError(LedgerError):
    """The ledger holds another root for this log: a fork. A human decides what comes next."""

    code = "ledger_conflict"
    permanent: ClassVar[bool] = True


class LedgerMisconfiguredError(LedgerError):
    """Wrong address, chain, contract or key: this ledger stands still until an operator acts."""

    code = "ledger_misconfigured"
