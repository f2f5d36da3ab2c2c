"""Parameters of OAuth requests: read as pairs, stated once each, the unknown ones ignored (RFC 6749 §3.1, §3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from protocol.claims import required_text
from protocol.encoding import json_loads
from protocol.errors import AuthorizationDetailsError, ClaimFormatError, OAuthRequestError, ScopeError
from protocol.errors.issuance import refused_as

CREDENTIAL_DETAILS = "openid_credential"
MAX_FORM_BYTES = 1 << 16
MAX_FIELDS = 64
MAX_VALUE_CHARACTERS = 2048
MAX_SCOPES = 64
MAX_DETAILS = 16
MAX_LOCATIONS = 8

# The one parameter that may be stated several times (RFC 8707 §2).
_REPEATABLE = "resource"
_DETAILS = "authorization_details"
# VSCHAR and blank (RFC 6749 appendix A); what goes into logs and redirects holds no other.
_PLAIN = re.compile(r"[\x20-\x7e]+\Z")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,256}\Z")

Pairs = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one request; ``resources`` holds every ``resource``. Parameters without value are left out."""

    values: Mapping[str, str]
    resources: tuple[str, ...]

    def optional(self, name: str, *, max_length: int = MAX_VALUE_CHARACTERS) -> str | None:
        """Return *name*, or None when it is absent. Raises OAuthRequestError for a value that is long or not plain."""
        value = self.values.get(name)
        if value is not None and (len(value) > max_length or not _PLAIN.match(value)):
            raise OAuthRequestError(f"{name} is not short printable ASCII")
        return value

    def required(self, name: str, *, max_length: int = MAX_VALUE_CHARACTERS) -> str:
        """Return *name*. Raises OAuthRequestError as optional, and when it is absent."""
        value = self.optional(name, max_length=max_length)
        if value is None:
            raise OAuthRequestError(f"{name} is missing")
        return value

    def scopes(self) -> tuple[str, ...]:
        """Return the values of ``scope``, each once (RFC 6749 §3.3). Raises ScopeError."""
        scopes = tuple(dict.fromkeys(self.values.get("scope", "").split(" "))) if "scope" in self.values else ()
        if len(scopes) > MAX_SCOPES or not all(_SCOPE.match(scope) for scope in scopes):
            raise ScopeError("scope is not a short list of scope tokens, one blank between each")
        return scopes

    def details(self) -> AuthorizationDetails:
        """Return what ``authorization_details`` asks for, nothing when it is absent. Raises AuthorizationDetailsError."""
        if _DETAILS not in self.values:
            return AuthorizationDetails((), ())
        with refused_as(AuthorizationDetailsError):
            return _parse_details(json_loads(self.values[_DETAILS]))


@dataclass(frozen=True, slots=True)
class AuthorizationDetails:
    """The credential configurations asked for, and the places where (OpenID4VCI 1.0 §5.1.1, RFC 9396 §2.2)."""

    configuration_ids: tuple[str, ...]
    locations: tuple[str, ...]


def parse_form(body: bytes) -> list[tuple[str, str]]:
    """Return the pairs of ``application/x-www-form-urlencoded`` *body*, or of a query (RFC 6749 appendix B).

    Raises OAuthRequestError for what is too long, malformed or not UTF-8.
    """
    if len(body) > MAX_FORM_BYTES:
        raise OAuthRequestError(f"longer than {MAX_FORM_BYTES} bytes")
    try:
        text = body.decode("ascii")
        return parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise OAuthRequestError("not a form of few fields in UTF-8") from None


def read(pairs: Pairs) -> Parameters:
    """Return the parameters in *pairs*. Raises OAuthRequestError for one stated twice (RFC 6749 §3.1, §3.2).

    Refusing those also for parameters that are not known here leaves no room for two readers of one request to differ.
    """
    values: dict[str, str] = {}
    resources: list[str] = []
    seen: set[str] = set()
    for name, value in pairs:
        if name == _REPEATABLE:
            resources += [value] if value else []
            continue
        if name in seen:
            raise OAuthRequestError("a parameter is stated twice")
        seen.add(name)
        if value:
            values[name] = value
    return Parameters(values, tuple(resources))


def _parse_details(details: Any) -> AuthorizationDetails:
    if not isinstance(details, list) or not 1 <= len(details) <= MAX_DETAILS:
        raise ClaimFormatError(f"not an array of 1 to {MAX_DETAILS}")
    configuration_ids: list[str] = []
    locations: list[str] = []
    for item in details:
        if not isinstance(item, dict) or item.get("type") != CREDENTIAL_DETAILS:
            raise ClaimFormatError(f"an element is not of type {CREDENTIAL_DETAILS}")
        configuration_ids.append(required_text(item, "credential_configuration_id"))
        locations += _parse_locations(item)
    if len(set(configuration_ids)) != len(configuration_ids):
        raise ClaimFormatError("one credential configuration asked for twice")
    return AuthorizationDetails(tuple(configuration_ids), tuple(locations))


def _parse_locations(item: Mapping[str, Any]) -> list[str]:
    locations = item.get("locations", [])
    if not isinstance(locations, list) or len(locations) > MAX_LOCATIONS:
        raise ClaimFormatError(f"locations is not an array of at most {MAX_LOCATIONS}")
    if not all(isinstance(location, str) for location in locations):
        raise ClaimFormatError("a location is text")
    return locations
