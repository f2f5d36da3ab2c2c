"""Claims that are worked out at the moment of issue, so that a holder can answer a question without the value behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

Rule = Callable[[Mapping[str, Any], date, str], Any]


def derive_claims(
    specs: list[dict[str, Any]], claims: Mapping[str, Any], *, today: date, number: str
) -> dict[str, Any]:
    """Return *claims* with every derived claim added; one whose basis is missing is left out."""
    derived = {spec["path"][0]: RULES[spec["derived"]](claims, today, number) for spec in specs if "derived" in spec}
    return {**claims, **{name: value for name, value in derived.items() if value is not None}}


def _is_over(years: int) -> Rule:
    def rule(claims: Mapping[str, Any], today: date, number: str) -> bool | None:
        if "birth_date" not in claims:
            return None
        born = date.fromisoformat(claims["birth_date"])
        birthday_passed = (today.month, today.day) >= (born.month, born.day)
        return today.year - born.year - (0 if birthday_passed else 1) >= years

    return rule


def _number(claims: Mapping[str, Any], today: date, number: str) -> str:
    return number


RULES: dict[str, Rule] = {"age_over_18": _is_over(18), "certificate_number": _number}
