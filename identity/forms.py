"""What people type. Rules live in the verbs; a form only collects, and shows the verb's refusals beside its fields."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from identity.documents import DocumentKind
from identity.fields import ThreePartDateField, ThreePartDateWidget
from identity.kyc import MAX_DOCUMENTS
from identity.languages import localised
from identity.models import Agency, Role
from protocol.errors import InvalidInputError


class RefusableForm(forms.Form):
    """A form that can show what a verb refused."""

    def refuse(self, error: InvalidInputError) -> None:
        for name, messages in error.fields.items():
            self.add_error(name if name in self.fields else None, messages)


class NumberForm(RefusableForm):
    document_kind = forms.ChoiceField(
        label=_("Kind of document"), choices=DocumentKind.choices, widget=forms.RadioSelect, initial="resident_card"
    )
    identity_number = forms.CharField(
        label=_("Number of the document"),
        help_text=_("As on the document, for example 1234567(8)"),
        max_length=40,
        error_messages={"required": _("Enter the number of the document")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "govuk-input--width-20"}),
    )


class IdentityForm(NumberForm):
    """What an applicant states about themselves."""

    name = forms.CharField(
        label=_("Name in Chinese"),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name", "lang": "zh-Hant"}),
    )
    name_latin = forms.CharField(
        label=_("Name in Latin letters"),
        max_length=120,
        error_messages={"required": _("Enter the name in Latin letters")},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    birth_date = ThreePartDateField(
        label=_("Date of birth"), widget=ThreePartDateWidget(attrs={"autocomplete": "bday"})
    )
    agency = forms.ModelChoiceField(
        label=_("Department that checks it"), queryset=Agency.objects.none(), to_field_name="slug", empty_label=None
    )

    field_order = ["name", "name_latin", "document_kind", "identity_number", "birth_date", "agency"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        agency: Any = self.fields["agency"]
        agency.queryset = Agency.objects.order_by("pk")
        agency.label_from_instance = lambda row: localised(row.name)

    def identity(self) -> dict[str, Any]:
        """Return the stated identity as verbs take it."""
        stated = {name: value for name, value in self.cleaned_data.items() if name != "agency"}
        return {**stated, "birth_date": stated["birth_date"].isoformat()}


class _ManyFiles(forms.ClearableFileInput):
    allow_multiple_selected = True
    template_name = "django/forms/widgets/file.html"


class _ManyImages(forms.FileField):
    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        files = (list(data) or [None]) if isinstance(data, list | tuple) else [data]
        return [super(_ManyImages, self).clean(file, initial) for file in files]


class ImagesForm(RefusableForm):
    kind = forms.ChoiceField(
        label=_("What the images show"),
        choices=[
            ("front", _("Front of the document")),
            ("back", _("Back of the document")),
            ("other", _("Other page")),
        ],
    )
    images = _ManyImages(
        label=_("Images"),
        help_text=_("JPEG or PNG, up to 5 MB each and 6 MB at a time. You can upload several times."),
        # Django drops every file of a request that is too large, so the two cases look alike here.
        error_messages={"required": _("Choose at least one image, and not more than 6 MB at a time")},
        widget=_ManyFiles(attrs={"accept": "image/jpeg,image/png"}),
    )

    def contents(self) -> list[bytes]:
        return [file.read() for file in self.cleaned_data["images"][: MAX_DOCUMENTS + 1]]


class RefusalForm(RefusableForm):
    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("The applicant reads it: say what to do differently"),
        max_length=500,
        error_messages={"required": _("Enter a reason that the applicant can act on")},
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class RoleForm(RefusableForm):
    email = forms.EmailField(
        label=_("Email address of the account"),
        error_messages={"required": _("Enter the email address that the account signs in with")},
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    name = forms.ChoiceField(
        label=_("Role"),
        choices=Role.Name.choices,
        error_messages={"required": _("Choose a role")},
        widget=forms.RadioSelect,
    )


class AgencyKeyForm(forms.Form):
    """What one API key of an agency is for."""

    label = forms.CharField(
        label=_("What the key is for"), max_length=80, error_messages={"required": _("Say what the key is for.")}
    )
