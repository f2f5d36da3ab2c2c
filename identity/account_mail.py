"""Mail that an account's owner waits for, and mail that tells them of what was done in their name."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity.models import Account
from protocol.errors import UnavailableError

logger = logging.getLogger(__name__)

_REGISTERED = (
    _("A device was registered for your certificates"),
    _(
        "On %(time)s a device was registered with your account. It can use your certificates from now on; the devices "
        "before it cannot. If that was not you, change your password and register your own device again: %(address)s"
    ),
)
_REVOKED = (
    _("A device was revoked for your certificates"),
    _(
        "On %(time)s a device of your account was revoked. It can no longer use your certificates. If that was not "
        "you, change your password and register your own device again: %(address)s"
    ),
)


class MailingAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Raises UnavailableError when the mail server does not take it: the owner waits, and is told instead."""
        try:
            super().send_mail(template_prefix, email, context)
        except (SMTPException, OSError) as error:
            logger.warning("mail not sent: %s", type(error).__name__)
            raise UnavailableError("mail") from None


def tell_of_registered_device(account: Account) -> None:
    _tell(account, *_REGISTERED)


def tell_of_revoked_device(account: Account) -> None:
    _tell(account, *_REVOKED)


def _tell(account: Account, subject: Promise, text: Promise) -> None:
    """Write to the owner. Mail that cannot be sent is logged and no more: what it tells of stands already."""
    facts = {
        "time": timezone.localtime().strftime("%Y-%m-%d %H:%M"),
        "address": f"{settings.PUBLIC_URL}{reverse('weid')}",
    }
    # In every language: the one of this session may be that of a thief.
    texts = [_in_language(code, text) % facts for code, _name in settings.LANGUAGES]
    title = " / ".join(_in_language(code, subject) for code in (settings.LANGUAGE_CODE, "en"))
    try:
        send_mail(title, "\n\n".join(texts), None, [account.email])
    except (SMTPException, OSError, ValueError) as error:
        # ValueError: an address that no mail server takes.
        logger.warning("mail not sent: %s", type(error).__name__)


def _in_language(code: str, text: Promise) -> str:
    with translation.override(code):
        return str(text)
