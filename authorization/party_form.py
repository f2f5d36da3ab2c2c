"""What an organisation fills in about a system of its own that shall have citizens signed in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from authorization.items import label_of
from authorization.models import RelyingParty, RequestTemplate
from authorization.oidc.parties import MAX_NAME
from authorization.requests import asked_credential
from identity.languages import localised
from protocol.disclosure import Path
from protocol.encoding import json_loads
from protocol.errors import JsonError
from protocol.openid_connect import is_claim_name


class PartyForm(forms.Form):
    """One system; a field for each item of *template* says under which name the item is passed on."""

    name = forms.CharField(
        label=_("Name of the system"),
        max_length=MAX_NAME,
        help_text=_("Citizens read it when they sign in."),
        error_messages={"required": _("Enter a name for the system.")},
    )
    method = forms.ChoiceField(
        label=_("How the system proves itself"),
        choices=RelyingParty.Method.choices,
        initial=RelyingParty.Method.SECRET,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how the system proves itself.")},
    )
    redirect_uris = forms.CharField(
        label=_("Addresses to which citizens come back"),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        max_length=8000,
        help_text=_("One a line, exactly as the system sends them."),
        error_messages={"required": _("Enter https addresses without a fragment, one a line.")},
    )
    keys = forms.CharField(
        label=_("Public keys of the system (JWK set)"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        max_length=8000,
        help_text=_("Only for a key of its own. Never paste a private key."),
    )

    def __init__(self, *args: Any, template: RequestTemplate, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.paths: dict[str, Path] = {}
        for position, claim in enumerate(asked_credential(template).claims):
            field = f"claim_{position}"
            self.paths[field] = claim.path
            self.fields[field] = forms.CharField(
                label=localised(label_of(template.credential_type, claim.path)),
                required=False,
                max_length=100,
                initial=_usual_name(claim.path),
                help_text=_("Name of the claim; empty to pass it on under none."),
            )

    def clean_redirect_uris(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["redirect_uris"].splitlines() if line.strip()]

    def clean_keys(self) -> list[dict[str, Any]]:
        text = self.cleaned_data["keys"].strip()
        if not text:
            return []
        try:
            value = json_loads(text.encode())
        except JsonError:
            value = None
        keys = value.get("keys", [value]) if isinstance(value, dict) else value
        if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
            raise forms.ValidationError(_("Paste public P-256 keys as JWKs."))
        return keys

    def claim_names(self) -> dict[Path, str]:
        given = {path: self.cleaned_data[field].strip() for field, path in self.paths.items()}
        return {path: name for path, name in given.items() if name}

    def show_errors(self, fields: dict[str, list[str]]) -> None:
        """Put the refusals of the verb beside the fields they are about."""
        for name, messages in fields.items():
            field = next(iter(self.paths)) if name == "claim_names" else name
            for message in messages:
                self.add_error(field if field in self.fields else None, message)


def _usual_name(path: Path) -> str:
    name = next((step for step in reversed(path) if isinstance(step, str)), "")
    return name if is_claim_name(name) else ""
