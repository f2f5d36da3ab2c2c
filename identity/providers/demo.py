"""The demonstration's provider: it believes anything, so production settings leave it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext

from identity.providers.base import Way


class DemoProvider:
    name = "demo"
    is_decided_by_clerk = False

    def ways(self) -> list[Way]:
        return [Way(label=gettext("Use an invented identity (demonstration only)"), href=reverse("kyc_demo"))]

    def assurance(self, evidence: Mapping[str, Any]) -> str:
        return "low"
