"""The demonstration's door: one click, and one is Ana. The URL conf holds it only with settings.DEMO."""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from identity import personas
from identity.views.access import PERSONA_SESSION_KEY

_BACKEND = "django.contrib.auth.backends.ModelBackend"


@require_GET
def list_personas(request: HttpRequest) -> HttpResponse:
    return render(request, "demo/personas.html", {"personas": personas.PERSONAS})


@require_POST
def enter(request: HttpRequest, slug: str) -> HttpResponse:
    """Sign in as a persona; the session counts as one with a second factor."""
    account = personas.enter(slug)
    # A session of someone else is emptied first, so that nothing of theirs is carried over.
    request.session.flush()
    login(request, account, backend=_BACKEND)
    request.session[PERSONA_SESSION_KEY] = account.pk
    return redirect(personas.persona_named(slug).home)
