"""What waits for a clerk in this app, for the task list on the staff home page."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext

from credentials.models import Application
from identity.duties import Duty
from identity.models import Account, Agency, Role


def application_duties(*, account: Account, agency: Agency, role_names: frozenset[str]) -> list[Duty]:
    """Return one line for makers and one for checkers, each with what that account may act on."""
    mine = Application.objects.filter(agency=agency, maker=account)
    duties: list[Duty] = []
    if Role.Name.CHECKER in role_names:
        waiting = Application.objects.filter(agency=agency, state=Application.State.SUBMITTED).exclude(maker=account)
        address = f"{reverse('clerk_applications')}?state=submitted"
        duties.append(Duty(gettext("Approve applications"), address, waiting.count()))
    if Role.Name.MAKER in role_names:
        returned = mine.filter(state__in=[Application.State.DRAFT, Application.State.RETURNED])
        address = f"{reverse('clerk_applications')}?state=mine"
        duties.append(Duty(gettext("Finish drafts and returned applications"), address, returned.count()))
        title, hint = gettext("Issue a certificate"), gettext("Start a new application")
        duties.append(Duty(title, reverse("clerk_application_new"), 0, hint))
    return duties
