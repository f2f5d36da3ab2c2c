"""Claims against a type's JSON Schema (2020-12), with findings that a form can show beside the field they concern."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import jsonschema_rs
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from credentials.claim_paths import dotted, values_at
from credentials.errors import ClaimsInvalidError
from credentials.models import CredentialType

_MESSAGES: dict[str, Promise] = {
    "required": _("Enter this."),
    "minLength": _("Enter this."),
    "maxLength": _("Shorten this."),
    "pattern": _("Use only the characters that this field allows."),
    "format": _("Enter a real date."),
    "enum": _("Choose one of the options."),
    "minItems": _("Add at least one."),
    "maxItems": _("Remove some: there are too many."),
    "additionalProperties": _("This is not part of the certificate."),
}
_OTHER = _("This is not in the right form.")
_FUTURE = _("The date must not be in the future.")
_MISMATCH = _("This does not match the proven identity.")
_RULES = frozenset({"derived", "source", "is_past"})
_COMPUTED = _("This is worked out when the certificate is issued and cannot be entered.")


@dataclass(frozen=True, slots=True)
class TypeRules:
    """A type's schema compiled, and those of its claims that have a rule which no schema can state."""

    validator: jsonschema_rs.Draft202012Validator
    ruled: tuple[dict[str, Any], ...]


def rules_of(credential_type: CredentialType) -> TypeRules:
    """Return the compiled rules, kept with the row: a version in use never changes."""
    held: TypeRules | None = credential_type.__dict__.get("compiled_rules")
    if held is None:
        held = TypeRules(_compile(json.dumps(credential_type.schema, sort_keys=True)), _ruled(credential_type.claims))
        credential_type.__dict__["compiled_rules"] = held
    return held


def check_claims(
    credential_type: CredentialType,
    claims: Mapping[str, Any],
    *,
    identity: Mapping[str, Any] | None = None,
    today: date | None = None,
) -> None:
    """Refuse claims that a clerk may not submit. Raises ClaimsInvalidError.

    *identity* is what proof of identity established; a claim with a source must equal it.
    """
    rules = rules_of(credential_type)
    found = {} if rules.validator.is_valid(claims) else _schema_findings(rules, claims)
    latest = (today or timezone.localdate()).isoformat()
    for spec in rules.ruled:
        for path, value in values_at(claims, spec["path"]):
            problem = _rule_broken(spec, value, identity, latest)
            if problem is not None:
                found.setdefault(dotted(path), problem)
    if found:
        raise ClaimsInvalidError(", ".join(found), fields={name: [str(text)] for name, text in found.items()})


def check_schema(credential_type: CredentialType, claims: Mapping[str, Any]) -> None:
    """Refuse complete claims, computed ones included, that the schema does not admit. Raises ClaimsInvalidError."""
    rules = rules_of(credential_type)
    if not rules.validator.is_valid(claims):
        found = _schema_findings(rules, claims)
        raise ClaimsInvalidError(", ".join(found), fields={name: [str(text)] for name, text in found.items()})


@lru_cache(maxsize=64)
def _compile(schema: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(json.loads(schema), validate_formats=True)


def _ruled(specs: Iterable[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    return tuple(spec for spec in specs if not _RULES.isdisjoint(spec))


def _schema_findings(rules: TypeRules, claims: Mapping[str, Any]) -> dict[str, Promise]:
    found: dict[str, Promise] = {}
    for error in rules.validator.iter_errors(claims):
        rule = str(error.schema_path[-1]) if error.schema_path else ""
        path: list[str | int] = list(error.instance_path)
        if rule == "required":
            path.append(str(error.kind.as_dict()["property"]))
        found.setdefault(dotted(path), _MESSAGES.get(rule, _OTHER))
    return found


def _rule_broken(
    spec: Mapping[str, Any], value: Any, identity: Mapping[str, Any] | None, latest: str
) -> Promise | None:
    if "derived" in spec:
        return _COMPUTED
    source = spec.get("source")
    if source and identity is not None and identity.get(source) and identity[source] != value:
        return _MISMATCH
    # ISO dates sort as text; what is no date is the schema's to refuse.
    if spec.get("is_past") and isinstance(value, str) and value > latest:
        return _FUTURE
    return None
