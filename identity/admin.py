"""The operator's view: names and states, read-only except for accounts, agencies, organisations and memberships."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from identity.accreditation import Terms, accredit, withdraw
from identity.models import (
    Account,
    Accreditation,
    Agency,
    ApiKey,
    DidVersion,
    KycCase,
    Membership,
    Organisation,
    PublishedTrustList,
    RecipientKey,
    Role,
    SigningKey,
    TrustAnchor,
    TrustedIssuer,
    TrustList,
    VerificationMethod,
    WeID,
)

# Generic for the type checker alone.
if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Model]
    _ModelForm = forms.ModelForm[Accreditation]
else:
    _ModelAdmin, _ModelForm = admin.ModelAdmin, forms.ModelForm


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
    [ApiKey, DidVersion, KycCase, RecipientKey, Role, SigningKey, VerificationMethod, WeID],
    ReadOnlyAdmin,
)


class AccreditationForm(_ModelForm):
    class Meta:
        model = Accreditation
        fields = ("agency", "kind", "types", "grantor", "valid_until")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in {"grantor", "valid_until"} & self.fields.keys():
            self.fields[name].required = False

    def validate_constraints(self) -> None:
        """What stands in the way now is withdrawn by the verb."""

    def clean_types(self) -> list[str]:
        types = self.cleaned_data["types"]
        if not isinstance(types, list) or not all(isinstance(vct, str) for vct in types):
            raise forms.ValidationError('A JSON array of types, such as ["*"]')
        return types


class AccreditationAdmin(ReadOnlyAdmin):
    """Granted and withdrawn by the verbs; parties from elsewhere, with their keys, by the command line."""

    form = AccreditationForm  # type: ignore[assignment]  # the base class is generic over no model
    list_display = ("__str__", "kind", "agency", "grantor", "valid_from", "valid_until", "withdrawn_at")
    actions = ("withdraw_selected",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return super().get_fields(request, obj) if obj else list(AccreditationForm.Meta.fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_withdraw_permission(request)

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        """To see the lists is not to decide about them."""
        return isinstance(request.user, Account) and request.user.has_perm("identity.change_accreditation")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = form.cleaned_data
        terms = Terms(given["types"], given["grantor"], given["valid_until"], by=_operator(request))
        obj.pk = accredit(party=given["agency"], kind=given["kind"], terms=terms).pk

    @admin.action(description="Withdraw, with all that rests on it", permissions=["withdraw"])
    def withdraw_selected(self, request: HttpRequest, queryset: QuerySet[Accreditation]) -> None:
        for row in queryset.filter(withdrawn_at__isnull=True).select_related("agency"):
            withdraw(party=row.agency or row.identifier, kind=row.kind, by=_operator(request))


def _operator(request: HttpRequest) -> Account | None:
    return request.user if isinstance(request.user, Account) else None


admin.site.register(Accreditation, AccreditationAdmin)
admin.site.register([PublishedTrustList, TrustAnchor, TrustedIssuer, TrustList], ReadOnlyAdmin)
