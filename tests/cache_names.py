"""Names in the cache that no other test, worker or run uses: Django's KEY_FUNCTION of the test settings."""

from __future__ import annotations

from uuid import uuid4

_test = ""


def begin_test() -> None:
    global _test  # noqa: PLW0603 all threads of one test share its names
    _test = uuid4().hex


def name_key(key: str, key_prefix: str, version: int) -> str:
    return f"{key_prefix}:{version}:{_test}:{key}"
