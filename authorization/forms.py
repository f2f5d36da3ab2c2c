"""What members of verifier organisations fill in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from authorization.items import always_shown, askable_paths, label_of
from authorization.models import RequestTemplate
from authorization.requests import LIMITS, MAX_NAME, MAX_TEXT, Bounds
from authorization.webhooks.catalogue import KINDS, subscribable
from authorization.webhooks.endpoints import MAX_URL
from credentials.claim_paths import dotted
from credentials.models import CredentialType
from identity.languages import localised
from identity.models import Organisation
from protocol.disclosure import Path
from protocol.encoding import json_object
from protocol.errors import EncodingError

PURPOSES = {"zh-hant": "purpose_zh_hant", "zh-hans": "purpose_zh_hans", "pt": "purpose_pt", "en": "purpose_en"}


class TemplateForm(forms.Form):
    """One request template for certificates of *credential_type*."""

    name = forms.CharField(
        label=_("Name of the template"),
        max_length=MAX_NAME,
        help_text=_("For your own lists. Citizens do not see it."),
        error_messages={"required": _("Enter a name for the template.")},
    )
    purpose_zh_hant = forms.CharField(
        label=_("Why you ask, in Traditional Chinese"),
        max_length=MAX_TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say in Traditional Chinese at least why you ask.")},
    )
    purpose_zh_hans = forms.CharField(
        label=_("Why you ask, in Simplified Chinese"), max_length=MAX_TEXT, required=False
    )
    purpose_pt = forms.CharField(label=_("Why you ask, in Portuguese"), max_length=MAX_TEXT, required=False)
    purpose_en = forms.CharField(label=_("Why you ask, in English"), max_length=MAX_TEXT, required=False)
    required = forms.MultipleChoiceField(
        label=_("Items you cannot do without"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one item that you cannot do without.")},
    )
    optional = forms.MultipleChoiceField(
        label=_("Items the citizen may leave out"), required=False, widget=forms.CheckboxSelectMultiple
    )
    access_days = forms.IntegerField(
        label=_("For how many days you may fetch the data"),
        error_messages={"required": _("Enter for how many days you may fetch the data.")},
    )
    max_reads = forms.IntegerField(
        label=_("How many times you may fetch the data"),
        error_messages={"required": _("Enter how many times you may fetch the data.")},
    )
    retention_days = forms.IntegerField(
        label=_("For how many days you keep the data"),
        error_messages={"required": _("Enter for how many days you keep the data.")},
    )

    def __init__(self, *args: Any, credential_type: CredentialType, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        shown = always_shown(credential_type)
        self.paths = {dotted(path): path for path in askable_paths(credential_type) if path not in shown}
        choices = [(name, localised(label_of(credential_type, path))) for name, path in self.paths.items()]
        for field in ("required", "optional"):
            self.fields[field].choices = choices  # type: ignore[attr-defined]  # a Field is a ChoiceField here
        for field, (least, most) in LIMITS.items():
            self.fields[field].widget.attrs.update({"min": least, "max": most})

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if set(cleaned.get("required", [])) & set(cleaned.get("optional", [])):
            self.add_error("optional", _("Choose each item once: either required or optional."))
        return cleaned

    def purpose(self) -> dict[str, str]:
        return {code: self.cleaned_data[field] for code, field in PURPOSES.items()}

    def chosen(self, field: str) -> list[Path]:
        return [self.paths[name] for name in self.cleaned_data[field]]

    def bounds(self) -> Bounds:
        return Bounds(**{name: self.cleaned_data[name] for name in LIMITS})

    def show_errors(self, fields: dict[str, list[str]]) -> None:
        """Put the refusals of the verb beside the fields they are about."""
        for name, messages in fields.items():
            field = {"purpose": "purpose_zh_hant", "claims": "required"}.get(name, name)
            for message in messages:
                self.add_error(field if field in self.fields else None, message)


class RequestForm(forms.Form):
    template = forms.ModelChoiceField(
        queryset=RequestTemplate.objects.none(),
        label=_("What you ask for"),
        error_messages={
            "required": _("Choose what you ask for."),
            "invalid_choice": _("Choose what you ask for."),
        },
    )
    reference = forms.CharField(
        label=_("Your reference"), max_length=80, required=False, help_text=_("The citizen does not see it.")
    )

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usable = organisation.request_templates.filter(approved_at__isnull=False, retired_at__isnull=True)
        self.fields["template"].queryset = usable.order_by("name")  # type: ignore[attr-defined]  # a ModelChoiceField


class WalletLinkForm(forms.Form):
    link = forms.CharField(
        label=_("Link of the request"),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        max_length=4096,
        error_messages={"required": _("Paste the link of the request.")},
        help_text=_("It begins with openid4vp:// and stands beside the QR code."),
    )


class RecipientKeyForm(forms.Form):
    label = forms.CharField(
        label=_("Name of the key"), max_length=80, error_messages={"required": _("Give the key a name.")}
    )
    public_jwk = forms.CharField(
        label=_("Public key (JWK)"),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        max_length=4000,
        error_messages={"required": _("Paste a public P-256 key for encryption, as a JWK.")},
        help_text=_("A P-256 key for encryption. Never paste a private key."),
    )

    def clean_public_jwk(self) -> dict[str, Any]:
        try:
            return json_object(self.cleaned_data["public_jwk"])
        except EncodingError:
            raise forms.ValidationError(_("Paste a public P-256 key for encryption, as a JWK.")) from None


class ApiKeyForm(forms.Form):
    label = forms.CharField(
        label=_("What the key is for"), max_length=80, error_messages={"required": _("Say what the key is for.")}
    )


class WebhookForm(forms.Form):
    """An address of the owner's, and the events of which it is told; *audience* is what kind of owner it is."""

    url = forms.CharField(
        label=_("Address of your server"),
        max_length=MAX_URL,
        widget=forms.URLInput,
        help_text=_("A public https address."),
        error_messages={"required": _("Enter a public https address, without user name and password.")},
    )
    events = forms.MultipleChoiceField(
        label=_("What you want to be told of"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one of the events that are offered.")},
    )

    def __init__(self, *args: Any, audience: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(name, KINDS[name].text) for name in subscribable(audience)]
        self.fields["events"].choices = choices  # type: ignore[attr-defined]  # a Field is a ChoiceField here

    def show_errors(self, fields: dict[str, list[str]]) -> None:
        """Put the refusals of the verb beside the fields they are about."""
        for name, texts in fields.items():
            self.add_error(name, texts)
