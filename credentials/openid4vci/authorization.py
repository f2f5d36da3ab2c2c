"""Authorization code flow: a pushed request, the citizen's yes or no, and the code that follows (RFC 9126, RFC 7636).

The answer goes only where the pushed request said, with the issuer's name in it (RFC 9207). A code serves once; one that
is brought twice ends what it was exchanged for (RFC 6749 §4.1.2).
"""

from __future__ import annotations

import hmac
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from credentials.errors import WalletRequestError
from credentials.models import Application, CredentialOffer, CredentialType, WalletAuthorization, WalletGrant
from credentials.openid4vci import secret_values
from credentials.openid4vci.clients import Wallet, check_same
from credentials.openid4vci.formats import configurations_of
from credentials.openid4vci.holding import find_application
from credentials.openid4vci.offers import Grant, is_open
from credentials.openid4vci.tokens import Tokens, open_grant
from credentials.subject import subject_hmac
from identity.audit import account_actor, report
from identity.models import Account, Agency, Person
from identity.trust import issuer_identifier
from identity.weid import weid_of
from protocol import oauth, pkce
from protocol.errors import (
    AuthorizationDeniedError,
    DpopProofError,
    GrantError,
    OAuthRequestError,
    ScopeError,
    TargetError,
)

REQUEST_LIFETIME = timedelta(minutes=10)
CODE_LIFETIME = timedelta(seconds=60)
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\Z", re.ASCII)
_REQUEST_URN = "urn:ietf:params:oauth:request_uri:"


@dataclass(frozen=True, slots=True)
class Pushed:
    """Under which name the wallet opens what it pushed, and for how many seconds."""

    request_uri: str
    expires_in: int


def push(*, agency: Agency, request: oauth.AuthorizationRequest, wallet: Wallet) -> Pushed:
    """Keep a wallet's authorization request. Raises ScopeError, TargetError, OAuthRequestError, DpopProofError."""
    _check_host(request.redirect_uri)
    check_target(agency, request.resources)
    offer = _offer_of(agency, request.issuer_state)
    secret = secret_values.draw()
    WalletAuthorization.objects.create(
        agency=agency,
        credential_type=_type_asked(agency, request, offer),
        request_digest=secret_values.digest("request", agency, secret),
        client_id=request.client_id,
        client_thumbprint=wallet.client_thumbprint,
        dpop_thumbprint=_bound_to(request, wallet),
        redirect_uri=request.redirect_uri,
        state=request.state,
        code_challenge=request.code_challenge,
        details=list(request.configuration_ids),
        offer=offer,
        expires_at=timezone.now() + REQUEST_LIFETIME,
    )
    return Pushed(f"{_REQUEST_URN}{secret}", int(REQUEST_LIFETIME.total_seconds()))


def find_request(*, agency: Agency, client_id: str, request_uri: str) -> WalletAuthorization:
    """Return the pushed request that a browser brings. Raises WalletRequestError; nothing may be redirected then."""
    digest = secret_values.digest("request", agency, request_uri.removeprefix(_REQUEST_URN))
    rows = WalletAuthorization.objects.select_related("agency", "credential_type", "offer__application")
    found = rows.filter(agency=agency, request_digest=digest, decided_at__isnull=True).first()
    if found is None or found.expires_at <= timezone.now() or found.client_id != client_id:
        raise WalletRequestError("unknown, ended or answered")
    return found


def application_for(*, authorization: WalletAuthorization, person: Person) -> Application | None:
    """Return what the citizen would hand over; None where there is nothing, or the offer is another citizen's."""
    if authorization.offer is None:
        return find_application(person=person, credential_type=authorization.credential_type)
    offered: Application = authorization.offer.application
    return offered if hmac.compare_digest(offered.person_hmac, subject_hmac(person)) else None


@transaction.atomic
def decide(*, authorization: WalletAuthorization, account: Account, person: Person, agrees: bool) -> str:
    """Keep the citizen's answer and return the address that takes it to the wallet. Raises WalletRequestError.

    A yes to nothing is a no: ``access_denied``, as the page said before.
    """
    application = application_for(authorization=authorization, person=person) if agrees else None
    code = secret_values.draw() if application else None
    now = timezone.now()
    undecided = WalletAuthorization.objects.filter(pk=authorization.pk, decided_at__isnull=True, expires_at__gt=now)
    values: dict[str, Any] = {"decided_at": now, "application": application}
    if code is not None:
        values["code_digest"] = secret_values.digest("authorization-code", authorization.agency, code)
        values["code_expires_at"] = now + CODE_LIFETIME
    if undecided.update(**values) != 1:
        raise WalletRequestError("answered meanwhile")
    action = "wallet.agreed" if code else "wallet.refused"
    subject = f"wallet_authorization:{authorization.pk}"
    report(actor=account_actor(account), action=action, subject=subject, weid=weid_of(person))
    return oauth.authorization_response_url(
        authorization.redirect_uri,
        issuer=issuer_identifier(authorization.agency),
        code=code,
        error=None if code else AuthorizationDeniedError("the holder did not agree"),
        state=authorization.state,
    )


