"""Token requests of the three grants (RFC 6749 §4.1.3, §6; OpenID4VCI 1.0 §6.1), and tokens presented (RFC 6750)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from protocol.errors import AccessTokenError, GrantTypeError
from protocol.oauth.parameters import Pairs, Parameters, read

AUTHORIZATION_CODE_GRANT = "authorization_code"
PRE_AUTHORIZED_GRANT = "urn:ietf:params:oauth:grant-type:pre-authorized_code"
REFRESH_GRANT = "refresh_token"
MAX_CODE_CHARACTERS = 512
MAX_TX_CODE_CHARACTERS = 64
MAX_CLIENT_ID_CHARACTERS = 512
MAX_TOKEN_CHARACTERS = 2048

_SCHEMES = {"bearer": "Bearer", "dpop": "DPoP"}
_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*\Z")


@dataclass(frozen=True, slots=True)
class CodeTokenRequest:
    """An authorization code to redeem. ``redirect_uri`` and ``client_id`` must be those of its request."""

    code: str
    redirect_uri: str | None
    code_verifier: str
    client_id: str | None
    configuration_ids: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PreAuthorizedTokenRequest:
    """The code of an offer to redeem, with what the citizen typed if that was asked for (OpenID4VCI 1.0 §6.1)."""

    code: str
    tx_code: str | None
    client_id: str | None
    configuration_ids: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RefreshTokenRequest:
    """A refresh token to redeem; ``scopes`` may narrow what was granted and never widen it (RFC 6749 §6)."""

    refresh_token: str
    scopes: tuple[str, ...]
    client_id: str | None
    configuration_ids: tuple[str, ...]
    resources: tuple[str, ...]


TokenRequest = CodeTokenRequest | PreAuthorizedTokenRequest | RefreshTokenRequest


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """An access token as presented; ``scheme`` is ``Bearer`` or ``DPoP``."""

    scheme: str
    token: str


def parse_token_request(pairs: Pairs) -> TokenRequest:
    """Return the token request in *pairs* (RFC 6749 §4.1.3, §6; OpenID4VCI 1.0 §6.1).

    A code without ``code_verifier`` is refused: every authorization request here had a challenge. Raises
    OAuthRequestError, GrantTypeError, ScopeError and AuthorizationDetailsError.
    """
    parameters = read(pairs)
    parse = _GRANTS.get(parameters.required("grant_type"))
    if parse is None:
        raise GrantTypeError("grant_type is none of those in the metadata")
    return parse(parameters)


def parse_authorization_header(value: str | None) -> PresentedToken:
    """Return the token in an ``Authorization`` header (RFC 6750 §2.1, RFC 9449 §7.1). Raises AccessTokenError."""
    scheme, _, token = (value or "").partition(" ")
    name = _SCHEMES.get(scheme.lower())
    if name is None or len(token) > MAX_TOKEN_CHARACTERS or not _TOKEN68.match(token):
        raise AccessTokenError("no access token")
    return PresentedToken(name, token)


def _parse_code(parameters: Parameters) -> CodeTokenRequest:
    details = parameters.details()
    return CodeTokenRequest(
        code=parameters.required("code", max_length=MAX_CODE_CHARACTERS),
        redirect_uri=parameters.optional("redirect_uri"),
        code_verifier=parameters.required("code_verifier"),
        client_id=_client_id(parameters),
        configuration_ids=details.configuration_ids,
        resources=parameters.resources + details.locations,
    )


def _parse_pre_authorized(parameters: Parameters) -> PreAuthorizedTokenRequest:
    details = parameters.details()
    return PreAuthorizedTokenRequest(
        code=parameters.required("pre-authorized_code", max_length=MAX_CODE_CHARACTERS),
        tx_code=parameters.optional("tx_code", max_length=MAX_TX_CODE_CHARACTERS),
        client_id=_client_id(parameters),
        configuration_ids=details.configuration_ids,
        resources=parameters.resources + details.locations,
    )


def _parse_refresh(parameters: Parameters) -> RefreshTokenRequest:
    details = parameters.details()
    return RefreshTokenRequest(
        refresh_token=parameters.required("refresh_token"),
        scopes=parameters.scopes(),
        client_id=_client_id(parameters),
        configuration_ids=details.configuration_ids,
        resources=parameters.resources + details.locations,
    )


def _client_id(parameters: Parameters) -> str | None:
    return parameters.optional("client_id", max_length=MAX_CLIENT_ID_CHARACTERS)


_GRANTS: dict[str, Callable[[Parameters], TokenRequest]] = {
    AUTHORIZATION_CODE_GRANT: _parse_code,
    PRE_AUTHORIZED_GRANT: _parse_pre_authorized,
    REFRESH_GRANT: _parse_refresh,
}
