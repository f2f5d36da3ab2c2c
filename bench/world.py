"""A database, keys and settings of the benchmark's own, gone when it is over."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_SERVER = "postgres://127.0.0.1:5432/postgres"
PUBLIC_URL = "http://localhost:8000"
_DEMONSTRATION = {"DEMO": "1", "CELERY_BROKER_URL": "filesystem://"}


@dataclass(frozen=True, slots=True)
class World:
    """*folder* is temporary; *environment* is that of a production process, which knows no demonstration."""

    database_url: str
    folder: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str, demo: bool = False) -> str:
        """Run a Python command to its end and return what it printed. *demo* admits the demonstration's people."""
        environment = {**self.environment, **_DEMONSTRATION} if demo else self.environment
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout


@contextmanager
def make_world() -> Iterator[World]:
    """Create database and keys, apply the migrations, and remove everything afterwards."""
    server = os.environ.get("DATABASE_URL", DEFAULT_SERVER)
    name = f"chancela_bench_{secrets.token_hex(4)}"
    url = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    with tempfile.TemporaryDirectory(prefix="chancela-bench-") as folder, _database(server, name):
        world = World(url, Path(folder), _environment(url, folder))
        for queue in ("queue", "queue-control"):
            (world.folder / queue).mkdir()
        world.run("manage.py", "migrate", "--verbosity", "0")
        yield world


@contextmanager
def _database(server: str, name: str) -> Iterator[None]:
    identifier = sql.Identifier(name)
    maintenance = urlunsplit(urlsplit(server)._replace(path="/postgres"))
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
        try:
            yield
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


def _environment(database_url: str, folder: str) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
    keys = {name: secrets.token_hex(32) for name in ("KEY_ENCRYPTION_KEY", "LOOKUP_KEY", "LOG_SIGNING_SEED")}
    return {
        **inherited,
        **keys,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database_url,
        # Production accepts no other broker. Nothing measured outside the demonstration ever speaks to it.
        "CELERY_BROKER_URL": "redis://127.0.0.1:6379/15",
        "VAR_DIR": folder,
        "PUBLIC_URL": PUBLIC_URL,
        "ALLOWED_HOSTS": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
        # Every list holds the largest bulk run.
        "STATUS_LIST_SIZE": str(1 << 18),
    }
