"""The operator's view: names and states, read-only. Ciphertext, digests and bits are left out."""

from __future__ import annotations

from django.contrib import admin

from credentials.models import Application, Credential, CredentialType, IssuanceIntent, StatusChange, StatusList
from identity.admin import ReadOnlyAdmin


class CredentialsAdmin(ReadOnlyAdmin):
    hidden = {"claims_ciphertext", "person_ciphertext", "person_hmac", "sd_jwt_ciphertext", "digest", "array", "salt"}


admin.site.register(
    [Application, Credential, CredentialType, IssuanceIntent, StatusChange, StatusList], CredentialsAdmin
)
