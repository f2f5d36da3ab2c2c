"""`make run`: keys, database, demo people, then the web server and a Celery worker until Ctrl-C.

Without DATABASE_URL and CELERY_BROKER_URL it needs no server (SQLite and a broker made of files); with both set, the
same code runs on PostgreSQL and Redis.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
VAR = Path(os.environ.get("VAR_DIR", ROOT / "var"))
PORT = os.environ.get("PORT", "8000")
KEYS = ("SECRET_KEY", "KEY_ENCRYPTION_KEY", "LOOKUP_KEY", "LOG_SIGNING_SEED", "WITNESS_SIGNING_SEED")
BIN = Path(sys.executable).parent
COMMANDS = {
    "web": [BIN / "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", PORT, "--workers", "1",
            "--blocking-threads", "4", "--log-level", "warning", "config.wsgi:application"],
    "worker": [BIN / "celery", "--quiet", "--app", "config", "worker", "--beat", "--pool", "solo", "--loglevel", "WARNING",
               "--schedule", VAR / "celerybeat-schedule", "--without-gossip", "--without-mingle"],
}  # fmt: skip


def main() -> int:
    os.chdir(ROOT)
    os.environ.update(environment())
    for command in (["migrate", "--verbosity", "0"], ["collectstatic", "--noinput", "--verbosity", "0"], ["demo"]):
        subprocess.run([sys.executable, "manage.py", *command], check=True)
    return supervise([subprocess.Popen([str(part) for part in command]) for command in COMMANDS.values()])


def environment() -> dict[str, str]:
    (VAR / "queue").mkdir(parents=True, exist_ok=True)
    (VAR / "queue-control").mkdir(exist_ok=True)
    keys = {f"{name}_FILE": str(key_file(name)) for name in KEYS if name not in os.environ}
    public_url = os.environ.get("PUBLIC_URL", f"http://localhost:{PORT}")
    # Whoever tries it out should not wait for the first receipt.
    pace = {"CHECKPOINT_SECONDS": os.environ.get("CHECKPOINT_SECONDS", "2")}
    return {"DEMO": "1", "VAR_DIR": str(VAR), "PUBLIC_URL": public_url, "LOG_LEVEL": "WARNING", **pace, **keys}


def key_file(name: str) -> Path:
    """Return the file of secret *name*, made once: a second start must read what the first one encrypted."""
    path = VAR / "secrets" / name.lower()
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        value = secrets.token_urlsafe(64) if name == "SECRET_KEY" else secrets.token_hex(32)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(value)
    return path


def supervise(processes: list[subprocess.Popen[bytes]]) -> int:
    """Wait until one ends or we are told to stop, then stop them all."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        pid, status = os.wait()
        print(f"A part of the service has ended (process {pid}); stopping the rest.", file=sys.stderr)
        return os.waitstatus_to_exitcode(status) or 1
    except KeyboardInterrupt:
        return 0
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                # The file-system broker does not notice SIGTERM; every effect is in the database, so this loses nothing.
                process.kill()


if __name__ == "__main__":
    sys.exit(main())
