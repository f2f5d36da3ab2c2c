"""The service as `make run` starts it, in processes of its own, on either of its two foundations."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

ROOT = Path(__file__).resolve().parents[2]
FOUNDATIONS = ("embedded", "servers")
# A Redis number that no other test uses; it is flushed.
REDIS_NUMBER = 8
START_SECONDS = 90
FROM_OUTSIDE = ("PATH", "HOME", "LANG")


@dataclass(frozen=True, slots=True)
class Stack:
    url: str
    environment: dict[str, str]
    log: Path

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a management command on the same database and secrets."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False, timeout=120
        )


@contextmanager
def running(foundation: str, folder: Path, **settings: str) -> Iterator[Stack]:
    """Start web server and worker, wait until both serve, and stop them at the end; *settings* are for both."""
    port = free_port()
    environment = {name: os.environ[name] for name in FROM_OUTSIDE if name in os.environ}
    environment |= {"VAR_DIR": str(folder), "PORT": str(port), "PUBLIC_URL": f"http://localhost:{port}"}
    with servers() if foundation == "servers" else nothing() as more:
        environment |= {**more, "VERIFY_ANONYMOUS_RATE": "10000/min", **settings}
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "scripts/run.py"], cwd=ROOT, env=environment, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            wait_until_ready(f"http://localhost:{port}/health/ready", process, log)
            secrets = {f"{path.name.upper()}_FILE": str(path) for path in (folder / "secrets").iterdir()}
            yield Stack(f"http://localhost:{port}", {**environment, **secrets, "DEMO": "1"}, log)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(timeout=30)


@contextmanager
def servers() -> Iterator[dict[str, str]]:
    """A database and a Redis number of our own, gone afterwards."""
    base = os.environ["DATABASE_URL"]
    name = f"journey_{uuid.uuid4().hex[:12]}"
    broker = f"{os.environ['CELERY_BROKER_URL'].rpartition('/')[0]}/{REDIS_NUMBER}"
    with psycopg.connect(f"{base.rpartition('/')[0]}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        redis.Redis.from_url(broker).flushdb()
        try:
            yield {"DATABASE_URL": f"{base.rpartition('/')[0]}/{name}", "CELERY_BROKER_URL": broker}
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def nothing() -> Iterator[dict[str, str]]:
    yield {}


def wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 our own loopback address
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise AssertionError(f"the service did not start:\n{log.read_text(errors='replace')[-4000:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
