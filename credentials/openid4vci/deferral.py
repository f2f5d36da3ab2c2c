"""Deferred issuance (OpenID4VCI 1.0 §9): a clerk has to decide first, and the wallet comes back for the answer.

The keys are settled with the first request. Whoever holds the transaction id can fetch the copies, and cannot exchange
the keys that these are bound to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from credentials.models import DeferredIssuance, WalletGrant
from credentials.openid4vci import secret_values
from credentials.openid4vci.formats import FORMATS, CredentialFormat
from credentials.openid4vci.holding import certificate_of
from credentials.openid4vci.instances import Handover, Jwk, hand_over
from identity.audit import report
from identity.errors import UnreadableError
from protocol.errors import CredentialDeniedError, TransactionIdError

# A clerk decides in minutes at best.
INTERVAL_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Promise:
    """What is to come is fetched with ``transaction_id``."""

    transaction_id: str


@transaction.atomic
def promise(
    *, grant: WalletGrant, form: CredentialFormat, holder_jwks: Sequence[Jwk], use_up: Callable[[], None]
) -> Promise:
    """Settle the keys of copies that cannot be made yet. *use_up* consumes the request's nonces."""
    transaction_id = secret_values.draw()
    DeferredIssuance.objects.create(
        grant=grant,
        transaction_digest=secret_values.digest("transaction", grant.agency, transaction_id),
        format=form.name,
        holder_jwks=[dict(jwk) for jwk in holder_jwks],
    )
    use_up()
    report(
        actor=f"wallet_grant:{grant.pk}",
        action="credential.deferred",
        subject=f"application:{grant.application_id}",
        details={"copies": len(holder_jwks)},
    )
    return Promise(transaction_id)


def collect(*, grant: WalletGrant, transaction_id: str) -> Handover | Promise:
    """Return the copies, or the same promise again while there is no certificate. Must not run inside a transaction.

    Raises TransactionIdError for one that is unknown, another wallet's or used; CredentialDeniedError once nothing can
    come of it.
    """
    digest = secret_values.digest("transaction", grant.agency, transaction_id)
    row = DeferredIssuance.objects.filter(grant=grant, transaction_digest=digest, completed_at__isnull=True).first()
    if row is None or row.format not in FORMATS:
        raise TransactionIdError("unknown or used")
    credential = certificate_of(grant)
    if credential is None:
        return Promise(transaction_id)
    try:
        return hand_over(
            grant=grant,
            credential=credential,
            form=FORMATS[row.format],
            holder_jwks=row.holder_jwks,
            use_up=lambda: _complete(row),
            # With the release: a crash before it leaves the promise standing.
            is_early=False,
        )
    except UnreadableError:
        raise CredentialDeniedError("erased") from None


def _complete(row: DeferredIssuance) -> None:
    waiting = DeferredIssuance.objects.filter(pk=row.pk, completed_at__isnull=True)
    # The keys have served, and are not kept.
    if waiting.update(completed_at=timezone.now(), holder_jwks=[]) != 1:
        raise TransactionIdError("used meanwhile")
