"""Access and refresh tokens: opaque, of one agency and one certificate, bound to the wallet's key when it showed one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from credentials.models import Application, CredentialOffer, WalletAuthorization, WalletGrant
from credentials.openid4vci import secret_values
from credentials.openid4vci.clients import Wallet, check_same
from credentials.openid4vci.formats import FORMATS, configuration_of
from identity.audit import report
from identity.models import Agency
from protocol.errors import AccessTokenError, AuthorizationDetailsError, GrantError
from protocol.oauth import token_response

ACCESS_LIFETIME = timedelta(minutes=10)
REFRESH_LIFETIME = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Both tokens in clear, for the one answer that shows them."""

    grant: WalletGrant
    access_token: str
    refresh_token: str


def open_grant(
    *,
    agency: Agency,
    application: Application,
    wallet: Wallet,
    most: int,
    requires_key_attestation: bool,
    offer: CredentialOffer | None = None,
    authorization: WalletAuthorization | None = None,
) -> Tokens:
    """Store what *wallet* may fetch. Belongs in the transaction that uses up the code."""
    access, refresh, now = secret_values.draw(), secret_values.draw(), timezone.now()
    grant = WalletGrant.objects.create(
        agency=agency,
        application=application,
        offer=offer,
        authorization=authorization,
        client_id=wallet.client_id,
        client_thumbprint=wallet.client_thumbprint,
        dpop_thumbprint=wallet.dpop_thumbprint,
        requires_key_attestation=requires_key_attestation,
        most=most,
        access_digest=secret_values.digest("access", agency, access),
        access_expires_at=now + ACCESS_LIFETIME,
        refresh_digest=secret_values.digest("refresh", agency, refresh),
        refresh_expires_at=now + REFRESH_LIFETIME,
    )
    report(actor=f"wallet_grant:{grant.pk}", action="wallet.admitted", subject=f"application:{application.pk}")
    return Tokens(grant, access, refresh)


@transaction.atomic
def refresh(*, agency: Agency, refresh_token: str, wallet: Wallet) -> Tokens:
    """Return a new access token. Raises GrantError.

    A refresh token that is bound to a key stays; one that is not is exchanged, and works once (RFC 9700 §4.14.2).
    """
    digest = secret_values.digest("refresh", agency, refresh_token)
    found = _grants(agency).select_for_update(of=("self",), no_key=True).filter(refresh_digest=digest).first()
    now = timezone.now()
    if found is None or found.ended_at is not None or found.refresh_expires_at <= now:
        raise GrantError("unknown, used or ended")
    check_same(
        wallet,
        client_id=found.client_id,
        client_thumbprint=found.client_thumbprint,
        dpop_thumbprint=found.dpop_thumbprint,
    )
    access = secret_values.draw()
    following = refresh_token if found.dpop_thumbprint else secret_values.draw()
    found.access_digest = secret_values.digest("access", agency, access)
    found.access_expires_at = now + ACCESS_LIFETIME
    found.refresh_digest = secret_values.digest("refresh", agency, following)
    found.save(update_fields=["access_digest", "access_expires_at", "refresh_digest"])
    return Tokens(found, access, following)


def find_grant(*, agency: Agency, access_token: str) -> WalletGrant:
    """Return what the token of *agency* opens. Raises AccessTokenError."""
    found = _grants(agency).filter(access_digest=secret_values.digest("access", agency, access_token)).first()
    if found is None or found.ended_at is not None or found.access_expires_at <= timezone.now():
        raise AccessTokenError("unknown, expired or ended")
    return found


def describe(tokens: Tokens, *, asked: tuple[str, ...]) -> dict[str, Any]:
    """Return the token response; *asked* are configuration ids of authorization details (RFC 9396 §7).

    Raises AuthorizationDetailsError when the wallet asked for what it is not given.
    """
    kind = tokens.grant.application.credential_type
    granted = [configuration_of(kind, form).id for form in FORMATS.values()]
    if not set(asked) <= set(granted):
        raise AuthorizationDetailsError("not what was granted")
    return token_response(
        access_token=tokens.access_token,
        token_type="DPoP" if tokens.grant.dpop_thumbprint else "Bearer",
        expires_in=int(ACCESS_LIFETIME.total_seconds()),
        refresh_token=tokens.refresh_token,
        scopes=() if asked else tuple(granted),
        credential_identifiers={name: [name] for name in asked} or None,
    )


def _grants(agency: Agency) -> QuerySet[WalletGrant]:
    joined = ("agency", "application__credential_type")
    return WalletGrant.objects.filter(agency=agency).select_related(*joined)
