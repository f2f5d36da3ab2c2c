"""A C2SP witness on loopback that keeps the rules, except where the test tells it to break one.

It judges by protocol.witness as any witness of ours does, and keeps its heads in memory; ``faults`` are taken one per
request, in order.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from protocol.checkpoint import Checkpoint, VerifierKey
from protocol.cosignature import CosignerKey, Ed25519Cosigner, MldsaCosigner, cosign
from protocol.errors import WitnessError, WitnessSizeError
from protocol.witness import SIZE_CONTENT_TYPE, AddCheckpoint, encode_size, judge, parse_add_checkpoint

PREFIX = "/submit"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    content: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request.

    ``instead`` is answered without doing anything; ``rewrite`` changes the true answer after the effect; with
    ``is_lost`` the connection ends after the effect without an answer; ``seconds`` pass before the answer.
    """

    instead: Answer | None = None
    rewrite: Callable[[Answer], Answer] | None = None
    is_lost: bool = False
    seconds: float = 0.0


@dataclass
class SimulatedWitness:
    """``heads`` are its memory by origin; ``requests`` what it was sent, well-formed or not."""

    name: str
    log_keys: tuple[VerifierKey, ...]
    port: int = 0
    heads: dict[str, Checkpoint] = field(default_factory=dict)
    faults: deque[Fault] = field(default_factory=deque)
    requests: list[AddCheckpoint] = field(default_factory=list)
    clock: Callable[[], float] = time.time
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PREFIX}"

    @property
    def cosigners(self) -> tuple[CosignerKey, ...]:
        seed = self.name.encode().ljust(32, b".")[:32]
        return Ed25519Cosigner(self.name, seed), MldsaCosigner(self.name, seed[::-1])

    @property
    def vkey(self) -> str:
        return " ".join(cosigner.verifier_key.vkey for cosigner in self.cosigners)

    @property
    def old_sizes(self) -> list[int]:
        return [request.old_size for request in self.requests]

    def answer(self, body: bytes) -> Answer:
        try:
            request = parse_add_checkpoint(body)
            with self.lock:
                self.requests.append(request)
                return self._cosign(request)
        except WitnessSizeError as error:
            return Answer(409, encode_size(error.size), SIZE_CONTENT_TYPE)
        except WitnessError as error:
            return Answer(error.status)

    def _cosign(self, request: AddCheckpoint) -> Answer:
        self.heads[request.origin] = judge(request, keys=self.log_keys, latest=self.heads.get(request.origin))
        lines = [cosign(request.note, cosigner, int(self.clock())) for cosigner in self.cosigners]
        return Answer(content="".join(lines).encode())


@contextmanager
def serve_witness(name: str, *log_keys: VerifierKey) -> Iterator[SimulatedWitness]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    witness = SimulatedWitness(name, log_keys, port=server.server_address[1])
    server.witness = witness  # type: ignore[attr-defined]  # handlers reach it through their server
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield witness
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        witness: SimulatedWitness = self.server.witness  # type: ignore[attr-defined]  # set by serve_witness
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != f"{PREFIX}/add-checkpoint":
            self._send(Answer(404))
            return
        fault = witness.faults.popleft() if witness.faults else Fault()
        answer = fault.instead or witness.answer(body)
        time.sleep(fault.seconds)
        if not fault.is_lost:
            self._send(fault.rewrite(answer) if fault.rewrite else answer)

    def _send(self, answer: Answer) -> None:
        try:
            self.send_response(answer.status)
            for name, value in (("Content-Type", answer.content_type), *answer.headers):
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)
        except OSError:
            # The client had no more time for it.
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the standard library's
        """Say nothing: requests are in ``requests``."""
