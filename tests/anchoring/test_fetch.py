from __future__ import annotations

import contextlib
import gzip
import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from anchoring import fetch
from anchoring.errors import FetchError, FetchRefusedError
from tests.simulators.web import Answer, Web, serve, write_certificate

JSON = frozenset({"application/json"})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("web"))


@pytest.fixture
def web(certificate: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A loopback server that this service is allowed to contact, and whose certificate it trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    settings.FETCH_ALLOWED_PRIVATE_HOSTS = ["localhost"]
    with serve(certificate) as running:
        yield running


def get(url: str, max_bytes: int = 1000) -> fetch.FetchedDocument:
    return fetch.get(url, purpose="test", max_bytes=max_bytes, accept=JSON)


def test_a_document_is_fetched(web: Web) -> None:
    web.answers["/a?b=c"] = Answer(b'{"a":1}', headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert get(f"{web.origin}/a?b=c") == fetch.FetchedDocument(f"{web.origin}/a?b=c", "application/json", b'{"a":1}')


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "https://user:secret@example.com/",
        "https://",
        "https://[",
        "https://example.com:99999/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[2002:7f00:1::]/",
        "https://[fe80::1%25eth0]/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://[fc00::1]/",
        "https://[fec0::1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[::7f00:1]/",
        "https://localhost/",
        "https://example.com/\r\nX: y",
        "https://exa mple.com/",
        "https://例子.example/",
        "https://example.com/" + "a" * 3000,
    ],
)
def test_addresses_that_are_never_contacted(url: str) -> None:
    with pytest.raises(FetchRefusedError) as refusal:
        get(url)
    assert refusal.value.permanent


def test_one_private_address_among_several_refuses_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", (ip, 443)) for ip in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with pytest.raises(FetchRefusedError):
        get("https://mixed.example/")


def test_the_name_is_looked_up_once_and_that_address_is_used(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    web.answers["/"] = Answer()
    lookups: list[str] = []
    real = socket.getaddrinfo

    def watch(host: str, *args: Any, **kwargs: Any) -> Any:
        if host == "localhost":
            lookups.append(host)
            return [(socket.AF_INET, 1, 6, "", ("127.0.0.1", web.port))]
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", watch)
    get(f"{web.origin}/")
    assert lookups == ["localhost"]


def test_a_few_redirects_are_followed_and_each_is_checked(web: Web) -> None:
    web.answers["/1"] = Answer(status=302, headers={"Location": "/2"})
    web.answers["/2"] = Answer(status=307, headers={"Location": f"{web.origin}/3"})
    web.answers["/3"] = Answer(b"[]")
    assert get(f"{web.origin}/1").url == f"{web.origin}/3"
    web.answers["/3"] = Answer(status=301, headers={"Location": "https://10.0.0.1/"})
    with pytest.raises(FetchRefusedError):
        get(f"{web.origin}/1")
    web.answers["/3"] = Answer(status=308, headers={"Location": "http://example.com/"})
    with pytest.raises(FetchRefusedError):
        get(f"{web.origin}/1")


def test_a_loop_of_redirects_ends(web: Web) -> None:
    web.answers["/"] = Answer(status=302, headers={"Location": "/"})
    with pytest.raises(FetchError):
        get(f"{web.origin}/")
    assert len(web.seen) == fetch.MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"x" * 1001),
        Answer(status=404),
        Answer(status=500),
        Answer(status=204, content=b""),
        Answer(headers={"Content-Type": "text/html"}),
        Answer(headers={}),
        Answer(gzip.compress(b"{}"), headers={"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        Answer(status=302, headers={}),
    ],
)
def test_answers_outside_the_bounds_are_refused(web: Web, answer: Answer) -> None:
    web.answers["/"] = answer
    with pytest.raises(FetchError):
        get(f"{web.origin}/")


def test_a_server_that_drips_meets_the_deadline(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 0.3)
    web.answers["/"] = Answer(b"x" * 100, drip=0.05)
    with pytest.raises(FetchError):
        get(f"{web.origin}/")


def test_headers_that_drip_meet_the_deadline(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 0.3)
    monkeypatch.setattr(http.server.BaseHTTPRequestHandler, "end_headers", _drip_headers)
    web.answers["/"] = Answer()
    started_at = time.monotonic()
    with pytest.raises(FetchError, match="TimeoutError"):
        get(f"{web.origin}/")
    assert time.monotonic() - started_at < 1


def _drip_headers(handler: http.server.BaseHTTPRequestHandler) -> None:
    with contextlib.suppress(OSError):
        for _ in range(60):
            handler.wfile.write(b"a")
            time.sleep(0.05)


def test_a_certificate_that_nobody_vouches_for_is_refused(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    web.answers["/"] = Answer()
    with pytest.raises(FetchError):
        get(f"{web.origin}/")
    assert web.seen == []


def test_a_name_that_does_not_exist_and_a_closed_port_are_fetch_errors(settings: Settings) -> None:
    with pytest.raises(FetchError):
        get("https://does-not-exist.invalid/")
    settings.FETCH_ALLOWED_PRIVATE_HOSTS = ["localhost"]
    with pytest.raises(FetchError):
        get("https://localhost:1/")


@pytest.fixture
def silent_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Name servers that never answer, until the test is over."""
    is_over, waiting = threading.Event(), list[threading.Thread]()

    def wait(*_: Any, **__: Any) -> list[Any]:
        waiting.append(threading.current_thread())
        is_over.wait(10)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", wait)
    yield
    is_over.set()
    for thread in waiting:
        thread.join()


@pytest.mark.usefixtures("silent_resolver")
def test_name_servers_that_are_silent_meet_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 0.3)
    started_at = time.monotonic()
    with pytest.raises(FetchError, match="name not found"):
        get("https://silent.example/")
    assert time.monotonic() - started_at < 1


@pytest.mark.usefixtures("silent_resolver")
def test_look_ups_that_hang_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TOTAL_SECONDS", 0.1)
    monkeypatch.setattr(fetch, "_LOOK_UPS", threading.BoundedSemaphore(2))
    earlier = set(threading.enumerate())
    for _ in range(4):
        with pytest.raises(FetchError):
            get("https://silent.example/")
    assert len(set(threading.enumerate()) - earlier) == 2
    with pytest.raises(FetchError, match="too many look-ups"):
        get("https://silent.example/")


def test_a_look_up_gives_its_place_back(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_LOOK_UPS", threading.BoundedSemaphore(1))
    web.answers["/"] = Answer()
    for _ in range(3):
        get(f"{web.origin}/")
    with pytest.raises(FetchError):
        get("https://does-not-exist.invalid/")
    get(f"{web.origin}/")
