"""The one client for everything remote.

``get`` is for addresses that strangers choose (did:web, remote status lists): https only; public addresses only, checked
on every hop and then connected to as checked, so that a name that changes its address in between leads nowhere; few
redirects. ``post`` is for those at which strangers want to be told something (webhooks): the same, without redirects.
``exchange`` is for addresses that the operator configured (ledgers, witnesses, other logs): a node on the local network
is allowed, a redirect is not. All are bounded in time and size, and accept nothing compressed.
"""

from __future__ import annotations

import http.client
import io
import logging
import socket
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv6Address, IPv6Network, ip_address
from threading import BoundedSemaphore, Thread
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from django.conf import settings

from anchoring.errors import FetchError, FetchRefusedError

logger = logging.getLogger(__name__)

MAX_REDIRECTS = 3
TOTAL_SECONDS = 5.0
_STEP_SECONDS = 3.0
_CHUNK = 16384
_MAX_URL = 2048
# Names whose servers never answer hold a thread each, for as long as the system's resolver tries.
_LOOK_UPS = BoundedSemaphore(32)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# All else is unassigned, local, or carries an IPv4 address to a translator (64:ff9b::/96, ::/96), which `is_global` allows.
_PUBLIC_IPV6 = IPv6Network("2000::/3")


@dataclass(frozen=True, slots=True)
class FetchedDocument:
    """What was found at ``url``, the address after redirects."""

    url: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What an address answered, whatever the *status*; *retry_after* in seconds, where it was asked for."""

    status: int
    content_type: str
    content: bytes
    retry_after: int = 0


def get(url: str, *, purpose: str, max_bytes: int, accept: Collection[str]) -> FetchedDocument:
    """Return the document at *url*, of at most *max_bytes* and of one of the media types *accept*.

    Raises FetchRefusedError for an address that is never contacted, FetchError for everything that goes wrong.
    """
    deadline = time.monotonic() + TOTAL_SECONDS
    address = url
    for _ in range(MAX_REDIRECTS + 1):
        step = _request(address, max_bytes=max_bytes, accept=accept, deadline=deadline)
        if isinstance(step, FetchedDocument):
            logger.info("fetched for %s", purpose)
            return step
        address = urljoin(address, step)
    raise FetchError("too many redirects")


def check_address(url: str) -> None:
    """Raise FetchRefusedError for what ``post`` would refuse without looking up the name."""
    parts, _ = _parse_of_stranger(url)
    try:
        ip_address(str(parts.hostname))
    except ValueError:
        return
    if not _is_allowed(str(parts.hostname), str(parts.hostname)):
        raise FetchRefusedError("not a public address", was_sent=False)


def post(
    url: str, *, purpose: str, body: bytes, headers: Mapping[str, str], max_bytes: int, seconds: float = TOTAL_SECONDS
) -> Reply:
    """POST *body* to an address that a stranger chose; return the status and the first *max_bytes* of the answer.

    What is longer is left unread, and a redirect is an answer like any other: the stranger's server shall not make us
    read, or go elsewhere. Raises FetchRefusedError for an address that is never contacted, FetchError for no answer.
    """
    deadline = time.monotonic() + seconds
    parts, port = _parse_of_stranger(url)
    kind = _PinnedConnection if parts.scheme == "https" else _PlainConnection
    connection = kind(str(parts.hostname), port, _public_address(parts, port, deadline), deadline)
    try:
        connection.connect()
        connection.step = seconds
        connection.request("POST", _target(parts), body=body, headers={**headers, "Accept-Encoding": "identity"})
        with connection.getresponse() as response:
            logger.info("posted for %s", purpose)
            content = _read_start(response, max_bytes)
            return Reply(response.status, _content_type(response), content, _retry_after(response))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchError(type(error).__name__) from None
    finally:
        connection.close()


def exchange(
    url: str,
    *,
    purpose: str,
    max_bytes: int,
    body: bytes | None = None,
    content_type: str = "application/octet-stream",
    seconds: float = TOTAL_SECONDS,
) -> Reply:
    """GET *url*, or POST *body* to it, and return the answer; *url* comes from the operator, never from a request.

    Raises FetchError, whose ``was_sent`` is False where certainly nothing has left.
    """
    deadline = time.monotonic() + seconds
    parts, port = _parse(url, schemes=frozenset({"http", "https"}))
    connection = _connection_of_operator(parts, port, deadline)
    headers = {"Accept-Encoding": "identity"} | ({"Content-Type": content_type} if body is not None else {})
    was_sent = False
    try:
        connection.connect()
        was_sent = True
        # A ledger may be silent until what it was sent has taken effect: only the whole is bounded from here on.
        connection.step = seconds
        connection.request("GET" if body is None else "POST", _target(parts), body=body, headers=headers)
        with connection.getresponse() as response:
            _refuse_compressed(response)
            logger.info("exchanged for %s", purpose)
            return Reply(response.status, _content_type(response), _read(response, max_bytes))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchError(type(error).__name__, was_sent=was_sent) from None
    finally:
        connection.close()


def _connection_of_operator(parts: SplitResult, port: int, deadline: float) -> _PlainConnection:
    host = str(parts.hostname)
    try:
        addresses = _look_up(host, port, deadline)
    except (OSError, UnicodeError):
        raise FetchError("name not found", was_sent=False) from None
    if not addresses:
        raise FetchError("name not found", was_sent=False)
    kind = _PinnedConnection if parts.scheme == "https" else _PlainConnection
    return kind(host, port, addresses[0], deadline)


def _request(url: str, *, max_bytes: int, accept: Collection[str], deadline: float) -> FetchedDocument | str:
    """Return the document, or the address that the server points to instead."""
    parts, port = _parse(url)
    connection = _PinnedConnection(str(parts.hostname), port, _public_address(parts, port, deadline), deadline)
    try:
        connection.request(
            "GET", _target(parts), headers={"Accept": ", ".join(sorted(accept)), "Accept-Encoding": "identity"}
        )
        with connection.getresponse() as response:
            if response.status in _REDIRECTS:
                return response.getheader("Location") or ""
            content_type = _check_response(response, accept)
            return FetchedDocument(url, content_type, _read(response, max_bytes))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FetchError(type(error).__name__) from None
    finally:
        connection.close()


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _parse(url: str, schemes: frozenset[str] = frozenset({"https"})) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise FetchRefusedError("not an address") from None
    is_plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= _MAX_URL
    is_host = bool(parts.hostname) and "%" not in str(parts.hostname)
    if parts.scheme not in schemes or not is_host or parts.username is not None or not is_plain:
        raise FetchRefusedError(f"{' or '.join(sorted(schemes))} without credentials only", was_sent=False)
    return parts, port


def _parse_of_stranger(url: str) -> tuple[SplitResult, int]:
    plain = settings.FETCH_PLAIN_ORIGIN
    return _parse(url, schemes=frozenset({"https", "http"} if plain and url.startswith(f"{plain}/") else {"https"}))


def _is_own_origin(parts: SplitResult) -> bool:
    return f"{parts.scheme}://{parts.netloc}" == settings.FETCH_PLAIN_ORIGIN


def _public_address(parts: SplitResult, port: int, deadline: float) -> str:
    host = str(parts.hostname)
    try:
        addresses = _look_up(host, port, deadline)
    except (OSError, UnicodeError):
        raise FetchError("name not found") from None
    # One private address among several is enough: a mixed answer is how rebinding begins.
    is_public = all(_is_allowed(address, host) for address in addresses)
    if not addresses or not (is_public or _is_own_origin(parts)):
        raise FetchRefusedError("not a public address")
    return addresses[0]


def _look_up(host: str, port: int, deadline: float) -> list[str]:
    """Ask the system's resolver, which has no deadline and cannot be interrupted, in a thread that is not waited for.

    Raises OSError, UnicodeError and FetchError.
    """
    if not _LOOK_UPS.acquire(timeout=_remaining(deadline)):
        raise FetchError("too many look-ups")
    answer: Future[list[str]] = Future()
    try:
        Thread(target=_ask_resolver, args=(host, port, answer), daemon=True).start()
    except RuntimeError:
        _LOOK_UPS.release()
        raise FetchError("no thread to look up with") from None
    return answer.result(timeout=_remaining(deadline))


def _ask_resolver(host: str, port: int, answer: Future[list[str]]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answer.set_result([str(info[4][0]) for info in found])
    except Exception as error:  # noqa: BLE001 whoever waits judges it
        answer.set_exception(error)
    finally:
        _LOOK_UPS.release()


def _is_allowed(address: str, host: str) -> bool:
    if host in settings.FETCH_ALLOWED_PRIVATE_HOSTS:
        return True
    ip = ip_address(address)
    if isinstance(ip, IPv6Address) and ip not in _PUBLIC_IPV6:
        return False
    embedded = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    return ip.is_global and not ip.is_multicast and (embedded is None or embedded.is_global)


def _remaining(deadline: float, step: float = _STEP_SECONDS) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("deadline")
    return min(left, step)


class _PlainConnection(http.client.HTTPConnection):
    """Connects to the address that was looked up, within the deadline of the whole fetch."""

    def __init__(self, host: str, port: int, address: str, deadline: float) -> None:
        super().__init__(host, port, timeout=_STEP_SECONDS)
        self.response_class = partial(_BoundedResponse, remaining=self.remaining)  # type: ignore[assignment]  # is only called
        self._address = address
        self._deadline = deadline
        self.step = _STEP_SECONDS

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), timeout=self.remaining())

    def remaining(self) -> float:
        """Return how long the next step may take. Raises TimeoutError past the deadline of the whole fetch."""
        return _remaining(self._deadline, self.step)


class _PinnedConnection(_PlainConnection):
    """The same, while TLS still proves the name."""

    default_port = 443

    def connect(self) -> None:
        super().connect()
        raw = self.sock
        try:
            self.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=self.host)
        except BaseException:
            raw.close()
            raise


class _BoundedResponse(http.client.HTTPResponse):
    """Reads the status line and headers, too, through a socket that knows the deadline."""

    def __init__(self, sock: socket.socket, *args: Any, remaining: Callable[[], float], **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_BoundedReader(sock, remaining))


class _BoundedReader(io.RawIOBase):
    """Waits for each piece no longer than is left of the whole: a server that drips bytes gains no time by it."""

    def __init__(self, sock: socket.socket, remaining: Callable[[], float]) -> None:
        self._sock, self._remaining = sock, remaining
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._remaining())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _check_response(response: http.client.HTTPResponse, accept: Collection[str]) -> str:
    content_type = _content_type(response)
    if response.status != http.HTTPStatus.OK:
        raise FetchError(f"status {response.status}")
    if content_type not in accept:
        raise FetchError("another content type")
    _refuse_compressed(response)
    return content_type


def _content_type(response: http.client.HTTPResponse) -> str:
    return (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()


def _refuse_compressed(response: http.client.HTTPResponse) -> None:
    # We asked for none; unpacking what we did not ask for is how a small answer becomes a large one.
    if (response.getheader("Content-Encoding") or "identity").lower() != "identity":
        raise FetchError("compressed")


def _read(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while chunk := response.read1(_CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise FetchError("too large")
        parts.append(chunk)
    return b"".join(parts)


def _retry_after(response: http.client.HTTPResponse) -> int:
    """Return the seconds of Retry-After (RFC 9110 §10.2.3), or 0 for none, for a date, and for nonsense."""
    text = response.getheader("Retry-After") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _read_start(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    """Return what came of the first *max_bytes*, also where the rest breaks off or lingers."""
    content = b""
    try:
        while len(content) < max_bytes and (chunk := response.read1(max_bytes - len(content))):
            content += chunk
    except (OSError, http.client.HTTPException):
        pass
    return content
