"""OAuth 2.0 as an authorization server of credentials speaks it: requests read strictly, answers, metadata. No I/O."""

from protocol.oauth.answers import (
    authorization_response_url,
    authorization_server_metadata,
    challenge,
    error_response,
    pushed_response,
    token_response,
)
from protocol.oauth.authorization import (
    AuthorizationRequest,
    PushedReference,
    RedirectTarget,
    check_redirect_uri,
    parse_authorization_request,
    parse_pushed_reference,
    parse_pushed_request,
    redirect_target,
)
from protocol.oauth.parameters import CREDENTIAL_DETAILS, parse_form
from protocol.oauth.tokens import (
    AUTHORIZATION_CODE_GRANT,
    PRE_AUTHORIZED_GRANT,
    REFRESH_GRANT,
    CodeTokenRequest,
    PreAuthorizedTokenRequest,
    PresentedToken,
    RefreshTokenRequest,
    TokenRequest,
    parse_authorization_header,
    parse_token_request,
)

__all__ = [
    "AUTHORIZATION_CODE_GRANT",
    "CREDENTIAL_DETAILS",
    "PRE_AUTHORIZED_GRANT",
    "REFRESH_GRANT",
    "AuthorizationRequest",
    "CodeTokenRequest",
    "PreAuthorizedTokenRequest",
    "PresentedToken",
    "PushedReference",
    "RedirectTarget",
    "RefreshTokenRequest",
    "TokenRequest",
    "authorization_response_url",
    "authorization_server_metadata",
    "challenge",
    "check_redirect_uri",
    "error_response",
    "parse_authorization_header",
    "parse_authorization_request",
    "parse_form",
    "parse_pushed_reference",
    "parse_pushed_request",
    "parse_token_request",
    "pushed_response",
    "redirect_target",
    "token_response",
]
