"""The issuing agency judges what may be asked of its certificates; the auditor reads the trail."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from authorization import audit
from authorization.lookup import find_template_for
from authorization.models import AuditEvent, RequestTemplate
from authorization.requests import approve_template, retire_template
from authorization.views.pages import page_of, template_items
from identity.models import Role
from identity.views.access import StaffRequest, staff


@require_safe
@staff(Role.Name.ADMINISTRATOR)
def list_templates(request: StaffRequest) -> HttpResponse:
    rows = RequestTemplate.objects.filter(credential_type__agency=request.agency)
    rows = rows.select_related("organisation", "credential_type").order_by("approved_at", "retired_at", "-created_at")
    return render(request, "clerk/templates.html", {"page_obj": page_of(request, rows)})


@require_safe
@staff(Role.Name.ADMINISTRATOR)
def show_template(request: StaffRequest, template_id: uuid.UUID) -> HttpResponse:
    template = find_template_for(request.agency, template_id)
    return render(request, "clerk/template.html", {"template": template, "items": template_items(template)})


@require_POST
@staff(Role.Name.ADMINISTRATOR)
def approve_template_page(request: StaffRequest, template_id: uuid.UUID) -> HttpResponse:
    template = find_template_for(request.agency, template_id)
    approve_template(template=template, administrator=request.user)
    return redirect("clerk_template", template_id=template_id)


@require_POST
@staff(Role.Name.ADMINISTRATOR)
def retire_template_page(request: StaffRequest, template_id: uuid.UUID) -> HttpResponse:
    template = find_template_for(request.agency, template_id)
    retire_template(template=template, account=request.user, is_agency=True)
    return redirect("clerk_template", template_id=template_id)


@require_http_methods(["GET", "HEAD", "POST"])
@staff(Role.Name.AUDITOR)
def show_audit(request: StaffRequest) -> HttpResponse:
    """The newest events; a POST walks the whole chain first."""
    subject = request.GET.get("subject", "").replace("\x00", "").strip()[:160]
    rows = AuditEvent.objects.select_related("organisation").order_by("-sequence")
    if subject:
        rows = rows.filter(subject=subject)
    findings = audit.check_chain() if request.method == "POST" else None
    context = {"page_obj": page_of(request, rows), "subject": subject, "findings": findings}
    return render(request, "clerk/audit.html", context)
