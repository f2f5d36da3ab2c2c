"""An upstream OpenID Connect provider, such as a national eID: allauth runs the protocol, its claims state the identity.

The claims pass through the session sealed, are used once, and are never stored with the social account.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, MutableMapping
from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, get_adapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from identity import vault
from identity.documents import DocumentKind
from identity.errors import UpstreamIdentityError
from identity.providers.base import LEVELS, Way
from protocol.encoding import json_dumps, json_loads

_SESSION_KEY = "upstream_identity"
_CONTEXT = "upstream identity"
_KEPT = ("sub", "acr", "name", "name_latin", "birthdate", "identity_number", "document_kind")


class OpenIdProvider:
    name = "openid"
    is_decided_by_clerk = False

    def ways(self) -> list[Way]:
        query = urlencode({"process": "redirect", "next": reverse("kyc_openid")})
        return [Way(app.name, f"{self._login_url(app)}?{query}", is_post=True) for app in self._apps()]

    def _apps(self) -> list[SocialApp]:
        return list(get_adapter().list_apps(None, provider="openid_connect"))

    def _login_url(self, app: SocialApp) -> str:
        return reverse("openid_connect_login", kwargs={"provider_id": app.provider_id})

    def assurance(self, evidence: Mapping[str, Any]) -> str:
        """Raises UpstreamIdentityError for an ``acr`` that names no level known here.

        Levels come as a word or as the last part of a URI (eIDAS SAML attribute profile; OpenID Connect Core §2, acr).
        """
        level = str(evidence.get("acr", "")).rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1].lower()
        if level not in LEVELS:
            raise UpstreamIdentityError("acr")
        return level


class UpstreamAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Keeps personal claims out of allauth's tables: what a provider said goes sealed into the session alone."""

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> Any:
        claims = _merged(sociallogin.account.extra_data)
        # Without a reader of its own an identity would wait in the session for whoever signs in next at this browser.
        if request.user.is_authenticated:
            keep_claims(request.session, claims)
        # Runs before allauth saves or looks up the account, so nothing personal is ever written.
        sociallogin.account.extra_data = {}
        return super().populate_user(
            request, sociallogin, {"email": data.get("email"), "username": data.get("username")}
        )


def keep_claims(session: MutableMapping[str, Any], claims: Mapping[str, Any]) -> None:
    kept = json_dumps({name: str(claims[name]) for name in _KEPT if name in claims})
    session[_SESSION_KEY] = b64encode(vault.seal_for_service(kept, context=_CONTEXT)).decode("ascii")


def take_claims(session: MutableMapping[str, Any]) -> dict[str, str]:
    """Return what the provider said in this session, once. Raises UpstreamIdentityError when it said nothing."""
    claims = peek_claims(session)
    del session[_SESSION_KEY]
    return claims


def peek_claims(session: MutableMapping[str, Any]) -> dict[str, str]:
    """Return it without using it up."""
    sealed = session.get(_SESSION_KEY)
    if not isinstance(sealed, str):
        raise UpstreamIdentityError("nothing said")
    claims: dict[str, str] = json_loads(vault.unseal_for_service(b64decode(sealed), context=_CONTEXT))
    return claims


def identity_from_claims(claims: Mapping[str, str]) -> dict[str, str]:
    """Return the identity that standard claims (OpenID Connect Core §5.1) and two of our own state."""
    return {
        "name": claims.get("name", ""),
        "name_latin": claims.get("name_latin", ""),
        "birth_date": claims.get("birthdate", ""),
        "identity_number": claims.get("identity_number", ""),
        "document_kind": claims.get("document_kind", DocumentKind.RESIDENT_CARD),
    }


def _merged(said: Mapping[str, Any]) -> dict[str, Any]:
    """Userinfo completes the ID token and never contradicts it (OpenID Connect Core §5.3.2 demands equal ``sub``)."""
    id_token, userinfo = said.get("id_token") or {}, said.get("userinfo") or {}
    if id_token and userinfo and id_token.get("sub") != userinfo.get("sub"):
        raise UpstreamIdentityError("userinfo of another subject")
    return {**userinfo, **id_token}
