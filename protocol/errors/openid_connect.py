"""What an OpenID provider refuses beyond OAuth, worded as OpenID Connect prescribes."""

from __future__ import annotations

from protocol.errors.issuance import OAuthError


class LoginRequiredError(OAuthError):
    """Nobody can sign in without being asked, and the client wants nobody asked (OpenID Connect Core §3.1.2.6)."""

    code = "oidc_login_required"
    oauth_error = "login_required"


class RequestUriParameterError(OAuthError):
    """Requests by reference are not read (OpenID Connect Core §3.1.2.6, §6.2)."""

    code = "oidc_request_uri_unsupported"
    oauth_error = "request_uri_not_supported"


class RegistrationParameterError(OAuthError):
    """Clients are registered beforehand, never by a request (OpenID Connect Core §3.1.2.6, §7.2.1)."""

    code = "oidc_registration_unsupported"
    oauth_error = "registration_not_supported"


class LoginUnavailableError(OAuthError):
    """What was presented could not be checked: neither a sign-in nor a refusal (RFC 6749 §4.1.2.1)."""

    code = "oidc_login_unavailable"
    oauth_error = "temporarily_unavailable"
