"""Who a programme is: by API key, ``Authorization: Bearer ck_…``, or by address alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.conf import settings
from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from identity.api_keys import find_api_key
from identity.errors import ApiKeyInvalidError
from identity.models import ApiKey, Organisation

_SCHEME = "bearer"


@dataclass(frozen=True, slots=True)
class ApiClient:
    """The actor of a request made with an API key."""

    organisation: Organisation
    api_key: ApiKey
    is_authenticated: Literal[True] = True

    @property
    def pk(self) -> str:
        """What throttles count by."""
        return f"api-key:{self.api_key.pk}"


def authenticate_api_key(authorization_header: str) -> ApiKey:
    """Return the key named in the header. Raises ApiKeyInvalidError, also for a header of another form."""
    scheme, _, secret = authorization_header.strip().partition(" ")
    if scheme.lower() != _SCHEME:
        raise ApiKeyInvalidError("not a bearer key")
    return find_api_key(secret.strip())


def client_address(request: HttpRequest | Request) -> str:
    """Return the client's address; behind our own proxy it is the last one that the proxy wrote down."""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return forwarded.rpartition(",")[2].strip() or str(request.META.get("REMOTE_ADDR", ""))


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[ApiClient, ApiKey] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        try:
            key = authenticate_api_key(header)
        except ApiKeyInvalidError as error:
            raise AuthenticationFailed(error.detail, code=error.code) from None
        return ApiClient(organisation=key.organisation, api_key=key), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself untyped
    """How the OpenAPI document describes it."""

    target_class = "identity.views.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": _SCHEME, "description": "The organisation's API key, ck_…"}
