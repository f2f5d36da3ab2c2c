"""A verifier organisation's policies, for its members."""

from __future__ import annotations

import json

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from credentials.errors import PolicyExistsError, PolicyInvalidError
from credentials.models import VerificationPolicy
from credentials.policy_forms import PolicyForm, RulesForm
from credentials.stored_policies import (
    create_policy,
    find_policy,
    newest_policies,
    retire_policy,
    revise_policy,
    versions_of,
)
from identity.audit import account_actor
from identity.views.access import MemberRequest, verifier_member

form_page = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@verifier_member
def list_policies(request: MemberRequest) -> HttpResponse:
    return render(request, "verifier/policies.html", {"policies": newest_policies(request.organisation)})


@form_page
@verifier_member
def add_policy(request: MemberRequest) -> HttpResponse:
    form = PolicyForm(request.POST if request.method == "POST" else None)
    policy = _create(request, form) if form.is_valid() else None
    if policy:
        return redirect("verifier_policy", name=policy.slug)
    return render(request, "verifier/policy_form.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
@verifier_member
def show_policy(request: MemberRequest, name: str) -> HttpResponse:
    newest = find_policy(request.organisation, name)
    versions = [(version, _as_text(version)) for version in versions_of(request.organisation, name)]
    context = {"policy": newest, "versions": versions, "public_url": settings.PUBLIC_URL}
    return render(request, "verifier/policy.html", context)


@form_page
@verifier_member
def add_version(request: MemberRequest, name: str) -> HttpResponse:
    newest = find_policy(request.organisation, name)
    data = request.POST if request.method == "POST" else None
    form = RulesForm(data, rules=newest.rules, initial={"retention_days": newest.retention_days})
    if form.is_valid() and _revise(request, form, newest):
        return redirect("verifier_policy", name=name)
    context = {"form": form, "policy": newest}
    return render(request, "verifier/policy_form.html", context, status=422 if form.errors else 200)


@require_POST
@verifier_member
def retire(request: MemberRequest, name: str) -> HttpResponse:
    retire_policy(organisation=request.organisation, slug=name, actor=account_actor(request.user))
    return redirect("verifier_policy", name=name)


def _create(request: MemberRequest, form: PolicyForm) -> VerificationPolicy | None:
    try:
        return create_policy(
            organisation=request.organisation,
            slug=form.cleaned_data["name"],
            rules=form.rules(),
            retention_days=form.cleaned_data["retention_days"],
            actor=account_actor(request.user),
        )
    except PolicyExistsError:
        form.refuse_name()
    except PolicyInvalidError as error:
        form.refuse(error)
    return None


def _revise(request: MemberRequest, form: RulesForm, newest: VerificationPolicy) -> VerificationPolicy | None:
    try:
        return revise_policy(
            organisation=request.organisation,
            slug=newest.slug,
            rules=form.rules(),
            retention_days=form.cleaned_data["retention_days"],
            actor=account_actor(request.user),
        )
    except PolicyInvalidError as error:
        form.refuse(error)
    return None


def _as_text(policy: VerificationPolicy) -> str:
    return json.dumps(policy.rules, indent=2, ensure_ascii=False)
