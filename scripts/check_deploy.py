"""`manage.py check --deploy` under production settings, with throw-away keys: no warning is tolerated."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

PRODUCTION = {
    "PUBLIC_URL": "https://chancela.example",
    "DATABASE_URL": "postgres://chancela@127.0.0.1/chancela",
    "CELERY_BROKER_URL": "redis://127.0.0.1:6379/0",
    "DJANGO_SETTINGS_MODULE": "config.settings.base",
}


def main() -> int:
    keys = {name: secrets.token_hex(32) for name in ("KEY_ENCRYPTION_KEY", "LOOKUP_KEY", "LOG_SIGNING_SEED")}
    environment = {"PATH": os.environ["PATH"], "SECRET_KEY": secrets.token_urlsafe(64), **keys, **PRODUCTION}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        print(result.stderr or result.stdout)
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
