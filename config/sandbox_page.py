"""The page that leads a developer from zero to a first verified presentation, and the inbox beside it."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from authorization.openid4vp.request_objects import wallet_link
from config import demo, sandbox

_SESSION_KEY = "sandbox"
_SIGNATURE_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")


@require_safe
@never_cache
def show_sandbox(request: HttpRequest) -> HttpResponse:
    """GET /sandbox/: every command with the values of this very moment."""
    seeded, keys, template = demo.find(), sandbox.keys(), sandbox.template()
    if seeded is None or keys is None or template is None:
        return render(request, "sandbox/index.html", {"is_ready": False})
    context = {
        "is_ready": True,
        "keys": keys,
        "number": seeded.number,
        "verify_body": json.dumps({"presentation": seeded.presentation}),
        "public_url": settings.PUBLIC_URL,
        "template_id": template.pk,
        "inbox": sandbox.inbox()[:3],
        **request.session.get(_SESSION_KEY, {}),
    }
    return render(request, "sandbox/index.html", context)


@require_POST
def make_offer(request: HttpRequest) -> HttpResponse:
    made = sandbox.offer()
    if made is not None:
        _keep(request, offer={"link": made.uri, "tx_code": made.tx_code or ""})
    return redirect(f"{reverse('sandbox')}#step-2")


@require_POST
def make_request(request: HttpRequest) -> HttpResponse:
    session = sandbox.ask()
    if session is not None:
        result_url = f"{settings.PUBLIC_URL}{reverse('api_result', args=[session.request_id])}"
        _keep(request, asked={"link": wallet_link(session), "result_url": result_url})
    return redirect(f"{reverse('sandbox')}#step-3")


@require_safe
def show_authorities(request: HttpRequest) -> HttpResponse:
    """GET /sandbox/authorities.pem: whom a wallet trusts to certify who asks. A wallet's maker tells it elsewhere."""
    return HttpResponse(sandbox.authorities(), content_type="application/x-pem-file")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def open_inbox(request: HttpRequest) -> HttpResponse:
    """GET shows what arrived; POST is the receiver, which believes nothing that no secret of the sandbox signed."""
    if request.method != "POST":
        return render(request, "sandbox/inbox.html", {"messages_received": sandbox.inbox()})
    headers = {name: request.headers.get(name, "") for name in _SIGNATURE_HEADERS}
    is_verified = sandbox.receive(webhook_id=headers["webhook-id"][:80], headers=headers, body=request.body)
    return HttpResponse(status=204 if is_verified else 401)


def _keep(request: HttpRequest, **values: Any) -> None:
    request.session[_SESSION_KEY] = {**request.session.get(_SESSION_KEY, {}), **values}
