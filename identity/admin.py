"""The operator's view: names and states, read-only except for accounts, agencies, organisations and memberships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Model, QuerySet
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
from identity.trust import bump_trust

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


class OrganisationAdmin(_ModelAdmin):
    """Approval taken away, or the whole organisation, ends its API keys, which others hold as of a trust version."""

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        bump_trust()

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        super().delete_model(request, obj)
        bump_trust()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> None:
        super().delete_queryset(request, queryset)
        bump_trust()


admin.site.register(Account, UserAdmin)
admin.site.register([Agency, Membership])
admin.site.register(Organisation, OrganisationAdmin)
admin.site.register(
    [ApiKey, DidVersion, KycCase, RecipientKey, Role, SigningKey, TrustedIssuer, VerificationMethod, WeID],
    ReadOnlyAdmin,
)
