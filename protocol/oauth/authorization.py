"""Authorization requests: by the browser (RFC 6749 §4.1.1) and pushed beforehand (RFC 9126)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from protocol import pkce
from protocol.errors import OAuthRequestError, RequestObjectError, ResponseTypeError, ScopeError
from protocol.http_url import is_secure
from protocol.oauth.parameters import Pairs, Parameters, read

REQUEST_URI_PREFIX = "urn:ietf:params:oauth:request_uri:"
MAX_CLIENT_ID_CHARACTERS = 512
MAX_STATE_CHARACTERS = 1024

_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}\Z")
# A scheme of an app's own has a dot, as the reversed name of a domain (RFC 8252 §7.1); "javascript" has none.
_PRIVATE_URI = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:[\x21\x24-\x7e]*\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What a wallet asks for, and where the answer goes. ``code_challenge`` is one of S256.

    ``configuration_ids`` are those of ``authorization_details``; ``resources`` is every place that the request names
    (RFC 8707, and ``locations``). ``issuer_state`` may have been injected by anyone (OpenID4VCI 1.0 §5.1.3).
    """

    client_id: str
    redirect_uri: str
    code_challenge: str
    scopes: tuple[str, ...]
    configuration_ids: tuple[str, ...]
    state: str | None
    issuer_state: str | None
    resources: tuple[str, ...]
    dpop_jkt: str | None


@dataclass(frozen=True, slots=True)
class PushedReference:
    """The browser's half of a request that was pushed before (RFC 9126 §4)."""

    client_id: str
    request_uri: str


@dataclass(frozen=True, slots=True)
class RedirectTarget:
    """Where an answer to a request would go; nothing goes there before it is trusted (RFC 6749 §4.1.2.1)."""

    client_id: str
    redirect_uri: str
    state: str | None


def redirect_target(pairs: Pairs) -> RedirectTarget:
    """Return where the answer to the request in *pairs* would go. Raises OAuthRequestError, for a page to show."""
    return _target(read(pairs))


def parse_authorization_request(pairs: Pairs) -> AuthorizationRequest:
    """Return the authorization request in *pairs* (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID4VCI 1.0 §5.1).

    Raises OAuthRequestError, ResponseTypeError, RequestObjectError, PkceChallengeError, ScopeError and
    AuthorizationDetailsError.
    """
    return _request(read(pairs))


def parse_pushed_request(pairs: Pairs) -> AuthorizationRequest:
    """As parse_authorization_request, for a request that is pushed: it may not refer to another (RFC 9126 §2.1)."""
    parameters = read(pairs)
    if "request_uri" in parameters.values:
        raise OAuthRequestError("a pushed request refers to no other")
    return _request(parameters)


def parse_pushed_reference(pairs: Pairs) -> PushedReference | None:
    """Return which pushed request *pairs* refer to, None when to none (RFC 9126 §4). Raises OAuthRequestError.

    Other parameters beside the reference count for nothing (RFC 9101 §5).
    """
    parameters = read(pairs)
    request_uri = parameters.optional("request_uri")
    if request_uri is None:
        return None
    if not request_uri.startswith(REQUEST_URI_PREFIX):
        raise OAuthRequestError("request_uri is not one of this server")
    return PushedReference(_client_id(parameters), request_uri)


def check_redirect_uri(uri: str) -> None:
    """Check that an answer may go to *uri*: https, a private scheme, or http on loopback (RFC 8252 §7, RFC 9700 §2.1).

    Raises OAuthRequestError, also for a fragment.
    """
    if "#" in uri or not (is_secure(uri) or _PRIVATE_URI.match(uri)):
        raise OAuthRequestError("redirect_uri is neither https nor an app's own scheme")


def _request(parameters: Parameters) -> AuthorizationRequest:
    if "request" in parameters.values:
        raise RequestObjectError("request objects are not read here")
    target = _target(parameters)
    _check_response(parameters)
    challenge = pkce.check_challenge(
        parameters.optional("code_challenge"), parameters.optional("code_challenge_method")
    )
    scopes, details = parameters.scopes(), parameters.details()
    if not scopes and not details.configuration_ids:
        raise ScopeError("neither scope nor authorization_details asks for anything")
    return AuthorizationRequest(
        client_id=target.client_id,
        redirect_uri=target.redirect_uri,
        code_challenge=challenge,
        scopes=scopes,
        configuration_ids=details.configuration_ids,
        state=target.state,
        issuer_state=parameters.optional("issuer_state", max_length=MAX_STATE_CHARACTERS),
        resources=parameters.resources + details.locations,
        dpop_jkt=_thumbprint(parameters),
    )


def _target(parameters: Parameters) -> RedirectTarget:
    client_id, redirect_uri = _client_id(parameters), parameters.required("redirect_uri")
    check_redirect_uri(redirect_uri)
    return RedirectTarget(client_id, redirect_uri, parameters.optional("state", max_length=MAX_STATE_CHARACTERS))


def _check_response(parameters: Parameters) -> None:
    if parameters.required("response_type") != "code":
        raise ResponseTypeError("response_type is code here")
    if parameters.optional("response_mode") not in (None, "query"):
        raise OAuthRequestError("response_mode is query here")


def _client_id(parameters: Parameters) -> str:
    return parameters.required("client_id", max_length=MAX_CLIENT_ID_CHARACTERS)


def _thumbprint(parameters: Parameters) -> str | None:
    thumbprint = parameters.optional("dpop_jkt")
    if thumbprint is not None and not _THUMBPRINT.match(thumbprint):
        raise OAuthRequestError("dpop_jkt is no thumbprint")
    return thumbprint
