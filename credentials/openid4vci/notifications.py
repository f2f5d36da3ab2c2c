"""What a wallet reports of copies it received (OpenID4VCI 1.0 §11). Reporting twice is harmless."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from credentials.models import CredentialInstance, WalletGrant
from identity.audit import report
from protocol.errors import NotificationIdError
from protocol.openid4vci import Notification


@transaction.atomic
def receive(*, grant: WalletGrant, notification: Notification) -> None:
    """Keep the newest report on one answer's copies. Raises NotificationIdError for another wallet's, or none."""
    handover = _uuid(notification.notification_id)
    copies = CredentialInstance.objects.filter(grant=grant, handover=handover)
    if not copies.exists():
        raise NotificationIdError("unknown")
    if copies.exclude(wallet_event=notification.event).update(wallet_event=notification.event):
        # The wallet's own words stay out of the trail: they may hold anything.
        details = {"event": notification.event}
        actor, subject = f"wallet_grant:{grant.pk}", f"handover:{notification.notification_id}"
        report(actor=actor, action="wallet.reported", subject=subject, details=details)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotificationIdError("not one of ours") from None
