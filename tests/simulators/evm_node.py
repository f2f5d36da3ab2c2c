"""A node that is as strict as the strictest real one, and that fails on request: rules and accidents in front of anvil.

anvil takes any replacement that offers one wei more, never loses an answer and knows every method. What stands between
us and it here keeps the pool's rules as go-ethereum does (10 % more on both fees), speaks its words, and answers as told.
"""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

from anchoring.backends.evm.transaction import SignedTransaction, parse_signed
from tests.simulators.anvil import Anvil

ZERO_HASH = "0x" + "00" * 32
SEND = "eth_sendRawTransaction"


@dataclass(frozen=True)
class Fault:
    """What happens instead of an answer. *is_done*: the node acts all the same, and only its answer is replaced.

    Without *content*, the connection breaks; *error* is a JSON-RPC error; *result* a result.
    """

    is_done: bool = False
    error: tuple[int, str] | None = None
    result: Any = None
    has_result: bool = False
    content: bytes | None = None
    status: int = 200


LOST_ANSWER = Fault(is_done=True)
BROKEN_CONNECTION = Fault()


class RefusalError(Exception):
    """A JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class StrictNode:
    """In front of *anvil*; ``faults`` by method are used up one by one, ``calls`` are everything that was asked."""

    anvil: Anvil
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    calls: list[str] = field(default_factory=list)
    pool: dict[tuple[bytes, int], SignedTransaction] = field(default_factory=dict)
    url: str = ""

    def answer(self, method: str, params: list[Any]) -> Any:
        """What a node without accidents answers."""
        return self.take(params) if method == SEND else self.forward(method, params)

    def take(self, params: list[Any]) -> Any:
        signed = parse_signed(bytes.fromhex(params[0][2:]))
        place = (signed.sender, signed.transaction.nonce)
        waiting = self.pool.get(place)
        if signed.transaction.nonce < self.anvil.nonce(signed.sender):
            raise RefusalError(-32000, "nonce too low")
        if waiting is not None and waiting.hash == signed.hash:
            raise RefusalError(-32000, "already known")
        if waiting is not None:
            self.replace(waiting, signed)
        result = self.forward(SEND, params)
        self.pool[place] = signed
        return result

    def replace(self, waiting: SignedTransaction, signed: SignedTransaction) -> None:
        old, new = waiting.transaction.fees, signed.transaction.fees
        pairs = [(old.price, new.price), (old.tip or old.price, new.tip or new.price)]
        if any(10 * more < 11 * less for less, more in pairs):
            raise RefusalError(-32000, "replacement transaction underpriced")

    def forward(self, method: str, params: list[Any]) -> Any:
        try:
            return self.anvil.ask(method, *params)
        except RuntimeError as error:
            raise RefusalError(error.args[0]["code"], error.args[0]["message"]) from None

    def respond(self, body: bytes) -> tuple[int, bytes] | None:
        """Status and content of the answer to a request, or None to break the connection."""
        question = json.loads(body)
        assert question["jsonrpc"] == "2.0"
        method = question["method"]
        self.calls.append(method)
        fault = self.faults[method].popleft() if self.faults[method] else None
        outcome: dict[str, Any] = {}
        if fault is None or fault.is_done:
            outcome = self._outcome(method, question["params"])
        if fault is not None:
            if fault.content is not None:
                return fault.status, fault.content
            if fault.error is None and not fault.has_result:
                return None
            outcome = {"result": fault.result}
            if fault.error:
                outcome = {"error": {"code": fault.error[0], "message": fault.error[1]}}
        answer = {"jsonrpc": "2.0", "id": question["id"], **outcome}
        return fault.status if fault else 200, json.dumps(answer).encode()

    def _outcome(self, method: str, params: list[Any]) -> dict[str, Any]:
        try:
            return {"result": self.answer(method, params)}
        except RefusalError as error:
            return {"error": {"code": error.code, "message": str(error)}}


Running = TypeVar("Running", bound=StrictNode)


@contextmanager
def serving(node: Running) -> Iterator[Running]:
    """*node* at an address of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            response = node.respond(self.rfile.read(int(self.headers["Content-Length"])))
            if response is None:
                self.close_connection = True
                return
            self.send_response(response[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(response[1])))
            self.end_headers()
            self.wfile.write(response[1])

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    node.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
