"""Form fields that people of any language fill in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.datastructures import MultiValueDict
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

PARTS = ("day", "month", "year")
# The order in which the boxes stand on the page: a reader never has to guess which number is the month.
YEAR_FIRST = ("year", "month", "day")
PART_LABELS = {"day": _("Day"), "month": _("Month"), "year": _("Year")}


class ThreePartDateWidget(forms.Widget):
    """Three labelled boxes; what was typed comes back as typed."""

    template_name = "forms/widgets/date.html"
    use_fieldset = True

    def parts(self) -> tuple[str, ...]:
        return YEAR_FIRST if (get_language() or "").startswith("zh") else PARTS

    def id_for_label(self, id_: str, index: str | None = None) -> str:
        return f"{id_}_{self.parts()[0]}" if id_ else id_

    def value_from_datadict(
        self,
        data: Mapping[str, Any],
        files: MultiValueDict[str, Any],
        name: str,
    ) -> dict[str, str] | str | None:
        if name in data:  # a prepared value, such as an ISO date in a saved draft
            return str(data[name])
        return {part: str(data.get(f"{name}_{part}", "")).strip() for part in PARTS}

    def value_omitted_from_data(
        self,
        data: Mapping[str, Any],
        files: MultiValueDict[str, Any],
        name: str,
    ) -> bool:
        return name not in data and not any(f"{name}_{part}" in data for part in PARTS)

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, None, attrs)
        texts = _texts(value)
        identifier = context["widget"]["attrs"].get("id", f"id_{name}")
        autocomplete = self.attrs.get("autocomplete")
        context["widget"]["is_invalid"] = bool(context["widget"]["attrs"].get("aria-invalid"))
        context["widget"]["parts"] = [
            {
                "id": f"{identifier}_{part}",
                "name": f"{name}_{part}",
                "label": PART_LABELS[part],
                "value": texts.get(part, ""),
                "digits": 4 if part == "year" else 2,
                "autocomplete": f"{autocomplete}-{part}" if autocomplete else "",
            }
            for part in self.parts()
        ]
        return context


def _texts(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            return {}
    if isinstance(value, date):
        return {part: str(getattr(value, part)) for part in PARTS}
    return dict(value) if isinstance(value, Mapping) else {}


class ThreePartDateField(forms.Field):
    """A calendar date; cleaned to `datetime.date` or None. `autocomplete="bday"` on the widget fills a birth date."""

    widget = ThreePartDateWidget
    default_error_messages: ClassVar[dict[str, Any]] = {
        "required": _("Enter the day, month and year"),
        "incomplete": _("The date must include a day, a month and a year"),
        "invalid": _("Enter a real date, such as 31 3 2027"),
    }

    def to_python(self, value: Any) -> date | None:
        if value is None or isinstance(value, date):
            return value
        parts = value if isinstance(value, Mapping) else _texts(value)
        typed = [parts.get(part, "") for part in PARTS]
        if not any(typed):
            if isinstance(value, str) and value:
                raise ValidationError(self.error_messages["invalid"], code="invalid")
            return None
        if not all(typed):
            raise ValidationError(self.error_messages["incomplete"], code="incomplete")
        return self._real_date(*typed)

    def _real_date(self, day: str, month: str, year: str) -> date:
        is_plain = len(year) == 4 and all(part.isdecimal() for part in (day, month, year))
        try:
            found = date(int(year), int(month), int(day)) if is_plain else None
        except ValueError:
            found = None
        if found is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return self.to_python(initial) != self.to_python(data)
        except ValidationError:
            return True
