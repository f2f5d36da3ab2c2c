"""Clerks: certificates already issued, what became of them, and the change of their status."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from credentials import revocation
from credentials.forms import StatusForm, posted
from credentials.models import Credential, StatusChange
from credentials.timeline import timeline
from identity.models import Role
from identity.views.access import StaffRequest, staff
from protocol.errors import NotFoundError

READERS = (Role.Name.MAKER, Role.Name.CHECKER, Role.Name.ADMINISTRATOR)
PAGE_SIZE = 25

State = Credential.State

# Address word → the state it leads to, the name of the act, and what the clerk should know first.
CHANGES: dict[str, tuple[State, Promise, Promise]] = {
    "revoke": (State.REVOKED, _("Withdraw for good"), _("This cannot be undone. A new certificate can be issued.")),
    "suspend": (State.SUSPENDED, _("Suspend"), _("Verifiers see it as suspended until you reinstate it.")),
    "reinstate": (State.VALID, _("Reinstate"), _("Verifiers see it as valid again.")),
}
_DONE = {
    "revoke": _("The certificate is withdrawn."),
    "suspend": _("The certificate is suspended."),
    "reinstate": _("The certificate is valid again."),
}


@require_GET
@staff(*READERS)
def list_credentials(request: StaffRequest) -> HttpResponse:
    number = request.GET.get("number", "").strip()[:40]
    rows = _credentials(request).select_related("credential_type").defer("sd_jwt_ciphertext")
    found = rows.filter(number__iexact=number) if number else rows
    page = Paginator(found.order_by("-issued_at", "number"), PAGE_SIZE).get_page(request.GET.get("page"))
    return render(request, "clerk/credentials.html", {"page_obj": page, "number": number})


@require_GET
@staff(*READERS)
def show_credential(request: StaffRequest, credential_id: UUID) -> HttpResponse:
    credential = _credential(request, credential_id)
    context = {
        "credential": credential,
        "events": timeline(credential),
        "changes": _open_changes(request, credential),
        "can_offer": not request.role_names.isdisjoint({Role.Name.MAKER, Role.Name.CHECKER}),
    }
    return render(request, "clerk/credentials_show.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@staff(*revocation.ROLES)
def change_status(request: StaffRequest, credential_id: UUID, change: str) -> HttpResponse:
    """First the reason, then the same page asks once more, then it is done."""
    credential = _credential(request, credential_id)
    to_state, title, warning = _change(change)
    form = StatusForm(to_state, posted(request)[0])
    is_chosen = request.method == "POST" and form.is_valid()
    if is_chosen and "confirmed" in request.POST:
        reason = form.cleaned_data["reason"]
        revocation.change_status(credential=credential, actor=request.user, reason=reason, to_state=to_state)
        messages.success(request, _DONE[change])
        return redirect("clerk_credential", credential_id=credential.pk)
    context: dict[str, Any] = {
        "credential": credential,
        "title": title,
        "warning": warning,
        "form": form,
        "is_chosen": is_chosen,
    }
    context["reason"] = StatusChange.Reason(form.cleaned_data["reason"]).label if is_chosen else ""
    return render(request, "clerk/credentials_status.html", context, status=422 if form.errors else 200)


def _credentials(request: StaffRequest) -> QuerySet[Credential]:
    """The only way to credentials: those of the agency this clerk acts for."""
    return Credential.objects.filter(agency=request.agency)


def _credential(request: StaffRequest, credential_id: UUID) -> Credential:
    joined = ("credential_type", "agency", "application", "status_list", "replacement__credential")
    left_out = ("status_list__array", "sd_jwt_ciphertext", "replacement__credential__sd_jwt_ciphertext")
    found = _credentials(request).select_related(*joined).defer(*left_out)
    credential = found.filter(pk=credential_id).first()
    if credential is None:
        raise NotFoundError("credential")
    return credential


def _change(name: str) -> tuple[State, Promise, Promise]:
    if name not in CHANGES:
        raise NotFoundError("change")
    return CHANGES[name]


def _open_changes(request: StaffRequest, credential: Credential) -> list[dict[str, Any]]:
    if request.role_names.isdisjoint(revocation.ROLES):
        return []
    allowed = revocation.TRANSITIONS[State(credential.state)]
    return [{"name": name, "title": title} for name, (state, title, _text) in CHANGES.items() if state in allowed]
