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
from identity.models import Agency, ApiKey, Organisation

_SCHEME = "bearer"


@dataclass(frozen=True, slots=True)
class ApiClient:
    """The actor of a request made with an organisation's API key."""

    organisation: Organisation
    api_key: ApiKey
    is_authenticated: Literal[True] = True

    @property
    def pk(self) -> str:
        """What throttles count by."""
        return f"api-key:{self.api_key.pk}"


@dataclass(frozen=True, slots=True)
class AgencyClient:
    """The actor of a request made with an agency's API key."""

    agency: Agency
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
    """The doors of verifier organisations: an agency's key does not open them."""

    def authenticate(self, request: Request) -> tuple[ApiClient, ApiKey] | None:
        key = _key_in(request)
        if key is None:
            return None
        if key.organisation is None:
            raise AuthenticationFailed("a key of an agency", code=ApiKeyInvalidError.code)
        return ApiClient(organisation=key.organisation, api_key=key), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class AgencyKeyAuthentication(BaseAuthentication):
    """The doors of agencies: an organisation's key does not open them."""

    def authenticate(self, request: Request) -> tuple[AgencyClient, ApiKey] | None:
        key = _key_in(request)
        if key is None:
            return None
        if key.agency is None:
            raise AuthenticationFailed("a key of an organisation", code=ApiKeyInvalidError.code)
        return AgencyClient(agency=key.agency, api_key=key), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class OwnerKeyAuthentication(BaseAuthentication):
    """Doors that organisations and agencies share: either key opens them, each to what is its owner's."""

    def authenticate(self, request: Request) -> tuple[ApiClient | AgencyClient, ApiKey] | None:
        key = _key_in(request)
        if key is None:
            return None
        if key.agency is not None:
            return AgencyClient(agency=key.agency, api_key=key), key
        return ApiClient(organisation=key.organisation, api_key=key), key  # type: ignore[arg-type]  # api_key_of_one_owner

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _key_in(request: Request) -> ApiKey | None:
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if not header:
        return None
    try:
        return authenticate_api_key(header)
    except ApiKeyInvalidError as error:
        raise AuthenticationFailed(error.detail, code=error.code) from None


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself untyped
    """How the OpenAPI document describes it."""

    target_class = "identity.views.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return _bearer("organisation")


class AgencyKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself untyped
    """The same, for agencies."""

    target_class = "identity.views.authentication.AgencyKeyAuthentication"
    name = "agencyKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return _bearer("agency")


class OwnerKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself untyped
    """Either of the two."""

    target_class = "identity.views.authentication.OwnerKeyAuthentication"
    name = "ownerKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return _bearer("organisation's or the agency")


def _bearer(owner: str) -> dict[str, str]:
    return {"type": "http", "scheme": _SCHEME, "description": f"The {owner}'s API key, ck_…"}
