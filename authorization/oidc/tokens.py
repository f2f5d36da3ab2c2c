"""What a client gets for a code: an ID token, and an access token that reads the same claims once more for a while."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from authorization.models import BridgeLogin, RelyingParty
from authorization.oidc.logins import digest_of_code, login_context
from authorization.oidc.provider import acr, issuer
from identity.keystore import bridge_signer
from identity.vault import lookup_hmac, unseal_for_service
from protocol import pkce
from protocol.encoding import json_object
from protocol.errors import AccessTokenError, GrantError
from protocol.oauth import CodeTokenRequest, token_response
from protocol.openid_connect import SCOPE, SignIn, sign_id_token

TOKEN_LIFETIME = timedelta(minutes=5)


def redeem(*, party: RelyingParty, request: CodeTokenRequest) -> dict[str, Any]:
    """Return the answer to a token request of the authenticated *party* (OpenID Connect Core §3.1.3.3).

    Raises GrantError for a code that is unknown, another client's, spent or over, or sent with another address, and
    PkceVerifierError. A code that comes a second time ends the token that it gave the first time (RFC 6749 §4.1.2).
    """
    login = BridgeLogin.objects.filter(code_digest=digest_of_code(request.code), party=party).first()
    if login is None:
        raise GrantError("no such code of this client")
    if request.redirect_uri != login.redirect_uri:
        raise GrantError("redirect_uri is another one than the code was sent to")
    pkce.verify(request.code_verifier, login.code_challenge)
    token = secrets.token_urlsafe(32)
    if not _spend(login, token):
        BridgeLogin.objects.filter(pk=login.pk, redeemed_at__isnull=False).update(
            token_digest="", claims_ciphertext=b""
        )
        raise GrantError("the code was used, or its time is over")
    return _answer(login, token)


def read_userinfo(token: str) -> dict[str, Any]:
    """Return the claims of the sign-in that *token* came from (OpenID Connect Core §5.3). Raises AccessTokenError."""
    logins = BridgeLogin.objects.select_related("party").filter(
        token_digest=_digest_of_token(token), usable_until__gt=timezone.now(), party__removed_at__isnull=True
    )
    login = logins.first()
    if login is None or not login.claims_ciphertext:
        raise AccessTokenError("unknown or expired")
    return {**_claims_of(login), "sub": login.subject}


def _spend(login: BridgeLogin, token: str) -> bool:
    now = timezone.now()
    with transaction.atomic():
        # Of parallel requests exactly one finds the code unspent.
        fresh = BridgeLogin.objects.filter(pk=login.pk, redeemed_at__isnull=True, usable_until__gt=now)
        changes = {"redeemed_at": now, "token_digest": _digest_of_token(token), "usable_until": now + TOKEN_LIFETIME}
        return fresh.update(**changes) == 1


def _answer(login: BridgeLogin, token: str) -> dict[str, Any]:
    seconds = int(TOKEN_LIFETIME.total_seconds())
    response = token_response(access_token=token, token_type="Bearer", expires_in=seconds, scopes=[SCOPE])  # noqa: S106 a name
    id_token = sign_id_token(
        SignIn(
            subject=login.subject,
            at=int(login.authenticated_at.timestamp()) if login.authenticated_at else 0,
            acr=acr(),
            nonce=login.nonce or None,
            claims=_claims_of(login),
        ),
        issuer=issuer(),
        client_id=login.party.client_id,
        access_token=token,
        now=int(time.time()),
        lifetime=seconds,
        signer=bridge_signer(),
    )
    return {**response, "id_token": id_token}


def _claims_of(login: BridgeLogin) -> Mapping[str, Any]:
    return json_object(unseal_for_service(login.claims_ciphertext, context=login_context(login.pk)))


def _digest_of_token(token: str) -> str:
    return lookup_hmac("oidc-token", token)
