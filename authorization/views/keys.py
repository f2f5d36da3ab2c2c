"""A verifier organisation's keys: to which envelopes are sealed, and by which its software is known."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse, QueryDict
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from authorization import audit
from authorization.errors import RecipientKeyInvalidError
from authorization.forms import ApiKeyForm, RecipientKeyForm
from authorization.lookup import find_api_key_of, find_recipient_key_of
from authorization.recipients import add_recipient_key, revoke_recipient_key
from authorization.schemas import parse_recipient_key
from authorization.views.pages import wallet_page
from identity.api_keys import create_api_key, revoke_api_key
from identity.audit import account_actor
from identity.views.access import MemberRequest, verifier_member

FAILURES: tuple[tuple[str, str | Promise], ...] = (
    ("refused", _("Give the key a name. There can be at most 16 keys in use.")),
    ("failed", _("Something went wrong on the way. Check your connection and try again.")),
)


@require_safe
@wallet_page
@verifier_member
def show_keys(request: MemberRequest) -> HttpResponse:
    return _render_keys(request, RecipientKeyForm(), _api_key_form())


@require_POST
@wallet_page
@verifier_member
def add_recipient_key_page(request: MemberRequest) -> HttpResponse:
    """A pasted key as a form, or one that the browser has just made as JSON."""
    if request.content_type == "application/json":
        key = add_recipient_key(
            organisation=request.organisation, account=request.user, **parse_recipient_key(request.body)
        )
        return JsonResponse({"thumbprint": key.thumbprint}, status=201)
    form = RecipientKeyForm(request.POST)
    if form.is_valid() and _add_pasted(request, form):
        return redirect("verifier_keys")
    return _render_keys(request, form, ApiKeyForm(), status=422)


@require_POST
@verifier_member
def revoke_recipient_key_page(request: MemberRequest, key_id: int) -> HttpResponse:
    revoke_recipient_key(key=find_recipient_key_of(request.organisation, key_id), account=request.user)
    return redirect("verifier_keys")


@require_POST
@verifier_member
def create_api_key_page(request: MemberRequest) -> HttpResponse:
    form = _api_key_form(request.POST)
    if not form.is_valid():
        return _render_keys(request, RecipientKeyForm(), form, status=422)
    api_key, secret = create_api_key(organisation=request.organisation, label=form.cleaned_data["label"])
    _record(request, f"api_key:{api_key.pk}", "api_key.created")
    # Shown in this one answer and never again: only its digest is stored.
    return render(request, "verifier/api_key.html", {"api_key": api_key, "secret": secret}, status=201)


@require_POST
@verifier_member
def revoke_api_key_page(request: MemberRequest, key_id: int) -> HttpResponse:
    api_key = find_api_key_of(request.organisation, key_id)
    if api_key.revoked_at is None:
        revoke_api_key(api_key=api_key)
        _record(request, f"api_key:{api_key.pk}", "api_key.revoked")
    return redirect("verifier_keys")


def _api_key_form(data: QueryDict | None = None) -> ApiKeyForm:
    # Both forms of the page have a label; ids must differ.
    return ApiKeyForm(data, auto_id="api_key_%s")


def _add_pasted(request: MemberRequest, form: RecipientKeyForm) -> bool:
    try:
        add_recipient_key(organisation=request.organisation, account=request.user, **form.cleaned_data)
    except RecipientKeyInvalidError as error:
        for field, messages in error.fields.items():
            form.add_error(field, messages)
        return False
    return True


def _render_keys(
    request: MemberRequest, key_form: RecipientKeyForm, api_key_form: ApiKeyForm, status: int = 200
) -> HttpResponse:
    context = {
        "key_form": key_form,
        "api_key_form": api_key_form,
        "form": key_form if key_form.errors else api_key_form,
        "recipient_keys": request.organisation.recipient_keys.order_by("revoked_at", "-created_at"),
        "api_keys": request.organisation.api_keys.order_by("revoked_at", "-created_at"),
        "failures": FAILURES,
        "recipient": {"add_url": reverse("verifier_recipient_keys"), "csrf": get_token(request)},
    }
    return render(request, "verifier/keys.html", context, status=status)


def _record(request: MemberRequest, subject: str, action: str) -> None:
    audit.record(actor=account_actor(request.user), action=action, subject=subject, organisation=request.organisation)
