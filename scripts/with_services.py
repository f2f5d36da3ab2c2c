"""Run a command with PostgreSQL, Redis and Chromium at hand: those that run here, or our own, stopped afterwards.

usage: python scripts/with_services.py COMMAND [ARGUMENT…]
Fails, and says what is missing, rather than letting a test be left out.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

POSTGRES_PORT, REDIS_PORT = 5432, 6379
OWN_POSTGRES_PORT, OWN_REDIS_PORT = 54329, 63799
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def main(command: list[str]) -> int:
    stops: list[Callable[[], None]] = []
    try:
        os.environ.setdefault("DATABASE_URL", find_postgres(stops))
        os.environ.setdefault("CELERY_BROKER_URL", find_redis(stops))
        os.environ["CHROMIUM"] = find_chromium()
        return subprocess.run(command, check=False).returncode
    finally:
        for stop in stops:
            stop()


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(port: int, name: str) -> None:
    for _ in range(100):
        if is_listening(port):
            return
        time.sleep(0.1)
    sys.exit(f"{name} did not start on port {port}")


def find_postgres(stops: list[Callable[[], None]]) -> str:
    if is_listening(POSTGRES_PORT) and _accepts_us(f"postgres://127.0.0.1:{POSTGRES_PORT}/postgres"):
        return f"postgres://127.0.0.1:{POSTGRES_PORT}/chancela"
    return start_postgres(stops)


def _accepts_us(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.Error:
        return False
    return True


def start_postgres(stops: list[Callable[[], None]]) -> str:
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [Path(shutil.which("initdb") or "/").parent]
    if not (binaries[-1] / "initdb").exists():
        install("postgresql")
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    folder = Path(tempfile.mkdtemp(prefix="chancela-pg-"))
    # initdb refuses to run as root, so root hands the folder to an ordinary account.
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    run_quietly([*user, str(binaries[-1] / "initdb"), "-D", str(data), "-A", "trust", "-U", "chancela"])
    options = f"-p {OWN_POSTGRES_PORT} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
    control = [*user, str(binaries[-1] / "pg_ctl"), "-D", str(data)]
    run_quietly([*control, "-o", options, "-l", str(folder / "log"), "-w", "start"])

    def stop() -> None:
        run_quietly([*control, "-m", "immediate", "stop"])
        shutil.rmtree(folder, ignore_errors=True)

    stops.append(stop)
    return f"postgres://chancela@127.0.0.1:{OWN_POSTGRES_PORT}/chancela"


def find_redis(stops: list[Callable[[], None]]) -> str:
    if is_listening(REDIS_PORT):
        return f"redis://127.0.0.1:{REDIS_PORT}/9"
    if not shutil.which("redis-server"):
        install("redis-server")
    server = subprocess.Popen(
        ["redis-server", "--port", str(OWN_REDIS_PORT), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )
    wait_for(OWN_REDIS_PORT, "Redis")
    stops.append(server.terminate)
    return f"redis://127.0.0.1:{OWN_REDIS_PORT}/9"


def find_chromium() -> str:
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if not found:
        # CJK fonts come along: without them the screenshots show boxes.
        install("chromium", "fonts-noto-cjk")
        found = shutil.which("chromium")
    return found or sys.exit("Chromium is missing: install the package `chromium`, or set CHROMIUM to its path")


def install(*packages: str) -> None:
    """Install Debian packages where we may; otherwise say what is missing."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"Missing: {', '.join(packages)}. Install them and run this again")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        run_quietly(["apt-get", *arguments], environment)


def run_quietly(command: list[str], environment: dict[str, str] | None = None) -> None:
    result = subprocess.run(
        command,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    )
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{result.stderr}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
