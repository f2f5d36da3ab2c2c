"""What the page and script are given that open a presentation in the verifier's browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from authorization.models import PresentationRequest
from authorization.requests import audience_of
from authorization.views.pages import active_recipient_keys
from credentials.catalog import claim_specs
from credentials.verification import Outcome, Verdict
from identity.languages import localised

VERDICTS: tuple[Verdict, ...] = ("valid", "invalid", "undetermined")
OUTCOMES: tuple[Outcome, ...] = ("pass", "fail", "unknown", "not_applicable")
FAILURES: tuple[tuple[str, str | Promise], ...] = (
    (
        "missing-key",
        _("This browser does not hold a key that it was sealed to. Use the one on which you made the key."),
    ),
    ("refused", _("The service did not hand it out. If you ask for help, give this code:")),
    ("failed", _("It could not be fetched or opened. Check your connection and try again.")),
)


def opening_context(request: HttpRequest, asked: PresentationRequest) -> dict[str, Any]:
    return {
        "failures": FAILURES,
        "verdicts": VERDICTS,
        # One item per outcome, from which the script copies.
        "models": [{"outcome": outcome, "code": "", "message": ""} for outcome in OUTCOMES],
        "opening": _opening_data(request, asked),
    }


def _opening_data(request: HttpRequest, asked: PresentationRequest) -> dict[str, Any]:
    specs = claim_specs(asked.template.credential_type)
    return {
        "csrf": get_token(request),
        "read_url": reverse("verifier_read", args=[asked.pk]),
        "verify_url": reverse("verify_api"),
        "audience": audience_of(asked.organisation),
        "nonce": asked.nonce,
        "thumbprints": [key.thumbprint for key in active_recipient_keys(asked)],
        "labels": [
            {"path": spec["path"], "label": localised(spec["label"]), "options": _options(spec)} for spec in specs
        ],
        "words": {"yes": gettext("Yes"), "no": gettext("No")},
    }


def _options(spec: Mapping[str, Any]) -> dict[str, str]:
    return {option["value"]: localised(option["label"]) for option in spec.get("options", [])}
