"""The client for addresses that the operator configured: nodes on the local network, whatever they answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from anchoring import fetch
from anchoring.errors import FetchError, FetchRefusedError
from tests.simulators.web import Answer, Web, serve, write_certificate


@pytest.fixture
def node() -> Iterator[Web]:
    with serve() as running:
        yield running


def exchange(url: str, body: bytes | None = b"{}", *, max_bytes: int = 1000, seconds: float = 2.0) -> fetch.Reply:
    return fetch.exchange(url, purpose="test", max_bytes=max_bytes, body=body, seconds=seconds)


def test_a_body_is_posted_and_the_answer_returned_whatever_its_status(node: Web) -> None:
    node.answers["/add?x=1"] = Answer(b"17\n", status=409, headers={"Content-Type": "Text/X.tlog.size; charset=utf-8"})
    assert exchange(f"{node.origin}/add?x=1", b"old 16\n") == fetch.Reply(409, "text/x.tlog.size", b"17\n")
    assert node.bodies == {"/add?x=1": b"old 16\n"}


def test_without_a_body_it_reads(node: Web) -> None:
    node.answers["/checkpoint"] = Answer(b"note", headers={})
    assert exchange(f"{node.origin}/checkpoint", None) == fetch.Reply(200, "", b"note")
    assert node.bodies == {}


def test_tls_proves_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = write_certificate(tmp_path)
    with serve(certificate) as node:
        node.answers["/"] = Answer()
        with pytest.raises(FetchError):
            exchange(f"{node.origin}/")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert exchange(f"{node.origin}/").status == 200
        with pytest.raises(FetchError):
            exchange(f"https://127.0.0.1:{node.port}/")


def test_a_redirect_is_an_answer_and_is_not_followed(node: Web) -> None:
    node.answers["/"] = Answer(b"", status=307, headers={"Location": f"{node.origin}/elsewhere"})
    assert exchange(f"{node.origin}/").status == 307
    assert node.seen == ["/"]


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://localhost/", "http://user:secret@localhost/", "http://", "http://a b/"]
)
def test_some_addresses_are_never_contacted(url: str) -> None:
    with pytest.raises(FetchRefusedError) as refused:
        exchange(url)
    assert not refused.value.was_sent


def test_what_never_left_is_told_from_what_may_have() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(FetchError) as refused:
        exchange(f"http://127.0.0.1:{port}/")
    assert not refused.value.was_sent
    with pytest.raises(FetchError) as unknown:
        exchange("http://does-not-exist.invalid/")
    assert not unknown.value.was_sent


def test_a_node_that_hangs_is_a_doubt() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(FetchError) as lost:
            exchange(f"http://127.0.0.1:{silent.getsockname()[1]}/", seconds=0.2)
    assert lost.value.was_sent


def test_a_node_that_drips_gains_no_time(node: Web) -> None:
    node.answers["/"] = Answer(b"x" * 100, drip=0.05)
    with pytest.raises(FetchError) as lost:
        exchange(f"{node.origin}/", seconds=0.3)
    assert lost.value.was_sent


def test_answers_are_bounded_and_uncompressed(node: Web) -> None:
    node.answers["/large"] = Answer(b"x" * 1001)
    node.answers["/packed"] = Answer(b"x", headers={"Content-Encoding": "gzip"})
    for path in ("/large", "/packed"):
        with pytest.raises(FetchError):
            exchange(node.origin + path)
