"""The edge: coded errors become answers, and personal pages are never stored by a browser or proxy."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import resolve

from config.problems import answer, answer_error
from protocol.errors import CodedError

Handler = Callable[[HttpRequest], HttpResponse]

PRIVATE_PREFIXES = ("/portal/", "/clerk/", "/verifier/", "/accounts/", "/admin/", "/demo/", "/verify")


class PrivatePagesMiddleware:
    """Marks every page that may show a person's data as not storable, unless the view has decided itself."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith(PRIVATE_PREFIXES) and "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"
        return response


class CodedErrorMiddleware:
    """Turns an error of our tree, or Django's wordless 405, into the one answer that belongs to it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed):
            refusal = answer(request, "method_not_allowed", 405)
            refusal["Allow"] = response["Allow"]
            return refusal
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return answer_error(request, exception) if isinstance(exception, CodedError) else None


# The paths of settings.DIRECT_ROUTES only: walking the URL conf would cost a third of a signature each time.
_resolve_direct = lru_cache(maxsize=16)(resolve)


class DirectRoutesMiddleware:
    """Calls the view of a machine route at once: sessions, cookies and page headers cost more than its signatures."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in settings.DIRECT_ROUTES:
            return self.get_response(request)
        match = _resolve_direct(request.path_info)
        try:
            response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        except CodedError as error:
            response = answer_error(request, error)
        # CommonMiddleware is among those skipped; without a length the server would answer in chunks.
        response["Content-Length"] = str(len(response.content))
        return response
