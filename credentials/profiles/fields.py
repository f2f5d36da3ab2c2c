"""The few building blocks of which a certificate type's claims are made: what is asked, how it is named, what is hidden.

A claim carries its JSON Schema fragment, so that the form, the schema and the disclosure policy cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | None, ...]
Texts = dict[str, str]

SELECTIVE = "selective"
ALWAYS = "always"

# No control, zero-width, line-separator or direction-changing characters: a value reads on paper as it is stored.
PLAIN_TEXT = (
    "^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]*"
    "[^\\s\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]"
    "[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]*$"
)
ISO_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim: its specification as stored with the type, its schema fragment, and whether it must be present."""

    spec: dict[str, Any]
    schema: dict[str, Any]
    required: bool = True

    @property
    def path(self) -> Path:
        return tuple(self.spec["path"])


@dataclass(frozen=True, slots=True)
class Profile:
    """One version of one certificate type, as data."""

    slug: str
    version: int
    agency: str
    number_prefix: str
    validity_days: int
    name: Texts
    description: Texts
    claims: tuple[Claim, ...] = field(default=())
    # How much can be redeemed of each certificate; None where using it does not use it up.
    units: int | None = None


def texts(zh_hant: str, zh_hans: str, pt: str, en: str) -> Texts:
    return {"zh-hant": zh_hant, "zh-hans": zh_hans, "pt": pt, "en": en}


def text(
    path: Path,
    label: Texts,
    *,
    required: bool = True,
    max_length: int = 100,
    pattern: str = PLAIN_TEXT,
    disclosure: str = SELECTIVE,
    hint: Texts | None = None,
    widget: str = "text",
    initial: str | None = None,
) -> Claim:
    """A line of text; ``initial`` names the proven identity value that a new draft starts with."""
    schema = {"type": "string", "minLength": 1, "maxLength": max_length, "pattern": pattern}
    return Claim(_spec(path, label, widget, disclosure, hint=hint, initial=initial), schema, required)


def date(
    path: Path,
    label: Texts,
    *,
    required: bool = True,
    is_past: bool = True,
    source: str | None = None,
    disclosure: str = SELECTIVE,
) -> Claim:
    """A calendar date; ``is_past`` refuses one after today; ``source`` names the proven identity value it must equal."""
    spec = _spec(path, label, "date", disclosure, is_past=is_past or None, source=source)
    return Claim(spec, {"type": "string", "format": "date", "pattern": ISO_DATE}, required)


def choice(
    path: Path, label: Texts, options: dict[str, Texts], *, required: bool = True, disclosure: str = SELECTIVE
) -> Claim:
    listed = [{"value": value, "label": option} for value, option in options.items()]
    return Claim(_spec(path, label, "select", disclosure, options=listed), {"enum": list(options)}, required)


def group(path: Path, label: Texts, *, required: bool = True, disclosure: str = SELECTIVE) -> Claim:
    """An object; its members are claims of their own with longer paths."""
    schema = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
    return Claim(_spec(path, label, "group", disclosure), schema, required)


def rows(path: Path, label: Texts, *, most: int, required: bool = True, disclosure: str = SELECTIVE) -> Claim:
    """An array of at most *most* items; the item itself is the claim at ``(*path, None)``."""
    schema = {"type": "array", "minItems": 1, "maxItems": most}
    return Claim(_spec(path, label, "rows", disclosure, most=most), schema, required)


def derived(path: Path, label: Texts, rule: str, schema: dict[str, Any]) -> Claim:
    """A claim computed at issue by the rule of that name; nobody types it."""
    return Claim(_spec(path, label, None, SELECTIVE, derived=rule), schema, required=False)


def certificate_number() -> Claim:
    label = texts("證明編號", "证明编号", "Número do certificado", "Certificate number")
    return derived(("certificate_number",), label, "certificate_number", {"type": "string", "maxLength": 40})


def _spec(path: Path, label: Texts, widget: str | None, disclosure: str, **more: Any) -> dict[str, Any]:
    spec = {"path": list(path), "label": label, "disclosure": disclosure, "widget": widget, **more}
    return {name: value for name, value in spec.items() if value is not None}
