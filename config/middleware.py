"""The edge: coded errors become answers, and personal pages are never stored by a browser or proxy."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache, partial
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import Resolver404, resolve
from django.utils.translation import get_language_from_request, override
from django_structlog.middlewares import RequestMiddleware
from redis.exceptions import RedisError

from config import tally
from config.problems import MACHINE_PREFIXES, answer, answer_error, answer_outage
from credentials.views.verify import COUNT_VERDICT, VERDICT
from protocol.errors import CodedError

logger = logging.getLogger(__name__)

Handler = Callable[[HttpRequest], HttpResponse]

# What is counted of a request for a verdict that got none: it was malformed, too large, or one too many.
REFUSED = "refused"
UTF_8 = frozenset({"utf-8", "utf8"})
# The database or the cache does not answer: no fault of this request, and it passes.
OUTAGES = (OperationalError, InterfaceError, RedisError)
PRIVATE_PREFIXES = ("/portal/", "/clerk/", "/verifier/", "/accounts/", "/admin/", "/demo/", "/verify", "/operations/")


class RouteLogMiddleware(RequestMiddleware):
    """Logs each request by the name of its route: addresses hold reset links, sign-in codes and what people search."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {_route_of(request)}"


class WellFormedMiddleware:
    """Refuses, before anything reads them: NUL, which no text column holds, and text in any encoding but UTF-8."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # A cookie is not the reader's doing: one that cannot be ours is as good as none.
        for name in [name for name, value in request.COOKIES.items() if "\0" in value]:
            del request.COOKIES[name]
        if _is_page_with_nul(request):
            return answer(request, "invalid_input", 400)
        if request.content_params and request.content_params.get("charset", "utf-8").lower() not in UTF_8:
            request.encoding = "utf-8"
            return answer(request, "unsupported_media_type", 415)
        return self.get_response(request)


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
        if isinstance(exception, OUTAGES):
            logger.error("%s at %s", type(exception).__name__, _route_of(request))
            return answer_outage(request, "unavailable", 503)
        return answer_error(request, exception) if isinstance(exception, CodedError) else None


# The paths of settings.DIRECT_ROUTES only: walking the URL conf would cost a third of a signature each time.
_resolve_direct = lru_cache(maxsize=16)(resolve)


class DirectRoutesMiddleware:
    """Calls the view of a machine route at once: sessions, cookies and page headers cost more than its signatures."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in settings.DIRECT_ROUTES:
            request.META[COUNT_VERDICT] = partial(tally.count, tally.VERIFICATION)
            answer_to_page = self.get_response(request)
            _count_verdict(request)
            return answer_to_page
        match = _resolve_direct(request.path_info)
        try:
            response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        except CodedError as error:
            # LocaleMiddleware is among those skipped.
            with override(get_language_from_request(request)):
                response = answer_error(request, error)
        _count_verdict(request, otherwise=REFUSED)
        # CommonMiddleware is among those skipped; without a length the server would answer in chunks.
        response["Content-Length"] = str(len(response.content))
        return response


def _count_verdict(request: HttpRequest, *, otherwise: str = "") -> None:
    verdict = request.META.get(VERDICT, otherwise)
    if verdict:
        tally.count(tally.VERIFICATION, verdict)


def _is_page_with_nul(request: HttpRequest) -> bool:
    # Machine routes check every value by its own rule and say so in their own form; pages belong to libraries too.
    query = unquote_to_bytes(request.META.get("QUERY_STRING", ""))
    return ("\0" in request.path_info or b"\0" in query) and not request.path_info.startswith(MACHINE_PREFIXES)


def _route_of(request: HttpRequest) -> str:
    try:
        return resolve(request.path_info).route
    except Resolver404:
        return "no route"
