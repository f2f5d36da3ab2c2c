"""HTTP over the standard library: one call, one answer; no redirects, so that the key goes to one place only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from chancela_client.errors import AnswerError, ConnectionFailed, Problem

MAX_BYTES = 1 << 26
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with a status below 400."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """Raises AnswerError for what is no JSON."""
        return parse_json(self.content)

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow nothing: the answer is then the redirect itself, and an error."""


_OPENER = build_opener(_NoRedirects)
# Without the proxies of the environment: what stays on this machine goes there in the clear.
_LOCAL_OPENER = build_opener(_NoRedirects, ProxyHandler({}))


def check_address(url: str) -> str:
    """Return *url* without a slash at its end. Raises ValueError unless it is https, or http on this machine."""
    parts = urlsplit(url)
    is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or (parts.scheme != "https" and not is_local) or parts.query or parts.fragment:
        raise ValueError("the service's address is https, without query: an API key is not for everyone to read")
    return url.rstrip("/")


def send(request: Request, *, timeout: float) -> Response:
    """Return the whole answer. Raises Problem, ConnectionFailed, AnswerError."""
    with opened(request, timeout=timeout) as answer:
        try:
            content = answer.read(MAX_BYTES + 1)
        except (OSError, HTTPException) as error:
            raise ConnectionFailed(type(error).__name__) from error
        if len(content) > MAX_BYTES:
            raise AnswerError(f"longer than {MAX_BYTES} bytes")
        return Response(answer.status, dict(answer.headers.items()), content)


@contextmanager
def opened(request: Request, *, timeout: float) -> Iterator[Any]:
    """Yield the open answer, for whoever reads it piece by piece. Raises as send."""
    try:
        answer = (_LOCAL_OPENER if request.type == "http" else _OPENER).open(request, timeout=timeout)
    except HTTPError as refusal:
        raise problem_of(refusal) from None
    except (URLError, OSError, HTTPException) as error:
        raise ConnectionFailed(str(getattr(error, "reason", None) or type(error).__name__)) from error
    with answer:
        yield answer


def problem_of(refusal: HTTPError) -> Problem:
    """Return the refusal as the service words it (RFC 9457); as bare as it is where something else answered."""
    try:
        members = json.loads(refusal.read(1 << 20))
    except (OSError, ValueError, HTTPException):
        members = {}
    given: dict[str, Any] = members if isinstance(members, dict) else {}
    wait = refusal.headers.get("Retry-After", "")
    return Problem(
        refusal.code,
        str(given.get("code", "unknown")),
        title=str(given.get("title", "")),
        detail=str(given.get("detail", "")),
        fields=given.get("fields") if isinstance(given.get("fields"), dict) else None,
        retry_after=int(wait) if wait.isdecimal() else None,
    )


def parse_json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        raise AnswerError("not JSON") from None