def redeem_code(*, agency: Agency, request: oauth.CodeTokenRequest, wallet: Wallet) -> Tokens:
    """Return tokens for a code, once. Raises GrantError, PkceVerifierError, DpopProofError."""
    row = _find_by_code(agency, request, wallet)
    if row.redeemed_at is not None:
        WalletGrant.objects.filter(authorization=row, ended_at__isnull=True).update(ended_at=timezone.now())
        raise GrantError("used before")
    _check_code(row, request, wallet)
    with transaction.atomic():
        _use_up(row)
        return open_grant(
            agency=agency,
            application=_agreed(row),
            wallet=wallet,
            most=row.offer.most if row.offer else settings.WALLET_BATCH_SIZE,
            requires_key_attestation=agency.haip or bool(row.offer and row.offer.requires_key_attestation),
            offer=row.offer,
            authorization=row,
        )


def check_target(agency: Agency, resources: tuple[str, ...]) -> None:
    """A resource, where one is named, is this issuer (RFC 8707 §2). Raises TargetError."""
    if resources and issuer_identifier(agency) not in resources:
        raise TargetError("another resource")


def _check_host(redirect_uri: str) -> None:
    # It is shown to a person, and stands in the policy of the page: nothing in it may mean anything there.
    parts = urlsplit(redirect_uri)
    if parts.netloc and not _HOST.match(parts.netloc):
        raise OAuthRequestError("redirect_uri has no plain host")


def _offer_of(agency: Agency, issuer_state: str | None) -> CredentialOffer | None:
    if issuer_state is None:
        return None
    digest = secret_values.digest("code", agency, issuer_state)
    rows = CredentialOffer.objects.filter(agency=agency, grant=Grant.AUTHORIZATION, code_digest=digest)
    offer = rows.select_related("application__credential_type").first()
    if offer is None or not is_open(offer):
        raise OAuthRequestError("issuer_state is unknown, used or ended")
    return offer


def _type_asked(agency: Agency, request: oauth.AuthorizationRequest, offer: CredentialOffer | None) -> CredentialType:
    """Return the one type that every scope and detail names. Raises ScopeError."""
    known = configurations_of(agency)
    asked = [*request.scopes, *request.configuration_ids]
    if not asked or not set(asked) <= known.keys():
        raise ScopeError("name a credential configuration of this issuer")
    types = {known[name].credential_type for name in asked}
    kind = types.pop()
    if types or (offer is not None and offer.application.credential_type != kind):
        raise ScopeError("one type of certificate at a time, as offered")
    return kind


def _bound_to(request: oauth.AuthorizationRequest, wallet: Wallet) -> str:
    """Return the thumbprint of the key that the code will be bound to (RFC 9449 §10)."""
    if request.dpop_jkt and wallet.dpop_thumbprint and request.dpop_jkt != wallet.dpop_thumbprint:
        raise DpopProofError("dpop_jkt names another key")
    return wallet.dpop_thumbprint or request.dpop_jkt or ""


def _find_by_code(agency: Agency, request: oauth.CodeTokenRequest, wallet: Wallet) -> WalletAuthorization:
    digest = secret_values.digest("authorization-code", agency, request.code)
    joined = ("offer", "application__credential_type")
    row = WalletAuthorization.objects.filter(agency=agency, code_digest=digest).select_related(*joined).first()
    if row is None:
        raise GrantError("unknown")
    # A stranger who found the code somewhere must not be able to end what its owner got for it.
    if (request.client_id or wallet.client_id) != row.client_id or request.redirect_uri != row.redirect_uri:
        raise GrantError("of another client, or for another address")
    pkce.verify(request.code_verifier, row.code_challenge)
    return row


def _check_code(row: WalletAuthorization, request: oauth.CodeTokenRequest, wallet: Wallet) -> None:
    if row.code_expires_at is None or row.code_expires_at.timestamp() <= time.time():
        raise GrantError("expired")
    check_same(wallet, client_id="", client_thumbprint=row.client_thumbprint, dpop_thumbprint=row.dpop_thumbprint)
    if row.offer is not None and row.offer.requires_dpop and not wallet.dpop_thumbprint:
        raise DpopProofError("this offer is for wallets that bind tokens to a key")


def _use_up(row: WalletAuthorization) -> None:
    now = timezone.now()
    if WalletAuthorization.objects.filter(pk=row.pk, redeemed_at__isnull=True).update(redeemed_at=now) != 1:
        raise GrantError("used meanwhile")
    if row.offer_id is None:
        return
    unused = CredentialOffer.objects.filter(pk=row.offer_id, redeemed_at__isnull=True, cancelled_at__isnull=True)
    if unused.update(redeemed_at=now) != 1:
        raise GrantError("the offer was taken meanwhile")


def _agreed(row: WalletAuthorization) -> Application:
    if row.application is None:
        raise GrantError("nothing was agreed to")
    return row.application
