"""Mail that an account's owner waits for: when it cannot be sent, they are told so instead of meeting an error."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter

from protocol.errors import UnavailableError

logger = logging.getLogger(__name__)


class MailingAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Raises UnavailableError when the mail server does not take it."""
        try:
            super().send_mail(template_prefix, email, context)
        except (SMTPException, OSError) as error:
            logger.warning("mail not sent: %s", type(error).__name__)
            raise UnavailableError("mail") from None
