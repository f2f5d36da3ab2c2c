"""The mail that brings a citizen an invitation for a wallet. It holds the link alone: the code is told at the desk."""

from __future__ import annotations

import logging
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from credentials.openid4vci.offers import MadeOffer
from identity.models import Account

logger = logging.getLogger(__name__)

_SUBJECT = _("A certificate for your wallet")
_TEXT = _(
    "You asked for a certificate in your wallet. Open this address on the device that has the wallet, or on another one "
    "to see a QR code: %(address)s\nThe wallet will ask for the code that you were told at the desk. If you did not ask "
    "for this, do nothing."
)


def send_invitation(*, made: MadeOffer, account: Account) -> bool:
    """Write to the citizen, and return whether the mail server took it."""
    path = reverse("wallet_invitation", args=[made.row.agency.slug, made.reference])
    facts = {"address": f"{settings.PUBLIC_URL}{path}"}
    texts = [_in_language(code, _TEXT) % facts for code, _name in settings.LANGUAGES]
    title = " / ".join(_in_language(code, _SUBJECT) for code in (settings.LANGUAGE_CODE, "en"))
    try:
        send_mail(title, "\n\n".join(texts), None, [account.email])
    except (SMTPException, OSError, ValueError) as error:
        # ValueError: an address that no mail server takes.
        logger.warning("mail not sent: %s", type(error).__name__)
        return False
    return True


def _in_language(code: str, text: Promise) -> str:
    with translation.override(code):
        return str(text)
