"""What templates need beyond Django: texts in four languages, claim values, moments, tags, QR codes, navigation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import segno
from django import template
from django.forms import BoundField, CheckboxSelectMultiple, RadioSelect
from django.template.context import Context
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import get_language, gettext

from config.navigation import Link, audience_of, links_for
from identity.languages import localised as choose_text

register = template.Library()

LONG_SPAN_SECONDS = 120
MACAU = ZoneInfo("Asia/Macau")
# Django's English format puts the month first, which readers elsewhere take for the day.
DATE_FORMATS = {"en": "j F Y"}


@register.filter
def localised(texts: Mapping[str, str] | str | None) -> str:
    """Return the text in the page's language; a plain string stays as it is."""
    return choose_text(texts) if isinstance(texts, Mapping) else texts or ""


@register.filter
def claim_value(value: Any) -> str:
    """Return a claim as a person reads it, never as Python or JSON writes it."""
    if value is None or value in ("", [], {}):
        return gettext("Not provided")
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, Mapping):
        return _join(choose_text(value) if "zh-hant" in value else [claim_value(part) for part in value.values()])
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _join([claim_value(part) for part in value])
    return day(value)


def _join(parts: str | list[str]) -> str:
    return parts if isinstance(parts, str) else gettext(", ").join(parts)


@register.filter
def day(value: Any) -> str:
    """Return a date, or an ISO date in a string, in the page's language; anything else as text."""
    if isinstance(value, str) and len(value) == 10:
        try:
            value = date.fromisoformat(value)
        except ValueError:
            return str(value)
    return _format_day(value) if isinstance(value, date) else str(value)


def _format_day(value: date) -> str:
    return date_format(value, DATE_FORMATS.get(get_language() or "", "DATE_FORMAT"))


@register.filter
def moment(value: datetime | None) -> str:
    """Return a time as Macau clocks show it, and say so."""
    if value is None:
        return ""
    local = value.astimezone(MACAU)
    return gettext("%(day)s, %(time)s (Macau time)") % {"day": _format_day(local), "time": f"{local:%H:%M}"}


@register.filter
def grouped(value: int) -> str:
    """Return a number in groups of three, parted by the narrow space that every language understands."""
    return f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


@register.filter
def span(seconds: float) -> str:
    """Return a length of time: in seconds while that is easily read, then in the page's language."""
    if seconds < LONG_SPAN_SECONDS:
        return f"{seconds:.0f}\N{NO-BREAK SPACE}s"
    now = timezone.now()
    return timesince(now - timedelta(seconds=seconds), now)


@register.simple_tag
def tag(text: Any, colour: str = "") -> SafeString:
    """Return a status tag. Colours: grey, green, teal, blue, purple, magenta, red, orange, yellow."""
    return format_html('<strong class="govuk-tag{}">{}</strong>', f" govuk-tag--{colour}" if colour else "", text)


@register.simple_tag
def qr(text: str, alt: Any, css_class: str = "qr") -> SafeString:
    """Return a QR code of *text* as an image; *alt* says what scanning it does. Nothing, where it is too long for one."""
    try:
        source = segno.make(text, error="m", micro=False).svg_data_uri(border=4, light="#fff", omitsize=True)
    except segno.DataOverflowError:
        return SafeString()
    return format_html('<img class="{}" src="{}" alt="{}" width="240" height="240">', css_class, source, alt)


@register.simple_tag
def control(field: BoundField, css_class: str = "", described_by: str = "") -> SafeString:
    """Return the form control alone, with our class and the ids of its hint and error."""
    attrs: dict[str, Any] = {"placeholder": False}  # a placeholder vanishes when it is needed; the label stays
    if css_class:
        own = field.field.widget.attrs.get("class", "")
        error = f" {css_class.split(maxsplit=1)[0]}--error" if field.errors else ""
        attrs["class"] = f"{css_class}{error} {own}".strip()
    if described_by:
        attrs["aria-describedby"] = described_by
    return field.as_widget(attrs=attrs)


@register.filter
def first_control_id(field: BoundField) -> str:
    """Return the id an error summary links to: the first box of a group, or the control itself."""
    widget = field.field.widget
    is_group = isinstance(widget, RadioSelect | CheckboxSelectMultiple)
    return f"{field.auto_id}_0" if is_group else str(field.id_for_label)


@register.simple_tag(takes_context=True)
def navigation(context: Context, audience: str = "") -> dict[str, Any]:
    """Return the audience of this page and the links of its navigation; *audience* overrides the path's prefix."""
    request = context.get("request")
    chosen = audience or (audience_of(request.path) if request else "public")
    links: list[Link] = links_for(chosen, request) if request else []
    return {"audience": chosen, "links": links}
