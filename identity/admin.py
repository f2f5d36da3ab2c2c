"""The operator's view: names and states, read-only except for accounts, agencies, organisations and memberships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Model
from django.http import HttpRequest

from identity.models import (
    Account,
    Agency,
    ApiKey,
    DidVersion,
    KycCase,
    Membership,
    Organisation,
    RecipientKey,
    Role,
    SigningKey,
    TrustedIssuer,
    VerificationMethod,
    WeID,
)

# Generic for the type checker alone.
if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Model]
else:
    _ModelAdmin = admin.ModelAdmin


class ReadOnlyAdmin(_ModelAdmin):
    """What only verbs may change. Ciphertext and digests are left out of every page."""

    hidden = {
        "identity_ciphertext",
        "person_ciphertext",
        "person_hmac",
        "stated_ciphertext",
        "wrapped_private_key",
        "digest",
    }

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return [field.name for field in self.opts.concrete_fields if field.name not in self.hidden]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


admin.site.register(Account, UserAdmin)
admin.site.register([Agency, Organisation, Membership])
admin.site.register(
    [ApiKey, DidVersion, KycCase, RecipientKey, Role, SigningKey, TrustedIssuer, VerificationMethod, WeID],
    ReadOnlyAdmin,
)
