"""What can go wrong. Every class is a ChancelaError."""

from __future__ import annotations

from collections.abc import Mapping


class ChancelaError(Exception):
    """Root of every error of this package."""


class ConnectionFailed(ChancelaError):  # noqa: N818 reads as what happened
    """The service was not reached, did not answer in time, or broke off. Nothing is known of what it did."""


class AnswerError(ChancelaError):
    """The service answered in another form than its document promises."""


class WebhookError(ChancelaError):
    """A delivery that is not the service's, is too old, or was altered. Answer it with 400, and do nothing."""


class Problem(ChancelaError):  # noqa: N818 RFC 9457 calls it so
    """The service refused. Decide by ``code``, which never changes; ``title`` and ``detail`` are for people."""

    def __init__(
        self,
        status: int,
        code: str,
        *,
        title: str = "",
        detail: str = "",
        fields: Mapping[str, list[str]] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(f"{status} {code}")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.fields = dict(fields or {})
        self.retry_after = retry_after
