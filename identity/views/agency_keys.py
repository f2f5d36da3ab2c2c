"""Administrators of an agency: the API keys by which its own software is known."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from identity.api_keys import create_agency_key, revoke_api_key
from identity.audit import account_actor, report
from identity.forms import AgencyKeyForm
from identity.models import ApiKey, Role
from identity.views.access import StaffRequest, staff
from protocol.errors import NotFoundError


@require_http_methods(["GET", "HEAD", "POST"])
@staff(Role.Name.ADMINISTRATOR)
def manage_keys(request: StaffRequest) -> HttpResponse:
    form = AgencyKeyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        api_key, secret = create_agency_key(agency=request.agency, label=form.cleaned_data["label"])
        _report(request, api_key, "api_key.created")
        # Shown in this one answer and never again: only its digest is stored.
        return render(request, "clerk/api_key.html", {"api_key": api_key, "secret": secret}, status=201)
    keys = request.agency.api_keys.order_by("revoked_at", "-created_at")
    return render(request, "clerk/keys.html", {"form": form, "api_keys": keys}, status=422 if form.errors else 200)


@require_POST
@staff(Role.Name.ADMINISTRATOR)
def revoke_key(request: StaffRequest, key_id: int) -> HttpResponse:
    api_key = ApiKey.objects.filter(agency=request.agency, pk=key_id).first()
    if api_key is None:
        raise NotFoundError("key")
    if api_key.revoked_at is None:
        revoke_api_key(api_key=api_key)
        _report(request, api_key, "api_key.revoked")
    return redirect("clerk_keys")


def _report(request: StaffRequest, api_key: ApiKey, action: str) -> None:
    details = {"agency": request.agency.slug}
    report(actor=account_actor(request.user), action=action, subject=f"api_key:{api_key.pk}", details=details)
