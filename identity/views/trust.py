"""Our trust lists, for programs as signed and for people as a page: who may issue what, since when, by whose word."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from identity.trust_page import read_lists
from identity.trust_publishing import published_list
from protocol.trust_list import MEDIA_TYPE

# A withdrawal is seen by everyone within this time, and an intermediary is spared most requests.
MAX_AGE_SECONDS = 300
_PUBLIC = {"Access-Control-Allow-Origin": "*"}


@csrf_exempt
@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    """GET /trust-lists/<slug>.jwt: the newest version, the same for everyone."""
    row = published_list(slug)
    left = int((row.next_update - timezone.now()).total_seconds())
    headers = {
        "ETag": f'"{row.version}"',
        "Cache-Control": f"public, max-age={max(0, min(MAX_AGE_SECONDS, left))}",
        **_PUBLIC,
    }
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(row.token, content_type=MEDIA_TYPE, headers=headers)


@require_safe
def show_lists(request: HttpRequest) -> HttpResponse:
    return render(request, "trust/lists.html", {"lists": read_lists(now=timezone.now())})
