"""Production settings start only when every secret is there and strong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KEY = "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f"
PRODUCTION = {
    "PATH": os.environ["PATH"],
    "PUBLIC_URL": "https://chancela.example",
    "DATABASE_URL": "postgres://chancela@127.0.0.1/chancela",
    "CELERY_BROKER_URL": "redis://127.0.0.1:6379/0",
    "SECRET_KEY": "8sKq0vWfYx2LrT7bNzHc4mJd9pGe1uAi6oRk3tXw5yZBVnMQhC",
    "KEY_ENCRYPTION_KEY": KEY,
    "LOOKUP_KEY": KEY[::-1],
    "LOG_SIGNING_SEED": KEY[32:] + KEY[:32],
}


def load_settings(**changes: str | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in {**PRODUCTION, **changes}.items() if value is not None}
    command = [sys.executable, "-c", "import config.settings.base as s; print(s.DEBUG, s.SESSION_COOKIE_SECURE)"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_complete_environment_starts() -> None:
    assert load_settings().stdout.strip() == "False True"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"SECRET_KEY": None}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": "a" * 80}, "SECRET_KEY"),
        ({"KEY_ENCRYPTION_KEY": None}, "KEY_ENCRYPTION_KEY"),
        ({"KEY_ENCRYPTION_KEY": "0" * 64}, "KEY_ENCRYPTION_KEY"),
        ({"KEY_ENCRYPTION_KEY": "not hexadecimal"}, "KEY_ENCRYPTION_KEY"),
        ({"LOOKUP_KEY": KEY[:-2]}, "LOOKUP_KEY"),
        ({"LOG_SIGNING_SEED": None}, "LOG_SIGNING_SEED"),
        ({"PUBLIC_URL": None}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "http://chancela.example"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://chancela.example/path"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "https://chancela.example?x=y"}, "PUBLIC_URL"),
        ({"LOOKUP_KEY": KEY}, "LOOKUP_KEY"),
        ({"WITNESS_SIGNING_SEED": "0" * 64}, "WITNESS_SIGNING_SEED"),
        ({"WITNESS_SIGNING_SEED": "short"}, "WITNESS_SIGNING_SEED"),
        ({"WITNESS_SIGNING_SEED": KEY[32:] + KEY[:32]}, "WITNESS_SIGNING_SEED"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"DEMO": "1", "PUBLIC_URL": "http://localhost:8000", "ALLOWED_HOSTS": "10.0.0.5"}, "ALLOWED_HOSTS"),
        ({"DATABASE_URL": None}, "DATABASE_URL"),
        ({"DATABASE_URL": "mysql://chancela@127.0.0.1/chancela"}, "PostgreSQL"),
        ({"CELERY_BROKER_URL": "filesystem://"}, "CELERY_BROKER_URL"),
        ({"CELERY_BROKER_URL": "memory://"}, "CELERY_BROKER_URL"),
        ({"DATABASE_URL": "sqlite:////tmp/x.sqlite3"}, "SQLite"),
        ({"CELERY_BROKER_URL": None}, "CELERY_BROKER_URL"),
        ({"CELERY_BROKER_URL": "redis://queue.internal:6379/0"}, "password"),
        ({"CACHE_URL": "redis://cache.internal:6379/0"}, "password"),
        ({"DEBUG": "1"}, "DEBUG"),
        ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN"),
        ({"METRICS_NETWORKS": "10.0.0.1/8"}, "METRICS_NETWORKS"),
        ({"METRICS_NETWORKS": "localhost"}, "METRICS_NETWORKS"),
        ({"DEMO": "1"}, "DEMO"),
    ],
)
def test_insecure_environment_is_refused(changes: dict[str, str | None], named: str) -> None:
    result = load_settings(**changes)
    assert result.returncode == 1
    assert "ImproperlyConfigured" in result.stderr
    assert named in result.stderr.splitlines()[-1]


def test_a_deployment_may_witness_or_not() -> None:
    seed = KEY[16:] + KEY[:16]
    code = "import config.settings.base as s; print(s.WITNESS_SIGNING_SEED, s.WITNESS_NAME)"
    for changes, printed in (({}, "None"), ({"WITNESS_SIGNING_SEED": seed}, str(bytes.fromhex(seed)))):
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env={**PRODUCTION, **changes}, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == f"{printed} chancela.example/witness"


def test_redis_off_loopback_with_password_starts() -> None:
    assert load_settings(CELERY_BROKER_URL="rediss://:s3cret@queue.internal:6379/0").returncode == 0


def test_secret_is_read_from_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n", encoding="ascii")
    assert load_settings(KEY_ENCRYPTION_KEY=None, KEY_ENCRYPTION_KEY_FILE=str(path)).returncode == 0
