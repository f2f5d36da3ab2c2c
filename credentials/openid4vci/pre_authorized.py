"""From the code of an offer to tokens, once (OpenID4VCI 1.0 §3.5, §6).

A wrong transaction code costs a try, not the offer; the fifth locks it. The code itself is used up last, by one
conditional statement, so that of any number of parallel requests exactly one gets tokens.
"""

from __future__ import annotations

import hmac

from django.db import transaction
from django.utils import timezone

from credentials.models import CredentialOffer
from credentials.openid4vci import secret_values
from credentials.openid4vci.clients import Wallet
from credentials.openid4vci.offers import MAX_WRONG_TX_CODES, Grant, is_open, tx_code_digest
from credentials.openid4vci.tokens import Tokens, open_grant
from identity.audit import report
from identity.models import Agency
from protocol.errors import DpopProofError, GrantError, OAuthRequestError, UnauthorizedClientError


def redeem_offer(*, agency: Agency, code: str, tx_code: str | None, wallet: Wallet) -> Tokens:
    """Return tokens for the one wallet that brings the code. Raises GrantError, OAuthRequestError, DpopProofError.

    Raises UnauthorizedClientError under HAIP, which knows no code without sign-in.
    """
    if agency.haip:
        raise UnauthorizedClientError("this issuer asks holders to sign in")
    offer = _find(agency, code)
    if offer.requires_dpop and not wallet.dpop_thumbprint:
        raise DpopProofError("this offer is for wallets that bind tokens to a key")
    _check_tx_code(offer, tx_code)
    with transaction.atomic():
        _use_up(offer)
        return open_grant(
            agency=agency,
            application=offer.application,
            wallet=wallet,
            most=offer.most,
            requires_key_attestation=offer.requires_key_attestation,
            offer=offer,
        )


def _find(agency: Agency, code: str) -> CredentialOffer:
    digest = secret_values.digest("code", agency, code)
    rows = CredentialOffer.objects.filter(agency=agency, grant=Grant.PRE_AUTHORIZED, code_digest=digest)
    offer = rows.select_related("agency", "application__credential_type").first()
    if offer is None or not is_open(offer):
        raise GrantError("unknown, used or ended")
    return offer


def _check_tx_code(offer: CredentialOffer, tx_code: str | None) -> None:
    if not offer.tx_code_digest:
        if tx_code is not None:
            raise OAuthRequestError("this offer has no transaction code")
        return
    if tx_code is None:
        raise OAuthRequestError("the transaction code is missing")
    if not _try(offer, tx_code):
        raise GrantError("wrong transaction code")


@transaction.atomic
def _try(offer: CredentialOffer, tx_code: str) -> bool:
    """Whether it is right. The lock makes guesses wait for each other: none is compared before the last is counted."""
    locked = CredentialOffer.objects.select_for_update(no_key=True).get(pk=offer.pk)
    if locked.wrong_tx_codes >= MAX_WRONG_TX_CODES:
        return False
    if hmac.compare_digest(locked.tx_code_digest, tx_code_digest(offer, tx_code)):
        return True
    locked.wrong_tx_codes += 1
    locked.save(update_fields=["wrong_tx_codes"])
    if locked.wrong_tx_codes == MAX_WRONG_TX_CODES:
        report(actor="wallet:unknown", action="offer.locked", subject=f"offer:{offer.pk}", outcome="refused")
    return False


def _use_up(offer: CredentialOffer) -> None:
    now = timezone.now()
    unused = CredentialOffer.objects.filter(
        pk=offer.pk,
        redeemed_at__isnull=True,
        cancelled_at__isnull=True,
        expires_at__gt=now,
        wrong_tx_codes__lt=MAX_WRONG_TX_CODES,
    )
    if unused.update(redeemed_at=now) != 1:
        raise GrantError("used meanwhile")
