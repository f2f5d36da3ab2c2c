"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sysconfig
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGES = ("django", "cryptography", "orjson", "psycopg", "granian", "sd-jwt", "joserfc", "pymerkle")


@cache
def describe_machine() -> dict[str, str]:
    """Return processor, memory, system and the versions that decide the figures."""
    described = {
        "processor": f"{os.cpu_count()} × {_processor()}",
        "memory": f"{_memory_gib()} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_version()}, {_build()}",
        "node": _version_of("node", "--version"),
    }
    return described | {name: metadata.version(name) for name in PACKAGES}


def _build() -> str:
    """Say how the interpreter was configured. A distribution may optimise in ways of its own, which leave no trace here."""
    is_optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    return f"configured {'with' if is_optimised else 'without'} --enable-optimizations"


def _processor() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> int:
    for line in _read("/proc/meminfo").splitlines():
        if line.startswith("MemTotal"):
            return round(int(line.split()[1]) / 1024**2)
    return 0


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8") if Path(path).exists() else ""


def _version_of(command: str, flag: str) -> str:
    found = shutil.which(command)
    if not found:
        return "absent"
    return subprocess.run([found, flag], capture_output=True, text=True, check=True, timeout=30).stdout.strip()
