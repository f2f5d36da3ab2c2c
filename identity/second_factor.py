"""Secrets of second factors, sealed: whoever reads the database must not be able to compute codes."""

from __future__ import annotations

from base64 import b64decode, b64encode

from allauth.mfa.adapter import DefaultMFAAdapter

from identity import vault

_CONTEXT = "second factor"


class SealedFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    def encrypt(self, text: str) -> str:
        return b64encode(vault.seal_for_service(text.encode(), context=_CONTEXT)).decode("ascii")

    def decrypt(self, encrypted_text: str) -> str:
        return vault.unseal_for_service(b64decode(encrypted_text), context=_CONTEXT).decode()
