"""The register that anyone may read: who may ask for what, why, and how often someone tried for more."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from authorization.lookup import find_verifier
from authorization.models import RequestTemplate
from authorization.openid4vp.clients import did_document, did_of
from authorization.openid4vp.over_asking import count_refused
from authorization.views.pages import template_items
from identity.keystore import request_keys
from protocol.encoding import json_dumps

_CACHE = {"Cache-Control": "public, max-age=300", "Access-Control-Allow-Origin": "*"}


@require_safe
def show_verifier(request: HttpRequest, slug: str) -> HttpResponse:
    organisation = find_verifier(slug)
    registered = RequestTemplate.objects.filter(
        organisation=organisation, approved_at__isnull=False, retired_at__isnull=True
    )
    listed = registered.select_related("credential_type__agency").order_by("approved_at", "pk")
    context = {
        "organisation": organisation,
        "registered": [(template, template_items(template)) for template in listed],
        "refused": count_refused(organisation),
        "did": did_of(organisation),
    }
    return render(request, "verifiers/register.html", context)


@csrf_exempt
@require_safe
def show_verifier_did(request: HttpRequest, slug: str) -> HttpResponse:
    """GET /verifiers/<slug>/did.json: the document of the organisation's did:web, with every key not withdrawn."""
    organisation = find_verifier(slug)
    document = json_dumps(did_document(organisation, request_keys(organisation)))
    return HttpResponse(document, content_type="application/did+json", headers=_CACHE)
