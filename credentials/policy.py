"""What a caller of verification may ask for beyond the rules that always hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from credentials.errors import PolicyInvalidError
from protocol.errors import QuorumPolicyError
from protocol.quorum import MAX_POLICY_BYTES, QuorumPolicy
from protocol.quorum import parse_policy as parse_quorum_text

MAX_AGE_SECONDS = 31_622_400
MAX_ISSUERS = 100
MAX_ISSUER_LENGTH = 300
# In place of a policy text: the one that this deployment recommends.
DEFAULT_QUORUM = "default"


@dataclass(frozen=True, slots=True)
class Policy:
    """``max_status_age`` and ``max_key_binding_age`` in seconds; ``accepted_issuers`` None accepts all that are trusted.

    ``quorum`` says whose logs and attestations are enough; None asks for no more than our own log.
    """

    require_anchor: bool = False
    require_key_binding: bool = False
    max_status_age: int | None = None
    max_key_binding_age: int = 300
    accepted_issuers: frozenset[str] | None = None
    quorum: QuorumPolicy | None = None

    @property
    def demands_anchor(self) -> bool:
        """Whether a certificate of which nobody can say that it is in the log may not pass as valid."""
        return self.require_anchor or self.quorum is not None


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
    issuers, quorum = value.get("accepted_issuers"), value.get("quorum")
    plain = {name: item for name, item in value.items() if name not in {"accepted_issuers", "quorum"}}
    return Policy(
        **plain,
        accepted_issuers=None if issuers is None else frozenset(issuers),
        quorum=None if quorum is None else _parse_quorum(quorum, default_quorum),
    )


def _parse_quorum(text: str, default_quorum: Callable[[], str] | None) -> QuorumPolicy:
    try:
        return parse_quorum(default_quorum() if text == DEFAULT_QUORUM and default_quorum else text)
    except QuorumPolicyError as error:
        raise PolicyInvalidError("policy.quorum", fields={"policy.quorum": [error.detail]}) from None


@lru_cache(maxsize=16)
def parse_quorum(text: str) -> QuorumPolicy:
    """As protocol.quorum.parse_policy: callers send the same policy with every request."""
    return parse_quorum_text(text)


_EXPECTED = {
    "require_anchor": "true or false",
    "require_key_binding": "true or false",
    "max_status_age": f"whole seconds, 1 to {MAX_AGE_SECONDS}",
    "max_key_binding_age": f"whole seconds, 1 to {MAX_AGE_SECONDS}",
    "accepted_issuers": f"a list of 1 to {MAX_ISSUERS} issuer identifiers",
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
    return name == "accepted_issuers" and _is_issuer_list(value)


def _is_issuer_list(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 1 <= len(value) <= MAX_ISSUERS
        and all(isinstance(item, str) and 0 < len(item) <= MAX_ISSUER_LENGTH for item in value)
    )
