"""The commands of docs/operations.md, "First start in production", on an empty database and production settings."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
KEYS = ("KEY_ENCRYPTION_KEY", "LOOKUP_KEY", "LOG_SIGNING_SEED")


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    name = f"first_start_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield {
                "PATH": os.environ["PATH"],
                "VAR_DIR": str(tmp_path),
                "PUBLIC_URL": "https://chancela.example",
                "DATABASE_URL": f"{server}/{name}",
                "CELERY_BROKER_URL": os.environ["CELERY_BROKER_URL"],
                "EMAIL_HOST": "mail.chancela.example",
                "LOG_LEVEL": "ERROR",
                "SECRET_KEY": secrets.token_urlsafe(64),
                **{key: secrets.token_hex(32) for key in KEYS},
            }
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def documented_commands() -> list[list[str]]:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    block = text.partition("## First start in production")[2].partition("```")[2].partition("```")[0]
    lines = [part for line in block.splitlines() for part in line.split("&&")]
    return [shlex.split(line, comments=True)[2:] for line in lines if re.search(r"python manage\.py", line)]


def test_documented_first_start_works_and_leaves_a_sound_service(environment: dict[str, str]) -> None:
    commands = [command for command in documented_commands() if command[0] != "collectstatic"]
    assert [command[0] for command in commands] == [
        "migrate", "keys", "keys", "agency", "types", "agency", "agency", "check",
    ]  # fmt: skip
    for command in [*commands, ["fsck"]]:
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stderr[-2000:])
