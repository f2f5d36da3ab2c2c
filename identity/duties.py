"""What waits for a member of staff: this app's own work, and what upper apps report through settings.CLERK_DUTIES."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.translation import gettext

from identity.kyc import DECIDING_ROLES
from identity.models import Account, Agency, KycCase


@dataclass(frozen=True, slots=True)
class Duty:
    """One line of the task list; ``count`` is how many things wait."""

    title: str
    href: str
    count: int
    hint: str = ""

    @property
    def tag(self) -> str:
        if not self.count:
            return gettext("None waiting")
        return gettext("%(count)d waiting") % {"count": self.count}

    @property
    def colour(self) -> str:
        return "blue" if self.count else ""


DutySource = Callable[..., Iterable[Duty]]


def duties_for(*, account: Account, agency: Agency, role_names: frozenset[str]) -> list[Duty]:
    """Ask every source in order. A source takes the same keywords and returns duties this account may act on."""
    sources: list[DutySource] = [import_string(path) for path in settings.CLERK_DUTIES]
    return [duty for source in sources for duty in source(account=account, agency=agency, role_names=role_names)]


def kyc_duties(*, account: Account, agency: Agency, role_names: frozenset[str]) -> list[Duty]:
    if role_names.isdisjoint(DECIDING_ROLES):
        return []
    waiting = KycCase.objects.filter(agency=agency, state=KycCase.State.SUBMITTED).exclude(applicant=account)
    return [Duty(title=gettext("Decide about proof of identity"), href=reverse("clerk_kyc"), count=waiting.count())]
