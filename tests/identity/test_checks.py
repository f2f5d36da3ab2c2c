"""Settings that would fail a visitor later are refused when the service starts."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from identity.checks import check_certificates, check_kyc_undecided_days, check_rates


@pytest.mark.parametrize(("days", "is_refused"), [(6, True), (7, False), (90, False), (365, False), (366, True)])
def test_undecided_cases_end_within_a_year_and_not_at_once(settings: Settings, days: int, is_refused: bool) -> None:
    settings.KYC_UNDECIDED_DAYS = days
    assert [error.id for error in check_kyc_undecided_days()] == ["identity.E005"] * is_refused


def test_a_rate_that_cannot_be_read_is_named(settings: Settings) -> None:
    assert check_rates() == []
    rates = {"verify_anonymous": "60/min", "resolve_anonymous": "30 a minute"}
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_THROTTLE_RATES": rates}
    (error,) = check_rates()
    assert error.id == "identity.E006"
    assert "RESOLVE_ANONYMOUS_RATE" in error.msg


@pytest.mark.django_db
def test_a_service_without_keys_has_no_certificate_that_ends() -> None:
    assert check_certificates() == []
