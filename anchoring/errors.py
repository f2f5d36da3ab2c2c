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


class LogFollowedError(ConflictError):
    """The log is ours, which is followed already, or the keys given are not of one log."""

    code = "log_not_followable"


class LogNotFollowedError(NotFoundError):
    """The monitor does not follow this log."""

    code = "log_not_followed"


class LogNotRecoverableError(ConflictError):
    """What was published and can be had does not lead to the newest head that was signed."""

    code = "log_not_recoverable"


class RetryRefusedError(ConflictError):
    """Nothing of this ledger waits, or what waits needs more than another attempt."""

    code = "retry_refused"


class ReasonMissingError(ConflictError):
    """This ledger contradicts the log: whoever takes it away must say why, for the audit trail."""

    code = "ledger_reason_missing"


class LogRollbackError(ConflictError):
    """The stored tree is smaller than one already signed: a database was restored, or replaced."""

    code = "log_rolled_back"


class LogForkError(ConflictError):
    """The stored tree is not an extension of one already signed, or a ledger holds another root."""

    code = "log_forked"


class HeadGuardUnreadableError(UnavailableError):
    """The file that remembers the highest signed checkpoint cannot be read, so nothing may be signed."""

    code = "log_guard_unreadable"


class WitnessDisabledError(NotFoundError):
    """This deployment has no WITNESS_SIGNING_SEED, and so witnesses nobody."""

    code = "witness_disabled"


class WitnessedLogMissingError(NotFoundError):
    """We do not witness this log, or have not cosigned, or entered, a checkpoint of it yet."""

    code = "witnessed_log_missing"


class WitnessedLogError(InvalidInputError):
    """A log is witnessed under its origin and keys of that name, and it is another's."""

    code = "witnessed_log_invalid"


class WitnessMemoryError(UnavailableError):
    """Database and guard file name different trees of one size as the newest cosigned: nothing may be cosigned."""

    code = "witness_memory_unsound"


class RateLimitedError(UnavailableError):
    """Too many requests by one asker; ``retry_after`` is in seconds."""

    code = "too_many_requests"

    def __init__(self, *, retry_after: int) -> None:
        super().__init__("more requests than the rate allows")
        self.retry_after = retry_after


class FetchError(UnavailableError):
    """A remote document could not be had within the bounds that this service sets."""

    code = "fetch_failed"

    def __init__(self, detail: str = "", *, was_sent: bool = True) -> None:
        """*was_sent* is False only where certainly nothing reached the other side."""
        super().__init__(detail)
        self.was_sent = was_sent


class FetchRefusedError(FetchError):
    """The address is one that this service never contacts."""

    code = "fetch_refused"
    permanent = True


class LedgerUnknownError(NotFoundError):
    """No ledger of this id is in use."""

    code = "ledger_unknown"


class LedgerIdTakenError(ConflictError):
    """The id names another ledger, now or in what was attested before: a new chain or contract has a new id."""

    code = "ledger_id_taken"


class LedgerIdError(InvalidInputError):
    """A ledger id is 1 to 60 lower-case letters, digits, dots and hyphens."""

    code = "ledger_id_invalid"


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


class OutdatedIntentError(LedgerError):
    """The ledger has moved past what these bytes extend, and accepted nothing: they are to be made anew."""

    code = "ledger_intent_outdated"
