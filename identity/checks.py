"""Configuration that would be dangerous is refused at start, not described in a manual."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import OperationalError, ProgrammingError

from anchoring.throttle import parse_rate
from identity import keystore

_NOTICE = timedelta(days=30)


@register("security")
def check_demo_settings(**_: Any) -> list[CheckMessage]:
    """The demonstration's shortcuts must not reach production settings."""
    if settings.DEMO:
        return []
    errors: list[CheckMessage] = []
    if settings.FETCH_ALLOWED_PRIVATE_HOSTS or settings.FETCH_PLAIN_ORIGIN:
        hint = (
            "Remove FETCH_ALLOWED_PRIVATE_HOSTS and FETCH_PLAIN_ORIGIN: strangers could make this service reach your "
            "internal network."
        )
        errors.append(Error("Private addresses may be fetched", hint=hint, id="identity.E001"))
    if "identity.providers.demo.DemoProvider" in settings.KYC_PROVIDERS:
        hint = "Remove the demo provider from KYC_PROVIDERS: it accepts any identity."
        errors.append(Error("The demo identity provider is enabled", hint=hint, id="identity.E002"))
    return errors


@register("security")
def check_kyc_document_days(**_: Any) -> list[CheckMessage]:
    if 0 <= settings.KYC_DOCUMENT_DAYS <= 30:
        return []
    return [Error("KYC_DOCUMENT_DAYS must be between 0 and 30", id="identity.E003")]


@register("security")
def check_kyc_undecided_days(**_: Any) -> list[CheckMessage]:
    if 7 <= settings.KYC_UNDECIDED_DAYS <= 365:
        return []
    return [Error("KYC_UNDECIDED_DAYS must be between 7 and 365", id="identity.E005")]


@register("security")
def check_rates(**_: Any) -> list[CheckMessage]:
    """A rate that cannot be read would refuse every stranger with an error of ours."""
    errors: list[CheckMessage] = []
    rates: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    for name, rate in {**rates, "witness_log": settings.WITNESS_LOG_RATE, "sign_in": settings.SIGN_IN_RATE}.items():
        try:
            parse_rate(f"{name.upper()}_RATE", rate)
        except ValueError as error:
            errors.append(Error(str(error), id="identity.E006"))
    return errors


@register(Tags.database)
def check_certificates(**_: Any) -> list[CheckMessage]:
    """Said a month before the signing stops."""
    try:
        expiring = keystore.expiring_keys(within=_NOTICE)
    except (OperationalError, ProgrammingError):
        return []
    if not expiring:
        return []
    text = f"Certificates end within {_NOTICE.days} days, and with them the signing: {', '.join(expiring)}"
    return [checks.Warning(text, hint="Run manage.py keys rotate for each.", id="identity.W001")]


@register(Tags.database)
def check_signing_keys(**_: Any) -> list[CheckMessage]:
    """A wrong KEY_ENCRYPTION_KEY stops the start, before anything is signed or sealed under it."""
    try:
        unreadable = keystore.unreadable_keys()
    except (OperationalError, ProgrammingError):
        # Before the first migration there is no table, and so no key.
        return []
    if not unreadable:
        return []
    hint = "Configure the KEY_ENCRYPTION_KEY under which the keys were created."
    return [Error(f"Signing keys cannot be read: {', '.join(unreadable)}", hint=hint, id="identity.E004")]
