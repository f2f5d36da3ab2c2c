"""At the desk: the applicant states and uploads, a clerk of the agency compares and decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext

from identity.providers.base import Way


class DeskProvider:
    name = "desk"
    is_decided_by_clerk = True

    def ways(self) -> list[Way]:
        return [Way(label=gettext("Send images of your identity document"), href=reverse("kyc_desk"))]

    def assurance(self, evidence: Mapping[str, Any]) -> str:
        return "substantial"
