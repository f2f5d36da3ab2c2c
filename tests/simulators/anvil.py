"""A real node: anvil of the npm packages, in a process of its own, with what it offers to play a chain's accidents."""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from anchoring.errors import FetchError
from anchoring.fetch import exchange
from tests.processes import ROOT

ETHER = 10**18
_NAMES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def binary() -> Path:
    """The one that npm installed for this machine. Its absence is a failure: nothing here is skipped."""
    name = f"anvil-{platform.system().lower()}-{_NAMES[platform.machine()]}"
    return ROOT / "node_modules" / "@foundry-rs" / name / "bin" / "anvil"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Anvil:
    """Mines each transaction at once, until told otherwise. Block 0 of two chains differs by its *timestamp*."""

    chain_id: int = 31337
    timestamp: int = 1_700_000_000
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGKILL)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        options = ["--port", self.port, "--chain-id", self.chain_id, "--timestamp", self.timestamp, "--accounts", 1]
        command = [str(binary()), *map(str, options), "--silent", *self.arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._wait()
        except BaseException:
            self.stop(signal.SIGKILL)
            raise

    def stop(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(how)
            self.process.wait(timeout=30)
            self.process = None

    def freeze(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def ask(self, method: str, *params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        kind = "application/json"
        reply = exchange(self.url, purpose=method, max_bytes=1 << 24, body=body, content_type=kind, seconds=30)
        answer = json.loads(reply.content)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    def fund(self, address: bytes, wei: int = 100 * ETHER) -> None:
        self.ask("anvil_setBalance", "0x" + address.hex(), hex(wei))

    def hold_back(self) -> None:
        """Keep transactions waiting until ``mine``."""
        self.ask("evm_setAutomine", False)

    def mine(self, blocks: int = 1) -> None:
        self.ask("anvil_mine", hex(blocks))

    def drop(self, transaction: bytes) -> None:
        self.ask("anvil_dropTransaction", "0x" + transaction.hex())

    def reorganise(self, depth: int) -> None:
        """Replace the newest *depth* blocks with empty ones."""
        self.ask("anvil_reorg", depth, [])

    def settle(self) -> None:
        """Wait until nothing waits: a transaction is mined a moment after it was taken."""
        deadline = time.monotonic() + 10
        while int(self.ask("txpool_status")["pending"], 16):
            assert time.monotonic() < deadline, "not mined"
            time.sleep(0.002)

    def nonce(self, address: bytes) -> int:
        return int(self.ask("eth_getTransactionCount", "0x" + address.hex(), "latest"), 16)

    def height(self) -> int:
        return int(self.ask("eth_blockNumber"), 16)

    def _wait(self) -> None:
        deadline = time.monotonic() + 30
        while not self._is_up():
            if self.process is None or self.process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise RuntimeError("anvil does not start")
            time.sleep(0.02)

    def _is_up(self) -> bool:
        try:
            self.ask("eth_chainId")
        except FetchError:
            return False
        return True
