"""A TLS web server on loopback whose every answer the test decides, with a certificate of its own."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from protocol.keys import generate_p256

HOST = "localhost"


@dataclass
class Answer:
    content: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    # Seconds between single bytes: a server that never ends.
    drip: float = 0.0


@dataclass(frozen=True)
class Posted:
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Web:
    """The running server: set ``answers[path]``, read ``seen`` paths."""

    port: int
    answers: dict[str, Answer | Callable[[], Answer]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    # What was posted, by path.
    bodies: dict[str, bytes] = field(default_factory=dict)
    # The same in order, with headers by their names in lower case.
    posts: list[Posted] = field(default_factory=list)
    scheme: str = "https"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{HOST}:{self.port}"


def write_certificate(folder: Path) -> Path:
    """Write key and self-signed certificate of ``localhost`` as one PEM file."""
    key, now = generate_p256(), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = folder / "web.pem"
    path.write_bytes(pem + builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return path


@contextmanager
def serve(certificate: Path | None = None) -> Iterator[Web]:
    """Run a server; without *certificate*, one of plain HTTP, as ledger nodes on a local network are."""
    server = _Server(("127.0.0.1", 0), _Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    web = Web(port=server.server_address[1], scheme="https" if certificate else "http")
    server.web = web  # type: ignore[attr-defined]  # handlers reach it through their server
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that leaves, or does not trust us, is what the test is about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        web: Web = self.server.web  # type: ignore[attr-defined]  # set by serve
        web.seen.append(self.path)
        answer = web.answers.get(self.path, Answer(status=404))
        self._send(answer() if callable(answer) else answer)

    def do_POST(self) -> None:
        web: Web = self.server.web  # type: ignore[attr-defined]  # set by serve
        web.bodies[self.path] = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        web.posts.append(Posted(self.path, headers, web.bodies[self.path]))
        self.do_GET()

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for piece in [answer.content] if not answer.drip else [bytes([byte]) for byte in answer.content]:
                self.wfile.write(piece)
                time.sleep(answer.drip)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the standard library's
        """Say nothing: requests are in ``seen``."""
