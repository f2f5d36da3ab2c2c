"""Doors of the machine routes: who is let in, by which method, and with a body of which size."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import orjson
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from credentials.admission import admit_anonymous, admit_api_key
from credentials.errors import ApiKeyMissingError, MediaTypeError, MethodError
from credentials.verify_request import MAX_BODY_BYTES
from identity.models import Organisation
from identity.views.authentication import client_address
from protocol.encoding import json_dumps, json_object
from protocol.errors import InvalidInputError, TooLargeError

JSON = "application/json"
NO_STORE = {"Cache-Control": "no-store"}

_P = ParamSpec("_P")
_View = Callable[Concatenate[HttpRequest, _P], HttpResponseBase]


class KeyedRequest(HttpRequest):
    """A request let in by ``keyed``: on whose behalf it is made."""

    organisation: Organisation


def open_to_all(view: _View[_P]) -> _View[_P]:
    """Mark a view that needs no sign-in, as the access matrix reads it."""
    marked: Any = view
    marked.audience = "public"
    return view


def readable(view: _View[_P]) -> _View[_P]:
    """Let anyone in with GET and HEAD."""

    @wraps(view)
    def gate(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
        if request.method not in {"GET", "HEAD"}:
            raise MethodError(allow="GET, HEAD")
        return view(request, *args, **kwargs)

    return open_to_all(csrf_exempt(gate))


def posted(view: _View[_P]) -> _View[_P]:
    """Let anyone in with POST."""

    @wraps(view)
    def gate(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
        if request.method != "POST":
            raise MethodError(allow="POST")
        return view(request, *args, **kwargs)

    return open_to_all(csrf_exempt(gate))


def keyed(**views: Callable[Concatenate[Any, _P], HttpResponseBase]) -> _View[_P]:
    """Let in who shows an API key, to the view of the method: ``keyed(GET=…, POST=…)``. HEAD is answered as GET.

    Raises MethodError, ApiKeyMissingError, ApiKeyInvalidError.
    """

    def gate(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponseBase:
        view = views.get("GET" if request.method == "HEAD" else str(request.method))
        if view is None:
            raise MethodError(allow=", ".join(sorted([*views, *(["HEAD"] if "GET" in views else [])])))
        admitted: Any = request
        admitted.organisation = _admit_organisation(request)
        return view(admitted, *args, **kwargs)

    return csrf_exempt(gate)


def admit(request: HttpRequest) -> Organisation | None:
    """Return whose key it shows, None for a stranger. Raises ApiKeyInvalidError, and RateLimitedError without a key."""
    header = request.META.get("HTTP_AUTHORIZATION")
    if header:
        return admit_api_key(header)
    admit_anonymous(client_address(request))
    return None


def _admit_organisation(request: HttpRequest) -> Organisation:
    """Raises ApiKeyInvalidError, and ApiKeyMissingError without a key, or with one that is no organisation's."""
    header = request.META.get("HTTP_AUTHORIZATION")
    organisation = admit_api_key(header) if header else None
    if organisation is None:
        raise ApiKeyMissingError("an organisation's API key")
    return organisation


def read_json(request: HttpRequest) -> dict[str, Any]:
    """Return the members of the body. Raises MediaTypeError, TooLargeError, JsonError."""
    return json_object(read_body(request, types=(JSON,), max_bytes=MAX_BODY_BYTES), max_bytes=MAX_BODY_BYTES)


def read_number(request: HttpRequest, name: str) -> int | None:
    """Return the one parameter that the query may have, a whole number above 0. Raises InvalidInputError."""
    given = request.GET.get(name, "")
    if request.GET.keys() - {name} or len(request.GET.getlist(name)) > 1:
        raise InvalidInputError("query", fields={name: ["the only parameter, once"]})
    if name not in request.GET:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) <= 9 and int(given)):
        raise InvalidInputError(name, fields={name: ["a whole number above 0"]})
    return int(given)


def read_body(request: HttpRequest, *, types: tuple[str, ...], max_bytes: int) -> bytes:
    """Return the whole body. Raises MediaTypeError, TooLargeError."""
    if request.content_type not in types:
        raise MediaTypeError(f"{' or '.join(types)} expected")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > max_bytes:
        raise TooLargeError(f"at most {max_bytes} bytes")
    # Not request.body: Django's own limit is for pages, and smaller than that of a batch.
    return request.read(max_bytes)


def write_json(value: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:
        # Integers beyond 64 bits are legal JSON, and orjson does not write them.
        return json_dumps(value)


def json_answer(value: dict[str, Any], headers: dict[str, str], *, status: int = 200) -> HttpResponse:
    return HttpResponse(write_json(value), content_type=JSON, headers=headers, status=status)
