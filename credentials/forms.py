"""Forms for clerks. The form for a certificate is made from its type; the rules stay in the type's schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from credentials.applications import REASON_LENGTH
from credentials.claim_paths import FoundPath, dotted, nest, values_at
from credentials.display import label_of
from credentials.models import CredentialType, StatusChange
from credentials.revocation import REASONS, State
from identity.fields import ThreePartDateField
from identity.languages import localised
from protocol.errors import InvalidInputError

_MOST_RADIOS = 3


def posted(request: HttpRequest) -> tuple[Any, Any]:
    """Return what a form is bound to: the data and files of a POST, even an empty one, and nothing otherwise."""
    return (request.POST, request.FILES) if request.method == "POST" else (None, None)


class ClaimsForm(forms.Form):
    """What a clerk enters for one certificate. Field names are dotted claim paths."""

    def __init__(self, credential_type: CredentialType, claims: Mapping[str, Any], data: Any = None) -> None:
        super().__init__(data)
        self._paths: dict[str, FoundPath] = {}
        for path, spec in _entered(credential_type):
            name = dotted(path)
            self._paths[name] = path
            self.fields[name] = _field(credential_type, path, spec)
            self.initial[name] = next((value for _, value in values_at(claims, path)), None)

    def claims(self) -> dict[str, Any]:
        """Return the nested claims of what was filled in."""
        filled = {self._paths[name]: _plain(value) for name, value in self.cleaned_data.items() if value}
        return nest(filled)

    def refuse(self, error: InvalidInputError) -> None:
        """Show each finding beside its field, or beside the first field of the group that it concerns."""
        for name, texts in error.fields.items():
            beneath = next((field for field in self.fields if field.startswith(f"{name}.")), None)
            field = name if name in self.fields else beneath
            self.add_error(field, [f"{self.fields[field].label}: {text}" if field else text for text in texts])


class ReasonForm(forms.Form):
    """Why work is sent back."""

    reason = forms.CharField(
        label=_("What must change"),
        help_text=_("The clerk who prepared it reads this."),
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class StatusForm(forms.Form):
    """Why a certificate's status changes."""

    reason = forms.ChoiceField(label=_("Reason"), widget=forms.RadioSelect)

    def __init__(self, to_state: State, data: Any = None) -> None:
        super().__init__(data)
        field: Any = self.fields["reason"]
        field.choices = [(reason.value, StatusChange.Reason(reason).label) for reason in REASONS[to_state]]


class TypeForm(forms.Form):
    """Which kind of certificate."""

    credential_type = forms.ChoiceField(label=_("Kind of certificate"), widget=forms.RadioSelect)

    def __init__(self, types: list[CredentialType], data: Any = None) -> None:
        super().__init__(data)
        field: Any = self.fields["credential_type"]
        field.choices = [(row.slug, localised(row.name)) for row in types]


class PresentationForm(forms.Form):
    """A certificate to check: pasted, scanned or as a file."""

    presentation = forms.CharField(
        label=_("Text of the certificate"),
        help_text=_("Paste what you received. It begins with letters and holds the ~ sign."),
        required=False,
        strip=True,
        max_length=1_000_000,
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "autocomplete": "off"}),
    )
    file = forms.FileField(
        label=_("Or a file"),
        help_text=_("A file that ends in .txt, .jwt or .json, up to 1 MB."),
        required=False,
        widget=forms.FileInput(attrs={"accept": ".txt,.jwt,.json"}),
    )


def _entered(credential_type: CredentialType) -> Iterator[tuple[FoundPath, dict[str, Any]]]:
    """Yield every place that a clerk fills in, list items one by one up to the most that the type allows."""
    most = {tuple(spec["path"]): spec["most"] for spec in credential_type.claims if "most" in spec}
    listed: dict[tuple[Any, ...], list[tuple[FoundPath, dict[str, Any]]]] = {}
    for spec in credential_type.claims:
        path = tuple(spec["path"])
        if spec.get("widget") in {None, "group", "rows"} or "source" in spec:
            continue
        if None not in path:
            yield path, spec
            continue
        # Row by row, as they stand on the page, and not column by column, as the type lists them.
        array = path[: path.index(None)]
        listed.setdefault(array, []).append((path, spec))
        if _is_last_of(credential_type, array, path):
            for index in range(most[array]):
                yield from (((*array, index, *item[len(array) + 1 :]), inner) for item, inner in listed[array])


def _is_last_of(credential_type: CredentialType, array: tuple[Any, ...], path: tuple[Any, ...]) -> bool:
    inside = [tuple(spec["path"]) for spec in credential_type.claims if tuple(spec["path"])[: len(array)] == array]
    return inside[-1] == path


def _field(credential_type: CredentialType, path: FoundPath, spec: Mapping[str, Any]) -> forms.Field:
    label = label_of(credential_type.claims, path)
    common: dict[str, Any] = {
        "label": label,
        "help_text": localised(spec.get("hint", {})),
        "required": _is_demanded(credential_type.schema, path),
        "error_messages": {"required": f"{label}: {gettext('Enter this.')}"},
    }
    if spec["widget"] == "date":
        return ThreePartDateField(**common)
    if spec["widget"] == "select":
        return _choice(spec, common, is_listed=any(isinstance(step, int) for step in path))
    attrs = {"autocomplete": "off"}
    widget = (
        forms.Textarea(attrs={"rows": 3, **attrs}) if spec["widget"] == "textarea" else forms.TextInput(attrs=attrs)
    )
    return forms.CharField(**common, widget=widget, max_length=_fragment(credential_type.schema, path)["maxLength"])


def _choice(spec: Mapping[str, Any], common: dict[str, Any], *, is_listed: bool) -> forms.Field:
    options = [(option["value"], localised(option["label"])) for option in spec["options"]]
    if len(options) <= _MOST_RADIOS and not is_listed:
        return forms.ChoiceField(**common, choices=options, widget=forms.RadioSelect)
    return forms.ChoiceField(**common, choices=[("", _("Choose one")), *options])


def _is_demanded(schema: Mapping[str, Any], path: FoundPath) -> bool:
    """Must this place be filled whatever else is? The second item of a list need not be."""
    node = schema
    for step in path:
        if isinstance(step, int):
            if step > 0:
                return False
            node = node["items"]
            continue
        if step not in node["required"]:
            return False
        node = node["properties"][step]
    return True


def _fragment(schema: Mapping[str, Any], path: FoundPath) -> Mapping[str, Any]:
    for step in path:
        schema = schema["items"] if isinstance(step, int) else schema["properties"][step]
    return schema


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
