"""Where the accounts library asks no one before it removes a second factor."""

from __future__ import annotations

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.views import RemoveWebAuthnView

from identity.errors import LastFactorError


class RemovePasskeyView(RemoveWebAuthnView):  # type: ignore[misc]  # allauth ships no types
    """Its own page, for whoever may: the library asks can_delete_authenticator for authenticator apps alone."""

    def get_object(self) -> Authenticator:
        """Raises LastFactorError."""
        passkey = super().get_object()
        if not get_adapter().can_delete_authenticator(passkey):
            raise LastFactorError("passkey")
        return passkey
