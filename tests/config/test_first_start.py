"""The commands of docs/operations.md, "First start in production", on an empty database and production settings."""

from __future__ import annotations

import os
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


# Stands for the browser: two people have signed up and confirmed their address.
SIGN_UP = """
from allauth.account.models import EmailAddress
from identity.models import Account
for email in ("admin@dsi.example", "officer@bank.example"):
    account = Account.objects.create_user(username=email, email=email)
    EmailAddress.objects.create(user=account, email=email, verified=True, primary=True)
"""


def documented_commands() -> list[list[list[str]]]:
    """Return the commands of each block."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    section = text.partition("## First start in production")[2].partition("\n## ")[0]
    blocks = [block.replace("&&", "\n").splitlines() for block in section.split("```")[1::2]]
    return [[shlex.split(line, comments=True)[2:] for line in block if "python manage.py" in line] for block in blocks]


def run(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, (command, done.stderr[-2000:])
    return done.stdout + done.stderr


def test_documented_first_start_works_and_leaves_a_sound_service(environment: dict[str, str]) -> None:
    set_up, parts = documented_commands()
    assert [command[0] for command in set_up] == [
        "migrate", "collectstatic", "keys", "keys", "keys", "agency", "types", "agency", "agency", "check",
    ]  # fmt: skip
    assert [command[1] for command in parts] == ["grant", "join"]
    for command in set_up:
        if command[0] != "collectstatic":
            run(environment, *command)
    run(environment, "shell", "--no-imports", "-c", SIGN_UP)
    for command in parts:
        run(environment, *command)
    run(environment, "agency", "withdraw", *parts[0][2:])
    assert "no issues" in run(environment, "check", "--deploy", "--database", "default", "--fail-level", "WARNING")
    assert run(environment, "fsck") == "0 findings\n"


def test_people_get_no_part_before_they_confirmed_their_address(environment: dict[str, str]) -> None:
    set_up, parts = documented_commands()
    for command in set_up:
        if command[0] in {"migrate", "keys", "agency"}:
            run(environment, *command)
    run(environment, "shell", "--no-imports", "-c", SIGN_UP.replace("verified=True", "verified=False"))
    for command in parts:
        with pytest.raises(AssertionError, match="not confirmed"):
            run(environment, *command)
