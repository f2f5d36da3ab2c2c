"""Real processes against the test's own PostgreSQL database and Redis number: workers, beat, and children that die.

``Worker`` is Celery as it runs in production; ``Forker`` has Django loaded once and forks a child per request, so that
dozens of deaths cost no more than a few seconds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

import redis
from django.db import connection

ROOT = Path(__file__).resolve().parents[1]
REDIS_NUMBERS = range(10, 16)


def redis_url() -> str:
    """A Redis number for this test worker alone."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return f"redis://127.0.0.1:6379/{REDIS_NUMBERS[worker % len(REDIS_NUMBERS)]}"


def flush_redis() -> None:
    with redis.Redis.from_url(redis_url()) as client:
        client.flushdb()


def process_environment(*, var_dir: Path, **more: str) -> dict[str, str]:
    """Environment for a process on this test's database, which needs transactional_db to be seen from outside."""
    database = connection.settings_dict
    host, port = database["HOST"] or "127.0.0.1", database["PORT"] or 5432
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.process_settings",
        "DATABASE_URL": f"postgres://{database['USER']}:{database['PASSWORD']}@{host}:{port}/{database['NAME']}",
        "CELERY_BROKER_URL": redis_url(),
        "VAR_DIR": str(var_dir),
        **more,
    }


def wait_until(is_so: Callable[[], bool], *, seconds: float = 60, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)


@dataclass
class Worker:
    """A Celery worker, with beat inside unless told otherwise, in a process group of its own."""

    environment: Mapping[str, str]
    folder: Path
    has_beat: bool = True
    concurrency: int = 2
    # Both, unless named.
    queues: str = ""
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def output(self) -> str:
        return self._output_path.read_text(errors="replace") if self._output_path.exists() else ""

    @property
    def _output_path(self) -> Path:
        return self.folder / f"worker-{self.starts}.log"

    def start(self, **changes: str) -> None:
        """Start and wait until it takes tasks; *changes* are environment variables of this start."""
        self.starts += 1
        beat = ["-B", "-s", str(self.folder / "beat")] if self.has_beat else []
        queues = ["--queues", self.queues] if self.queues else []
        with self._output_path.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "celery", "-A", "config", "worker", "--loglevel", "INFO"),
                    *("--concurrency", str(self.concurrency), "--without-gossip", "--without-mingle", *beat, *queues),
                ],
                cwd=ROOT,
                env={**self.environment, **changes},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(lambda: " ready." in self.output, what="a worker that is ready")

    def kill(self) -> None:
        """SIGKILL to the whole group, as by power loss."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@dataclass
class Forker:
    """Runs functions (``module.name``) in children of a process that has loaded Django once."""

    environment: Mapping[str, str]
    process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.forker"],
            cwd=ROOT,
            env=dict(self.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def begin(self, function: str, *, copies: int = 1, crash_at: str = "") -> None:
        """Start *copies* children at once and return."""
        stream = self._stream(self.process.stdin)
        stream.write(json.dumps({"function": function, "copies": copies, "crash_at": crash_at}) + "\n")
        stream.flush()

    def finish(self) -> list[int]:
        """Wait for the children begun last; return their exit codes, negative for a signal."""
        codes: list[int] = json.loads(self._stream(self.process.stdout).readline())
        return codes

    def run(self, function: str, *, copies: int = 1, crash_at: str = "") -> list[int]:
        self.begin(function, copies=copies, crash_at=crash_at)
        return self.finish()

    @staticmethod
    def _stream(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream
