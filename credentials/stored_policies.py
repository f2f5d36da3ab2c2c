"""Verification policies that an organisation keeps here under a name, in versions that never change.

Whoever verifies names one instead of repeating it: ``"policy": "counter"`` means the newest version,
``{"name": "counter", "version": 2}`` exactly that one. A report that names name and version says for ever what was asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from credentials.errors import (
    ApiKeyMissingError,
    PolicyExistsError,
    PolicyInvalidError,
    PolicyLimitError,
    PolicyMissingError,
    PolicyRetiredError,
)
from credentials.log_evidence import default_quorum, spelled_out
from credentials.models import VerificationPolicy
from credentials.policy import DEFAULT, Policy, parse_policy
from credentials.verify_request import MAX_RETAIN_DAYS
from identity.audit import report
from identity.models import Organisation

MAX_POLICIES = 100
MAX_VERSIONS = 1000
NAME = re.compile(r"\A[a-z0-9][a-z0-9-]{0,59}\Z", re.ASCII)
_REFERENCE = frozenset({"name", "version"})


@dataclass(frozen=True, slots=True)
class Ruling:
    """The policy that a verification follows: parsed, and as JSON; ``stored`` is where it came from, if by name."""

    policy: Policy = DEFAULT
    rules: Mapping[str, Any] | None = None
    stored: VerificationPolicy | None = None

    def describe(self) -> dict[str, Any] | None:
        """Return name and version of a stored policy."""
        return {"name": self.stored.slug, "version": self.stored.version} if self.stored else None


def resolve_policy(value: Any, *, organisation: Organisation | None) -> Ruling:
    """Return the ruling that *value* asks for: None, a policy in full, or a name of *organisation*'s.

    Raises PolicyInvalidError, ApiKeyMissingError for a name without an organisation, and as find_policy.
    """
    if value is None:
        return Ruling()
    if not isinstance(value, str) and not (isinstance(value, Mapping) and "name" in value):
        return Ruling(parse_policy(value, default_quorum=default_quorum), spelled_out(value))
    slug, version = _reference(value)
    if organisation is None:
        raise ApiKeyMissingError("a stored policy is named under an API key")
    stored = find_policy(organisation, slug, version=version)
    if stored.retired_at is not None:
        raise PolicyRetiredError(str(stored))
    return Ruling(parse_policy(stored.rules), stored.rules, stored)


def _reference(value: Any) -> tuple[str, int | None]:
    members: Mapping[str, Any] = {"name": value} if isinstance(value, str) else value
    wrong = {f"policy.{name}": ["unknown member"] for name in members.keys() - _REFERENCE}
    if not isinstance(members["name"], str) or not members["name"]:
        wrong["policy.name"] = ["text"]
    version = members.get("version")
    if version is not None and (type(version) is not int or not 1 <= version <= MAX_VERSIONS):
        wrong["policy.version"] = [f"a whole number, 1 to {MAX_VERSIONS}"]
    if wrong:
        raise PolicyInvalidError(", ".join(sorted(wrong)), fields=wrong)
    return members["name"], version


def find_policy(organisation: Organisation, slug: str, *, version: int | None = None) -> VerificationPolicy:
    """Return a version, retired or not; the newest one unless *version* is given. Raises PolicyMissingError."""
    rows = organisation.verification_policies.filter(slug=slug).order_by("-version")
    # A text with NUL is no name, and no parameter of a query either.
    found = None if "\0" in slug else (rows if version is None else rows.filter(version=version)).first()
    if found is None:
        raise PolicyMissingError(slug[:60])
    found.organisation = organisation
    return found


def newest_policies(organisation: Organisation) -> list[VerificationPolicy]:
    """Return the newest version of each policy, by name."""
    newest = {row.slug: row for row in organisation.verification_policies.order_by("slug", "version")}
    return list(newest.values())


def versions_of(organisation: Organisation, slug: str) -> QuerySet[VerificationPolicy]:
    """Return every version, newest first."""
    return organisation.verification_policies.filter(slug=slug).order_by("-version")


@transaction.atomic
def create_policy(
    *, organisation: Organisation, slug: str, rules: Mapping[str, Any], retention_days: int | None = None, actor: str
) -> VerificationPolicy:
    """Store a policy under a new name. Raises PolicyExistsError, PolicyInvalidError and PolicyLimitError."""
    # Before any query: a text with NUL is no parameter of one.
    _check_name(slug)
    _lock(organisation)
    if organisation.verification_policies.filter(slug=slug).exists():
        raise PolicyExistsError(slug)
    return _add(organisation, _Draft(slug, 1, rules, retention_days), actor)


@transaction.atomic
def revise_policy(
    *, organisation: Organisation, slug: str, rules: Mapping[str, Any], retention_days: int | None = None, actor: str
) -> VerificationPolicy:
    """Store the next version of a policy; one that says the same as the newest is that one, so it may be sent twice.

    A retired policy comes back with its next version. Raises PolicyMissingError, PolicyInvalidError, PolicyLimitError.
    """
    _lock(organisation)
    newest = find_policy(organisation, slug)
    is_same = newest.rules == _checked(rules) and newest.retention_days == retention_days
    if is_same and newest.retired_at is None:
        return newest
    return _add(organisation, _Draft(slug, newest.version + 1, rules, retention_days), actor)


@transaction.atomic
def retire_policy(*, organisation: Organisation, slug: str, actor: str) -> None:
    """End the use of every version; what was verified under one goes on naming it. Raises PolicyMissingError."""
    find_policy(organisation, slug)
    in_use = organisation.verification_policies.filter(slug=slug, retired_at__isnull=True)
    if in_use.update(retired_at=timezone.now()):
        report(actor=actor, action="policy.retired", subject=f"policy:{slug}", organisation=organisation)


def _check_name(slug: str) -> None:
    if not NAME.match(slug):
        raise PolicyInvalidError("name", fields={"name": ["lower-case letters, digits and hyphens, at most 60"]})


def _lock(organisation: Organisation) -> None:
    # Two writers of one organisation wait for each other, so that each finds the other's version.
    Organisation.objects.select_for_update().get(pk=organisation.pk)


class _Draft(NamedTuple):
    slug: str
    version: int
    rules: Mapping[str, Any]
    retention_days: int | None


def _add(organisation: Organisation, draft: _Draft, actor: str) -> VerificationPolicy:
    if draft.version > MAX_VERSIONS or (draft.version == 1 and _names(organisation) >= MAX_POLICIES):
        raise PolicyLimitError(f"at most {MAX_POLICIES} policies of {MAX_VERSIONS} versions")
    if draft.retention_days is not None and not 0 <= draft.retention_days <= MAX_RETAIN_DAYS:
        raise PolicyInvalidError("retention_days", fields={"retention_days": [f"0 to {MAX_RETAIN_DAYS} days"]})
    fields = {**draft._asdict(), "rules": _checked(draft.rules)}
    policy = VerificationPolicy.objects.create(organisation=organisation, **fields)
    report(
        actor=actor,
        action="policy.created",
        subject=f"policy:{draft.slug}",
        organisation=organisation,
        details={"version": draft.version},
    )
    return policy


def _names(organisation: Organisation) -> int:
    return organisation.verification_policies.filter(version=1).count()


def _checked(rules: Mapping[str, Any]) -> dict[str, Any]:
    parse_policy(rules, default_quorum=default_quorum)
    return dict(spelled_out(rules) or {})
