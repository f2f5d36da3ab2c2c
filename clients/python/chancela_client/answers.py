"""Answers of the verification API as objects. What a later version adds is in ``raw``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from chancela_client.errors import AnswerError

Outcome = Literal["pass", "fail", "unknown", "not_applicable"]
Verdict = Literal["valid", "invalid", "undetermined"]


@dataclass(frozen=True, slots=True)
class Check:
    """One of ten steps. Decide by ``code``, which never changes; ``message`` is for people."""

    step: str
    code: str
    outcome: Outcome
    message: str
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verification:
    """What came out. ``accepted`` is None where the verdict is open, and the policy leaves the decision to you.

    ``claims``, ``issuer`` and ``type`` are there only when the issuer's signature holds. ``report`` is the signed report,
    ``evidence`` the evidence bundle, ``kept_id`` names what the service keeps for you: each if you asked for it.
    """

    verdict: Verdict
    accepted: bool | None
    missing: tuple[str, ...]
    claims: Mapping[str, Any]
    issuer: str | None
    type: str | None
    checks: tuple[Check, ...]
    policy: tuple[str, int] | None
    report: str | None
    evidence: Mapping[str, Any] | None
    kept_id: str | None
    raw: Mapping[str, Any]

    @property
    def failed(self) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.outcome == "fail")


@dataclass(frozen=True, slots=True)
class BatchError:
    """Why one item of a batch was not judged; the others were."""

    code: str
    fields: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One item of a batch: its place and your id, and either its answer or its error."""

    index: int
    id: str | None
    answer: Verification | None
    error: BatchError | None


def read_verification(members: Any) -> Verification:
    """Raises AnswerError."""
    try:
        policy, kept = members["policy"], members.get("kept")
        return Verification(
            verdict=members["verdict"],
            accepted=members["accepted"],
            missing=tuple(members["missing"]),
            claims=members["claims"],
            issuer=members["issuer"],
            type=members["vct"],
            checks=tuple(_read_check(check) for check in members["checks"]),
            policy=(policy["name"], policy["version"]) if policy else None,
            report=members.get("report"),
            evidence=members.get("evidence"),
            kept_id=kept["id"] if kept else None,
            raw=members,
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise AnswerError(f"not a verification: {error}") from None


def read_line(members: Any) -> BatchLine:
    """Raises AnswerError."""
    try:
        error = members.get("error")
        return BatchLine(
            index=members["index"],
            id=members["id"],
            answer=None if error else read_verification(members),
            error=BatchError(error["code"], error["fields"]) if error else None,
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise AnswerError(f"not a line of a batch: {error}") from None


def _read_check(members: Mapping[str, Any]) -> Check:
    outcome = cast("Outcome", members["outcome"])
    return Check(members["step"], members["code"], outcome, members["message"], members["evidence"])
