"""The verifier organisation's side: what it may ask, whom it asks, and its keys."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from authorization.errors import TemplateInvalidError
from authorization.forms import RequestForm, TemplateForm
from authorization.items import always_shown, label_of
from authorization.lookup import find_request_of, find_template_of, granted_authorization, session_of
from authorization.models import PresentationRequest, RequestTemplate
from authorization.openid4vp.results import read_result
from authorization.openid4vp.sessions import ask_wallet
from authorization.requests import (
    consent_url,
    register_template,
    request_state,
    retire_template,
)
from authorization.transfer import read
from authorization.views.opening_page import opening_context
from authorization.views.pages import page_of, template_items, wallet_page
from authorization.views.wallet_page import describe_shown, live_state, wallet_context
from credentials.models import CredentialType
from identity.audit import account_actor
from identity.views.access import MemberRequest, verifier_member

form_page = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@verifier_member
def show_overview(request: MemberRequest) -> HttpResponse:
    organisation = request.organisation
    since = timezone.now() - timedelta(days=30)
    recent = organisation.requests.filter(created_at__gte=since)
    context = {
        "organisation": organisation,
        "waiting": recent.filter(state=PresentationRequest.State.PENDING, expires_at__gt=timezone.now()).count(),
        "granted": recent.filter(state=PresentationRequest.State.GRANTED).count(),
        "refused": recent.filter(state=PresentationRequest.State.REFUSED).count(),
        "has_key": organisation.recipient_keys.filter(revoked_at__isnull=True).exists(),
        "has_template": organisation.request_templates.filter(approved_at__isnull=False, retired_at=None).exists(),
    }
    return render(request, "verifier/overview.html", context)


@require_safe
@verifier_member
def list_requests(request: MemberRequest) -> HttpResponse:
    rows = request.organisation.requests.select_related("template", "authorization").order_by("-created_at")
    page = page_of(request, rows)
    context = {"page_obj": page, "listed": [(asked, request_state(asked)) for asked in page]}
    return render(request, "verifier/requests.html", context)


@form_page
@verifier_member
def create_request_page(request: MemberRequest) -> HttpResponse:
    form = RequestForm(request.POST or None, organisation=request.organisation)
    if request.method == "POST" and form.is_valid():
        session = ask_wallet(
            template=form.cleaned_data["template"],
            organisation=request.organisation,
            reference=form.cleaned_data["reference"],
            created_by=request.user,
            is_sealed=True,
        )
        return redirect("verifier_request", request_id=session.request_id)
    return render(request, "verifier/request_form.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
@wallet_page
@verifier_member
def show_request(request: MemberRequest, request_id: uuid.UUID) -> HttpResponse:
    return _render_request(request, find_request_of(request.organisation, request_id))


@require_safe
@verifier_member
def show_request_state(request: MemberRequest, request_id: uuid.UUID) -> HttpResponse:
    return JsonResponse({"state": live_state(find_request_of(request.organisation, request_id))})


@require_POST
@wallet_page
@verifier_member
def read_wallet_result(request: MemberRequest, request_id: uuid.UUID) -> HttpResponse:
    """Show what a wallet presented, in this one answer."""
    asked = find_request_of(request.organisation, request_id)
    result = read_result(
        session=session_of(asked), organisation=request.organisation, actor=account_actor(request.user)
    )
    return _render_request(request, asked, shown=describe_shown(result))


@require_safe
@verifier_member
def list_templates(request: MemberRequest) -> HttpResponse:
    rows = request.organisation.request_templates.select_related("credential_type").order_by("-created_at")
    types = CredentialType.objects.filter(is_active=True).select_related("agency").order_by("slug", "version")
    return render(request, "verifier/templates.html", {"page_obj": page_of(request, rows), "types": types})


@form_page
@verifier_member
def create_template(request: MemberRequest, slug: str) -> HttpResponse:
    types = CredentialType.objects.filter(slug=slug, is_active=True).order_by("-version")
    credential_type = types.first()
    if credential_type is None:
        return redirect("verifier_templates")
    form = TemplateForm(request.POST or None, credential_type=credential_type)
    template = _register(request, form, credential_type) if request.method == "POST" and form.is_valid() else None
    if template:
        return redirect("verifier_template", template_id=template.pk)
    always = [label_of(credential_type, path) for path in always_shown(credential_type)]
    context = {"form": form, "credential_type": credential_type, "always": always}
    return render(request, "verifier/template_form.html", context, status=422 if form.errors else 200)


@require_safe
@verifier_member
def show_template(request: MemberRequest, template_id: uuid.UUID) -> HttpResponse:
    template = find_template_of(request.organisation, template_id)
    context = {"template": template, "items": template_items(template), "public_url": settings.PUBLIC_URL}
    return render(request, "verifier/template.html", context)


@require_POST
@verifier_member
def retire_own_template(request: MemberRequest, template_id: uuid.UUID) -> HttpResponse:
    retire_template(template=find_template_of(request.organisation, template_id), account=request.user)
    return redirect("verifier_template", template_id=template_id)


@require_POST
@verifier_member
def read_presentation(request: MemberRequest, request_id: uuid.UUID) -> HttpResponse:
    asked = find_request_of(request.organisation, request_id)
    envelope = read(
        authorization=granted_authorization(asked),
        organisation=request.organisation,
        actor=account_actor(request.user),
    )
    return JsonResponse({"envelope": envelope})


def _render_request(request: MemberRequest, asked: PresentationRequest, **more: Any) -> HttpResponse:
    authorization = getattr(asked, "authorization", None)
    context = {
        "asked": asked,
        "state": request_state(asked),
        "url": consent_url(asked),
        "authorization": authorization,
        "items": template_items(asked.template),
        **wallet_context(asked),
        **more,
    }
    if authorization:
        context |= opening_context(request, asked)
    else:
        url = reverse("verifier_request_state", args=[asked.pk])
        context["watch"] = {"state": live_state(asked), "state_url": url}
    return render(request, "verifier/request.html", context)


def _register(request: MemberRequest, form: TemplateForm, credential_type: CredentialType) -> RequestTemplate | None:
    try:
        return register_template(
            organisation=request.organisation,
            account=request.user,
            name=form.cleaned_data["name"],
            purpose=form.purpose(),
            credential_type=credential_type,
            required=form.chosen("required"),
            optional=form.chosen("optional"),
            bounds=form.bounds(),
        )
    except TemplateInvalidError as error:
        form.show_errors(error.fields)
        return None
