"""What a caller of verification may ask for beyond the rules that always hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, get_args

from credentials.errors import PolicyInvalidError
from protocol.errors import QuorumPolicyError
from protocol.quorum import MAX_POLICY_BYTES, QuorumPolicy
from protocol.quorum import parse_policy as parse_quorum_text

MAX_AGE_SECONDS = 31_622_400
MAX_ISSUERS = 100
MAX_ISSUER_LENGTH = 300
MAX_TYPES = 100
MAX_TYPE_LENGTH = 2048
# In place of a policy text: the one that this deployment recommends.
DEFAULT_QUORUM = "default"

# What becomes of a verdict of "undetermined": left to the caller, or refused.
Undetermined = Literal["report", "reject"]
HANDLINGS: Final = get_args(Undetermined)


@dataclass(frozen=True, slots=True)
class Policy:
    """``max_status_age`` and ``max_key_binding_age`` in seconds; ``accepted_issuers`` None accepts all that are trusted,
    and ``accepted_types`` None all that those may issue.

    ``quorum`` says whose logs and attestations are enough; None asks for no more than our own log.
    """

    require_anchor: bool = False
    require_key_binding: bool = False
    max_status_age: int | None = None
    max_key_binding_age: int = 300
    accepted_issuers: frozenset[str] | None = None
    accepted_types: frozenset[str] | None = None
    quorum: QuorumPolicy | None = None
    undetermined: Undetermined = "report"

    @property
    def demands_anchor(self) -> bool:
        """Whether a certificate of which nobody can say that it is in the log may not pass as valid."""
        return self.require_anchor or self.quorum is not None

    def accepts(self, verdict: str) -> bool | None:
        """Return whether *verdict* is good enough; None where it is open, and the policy leaves it to the caller."""
        if verdict == "undetermined":
            return None if self.undetermined == "report" else False
        return verdict == "valid"


DEFAULT = Policy()


def parse_policy(value: Any, *, default_quorum: Callable[[], str] | None = None) -> Policy:
    """Return the policy in the JSON object *value*. Raises PolicyInvalidError naming each wrong member.

    *default_quorum* returns the text that ``"quorum": "default"`` stands for; without it, there is no such name.
    """
    if value is None:
        return DEFAULT
    if not isinstance(value, Mapping):
        raise PolicyInvalidError(fields={"policy": ["an object"]})
    wrong = {f"policy.{name}": [_EXPECTED.get(name, "unknown member")] for name in value if not _is_sound(name, value)}
    if wrong:
        raise PolicyInvalidError(", ".join(sorted(wrong)), fields=wrong)
    given: dict[str, Any] = {name: frozenset(item) if name in _LISTS else item for name, item in value.items()}
    if "quorum" in given:
        given["quorum"] = _parse_quorum(value["quorum"], default_quorum)
    return Policy(**given)


def _parse_quorum(text: str, default_quorum: Callable[[], str] | None) -> QuorumPolicy:
    try:
        return parse_quorum(default_quorum() if text == DEFAULT_QUORUM and default_quorum else text)
    except QuorumPolicyError as error:
        raise PolicyInvalidError("policy.quorum", fields={"policy.quorum": [error.detail]}) from None


@lru_cache(maxsize=16)
def parse_quorum(text: str) -> QuorumPolicy:
    """As protocol.quorum.parse_policy: callers send the same policy with every request."""
    return parse_quorum_text(text)


# Members that are lists of text: how many, and how long each.
_LISTS: Final = {"accepted_issuers": (MAX_ISSUERS, MAX_ISSUER_LENGTH), "accepted_types": (MAX_TYPES, MAX_TYPE_LENGTH)}
_EXPECTED = {
    "require_anchor": "true or false",
    "require_key_binding": "true or false",
    "max_status_age": f"whole seconds, 1 to {MAX_AGE_SECONDS}",
    "max_key_binding_age": f"whole seconds, 1 to {MAX_AGE_SECONDS}",
    "accepted_issuers": f"a list of 1 to {MAX_ISSUERS} issuer identifiers",
    "accepted_types": f"a list of 1 to {MAX_TYPES} types (vct)",
    "undetermined": " or ".join(HANDLINGS),
    "quorum": f"a quorum policy of at most {MAX_POLICY_BYTES} bytes, or {DEFAULT_QUORUM!r}",
}


def _is_sound(name: str, policy: Mapping[str, Any]) -> bool:
    value = policy[name]
    if name in {"require_anchor", "require_key_binding"}:
        return isinstance(value, bool)
    if name in {"max_status_age", "max_key_binding_age"}:
        return type(value) is int and 1 <= value <= MAX_AGE_SECONDS
    if name == "quorum":
        return isinstance(value, str) and 0 < len(value) <= MAX_POLICY_BYTES
    if name == "undetermined":
        return isinstance(value, str) and value in HANDLINGS
    return name in _LISTS and _is_list_of_text(value, *_LISTS[name])


def _is_list_of_text(value: Any, most: int, longest: int) -> bool:
    return (
        isinstance(value, list)
        and 1 <= len(value) <= most
        # A stored policy is a column of JSON, which takes everything but NUL.
        and all(isinstance(item, str) and 0 < len(item) <= longest and "\0" not in item for item in value)
    )
