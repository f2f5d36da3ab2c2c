"""A small load generator for where `wrk` is not installed: one process, several keep-alive connections, one request under
way on each. It imports little, copies little, and looks at every answer.

usage: python -m bench.load PORT CONNECTIONS SECONDS FACTS
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

PATH = "/api/v1/verify"
MARK = b'"verdict":"valid"'
_LENGTH = b"content-length: "
_READ = 1 << 16


def build_requests(port: int, bodies: list[dict[str, str]], api_key: str) -> list[bytes]:
    """Return the exact bytes of one POST for each of *bodies*."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {api_key}\r\nContent-Type: application/json\r\n"
    )
    encoded = [json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode() for body in bodies]
    return [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in encoded]


class Connection:
    """One keep-alive connection with one request under way."""

    def __init__(self, port: int, requests: Iterator[bytes]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self._received = b""
        self._sent_at = 0.0

    def send(self) -> None:
        """Start the next request."""
        self._sent_at = time.perf_counter()
        self.socket.sendall(next(self._requests))

    def receive(self) -> tuple[float, bool] | None:
        """Return latency and whether the answer was a valid verdict, or None while it is incomplete."""
        chunk = self.socket.recv(_READ)
        if not chunk:
            raise ConnectionError("the server closed a connection")
        self._received += chunk
        end = self._received.find(b"\r\n\r\n")
        if end < 0 or not _is_whole(self._received, end):
            return None
        is_valid = self._received.startswith(b"HTTP/1.1 200") and MARK in self._received
        if not is_valid:
            print(self._received.decode(errors="replace"), file=sys.stderr)
        self._received = b""
        return time.perf_counter() - self._sent_at, is_valid


def drive(port: int, requests: list[bytes], *, connections: int, seconds: float) -> dict[str, float]:
    """Return the rate, latencies in milliseconds, and how many answers were no valid verdict."""
    turns = cycle(requests)
    open_ones = [Connection(port, turns) for _ in range(connections)]
    latencies, refused = _exchange(open_ones, seconds)
    for connection in open_ones:
        connection.socket.close()
    latencies.sort()
    return {
        "rate": len(latencies) / seconds,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
        "refused": refused,
    }


def _exchange(open_ones: list[Connection], seconds: float) -> tuple[list[float], int]:
    poll = select.epoll()
    by_number = {connection.socket.fileno(): connection for connection in open_ones}
    for number, connection in by_number.items():
        poll.register(number, select.EPOLLIN)
        connection.send()
    latencies: list[float] = []
    refused = 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for number, _ in poll.poll(1):
            done = by_number[number].receive()
            if done is not None:
                latencies.append(done[0])
                refused += not done[1]
                by_number[number].send()
    return latencies, refused


def _is_whole(received: bytes, end: int) -> bool:
    head = received[:end].lower()
    start = head.find(_LENGTH)
    if start < 0:
        # Without a length the body is chunked, and ends with an empty chunk.
        return received.endswith(b"0\r\n\r\n")
    return len(received) >= end + 4 + int(head[start + len(_LENGTH) :].split(b"\r\n", 1)[0])


def main(arguments: list[str]) -> None:
    """Print the figures as JSON."""
    port, connections, seconds = int(arguments[0]), int(arguments[1]), float(arguments[2])
    facts = json.loads(Path(arguments[3]).read_text(encoding="utf-8"))
    requests = build_requests(port, facts["bodies"], facts["api_key"])
    print(json.dumps(drive(port, requests, connections=connections, seconds=seconds)))


if __name__ == "__main__":
    main(sys.argv[1:])
