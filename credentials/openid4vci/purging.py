"""What ended long ago and led to nothing is deleted: requests that nobody answered, nonces that were used."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from credentials.models import WalletAuthorization
from identity import nonces

KEPT = timedelta(days=1)


def purge() -> None:
    ended = WalletAuthorization.objects.filter(expires_at__lte=timezone.now() - KEPT, wallet_grant__isnull=True)
    ended.delete()
    nonces.forget_ended()
