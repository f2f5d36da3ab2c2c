"""Second factors: their secrets are sealed, so that nobody computes codes from the database; and some cannot go."""

from __future__ import annotations

from base64 import b64decode, b64encode

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator

from identity import vault
from identity.access import needs_second_factor

_CONTEXT = "second factor"


class SealedFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    def encrypt(self, text: str) -> str:
        return b64encode(vault.seal_for_service(text.encode(), context=_CONTEXT)).decode("ascii")

    def decrypt(self, encrypted_text: str) -> str:
        return vault.unseal_for_service(b64decode(encrypted_text), context=_CONTEXT).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Who acts for others keeps one factor besides the password; recovery codes are only its spare keys."""
        if not needs_second_factor(authenticator.user):
            return True
        others = Authenticator.objects.filter(user=authenticator.user).exclude(pk=authenticator.pk)
        return bool(others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists())
