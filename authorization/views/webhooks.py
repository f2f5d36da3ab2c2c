"""Webhooks of organisations and of agencies: the same pages under two addresses, for whoever acts for the owner."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from authorization.errors import WebhookInvalidError
from authorization.forms import WebhookForm
from authorization.lookup import find_delivery_to, find_webhook_of
from authorization.models import WebhookDelivery, WebhookEndpoint
from authorization.views.pages import page_of
from authorization.webhooks import endpoints
from authorization.webhooks.catalogue import KINDS
from authorization.webhooks.endpoints import Owner
from identity.audit import account_actor
from identity.models import Role
from identity.views.access import MemberRequest, StaffRequest, staff, verifier_member

View = Callable[..., HttpResponse]
_PAGES = ("list", "add", "show", "rotate", "disable", "enable", "test", "replay")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two audiences: who may enter, and what they act for."""

    name: str
    gate: Callable[[Any], Any]
    owner_of: Callable[[Any], Owner]

    @property
    def routes(self) -> Mapping[str, str]:
        """The names of the routes, for templates and redirections."""
        return {page: f"{self.name}_webhooks_{page}" for page in _PAGES}

    def open(self, view: View) -> View:
        """Return *view* behind the gate; it gets this side and the owner before the ids of the address."""

        def enter(request: HttpRequest, **ids: uuid.UUID) -> HttpResponse:
            return view(request, self, self.owner_of(request), **ids)

        gated: View = self.gate(enter)
        return gated


def _organisation(request: MemberRequest) -> Owner:
    return request.organisation


def _agency(request: StaffRequest) -> Owner:
    return request.agency


VERIFIER = Side("verifier", verifier_member, _organisation)
CLERK = Side("clerk", staff(Role.Name.ADMINISTRATOR), _agency)


def list_endpoints(request: HttpRequest, side: Side, owner: Owner) -> HttpResponse:
    return render(request, "webhooks/list.html", {"side": side, "endpoints": endpoints.endpoints_of(owner)})


def add_endpoint(request: MemberRequest, side: Side, owner: Owner) -> HttpResponse:
    form = WebhookForm(request.POST or None, audience=endpoints.audience_of(owner))
    if request.method == "POST" and form.is_valid():
        try:
            endpoint, secret = endpoints.add(owner=owner, actor=account_actor(request.user), **form.cleaned_data)
        except WebhookInvalidError as error:
            form.show_errors(error.fields)
        else:
            return _show_secret(request, side, endpoint, secret, is_rotated=False)
    return render(request, "webhooks/form.html", {"side": side, "form": form}, status=422 if form.errors else 200)


def show_endpoint(request: HttpRequest, side: Side, owner: Owner, endpoint_id: uuid.UUID) -> HttpResponse:
    endpoint = find_webhook_of(owner, endpoint_id)
    until = endpoint.previous_until
    context = {
        "side": side,
        "endpoint": endpoint,
        "events": [(name, KINDS[name].text) for name in endpoint.events],
        "overlap_until": until if until and until > timezone.now() else None,
        "given_up": endpoint.deliveries.filter(state=WebhookDelivery.State.FAILED).count(),
        "page_obj": page_of(request, endpoint.deliveries.order_by("-created_at")),
    }
    return render(request, "webhooks/show.html", context)


def rotate_secret(request: MemberRequest, side: Side, owner: Owner, endpoint_id: uuid.UUID) -> HttpResponse:
    endpoint = find_webhook_of(owner, endpoint_id)
    secret = endpoints.rotate(endpoint=endpoint, actor=account_actor(request.user))
    return _show_secret(request, side, endpoint, secret, is_rotated=True)


def disable_endpoint(request: MemberRequest, side: Side, owner: Owner, endpoint_id: uuid.UUID) -> HttpResponse:
    endpoints.disable(endpoint=find_webhook_of(owner, endpoint_id), actor=account_actor(request.user))
    return redirect(side.routes["show"], endpoint_id=endpoint_id)


def enable_endpoint(request: MemberRequest, side: Side, owner: Owner, endpoint_id: uuid.UUID) -> HttpResponse:
    endpoints.enable(endpoint=find_webhook_of(owner, endpoint_id), actor=account_actor(request.user))
    return redirect(side.routes["show"], endpoint_id=endpoint_id)


def send_test(request: MemberRequest, side: Side, owner: Owner, endpoint_id: uuid.UUID) -> HttpResponse:
    endpoints.send_test(endpoint=find_webhook_of(owner, endpoint_id))
    messages.success(request, _("The test is on its way. Load this page again to see what came of it."))
    return redirect(side.routes["show"], endpoint_id=endpoint_id)


def replay_delivery(
    request: MemberRequest, side: Side, owner: Owner, endpoint_id: uuid.UUID, delivery_id: uuid.UUID
) -> HttpResponse:
    endpoints.replay(delivery=find_delivery_to(find_webhook_of(owner, endpoint_id), delivery_id))
    messages.success(request, _("The message is on its way. Load this page again to see what came of it."))
    return redirect(side.routes["show"], endpoint_id=endpoint_id)


def pages(side: Side) -> list[URLPattern]:
    """Return the routes of one side, under its own prefix."""
    base = f"{side.name}/webhooks/"
    one = f"{base}<uuid:endpoint_id>/"
    show_and_post = require_http_methods(["GET", "HEAD", "POST"])
    views: dict[str, tuple[str, View]] = {
        "list": (base, require_safe(side.open(list_endpoints))),
        "add": (f"{base}new/", show_and_post(side.open(add_endpoint))),
        "show": (one, require_safe(side.open(show_endpoint))),
        "rotate": (f"{one}rotate", require_POST(side.open(rotate_secret))),
        "disable": (f"{one}disable", require_POST(side.open(disable_endpoint))),
        "enable": (f"{one}enable", require_POST(side.open(enable_endpoint))),
        "test": (f"{one}test", require_POST(side.open(send_test))),
        "replay": (f"{one}deliveries/<uuid:delivery_id>/replay", require_POST(side.open(replay_delivery))),
    }
    return [path(address, view, name=side.routes[page]) for page, (address, view) in views.items()]


def _show_secret(
    request: HttpRequest, side: Side, endpoint: WebhookEndpoint, secret: str, *, is_rotated: bool
) -> HttpResponse:
    # Shown in this one answer and never again: it is stored wrapped, to sign with.
    context = {"side": side, "endpoint": endpoint, "secret": secret, "is_rotated": is_rotated}
    return render(request, "webhooks/secret.html", context, status=201)
