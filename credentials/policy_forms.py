"""What members of verifier organisations fill in to say what they demand of a presentation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from credentials.models import CredentialType
from credentials.policy import DEFAULT, MAX_AGE_SECONDS
from credentials.stored_policies import NAME
from credentials.verify_request import MAX_RETAIN_DAYS
from identity.languages import localised
from protocol.errors import InvalidInputError
from protocol.quorum import MAX_POLICY_BYTES

_HANDLINGS = (("report", _("Leave it to you")), ("reject", _("Do not accept")))


class RulesForm(forms.Form):
    """One version of a policy. Its rules are those of a request to verify."""

    accepted_types = forms.MultipleChoiceField(
        label=_("Kinds of certificate that you accept"),
        help_text=_("Leave all of them empty to accept every kind."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    accepted_issuers = forms.CharField(
        label=_("Issuers that you accept"),
        help_text=_("One identifier on each line. Leave empty to accept every trusted issuer."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    require_key_binding = forms.BooleanField(label=_("The holder must have signed it"), required=False)
    max_key_binding_age = forms.IntegerField(
        label=_("How old the holder's signature may be, in seconds"),
        min_value=1,
        max_value=MAX_AGE_SECONDS,
        initial=DEFAULT.max_key_binding_age,
        error_messages={"required": _("Enter how old the holder's signature may be.")},
    )
    max_status_age = forms.IntegerField(
        label=_("How old the status may be, in seconds"),
        help_text=_("Leave empty to accept whatever the issuer allows."),
        required=False,
        min_value=1,
        max_value=MAX_AGE_SECONDS,
    )
    require_anchor = forms.BooleanField(label=_("It must stand in the public log"), required=False)
    quorum = forms.CharField(
        label=_("Which logs, witnesses and ledgers are enough"),
        help_text=_(
            "A quorum policy, or “default” for the one that this service recommends. Leave empty to ask for none."
        ),
        required=False,
        max_length=MAX_POLICY_BYTES,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
    )
    undetermined = forms.ChoiceField(
        label=_("When something could not be checked"), choices=_HANDLINGS, initial="report", widget=forms.RadioSelect
    )
    retention_days = forms.IntegerField(
        label=_("For how many days a report may be kept at most"),
        help_text=_(
            "Leave empty to set no limit besides that of your templates. Nothing is kept unless you ask for it."
        ),
        required=False,
        min_value=0,
        max_value=MAX_RETAIN_DAYS,
    )

    def __init__(self, *args: Any, rules: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update(_as_entered(rules or {}))
        known = _known_types()
        missing = [vct for vct in self.initial.get("accepted_types", []) if vct not in known]
        choices = [*known.items(), *((vct, vct) for vct in missing)]
        self.fields["accepted_types"].choices = choices  # type: ignore[attr-defined]  # a Field is a ChoiceField here

    def rules(self) -> dict[str, Any]:
        """Return the rules as a request to verify holds them, without what was left empty or as it is anyway."""
        entered = {name: self.cleaned_data[name] for name in _MEMBERS}
        entered["accepted_issuers"] = entered["accepted_issuers"].split()
        return {name: value for name, value in entered.items() if value and value != getattr(DEFAULT, name)}

    def refuse(self, error: InvalidInputError) -> None:
        """Put the refusals of the verb beside the fields they are about."""
        for name, texts in error.fields.items():
            field = name.removeprefix("policy.")
            self.add_error(field if field in self.fields else None, [str(text) for text in texts])


class PolicyForm(RulesForm):
    """A new policy: its name as well."""

    name = forms.RegexField(
        regex=NAME,
        label=_("Name of the policy"),
        help_text=_("Your software names it. Lower-case letters, digits and hyphens."),
        max_length=60,
        error_messages={
            "required": _("Enter a name for the policy."),
            "invalid": _("Use only lower-case letters, digits and hyphens."),
        },
    )
    field_order = ("name",)

    def refuse_name(self) -> None:
        self.add_error("name", _("There is a policy of this name. Choose another."))


_MEMBERS = (
    "accepted_types",
    "accepted_issuers",
    "require_key_binding",
    "max_key_binding_age",
    "max_status_age",
    "require_anchor",
    "quorum",
    "undetermined",
)


def _known_types() -> dict[str, str]:
    types = CredentialType.objects.filter(is_active=True).order_by("slug", "version")
    return {kind.vct: f"{localised(kind.name)} · {kind.version}" for kind in types}


def _as_entered(rules: Mapping[str, Any]) -> dict[str, Any]:
    issuers: Iterable[str] = rules.get("accepted_issuers", ())
    return {**rules, "accepted_issuers": "\n".join(issuers)}
