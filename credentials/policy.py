"""What a caller of verification may ask for beyond the rules that always hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from credentials.errors import PolicyInvalidError

MAX_AGE_SECONDS = 31_622_400
MAX_ISSUERS = 100
MAX_ISSUER_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Policy:
    """``max_status_age`` and ``max_key_binding_age`` in seconds; ``accepted_issuers`` None accepts all that are trusted."""

    require_anchor: bool = False
    require_key_binding: bool = False
    max_status_age: int | None = None
    max_key_binding_age: int = 300
    accepted_issuers: frozenset[str] | None = None


DEFAULT = Policy()


def parse_policy(value: Any) -> Policy:
    """Return the policy in the JSON object *value*. Raises PolicyInvalidError naming each wrong member."""
    if value is None:
        return DEFAULT
    if not isinstance(value, Mapping):
        raise PolicyInvalidError(fields={"policy": ["an object"]})
    wrong = {f"policy.{name}": [_EXPECTED.get(name, "unknown member")] for name in value if not _is_sound(name, value)}
    if wrong:
        raise PolicyInvalidError(", ".join(sorted(wrong)), fields=wrong)
    issuers = value.get("accepted_issuers")
    plain = {name: item for name, item in value.items() if name != "accepted_issuers"}
    return Policy(**plain, accepted_issuers=None if issuers is None else frozenset(issuers))


_EXPECTED = {
    "require_anchor": "true or false",
    "require_key_binding": "true or false",
    "max_status_age": f"whole seconds, 1 to {MAX_AGE_SECONDS}",
    "max_key_binding_age": f"whole seconds, 1 to {MAX_AGE_SECONDS}",
    "accepted_issuers": f"a list of 1 to {MAX_ISSUERS} issuer identifiers",
}


def _is_sound(name: str, policy: Mapping[str, Any]) -> bool:
    value = policy[name]
    if name in {"require_anchor", "require_key_binding"}:
        return isinstance(value, bool)
    if name in {"max_status_age", "max_key_binding_age"}:
        return type(value) is int and 1 <= value <= MAX_AGE_SECONDS
    return name == "accepted_issuers" and _is_issuer_list(value)


def _is_issuer_list(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 1 <= len(value) <= MAX_ISSUERS
        and all(isinstance(item, str) and 0 < len(item) <= MAX_ISSUER_LENGTH for item in value)
    )
